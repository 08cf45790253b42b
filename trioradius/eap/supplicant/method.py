"""Method: one EAP method as a supplicant runs it, without I/O (RFC 3748 section 5)."""

from __future__ import annotations

from typing import Protocol

import attrs

from trioradius.eap.packet import EAPPacket
from trioradius.errors import AuthenticityError
from trioradius.tls.identity import PeerCertificate


@attrs.frozen
class Tunnel:
    """What TLS came to: its version ("TLSv1.3"), and the server's certificate."""

    version: str
    certificate: PeerCertificate | None


@attrs.define
class Findings:
    """What a method has found out so far.

    ``complete`` says that the server has proved all that the method makes it prove, so that it may say Success.
    ``fault`` is what makes the server unbelievable; it is raised once the server has heard of it. ``refusal`` is why
    the server refuses us, in words for a person, "" where it has not said. ``msk`` are the 64 octets of which
    MS-MPPE keys are made, b"" for methods without keys. ``tunnel`` is there once a TLS handshake is done.
    """

    complete: bool = False
    fault: AuthenticityError | None = None
    refusal: str = ""
    msk: bytes = attrs.field(default=b"", repr=False)
    tunnel: Tunnel | None = None


class Method(Protocol):
    """One run of a method."""

    @property
    def type(self) -> int:
        """The method's number (RFC 3748 section 5)."""
        ...

    @property
    def findings(self) -> Findings:
        """What it has found out so far."""
        ...

    def respond(self, request: EAPPacket) -> bytes:
        """The Type-Data of the Response to a Request of this type.

        Raises:
            AuthenticityError: the server has not proved what it must.
            DecodeError: the Request does not belong here.
        """
        ...
