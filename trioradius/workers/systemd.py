"""What systemd is told of a service of Type=notify or notify-reload (sd_notify(3)); nothing where nobody asks."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator


def ready(status: str) -> None:
    """It serves."""
    _notify(f"READY=1\nSTATUS={status}")


@contextlib.contextmanager
def reloading(status: str) -> Iterator[None]:
    """The block in which it reads its settings again, and after which it serves as before."""
    _notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}")
    yield
    ready(status)


def stopping() -> None:
    """It answers what it has read, and ends."""
    _notify("STOPPING=1")


def _notify(text: str) -> None:
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    # One that has gone, or is too busy to listen, must not stop a server.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line, contextlib.suppress(OSError):
        line.sendto(text.encode(), f"\0{path[1:]}" if path.startswith("@") else path)
