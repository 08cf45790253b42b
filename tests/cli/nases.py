"""NASes that ask workers one thing after another, what they were told, and what the workers wrote down themselves."""

from __future__ import annotations

import itertools
import pathlib
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import attrs
import trio
from trio_util import AsyncValue

from trioradius import UDP, AccessRequest, Client, NoResponse, RadiusError, open_client
from trioradius.attributes import State, UserName
from trioradius.authentication.conversations import worker_of
from trioradius.eap.supplicant import EAPCredentials
from trioradius.protocol.packets import AccessReply
from trioradius.retransmission import Retransmission
from trioradius.supplicant import authenticate

from .conftest import SECRET, Program

APP = """
import hashlib
import os
import trio
from trioradius import AccessRequest, App
from trioradius.attributes import EAPMessage, ReplyMessage, UserName
from trioradius.authentication import EAP, EAPMSCHAPv2
from trioradius.authentication.conversations import this_worker

app = App(peers={"127.0.0.0/8": b"testing123", "::1": b"testing123"}, reject_delay=0.2)
eap = EAP([EAPMSCHAPv2()])
handled = os.open("handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(*what):
    os.write(handled, " ".join(map(str, what)).encode() + b"\\n")


@app.on(AccessRequest)
async def authenticate(request):
    note("request", os.getpid(), hashlib.sha256(request.wire).hexdigest())
    if EAPMessage in request:
        await eap.authenticate(request, {"alice": "wonderland"}.get)
        return request.accept()
    await trio.sleep(0.01)
    if request[UserName].endswith("7"):
        return request.reject(ReplyMessage(f"VERSION {os.getpid()}"))
    return request.accept(ReplyMessage(f"VERSION {os.getpid()}"))


@app.lifespan
async def lifespan(app):
    note("opened", os.getpid(), this_worker.get())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(say_when_elected, app)
        yield
        nursery.cancel_scope.cancel()
    note("closed", os.getpid(), this_worker.get())


async def say_when_elected(app):
    await app.elected.wait_value(True)
    note("elected", os.getpid())
    await app.elected.wait_value(False)
    note("resigned", os.getpid())
"""
"""Answers PAP, every tenth time with a reject, and EAP; ``handled`` has what the workers did, in order."""
ALICE = EAPCredentials(method="mschapv2", identity="alice", password="wonderland")
SCHEDULE = Retransmission(initial=0.4, longest=2, attempts=30, duration=30)
"""Repeats come sooner than those of most NASes, so that more of them meet a worker that has changed."""
THINKING = 0.02
"""Seconds between two requests of one NAS: enough of them together, and a processor left for others."""


WAITING = APP.replace("await trio.sleep(0.01)", 'while not os.path.exists("go"): await trio.sleep(0.01)')
"""The same app, whose handlers wait for a file."""
PLACE = ("--udp", "127.0.0.1:0", "--workers", "3")
ADDRESSES = [f"127.0.{network}.{last}" for network in (0, 1) for last in range(2, 14)]


@attrs.define
class Load:
    """What the NASes asked, and what they were told."""

    port: int
    answers: dict[str, str] = attrs.field(factory=dict)
    """By user."""
    unanswered: list[str] = attrs.field(factory=list)
    conversations: list[tuple[str, int | None]] = attrs.field(factory=list)
    """EAP: how each ended, and the number of the worker that had begun it."""
    slowest: float = 0
    ending: bool = False
    count: AsyncValue[int] = attrs.field(factory=lambda: AsyncValue(0))

    async def ask(self, address: str, opened: AbstractAsyncContextManager[Client] | None = None) -> None:
        """One NAS that asks for one user after another, until the load ends; over UDP unless by another client."""
        async with opened or self._client(address) as client:
            for number in itertools.count(1):
                if self.ending:
                    return
                await self._ask(client, f"{address}-{number}")
                await trio.sleep(THINKING)

    async def ask_once(self, address: str) -> None:
        """One NAS that asks for one user."""
        async with self._client(address) as client:
            await self._ask(client, address)

    async def _ask(self, client: Client, user: str) -> None:
        begun = trio.current_time()
        try:
            reply = await client.exchange(AccessRequest(UserName(user)))
        except NoResponse:
            self.unanswered.append(user)
        else:
            self.answers[user] = str(reply["Reply-Message"])
            self.count.value += 1
        self.slowest = max(self.slowest, trio.current_time() - begun)

    def _client(self, address: str) -> AbstractAsyncContextManager[Client]:
        server = UDP("127.0.0.1", self.port, source_address=address)
        return open_client(server, secret=SECRET, retransmission=SCHEDULE)

    async def log_in(self, address: str) -> None:
        """One NAS with EAP conversations, each as slow as people's devices are, until the load ends."""
        async with self._client(address) as client:
            while not self.ending:
                worker: int | None = None

                async def slowly(request: AccessRequest) -> AccessReply:
                    nonlocal worker
                    state = request.octets(State)
                    worker = worker_of(state) if state is not None else None
                    await trio.sleep(0.1)
                    return await client.exchange(request)

                try:
                    ended = (await authenticate(slowly, ALICE)).reply.name
                except NoResponse:
                    ended = "no reply"
                    self.unanswered.append(f"alice at {address}")
                except RadiusError as error:
                    ended = str(error)
                self.conversations.append((ended, worker))


