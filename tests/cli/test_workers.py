"""``trioradius run --workers`` as its operator meets it: mistakes, who gets which packet, who does what once."""

from __future__ import annotations

import itertools
import os
import pathlib
import signal
import socket
from collections.abc import Iterable
from contextlib import AsyncExitStack

import pytest
import trio

from tests.tls.pki import PKI
from trioradius import TLS, UDP, AccessAccept, AccessRequest, Client, open_client
from trioradius.attributes import UserName
from trioradius.protocol.packets import AccessReply
from trioradius.supplicant import authenticate

from .conftest import ROOT, SECRET, Complain, Program, Start
from .nases import (
    ADDRESSES,
    ALICE,
    APP,
    PLACE,
    SCHEDULE,
    Handled,
    begun,
    children,
    children_of,
    end,
    eventually,
    load,
    worker_of_each,
)


@pytest.fixture
def served(start: Start, folder: pathlib.Path) -> Program:
    """The app, on three workers."""
    (folder / "several.py").write_text(APP)
    return start("run", "several:app", *PLACE)


@pytest.mark.parametrize("workers", ["some", "0", "257", "-1", "1.5", "٣", ""])
@pytest.mark.parametrize("others", [(), ("--reload",)])
def test_a_wrong_number_of_workers(mistake: Complain, hello: str, workers: str, others: tuple[str, ...]) -> None:
    says = f"trioradius: --workers wants a number from 1 to 256, or auto for one a core; not {workers!r}"
    assert mistake("run", hello, "--udp", "127.0.0.1:0", "--workers", workers, *others) == says


def test_a_port_in_use(mistake: Complain, hello: str) -> None:
    """Although workers share a port among them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        line = mistake("run", hello, "--udp", f"127.0.0.1:{other.getsockname()[1]}", "--workers", "2")
    assert line.endswith("Address already in use; another program has it; end that, or choose another port with --udp")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("raise OSError('no disk')\n", "broken.py:1: OSError: no disk"),
        (
            "from trioradius import App\napp = App(peers={})\n\n@app.lifespan\nasync def database(app):\n"
            "    raise OSError('no database')\n    yield\n",
            "broken.py:6: OSError: no database",
        ),
    ],
)
def test_an_app_that_cannot_start_says_so_once(start: Start, folder: pathlib.Path, text: str, says: str) -> None:
    (folder / "broken.py").write_text(text)
    server = start("run", "broken:app", "--udp", "127.0.0.1:0", "--workers", "2")
    assert server.status() == 2
    assert server.output == f"trioradius: {says}\n"


def test_a_worker_that_ends_without_a_word(start: Start, folder: pathlib.Path) -> None:
    (folder / "cut.py").write_text(
        "import os\nfrom trioradius import App\napp = App(peers={})\n\n@app.lifespan\nasync def database(app):\n"
        "    os._exit(7)\n    yield\n"
    )
    server = start("run", "cut:app", "--udp", "127.0.0.1:0", "--workers", "2")
    assert server.status() == 2
    assert server.output.startswith("trioradius: worker 0 (process ")
    assert server.output.endswith(") ended by status 7 before it was ready\n")
    assert server.output.count("\n") == 1


def test_auto_is_one_a_core(start: Start, hello: str) -> None:
    server = start("run", hello, "--udp", "127.0.0.1:0", "--workers", "auto")
    server.wait_for(rf"^{len(os.sched_getaffinity(0))} workers?")
    assert len(children(server)) == len(os.sched_getaffinity(0))
    server.signal(signal.SIGINT)
    assert server.status() == 0


async def test_one_nas_one_worker_whatever_its_port(start: Start, folder: pathlib.Path) -> None:
    """Over IPv4 and IPv6, which share a socket here."""
    (folder / "several.py").write_text(APP)
    program = start("run", "several:app", "--udp", "[::]:0", "--workers", "3")
    port = int(program.wait_for(r"listens on UDP \S+:(\d+) for")[1])
    program.wait_for("3 workers")
    found = await worker_of_each(port, [*ADDRESSES, "::1"], ports=5)
    assert {len(workers) for workers in found.values()} == {1}
    assert set.union(*found.values()) == set(children(program))
    end(program)


async def test_a_killed_worker_moves_no_nas(served: Program) -> None:
    port = begun(served)
    before = await worker_of_each(port, ADDRESSES)
    killed = children(served)[1]
    os.kill(killed, signal.SIGKILL)
    # The kernel keeps what comes for the killed one; its successor answers that.
    after = await worker_of_each(port, ADDRESSES)
    [successor] = {*children(served)} - {*itertools.chain(*before.values())}
    moved = {address: after[address] for address in ADDRESSES if after[address] != before[address]}
    assert moved == {address: {successor} for address in ADDRESSES if before[address] == {killed}}
    assert moved
    end(served)


def test_workers_are_programs_of_their_own(served: Program) -> None:
    """And the supervisor has every socket open that they read."""
    begun(served)
    inodes = []
    for process in (served.process.pid, *children(served)):
        folder = pathlib.Path(f"/proc/{process}")
        assert b"several:app" in (folder / "cmdline").read_bytes()
        inodes.append({os.readlink(descriptor) for descriptor in (folder / "fd").iterdir()} & bound())
    supervisor, *workers = inodes
    assert len(supervisor) == 3
    assert [len(worker) for worker in workers] == [1, 1, 1]
    assert set.union(*workers) == supervisor
    end(served)


def bound() -> set[str]:
    """All UDP sockets on 127.0.0.1, as /proc names them."""
    lines = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]]
    return {f"socket:[{line[9]}]" for line in lines if line[1].startswith("0100007F:")}


def test_a_lifespan_in_each_worker(served: Program, folder: pathlib.Path) -> None:
    begun(served)
    there = children(served)
    assert sorted(Handled.read(folder).workers.values()) == there
    assert Handled.read(folder).closed == set()
    end(served)
    assert Handled.read(folder).closed == set(there)


async def test_one_worker_is_elected_and_another_when_it_goes(served: Program, folder: pathlib.Path) -> None:
    def elections(kind: str = "elected") -> list[int]:
        lines = [line.split() for line in (folder / "handled").read_text().splitlines()]
        return [int(line[1]) for line in lines if line[0] == kind]

    begun(served)
    await eventually(lambda: len(elections()) == 1)
    os.kill(elections()[0], signal.SIGKILL)
    await eventually(lambda: len(elections()) == 2)
    assert elections()[1] != elections()[0]
    served.signal(signal.SIGUSR2)
    await trio.to_thread.run_sync(served.wait_for, "all workers replaced")
    # The old ones are still there, and have resigned one by one.
    await eventually(lambda: len(elections()) - len(elections("resigned")) == 2)
    now = set(children(served)[-3:])
    await eventually(lambda: elections()[-1] in now)
    await eventually(lambda: elections("resigned") == elections()[1:-1])
    end(served)


async def test_reload_of_workers_on_a_code_change(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP.replace("VERSION", "old"))
    program = start("run", "several:app", *PLACE, "--reload")
    port = begun(program)
    [supervisor] = children(program)
    workers = children_of(supervisor)
    assert len(workers) == 3
    program.signal(signal.SIGUSR2)
    program.wait_for("all workers replaced")
    program.signal(signal.SIGHUP)
    program.wait_for("peers read again")
    (folder / "several.py").write_text(APP.replace("VERSION", "new"))
    program.wait_for(r"several\.py changed: starting anew")
    assert begun(program) != port
    [supervisor] = children(program)
    assert not {*children_of(supervisor)} & {*workers}
    end(program)


async def test_the_counters_of_all_workers_are_one_set(start: Start, folder: pathlib.Path) -> None:
    (folder / "several.py").write_text(APP)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()
    program = start("run", "several:app", *PLACE, "--metrics", f"{place[0]}:{place[1]}")
    async with load(program, logging_in=0) as asked:
        await asked.count.wait_value(lambda count: count >= 100)
    assert len({answer.split()[1] for answer in asked.answers.values()}) == 3
    handled = len(Handled.read(folder).requests)
    await counted(place, handled)
    os.kill(children(program)[0], signal.SIGKILL)
    await trio.to_thread.run_sync(program.wait_for, "ended by SIGKILL")
    await counted(place, handled)
    program.signal(signal.SIGUSR2)
    await trio.to_thread.run_sync(program.wait_for, "all workers replaced")
    await counted(place, handled)
    end(program)


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


UNSTEERED = """
import socket

