"""Why a client has no connection, or no longer one: what an engine and the network report, in words of the client's."""

from __future__ import annotations

import contextlib
import os
from typing import Final

import trio

from trioradius.errors import RadiusError, VersionRefused
from trioradius.tls import Closed, Engine, Event, Failed

LASTING: Final = frozenset(
    {"certificate_refused", "no_certificate", "no_common_protocol", "no_common_version", "no_common_cipher"}
)
"""Reasons that a further attempt a moment later would meet again."""
_NO_COMMON_VERSION: Final = frozenset({"no_common_protocol", "no_common_version"})


class ConnectionLost(RadiusError):
    """A connection cannot be made, or has ended; ``reason`` and text say why."""

    @property
    def lasting(self) -> bool:
        """Whether a further attempt would end the same way."""
        return self.reason in LASTING


def lost(event: Event) -> ConnectionLost:
    """Why what an engine reported is the end."""
    match event:
        case Failed():
            return ConnectionLost(f"TLS failed: {event.text}", reason=event.reason)
        case Closed(clean=True):
            return ConnectionLost("the server closed the connection", reason="closed")
        case _:
            return ConnectionLost("the connection broke", reason="cut_off")


def refused(event: Event, engine: Engine) -> RadiusError:
    """Why there is no handshake; where only RADIUS/1.1 is offered, it may be that."""
    found = lost(event)
    if engine.context.settings.offered == ("1.1",) and found.reason in _NO_COMMON_VERSION:
        return VersionRefused(f"only RADIUS/1.1 is offered: {found}", reason="version_refused")
    return found


def unreachable(error: BaseException) -> ConnectionLost:
    """What the network says before there is a connection."""
    known = "nothing listens there" if isinstance(error, ConnectionRefusedError) else "it cannot be reached"
    text = _words(error)
    return ConnectionLost(f"{known} ({text})", reason=text.lower().replace(" ", "_"))


def late(seconds: float) -> ConnectionLost:
    """The handshake did not come to an end."""
    return ConnectionLost(f"the handshake took longer than {seconds:g} seconds", reason="handshake_timeout")


def require_another_end(connected: trio.socket.SocketType) -> None:
    """Raises ConnectionLost where a socket leads to itself (draft-ietf-radext-radiusdtls-bis).

    The port of a server that is down may be just the one that the kernel chooses for the client.
    """
    with contextlib.suppress(OSError):
        if connected.getsockname() == connected.getpeername():
            raise ConnectionLost("nothing listens there: the socket was connected to itself", reason="self_connection")


def _words(error: BaseException) -> str:
    """Of the operating system, without Trio's address before them; a resolver's errors have numbers below zero."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return str(error)
