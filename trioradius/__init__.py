"""trioradius: a RADIUS framework on Trio.

    app = App(peers={"127.0.0.1": b"testing123"})

    @app.on(AccessRequest)
    async def authenticate(request): ...

Typed attributes are in trioradius.attributes, the test client in trioradius.testing.
"""

from trioradius.app import App
from trioradius.attributes.attribute import AVP, Attribute
from trioradius.attributes.dictionary import Dictionary
from trioradius.client import Client, open_client, send
from trioradius.errors import (
    AuthenticityError,
    ConfigurationError,
    DecodeError,
    DictionaryError,
    Discard,
    EncodeError,
    MissingAttribute,
    NoResponse,
    Overload,
    RadiusError,
    Replied,
    UnknownPeer,
    VersionRefused,
)
from trioradius.peers import Peers, secret_from_environment, secret_from_file
from trioradius.protocol.packets import (
    AccessAccept,
    AccessChallenge,
    AccessReject,
    AccessReply,
    AccessRequest,
    AccountingRequest,
    AccountingResponse,
    CoAACK,
    CoANAK,
    CoAReply,
    CoARequest,
    DisconnectACK,
    DisconnectNAK,
    DisconnectReply,
    DisconnectRequest,
    ProtocolError,
    Reply,
    Request,
    StatusServer,
)
from trioradius.protocol.passwords import chap
from trioradius.protocol.peer import Peer
from trioradius.retransmission import Retransmission
from trioradius.routing import CallNext, Router
from trioradius.server import serve
from trioradius.stores import DedupStore, FileLearned, MemoryDedupStore
from trioradius.tls import PreSharedKey, TLSSettings
from trioradius.transports import DTLS, TLS, UDP, Limits

__all__ = [
    "AVP",
    "TLS",
    "UDP",
    "AccessAccept",
    "AccessChallenge",
    "AccessReject",
    "AccessReply",
    "AccessRequest",
    "AccountingRequest",
    "AccountingResponse",
    "App",
    "Attribute",
    "AuthenticityError",
    "CallNext",
    "Client",
    "CoAACK",
    "CoANAK",
    "CoAReply",
    "CoARequest",
    "ConfigurationError",
    "DTLS",
    "DecodeError",
    "DedupStore",
    "Dictionary",
    "DictionaryError",
    "Discard",
    "DisconnectACK",
    "DisconnectNAK",
    "DisconnectReply",
    "DisconnectRequest",
    "EncodeError",
    "FileLearned",
    "Limits",
    "MemoryDedupStore",
    "MissingAttribute",
    "NoResponse",
    "Overload",
    "Peer",
    "Peers",
    "PreSharedKey",
    "ProtocolError",
    "RadiusError",
    "Replied",
    "Reply",
    "Request",
    "Retransmission",
    "Router",
    "StatusServer",
    "TLSSettings",
    "UnknownPeer",
    "VersionRefused",
    "chap",
    "open_client",
    "secret_from_environment",
    "secret_from_file",
    "send",
    "serve",
]
