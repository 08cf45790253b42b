"""Mailbox: where a worker takes what other workers of the same supervisor have for it.

That is a request of an EAP conversation that is its own, which the kernel brought to another worker and which that
one answers with the reply from here; and the bequest of the worker whose place it took.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
from typing import TYPE_CHECKING, Any, Final

import trio

from trioradius.errors import Discard
from trioradius.protocol.packets import REPLIES, Reply, Request
from trioradius.protocol.peer import Peer
from trioradius.protocol.profile import RADIUS_1_0, RADIUS_1_1
from trioradius.protocol.source import Source
from trioradius.stores import DedupStore, MemoryDedupStore
from trioradius.transports import Delayed, Service
from trioradius.transports.abreast import Answering
from trioradius.transports.udp import BoundAddress
from trioradius.workers.frames import Frames
from trioradius.workers.succession import inherit

if TYPE_CHECKING:
    from typing import Self

CONNECTIONS_MAXIMUM: Final = 256
"""Taken at once; further ones wait in the kernel."""
QUESTION: Final = b"?"
BEQUEST: Final = b"="
_PROFILES: Final = {profile.name: profile for profile in (RADIUS_1_0, RADIUS_1_1)}


class Mailbox:
    """One worker's mailbox, a listener like those of the network."""

    def __init__(self, folder: pathlib.Path, number: int, store: DedupStore | None) -> None:
        self._path = path_of(folder, number)
        self.address: BoundAddress = (str(self._path), 0)
        self._store = store
        self._accepting = trio.CancelScope()
        self._places = trio.Semaphore(CONNECTIONS_MAXIMUM)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.bind(str(self._path))
        self._socket.listen(CONNECTIONS_MAXIMUM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def stop(self) -> None:
        """Take nothing more; serve() returns when what was taken is answered."""
        self._accepting.cancel()

    async def all_begun(self) -> None:
        """As BoundListener: here each request has a task of its own at once."""
        await trio.lowlevel.checkpoint()

    async def serve(self, service: Service) -> None:
        """Answer other workers until stopped."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._socket))
        async with trio.open_nursery() as nursery:
            with self._accepting:
                while True:
                    await self._places.acquire()
                    nursery.start_soon(self._take, await listener.accept(), service)

    async def _take(self, stream: trio.SocketStream, service: Service) -> None:
        try:
            async with Frames(stream) as frames:
                kind = await frames.receive()
                if kind == QUESTION:
                    await _answer(frames, service)
                elif kind == BEQUEST and isinstance(self._store, MemoryDedupStore):
                    await inherit(self._store, frames)
        except trio.BrokenResourceError:
            return
        finally:
            self._places.release()


def path_of(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Where a worker's mailbox is; the folder is its user's alone."""
    return folder / str(number)


async def open_frames(folder: pathlib.Path, number: int) -> Frames:
    """A line to a worker's mailbox. Raises OSError where that worker is gone."""
    return Frames(await trio.open_unix_socket(str(path_of(folder, number))))


async def _answer(frames: Frames, service: Service) -> None:
    """Answer a question as if the request had come to this worker; no reply is an empty one."""
    described, octets = await frames.receive(), await frames.receive()
    if described is None or octets is None:
        return
    source = _source(json.loads(described))
    request = Answering(service, octets, source, None)
    with trio.move_on_after(service.limits.handler_seconds):
        await request.rest()
    reply = request.answer
    if not request.is_done:
        service.timed_out(source)
    elif request.error is not None:
        service.discarded(request.error, source)
    elif isinstance(reply, Delayed):
        # The worker that asked delays it; here it is done.
        await service.fenced(reply, source).sent(reply.octets)
        reply = reply.octets
    await frames.send(reply or b"")


async def ask(folder: pathlib.Path, number: int, request: Request[Any]) -> Reply | None:
    """The reply to a request from the worker with this number; None where that worker is gone.

    Raises:
        Discard: the worker gives it no reply.
    """
    try:
        frames = await open_frames(folder, number)
    except OSError:
        return None
    octets = b""
    with contextlib.suppress(trio.BrokenResourceError):
        async with frames:
            await frames.send(QUESTION, json.dumps(_described(request)).encode(), request.wire)
            octets = await frames.receive() or b""
    if not octets:
        raise Discard("the worker that began this conversation gives no reply", reason="worker_silent")
    return _read_reply(octets, request)


def _read_reply(octets: bytes, request: Request[Any]) -> Reply:
    source, peer = request.source, request.peer
    assert source is not None
    assert peer is not None
    message = source.profile.decode(octets)
    hiding = source.profile.hiding(peer.secret, request.authenticator)
    return REPLIES[message.code].received(message, hiding, request.dictionary)


def _described(request: Request[Any]) -> dict[str, object]:
    """Where a request came from and from whom, for a worker that cannot look it up: a connection is not its own."""
    source, peer = request.source, request.peer
    assert source is not None
    assert peer is not None
    return {
        "source": [source.address, source.port, source.transport, source.profile.name],
        "accepts": sorted(source.accepts),
        "role": source.role,
        "connection": source.connection,
        "peer": {"secret": peer.secret.octets.hex(), "name": peer.name, "vendor": peer.vendor},
    }


def _source(described: dict[str, Any]) -> Source:
    address, port, transport, profile = described["source"]
    known = described["peer"]
    return Source(
        address,
        port,
        transport,
        _PROFILES[profile],
        frozenset(described["accepts"]),
        described["role"],
        connection=described["connection"],
        peer=Peer(bytes.fromhex(known["secret"]), known["name"], vendor=known["vendor"]),
    )
