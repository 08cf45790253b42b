"""``trioradius run --workers`` under load: nothing is lost and nothing is handled twice, whatever happens to workers.

``TRIORADIUS_SOAK_SECONDS=60`` makes the storm of kills last a minute.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import re
import select
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import attrs
import pytest
import trio
from trio_util import AsyncValue

from tests.tls.pki import PKI
from trioradius import TLS, UDP, AccessAccept, AccessRequest, NoResponse, open_client
from trioradius.attributes import UserName
from trioradius.eap.supplicant import EAPCredentials
from trioradius.protocol.packets import AccessReply
from trioradius.retransmission import Retransmission
from trioradius.supplicant import authenticate

from .conftest import SECRET, Complain, Program, Start

APP = """
import os
import trio
from trioradius import AccessRequest, App
from trioradius.attributes import ReplyMessage, UserName

app = App(peers={"127.0.0.0/8": b"testing123"}, reject_delay=0)
handled = os.open("handled", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@app.on(AccessRequest)
async def authenticate(request):
    os.write(handled, f"{os.getpid()} {request[UserName]}\\n".encode())
    await trio.sleep(0.01)
    return request.accept(ReplyMessage(f"VERSION {os.getpid()}"))


@app.lifespan
async def elected(app):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(say_when_elected, app)
        yield
        nursery.cancel_scope.cancel()


async def say_when_elected(app):
    await app.elected.wait_value(True)
    print("elected", os.getpid(), flush=True)
"""
SOAK_SECONDS = float(os.environ.get("TRIORADIUS_SOAK_SECONDS", "5"))
SCHEDULE = Retransmission(initial=0.4, longest=2, attempts=30, duration=30)


@pytest.fixture
def served(start: Start, folder: pathlib.Path) -> Program:
    """The app, on three workers."""
    (folder / "several.py").write_text(APP.replace("VERSION", "old"))
    return start("run", "several:app", "--udp", "127.0.0.1:0", "--workers", "3", "--log-level", "info")


@attrs.define
class Load:
    """What the NASes asked, and what they were told."""

    port: int
    answers: dict[str, str] = attrs.field(factory=dict)
    unanswered: list[str] = attrs.field(factory=list)
    ending: bool = False
    count: AsyncValue[int] = attrs.field(factory=lambda: AsyncValue(0))

    async def run(self, address: str) -> None:
        """Ask as one NAS, one request after another, until the load ends."""
        server = UDP("127.0.0.1", self.port, source_address=address)
        async with open_client(server, secret=SECRET, retransmission=SCHEDULE) as client:
            for number in itertools.count():
                if self.ending:
                    return
                user = f"{address}-{number}"
                try:
                    reply = await client.exchange(AccessRequest(UserName(user)))
                except NoResponse:
                    self.unanswered.append(user)
                else:
                    self.answers[user] = str(reply["Reply-Message"])
                    self.count.value += 1


@asynccontextmanager
async def load(program: Program, workers: str = "3 workers") -> AsyncIterator[Load]:
    """Fifteen NASes ask while the block runs, and have all their answers when it has ended."""
    asked = Load(int(program.port()))
    program.wait_for(workers)
    async with trio.open_nursery() as nursery:
        for last in range(15):
            nursery.start_soon(asked.run, f"127.0.0.{last + 2}")
        yield asked
        asked.ending = True


def handled(folder: pathlib.Path) -> Counter[str]:
    return Counter(line.split()[1] for line in (folder / "handled").read_text().splitlines())


def children(program: Program) -> list[int]:
    """The processes that it has started and that still run, the oldest first."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, _, rest = stat.read_text().partition(" ")
            state, parent, *_ = rest.rpartition(")")[2].split()
            if int(parent) == program.process.pid and state != "Z":
                found.append(int(number))
    return sorted(found)


async def test_rolling_restart_and_reload_lose_nothing_and_repeat_nothing(
    served: Program, folder: pathlib.Path
) -> None:
    async with load(served) as asked:
        await trio.sleep(0.5)
        before = children(served)
        served.signal(signal.SIGHUP)
        (folder / "several.py").write_text(APP.replace("VERSION", "new"))
        served.signal(signal.SIGUSR2)
        await trio.to_thread.run_sync(served.wait_for, "all workers replaced")
        await trio.sleep(0.5)
    assert asked.unanswered == []
    assert {answer.split()[0] for answer in asked.answers.values()} == {"old", "new"}
    last = {user.rpartition("-")[0]: answer for user, answer in asked.answers.items()}
    assert {answer.split()[0] for answer in last.values()} == {"new"}
    counts = handled(folder)
    assert set(asked.answers) <= set(counts)
    assert max(counts.values()) == 1
    assert len(set(children(served)) - set(before)) == 3
    served.signal(signal.SIGTERM)
    assert served.status() == 0
    assert "peers read again" in served.output


async def test_a_worker_killed_every_second(served: Program, folder: pathlib.Path) -> None:
    killed: set[int] = set()
    async with load(served) as asked:
        until = trio.current_time() + SOAK_SECONDS
        while trio.current_time() < until:
            await trio.sleep(1)
            there = children(served)
            if there:
                victim = there[len(killed) % len(there)]
                killed.add(victim)
                os.kill(victim, signal.SIGKILL)
        await trio.sleep(3)
    assert len(killed) >= SOAK_SECONDS // 1 - 1
    assert asked.unanswered == []
    by_worker: dict[str, list[int]] = {}
    for line in (folder / "handled").read_text().splitlines():
        worker, user = line.split()
        by_worker.setdefault(user, []).append(int(worker))
    # Only what a killed worker had in hand, or had answered just before, may have been handled again.
    assert all(len(workers) == 1 or set(workers[:-1]) <= killed for workers in by_worker.values())
    served.signal(signal.SIGTERM)
    assert served.status() == 0
    assert re.search(r"worker \d \(process \d+\) ended by SIGKILL; its place is filled again", served.output)


async def test_one_nas_one_worker_whatever_its_port(served: Program) -> None:
    port = int(served.port())
    workers: dict[str, set[str]] = {}
    for last in range(2, 22):
        address = f"127.0.0.{last}"
        for _ in range(5):
            async with open_client(UDP("127.0.0.1", port, source_address=address), secret=SECRET) as client:
                reply = await client.exchange(AccessRequest(UserName("anybody")))
            workers.setdefault(address, set()).add(str(reply["Reply-Message"]))
    assert {len(found) for found in workers.values()} == {1}
    assert len(set.union(*workers.values())) == 3
    served.signal(signal.SIGTERM)
    assert served.status() == 0


def test_a_killed_supervisor_leaves_no_orphan(served: Program) -> None:
    served.port()
    workers = children(served)
    assert len(workers) == 3
    watched = [os.pidfd_open(worker) for worker in workers]
    served.process.kill()
    served.status()
    for descriptor in watched:
        assert select.select([descriptor], [], [], 5)[0]
        os.close(descriptor)


def test_one_worker_is_elected_and_another_when_it_dies(served: Program) -> None:
    first = int(served.wait_for(r"^elected (\d+)")[1])
    served.port()
    os.kill(first, signal.SIGKILL)
    second = int(served.wait_for(r"^elected (\d+)")[1])
    assert second != first
    served.signal(signal.SIGTERM)
    assert served.status() == 0
    assert served.output.count("elected") == 2


@pytest.mark.parametrize("workers", ["some", "0", "257", "-1", "1.5", "٣", ""])
@pytest.mark.parametrize("others", [(), ("--reload",)])
def test_a_wrong_number_of_workers(mistake: Complain, hello: str, workers: str, others: tuple[str, ...]) -> None:
    says = f"trioradius: --workers wants a number from 1 to 256, or auto for one a core; not {workers!r}"
    assert mistake("run", hello, "--udp", "127.0.0.1:0", "--workers", workers, *others) == says


def test_an_app_that_cannot_start_says_so_once(start: Start, folder: pathlib.Path) -> None:
    (folder / "broken.py").write_text(
        "from trioradius import App\napp = App(peers={})\n\n@app.lifespan\nasync def database(app):\n"
        "    raise OSError('no database')\n    yield\n"
    )
    server = start("run", "broken:app", "--udp", "127.0.0.1:0", "--workers", "2")
    assert server.status() == 2
    assert server.output == "trioradius: broken.py:6: OSError: no database\n"


async def test_new_code_that_cannot_start_leaves_the_old(served: Program, folder: pathlib.Path) -> None:
    async with load(served) as asked:
        (folder / "several.py").write_text("import nothing_of_this_name\n")
        served.signal(signal.SIGUSR2)
        await trio.to_thread.run_sync(served.wait_for, "the workers stay as they are")
        (folder / "several.py").write_text(APP.replace("VERSION", "mended"))
        served.signal(signal.SIGUSR2)
        await trio.to_thread.run_sync(served.wait_for, "all workers replaced")
        await trio.sleep(0.3)
    assert asked.unanswered == []
    assert "mended" in {answer.split()[0] for answer in asked.answers.values()}
    served.signal(signal.SIGTERM)
    assert served.status() == 0


def test_auto_is_one_a_core(start: Start, hello: str) -> None:
    server = start("run", hello, "--udp", "127.0.0.1:0", "--workers", "auto")
    server.wait_for(rf"^{len(os.sched_getaffinity(0))} workers?")
    server.signal(signal.SIGINT)
    assert server.status() == 0


async def test_the_counters_of_all_workers_are_one_set(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    options = ("--udp", "127.0.0.1:0", "--workers", "2", "--metrics", f"{place[0]}:{place[1]}")
    server = start("run", "several:app", *options)
    async with load(server, "2 workers") as asked:
        await asked.count.wait_value(lambda count: count >= 100)
    assert len({answer.split()[1] for answer in asked.answers.values()}) == 2
    handled_ones = sum(handled(folder).values())
    await counted(place, handled_ones)
    os.kill(children(server)[0], signal.SIGKILL)
    await trio.to_thread.run_sync(server.wait_for, "ended by SIGKILL")
    await counted(place, handled_ones)
    server.signal(signal.SIGTERM)
    assert server.status() == 0


async def counted(place: tuple[str, int], wanted: int) -> None:
    """Wait until so many requests are counted, which each worker reports once a second."""
    for _ in range(50):
        if f'trioradius_packets_total{{packet="Access-Request"}} {wanted}.0' in await metrics(place):
            return
        await trio.sleep(0.1)
    raise AssertionError(f"not {wanted}, but {await metrics(place)}")


async def metrics(place: tuple[str, int]) -> str:
    async with await trio.open_tcp_stream(*place) as stream:
        await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return b"".join([part async for part in stream]).decode()


EAP_APP = """
from trioradius import AccessRequest, App, Peer
from trioradius.authentication import EAP, EAPMSCHAPv2

app = App(peers={"127.0.0.0/8": b"testing123"}, reject_delay=0)
eap = EAP([EAPMSCHAPv2()])


@app.on(AccessRequest)
async def authenticate(request):
    await eap.authenticate(request, {"alice": "wonderland"}.get)
    return request.accept()
"""
ALICE = EAPCredentials(method="mschapv2", identity="alice", password="wonderland")


@pytest.fixture
def wireless(start: Start, folder: pathlib.Path) -> Program:
    """An app that speaks EAP, on three workers."""
    (folder / "wireless.py").write_text(EAP_APP)
    return start("run", "wireless:app", "--udp", "127.0.0.1:0", "--workers", "3")


async def test_a_conversation_goes_on_with_its_worker_whichever_its_packets_reach(
    start: Start, folder: pathlib.Path, pki: PKI
) -> None:
    """Connections spread over the workers, and a NAS may go on over another one: its packets are passed on."""
    (folder / "wireless.py").write_text(EAP_APP.replace('b"testing123"', "Peer(tls=True)"))
    own = pki.settings("server")
    files = ("--tls-cert", str(own.certificate), "--tls-key", str(own.key), "--tls-ca", str(own.ca[0]))
    server = start("run", "wireless:app", "--tls", "127.0.0.1:0", *files, "--udp", "127.0.0.1:0", "--workers", "3")
    port = int(server.wait_for(r"TLS 127.0.0.1:(\d+) ")[1])
    server.wait_for("3 workers")
    async with AsyncExitStack() as stack:
        nas = TLS("127.0.0.1", port, pki.settings("client"))
        clients = [await stack.enter_async_context(open_client(nas)) for _ in range(12)]
        for first in range(len(clients)):
            turns = itertools.cycle(clients[first:] + clients[:first])

            async def exchange(request: AccessRequest) -> AccessReply:
                return await next(turns).exchange(request)  # noqa: B023

            result = await authenticate(exchange, ALICE)
            assert isinstance(result.reply, AccessAccept)
            assert result.rounds >= 3
    server.signal(signal.SIGTERM)
    assert server.status() == 0


async def test_no_conversation_fails_in_a_rolling_restart(wireless: Program) -> None:
    port = int(wireless.port())
    wireless.wait_for("3 workers")
    results: list[object] = []
    ending = trio.Event()

    async def log_in_again_and_again(address: str) -> None:
        server = UDP("127.0.0.1", port, source_address=address)
        async with open_client(server, secret=SECRET, retransmission=SCHEDULE) as client:

            async def slowly(request: AccessRequest) -> AccessReply:
                await trio.sleep(0.1)
                return await client.exchange(request)

            while not ending.is_set():
                results.append((await authenticate(slowly, ALICE)).reply.name)

    async with trio.open_nursery() as nursery:
        for last in range(2, 14):
            nursery.start_soon(log_in_again_and_again, f"127.0.0.{last}")
        await trio.sleep(0.5)
        wireless.signal(signal.SIGUSR2)
        await trio.to_thread.run_sync(wireless.wait_for, "all workers replaced")
        await trio.sleep(0.5)
        ending.set()
    assert len(results) > 20
    assert set(results) == {"Access-Accept"}
    wireless.signal(signal.SIGTERM)
    assert wireless.status() == 0
