"""Purposes: what a use of TLS lays down, whatever the settings say. RADIUS over TLS and DTLS is one, EAP another."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import attrs

ClientCertificate: TypeAlias = Literal["required", "optional", "none"]


@attrs.frozen
class Purpose:
    """What TLS is used for.

    ``name`` is the session id context: a session is resumed for what it was made for alone. ``radius`` says that
    RADIUS itself is spoken within: its versions are negotiated by ALPN, and a PSK may stand for a certificate; EAP
    knows neither (RFC 9190 section 2.1.1). ``client_certificate`` is what a server asks of a client; a client asks for
    the server's always. ``many`` says that connections are short and many at once, so that each gives its buffers
    back while it waits.
    """

    name: bytes
    client_certificate: ClientCertificate = "required"
    radius: bool = False
    many: bool = False


RADIUS: Final = Purpose(b"trioradius", radius=True)
