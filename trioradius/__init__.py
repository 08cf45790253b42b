"""trioradius: a RADIUS framework on Trio.

    app = App(peers={"127.0.0.1": b"testing123"})

    @app.on(AccessRequest)
    async def authenticate(request): ...

Typed attributes are in trioradius.attributes, the test client in trioradius.testing.
"""

from trioradius.app import App
from trioradius.attributes.attribute import AVP, Attribute
from trioradius.attributes.dictionary import Dictionary
from trioradius.client import Client, open_client, send, send_eap
from trioradius.eap.supplicant import EAPCredentials
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
from trioradius.protocol.credentials import Cleartext, Credential, Hashed, NTHash, read_credential
from trioradius.protocol.ms_chap import MSCHAPFailure
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
from trioradius.supplicant import EAPResult
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
    "Cleartext",
    "Client",
    "CoAACK",
    "CoANAK",
    "CoAReply",
    "CoARequest",
    "ConfigurationError",
    "Credential",
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
    "EAPCredentials",
    "EAPResult",
    "EncodeError",
    "FileLearned",
    "Hashed",
    "Limits",
    "MSCHAPFailure",
    "MemoryDedupStore",
    "MissingAttribute",
    "NTHash",
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
    "read_credential",
    "secret_from_environment",
    "secret_from_file",
    "send",
    "send_eap",
    "serve",
]
