"""Control: the line between the supervisor and one worker. Its end tells either that the other is gone."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import Any, Final, TypeAlias

import attrs
import trio

Message: TypeAlias = dict[str, Any]
"""One JSON object; ``is`` says what it is: READY, GO, HAND_OVER, HANDED_OVER or COUNTERS."""

READY: Final = "ready"
"""Worker: the lifespans are open, nothing is read yet."""
GO: Final = "go"
"""Supervisor: read."""
HAND_OVER: Final = "hand over"
"""Supervisor: read no more, and tell the worker ``to`` what was answered."""
HANDED_OVER: Final = "handed over"
"""Worker: done, so that the other may read."""
COUNTERS: Final = "counters"
"""Worker: ``values``, all that were counted since it began."""

MESSAGE_MAXIMUM: Final = 131_072
ENVIRONMENT: Final = "TRIORADIUS_WORKER"


@attrs.frozen
class Invitation:
    """What a worker is told by its environment.

    Args:
        id: its number, which no other worker of this supervisor ever had; it is in the State of its EAP conversations.
        slot: its place, from 0; a worker that takes over another's has the same.
        count: how many slots there are.
        sockets: the descriptors that it reads, one a listener, in the order of the listeners.
        control: the descriptor of its end of the line.
        folder: where the workers' mailboxes are.
    """

    id: int
    slot: int
    count: int
    sockets: tuple[int, ...]
    control: int
    folder: str

    def to_environment(self) -> dict[str, str]:
        """The environment of a worker that is invited so; to systemd the supervisor alone speaks."""
        inherited = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        return {**inherited, ENVIRONMENT: json.dumps(attrs.asdict(self))}

    @classmethod
    def from_environment(cls) -> Invitation | None:
        """The invitation of this process, which its own children must not find; None where there is none."""
        text = os.environ.pop(ENVIRONMENT, None)
        if text is None:
            return None
        fields = json.loads(text)
        return cls(**fields | {"sockets": tuple(fields["sockets"])})


class Control:
    """One end of the line. Messages are whole or not there at all (SOCK_SEQPACKET)."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = trio.socket.from_stdlib_socket(end)

    @classmethod
    def pair(cls) -> tuple[Control, socket.socket]:
        """The supervisor's end, and the one to pass on."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    async def send(self, kind: str, **fields: object) -> None:
        """Tell the other end, or nobody where it is gone."""
        with contextlib.suppress(OSError, trio.ClosedResourceError):
            await self._socket.send(json.dumps({"is": kind, **fields}).encode())

    async def receive(self) -> Message | None:
        """What the other end tells; None where it is gone."""
        try:
            octets = await self._socket.recv(MESSAGE_MAXIMUM)
        except (OSError, trio.ClosedResourceError):
            return None
        return dict(json.loads(octets)) if octets else None

    def close(self) -> None:
        """Be gone."""
        self._socket.close()
