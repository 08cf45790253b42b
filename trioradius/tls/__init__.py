"""TLS and DTLS without I/O: one engine on memory BIOs for the transports and for EAP."""

from trioradius.tls.admission import Admission
from trioradius.tls.context import (
    Context,
    client_context,
    eap_client_context,
    eap_server_context,
    server_context,
)
from trioradius.tls.datagrams import DatagramEngine, datagram_client
from trioradius.tls.engine import Engine, Resumption, State, client_engine, server_engine
from trioradius.tls.events import Closed, Data, Event, Failed, HandshakeDone
from trioradius.tls.identity import Identity, PeerCertificate, fingerprint
from trioradius.tls.psk import PreSharedKey
from trioradius.tls.purpose import Purpose
from trioradius.tls.sessions import Arrival, Sessions
from trioradius.tls.settings import TLSSettings

__all__ = [
    "Admission",
    "Arrival",
    "Closed",
    "Context",
    "Data",
    "DatagramEngine",
    "Engine",
    "Event",
    "Failed",
    "HandshakeDone",
    "Identity",
    "PeerCertificate",
    "PreSharedKey",
    "Purpose",
    "Resumption",
    "Sessions",
    "State",
    "TLSSettings",
    "client_context",
    "client_engine",
    "datagram_client",
    "eap_client_context",
    "eap_server_context",
    "fingerprint",
    "server_context",
    "server_engine",
]
