"""Octets in, octets out; each transport decides what "discard" means for it."""

from trioradius.transports.dtls import DTLS
from trioradius.transports.listener import Delayed, Limits, Service
from trioradius.transports.tls import TLS
from trioradius.transports.udp import UDP

__all__ = ["DTLS", "TLS", "UDP", "Delayed", "Limits", "Service"]