@asynccontextmanager
async def load(
    program: Program, workers: str = "3 workers", *, asking: int = 12, logging_in: int = 6
) -> AsyncIterator[Load]:
    """The NASes ask while the block runs, and have all their answers when it has ended."""
    asked = Load(int(program.port()))
    program.wait_for(workers)
    async with trio.open_nursery() as nursery:
        for last in range(asking):
            nursery.start_soon(asked.ask, f"127.0.0.{last + 2}")
        for last in range(logging_in):
            nursery.start_soon(asked.log_in, f"127.0.1.{last + 2}")
        yield asked
        asked.ending = True


@attrs.frozen
class Handled:
    """What the workers wrote down: by request the processes that handled it, by number the process of each worker."""

    requests: dict[str, list[int]]
    workers: dict[int, int]
    closed: frozenset[int]

    @classmethod
    def read(cls, folder: pathlib.Path) -> Handled:
        """Of the app above."""
        requests: dict[str, list[int]] = defaultdict(list)
        workers, closed = {}, set()
        for line in (folder / "handled").read_text().splitlines():
            match line.split():
                case ["request", process, packet]:
                    requests[packet].append(int(process))
                case ["opened", process, number]:
                    workers[int(number)] = int(process)
                case ["closed", process, _]:
                    closed.add(int(process))
        return cls(dict(requests), workers, frozenset(closed))

    def who_began(self, asked: Load) -> list[tuple[str, int | None]]:
        """How each EAP conversation ended that did not succeed, and the process of the worker that had begun it."""
        failed = [(ended, worker) for ended, worker in asked.conversations if ended != "Access-Accept"]
        return [(ended, self.workers.get(worker or 0)) for ended, worker in failed]

    @property
    def twice(self) -> list[list[int]]:
        """Who handled what was handled more than once."""
        return [processes for processes in self.requests.values() if len(processes) > 1]


def children(program: Program) -> list[int]:
    """The processes that it has started and that still run, the oldest first."""
    return children_of(program.process.pid)


def children_of(process: int) -> list[int]:
    """The processes that this one has started and that still run, the oldest first."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, _, rest = stat.read_text().partition(" ")
            state, parent, *_ = rest.rpartition(")")[2].split()
            if int(parent) == process and state != "Z":
                found.append(int(number))
    return sorted(found)


def begun(program: Program) -> int:
    """The port, once all workers serve."""
    port = int(program.port())
    program.wait_for("3 workers")
    return port


def end(program: Program) -> None:
    program.signal(signal.SIGTERM)
    assert program.status() == 0
    assert "Traceback" not in program.output


async def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - what other processes do
            await trio.sleep(0.05)


async def worker_of_each(
    port: int, addresses: list[str], host: str = "127.0.0.1", ports: int = 1
) -> dict[str, set[int]]:
    """Which processes answered each address, from so many ports of it."""
    found: dict[str, set[int]] = {}
    for address in addresses:
        server = UDP("::1" if ":" in address else host, port, source_address=address)
        for _ in range(ports):
            async with open_client(server, secret=SECRET, retransmission=SCHEDULE) as client:
                reply = await client.exchange(AccessRequest(UserName("anybody")))
            found.setdefault(address, set()).add(int(str(reply["Reply-Message"]).split()[1]))
    return found
