"""What systemd is told of a service of Type=notify-reload (sd_notify(3)); nothing where nobody asks."""

from __future__ import annotations

import contextlib
import os
import socket
import time


def ready(status: str) -> None:
    """It serves, from the start or again after a reload."""
    _notify(f"READY=1\nSTATUS={status}")


def reloading() -> None:
    """It reads its settings again."""
    _notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}")


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