socket.SO_ATTACH_REUSEPORT_CBPF = 9_999
"""
"""What makes the kernel refuse to steer: an option that it does not know."""


@pytest.mark.parametrize("way", ["tls", "ports"])
async def test_a_conversation_goes_on_with_its_worker_whichever_its_packets_reach(
    start: Start, folder: pathlib.Path, pki: PKI, way: str
) -> None:
    """Each packet by another worker: over other connections, or from other ports where nothing steers."""
    text = APP.replace('b"testing123", ', "Peer(tls=True), ").replace("App\n", "App, Peer\n") if way == "tls" else APP
    (folder / "several.py").write_text(text)
    (folder / "sitecustomize.py").write_text(UNSTEERED if way == "ports" else "")
    own = pki.settings("server")
    files = ("--tls-cert", str(own.certificate), "--tls-key", str(own.key), "--tls-ca", str(own.ca[0]))
    options = ("--tls", "127.0.0.1:0", *files) if way == "tls" else ()
    program = start("run", "several:app", *options, *PLACE, PYTHONPATH=f"{folder}:{ROOT}")
    port = int(program.wait_for(rf"listens on {'TLS' if way == 'tls' else 'UDP'} 127.0.0.1:(\d+) ")[1])
    program.wait_for("3 workers")
    servers: dict[str, Iterable[UDP | TLS]] = {
        "tls": itertools.repeat(TLS("127.0.0.1", port, pki.settings("client")), 40),
        "ports": itertools.repeat(UDP("127.0.0.1", port), 40),
    }
    async with AsyncExitStack() as stack:
        clients: dict[int, Client] = {}
        for server in servers[way]:
            client = await stack.enter_async_context(open_client(server, secret=SECRET, retransmission=SCHEDULE))
            reply = await client.exchange(AccessRequest(UserName("anybody")))
            clients[int(str(reply["Reply-Message"]).split()[1])] = client
        assert set(clients) == set(children(program))
        for first in clients:
            turns = itertools.cycle([clients[first], *(clients[other] for other in clients if other != first)])

            async def exchange(request: AccessRequest) -> AccessReply:
                return await next(turns).exchange(request)  # noqa: B023

            before = {*Handled.read(folder).requests}
            result = await authenticate(exchange, ALICE)
            assert isinstance(result.reply, AccessAccept)
            handled = Handled.read(folder).requests
            assert [workers for request, workers in handled.items() if request not in before] == [
                [first]
            ] * result.rounds
            assert result.rounds >= 3
    end(program)
    refused = "the kernel refuses to steer datagrams by source address; a NAS may meet several workers"
    assert program.output.count(refused) == (way == "ports")
