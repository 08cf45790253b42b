"""Frames: whole messages over a stream between two workers, each with its length before it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from typing import Self

_LENGTH: Final = 4
CHUNK: Final = 65_536


class Frames:
    """Messages over a stream; the end of the stream is None."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._received = bytearray()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Be gone."""
        await self._stream.aclose()

    async def send(self, *messages: bytes) -> None:
        """Send these. Raises trio.BrokenResourceError where the other end is gone."""
        await self.send_all(messages)

    async def send_all(self, messages: Iterable[bytes]) -> None:
        """Send many at once."""
        await self._stream.send_all(b"".join(len(one).to_bytes(_LENGTH, "big") + one for one in messages))

    async def receive(self) -> bytes | None:
        """The next one; None where the other end is gone."""
        while True:
            end = _LENGTH + int.from_bytes(self._received[:_LENGTH], "big")
            if len(self._received) >= max(end, _LENGTH):
                message = bytes(self._received[_LENGTH:end])
                del self._received[:end]
                return message
            try:
                octets = await self._stream.receive_some(CHUNK)
            except trio.BrokenResourceError:
                return None
            if not octets:
                return None
            self._received += octets
