"""The supplicant's side of EAP: it proves a user to a server, and has the server prove itself (RFC 3748)."""

from trioradius.eap.supplicant.conversation import Conversation
from trioradius.eap.supplicant.credentials import (
    EAP_METHODS,
    EAPCredentials,
    EAPMethod,
    needs_certificate,
    needs_tls,
)
from trioradius.eap.supplicant.method import Findings, Method, Tunnel
from trioradius.eap.supplicant.methods import method_of

__all__ = [
    "EAP_METHODS",
    "Conversation",
    "EAPCredentials",
    "EAPMethod",
    "Findings",
    "Method",
    "Tunnel",
    "method_of",
    "needs_certificate",
    "needs_tls",
]
