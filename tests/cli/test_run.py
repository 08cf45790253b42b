"""``trioradius run`` as a process: its start, its signals, its end; radclient and ``trioradius send`` against it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from trioradius.cli.programs import load_app
from trioradius.cli.run import _default_listeners, _listener
from trioradius.cli.serving import complaint
from trioradius.errors import ConfigurationError

from .conftest import COMMAND, HELLO, ROOT, SECRET, Complain, Program, Start
from .nases import children

ALICE = ("User-Name=alice", "User-Password=wonderland")
LOOPBACK = ("--udp", "127.0.0.1:0")

WAITING = """
import pathlib
import trio
from trioradius import AccessRequest, App

app = App(peers={"127.0.0.1": b"testing123"})


@app.on(AccessRequest)
async def wait_for_a_file(request):
    print("handling", flush=True)
    while not await trio.Path("go").exists():
        await trio.sleep(0.01)
    return request.accept()
"""


def full_pipe() -> tuple[int, int]:
    """A pipe that takes no more: where to read and where to write."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4_096))
    os.set_blocking(writer, True)
    return reader, writer


def send(start: Start, port: str, *arguments: str, secret: str = SECRET) -> Program:
    return start("send", f"127.0.0.1:{port}", *arguments, TRIORADIUS_SECRET=secret)


def test_it_answers_and_says_what_it_serves(start: Start, hello: str) -> None:
    server = start("run", hello, *LOOPBACK)
    port = server.port()
    assert server.lines[0] == (
        f"hello:app listens on UDP 127.0.0.1:{port} for "
        "Access-Request, Accounting-Request, Disconnect-Request, CoA-Request\n"
    )
    assert "hello:authenticate (line 8)" in server.output
    assert server.lines[-1] == "1 peer\n"
    server.wait_for("WARNING peer 127.0.0.1: the secret has 10 octets")
    client = send(start, port, *ALICE)
    assert client.status() == 0
    assert "Reply-Message          18  'Welcome, Alice'\n" in client.output
    assert send(start, port, "User-Name=alice", "User-Password=other").status() == 1
    server.signal(signal.SIGTERM)
    assert server.status() == 0
    assert SECRET not in server.output


def test_radclient_gets_its_accept(start: Start) -> None:
    server = start("run", "examples.hello:app", *LOOPBACK, PYTHONPATH=str(ROOT))
    found = subprocess.run(
        ["radclient", "-x", f"127.0.0.1:{server.port()}", "auth", SECRET],
        input="User-Name = alice\nUser-Password = wonderland\nMessage-Authenticator = 0x00\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Received Access-Accept" in found.stdout
    assert 'Reply-Message = "Welcome, Alice"' in found.stdout


def test_several_listeners(start: Start, hello: str) -> None:
    server = start("run", hello, *LOOPBACK, "--udp", "0")
    first = server.wait_for(r"UDP 127\.0\.0\.1:(\d+)")[1]
    second = server.wait_for(r"UDP \[::\]:(\d+)|UDP 0\.0\.0\.0:(\d+)")
    assert send(start, first, *ALICE).status() == 0
    assert send(start, second[1] or second[2], *ALICE).status() == 0


def test_default_listeners(hello: str, folder: pathlib.Path) -> None:
    (folder / "dynamic.py").write_text(
        "from trioradius import *\napp = App(peers={})\n@app.on(CoARequest)\nasync def change(request): ...\n"
    )
    assert [(one.host, one.port) for one in _default_listeners(load_app(hello))] == [("::", 1812), ("::", 1813)]
    assert [one.port for one in _default_listeners(load_app("dynamic:app"))] == [1812, 1813, 3799]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("1812", "::", 1812),
        ("[::1]:1812", "::1", 1812),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("localhost:1", "localhost", 1),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    found = _listener(text)
    assert (found.host, found.port) == (host, port)


def test_sigterm_lets_running_requests_finish(start: Start, folder: pathlib.Path) -> None:
    (folder / "waiting.py").write_text(WAITING)
    server = start("run", "waiting:app", *LOOPBACK)
    client = send(start, server.port(), *ALICE)
    server.wait_for("handling")
    server.signal(signal.SIGTERM)
    server.wait_for("SIGTERM: answering what is under way, then stopping")
    (folder / "go").touch()
    assert client.status() == 0
    assert server.status() == 0


def test_an_idle_server_stops_without_waiting(start: Start, folder: pathlib.Path) -> None:
    (folder / "idle.py").write_text(
        "from trioradius import App, Limits\napp = App(peers={}, limits=Limits(grace_seconds=3600))\n"
    )
    server = start("run", "idle:app", *LOOPBACK, "--udp", "127.0.0.1:0")
    server.wait_for("^0 peers")
    server.signal(signal.SIGTERM)
    assert server.status() == 0


def test_a_log_that_nobody_reads_keeps_no_server_from_its_end(hello: str, folder: pathlib.Path) -> None:
    reader, writer = full_pipe()
    server = subprocess.Popen(
        [*COMMAND, "run", hello, *LOOPBACK],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
    )
    with server:
        assert server.stdout is not None
        assert "listens on UDP" in server.stdout.readline()
        server.terminate()
        assert server.wait(30) == 0
    os.close(reader)
    os.close(writer)


def test_a_second_sigint_ends_it_at_once(start: Start, folder: pathlib.Path) -> None:
    (folder / "waiting.py").write_text(WAITING)
    server = start("run", "waiting:app", *LOOPBACK)
    send(start, server.port(), *ALICE)
    server.wait_for("handling")
    server.signal(signal.SIGINT)
    server.wait_for("SIGINT: answering what is under way, then stopping")
    server.signal(signal.SIGINT)
    assert server.status() == -signal.SIGINT


def test_other_signals_do_not_disturb_the_end(start: Start, folder: pathlib.Path) -> None:
    (folder / "waiting.py").write_text(WAITING)
    server = start("run", "waiting:app", *LOOPBACK)
    client = send(start, server.port(), *ALICE)
    server.wait_for("handling")
    server.signal(signal.SIGINT)
    server.wait_for("SIGINT: answering what is under way, then stopping")
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGHUP)
    (folder / "go").touch()
    assert client.status() == 0
    assert server.status() == 0


def test_a_lifespan_that_hangs_can_be_stopped(start: Start, folder: pathlib.Path) -> None:
    (folder / "slow.py").write_text(
        "import trio\nfrom trioradius import App\napp = App(peers={})\n@app.lifespan\nasync def database(app):\n"
        "    print('opening', flush=True)\n    await trio.sleep_forever()\n    yield\n"
    )
    server = start("run", "slow:app", *LOOPBACK)
    server.wait_for("opening")
    server.signal(signal.SIGTERM)
    assert server.status() == 0


def test_sighup_reads_the_peers_again(start: Start, hello: str, folder: pathlib.Path) -> None:
    peers = folder / "peers.toml"
    peers.write_text('[peers."127.0.0.1"]\nsecret = "a first secret of many octets"\n')
    server = start("run", hello, *LOOPBACK, "--peers", "peers.toml")
    port = server.port()
    assert send(start, port, *ALICE, secret="a first secret of many octets").status() == 0

    peers.write_text('[peers."127.0.0.1"]\nsecret = "another secret of many octets"\n')
    server.signal(signal.SIGHUP)
    server.wait_for("peers read again: 1 peer")
    assert send(start, port, *ALICE, secret="another secret of many octets").status() == 0

    peers.write_text('[peers."127.0.0.1"]\nsecrt = "a third secret of many octets"\n')
    server.signal(signal.SIGHUP)
    server.wait_for('ERROR the peers stay as they were: peers.toml: peers."127.0.0.1": wants one of secret')
    assert send(start, port, *ALICE, secret="another secret of many octets").status() == 0

    peers.write_text("")
    server.signal(signal.SIGHUP)
    server.wait_for("peers read again: 1 peer")
    assert send(start, port, *ALICE).status() == 0


def test_the_log_as_json(start: Start, hello: str) -> None:
    server = start("run", hello, *LOOPBACK, "--json-logs")
    port = server.wait_for(r"listens on UDP \S+:(\d+) for")[1]
    server.wait_for("1 peer")
    assert send(start, port, *ALICE, "--attempts=1", "--timeout=0.2", secret="of somebody else").status() == 3
    server.wait_for("discarded")
    server.signal(signal.SIGTERM)
    assert server.status() == 0
    records = [json.loads(line) for line in server.lines]
    assert {"time", "level", "logger", "message"} <= records[0].keys()
    [discarded] = [record for record in records if record["logger"] == "trioradius.discards"]
    assert discarded["level"] == "warning"
    assert discarded["peer"] == "127.0.0.1"
    assert discarded["reason"] == "message_authenticator_wrong"


def test_an_exception_is_one_json_line(start: Start, folder: pathlib.Path) -> None:
    (folder / "hello.py").write_text(HELLO.replace("    if request", "    1 / 0\n    if request"))
    server = start("run", "hello:app", *LOOPBACK, "--json-logs")
    port = server.wait_for(r"listens on UDP \S+:(\d+) for")[1]
    send(start, port, *ALICE)
    record = json.loads(server.wait_for("handler failed").string)
    assert "ZeroDivisionError" in record["exception"]


def test_the_log_level(start: Start, hello: str) -> None:
    server = start("run", hello, *LOOPBACK, "--log-level", "error")
    server.port()
    server.signal(signal.SIGTERM)
    assert server.status() == 0
    assert "WARNING" not in server.output
    assert "INFO" not in server.output


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("eighteen", "--udp eighteen: wants HOST:PORT, as in 127.0.0.1:1812 or [::1]:1812"),
        ("127.0.0.1", "--udp 127.0.0.1: wants HOST:PORT"),
        ("127.0.0.1:", "--udp 127.0.0.1:: wants HOST:PORT"),
        (":1812", "--udp :1812: wants HOST:PORT"),
        ("::1", "--udp ::1: an IPv6 address wants brackets, as in [::1]:1812"),
        ("127.0.0.1:65536", "--udp 127.0.0.1:65536: wants HOST:PORT"),
        ("192.0.2.1:1812", "UDP 192.0.2.1 port 1812 cannot be bound: Cannot assign requested address; this machine"),
        ("no.such.host.invalid:1", "UDP no.such.host.invalid port 1 cannot be bound: "),
    ],
)
def test_bad_addresses(mistake: Complain, hello: str, option: str, complaint: str) -> None:
    assert mistake("run", hello, "--udp", option).startswith(f"trioradius: {complaint}")


def test_a_port_in_use(mistake: Complain, hello: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        line = mistake("run", hello, "--udp", f"127.0.0.1:{other.getsockname()[1]}")
    assert line.endswith("Address already in use; another program has it; end that, or choose another port with --udp")


def test_a_metrics_port_in_use(mistake: Complain, hello: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = mistake("run", hello, "--udp", "127.0.0.1:0", "--metrics", str(port))
    assert line.startswith(f"trioradius: metrics on 127.0.0.1 port {port}: ")
    assert line.endswith(
        "Address already in use; another program has it; end that, or choose another port with --metrics"
    )


def test_a_dtls_port_in_use(mistake: Complain, hello: str, folder: pathlib.Path) -> None:
    (folder / "peers.toml").write_text('[peers."psk:nas"]\npsk_text = "a key of twenty octets"\n')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{other.getsockname()[1]}"
        line = mistake("run", hello, "--udp", "127.0.0.1:0", "--peers", "peers.toml", "--dtls", place)
    assert line.startswith("trioradius: DTLS 127.0.0.1 port ")
    assert line.endswith("choose another port with --dtls")


def test_a_file_that_may_not_be_read_is_no_matter_of_ports() -> None:
    try:
        try:
            raise PermissionError(errno.EACCES, "Permission denied")
        except PermissionError:
            raise ConfigurationError("key: server.key cannot be read: Permission denied") from None
    except ConfigurationError as error:
        assert complaint(error) == "key: server.key cannot be read: Permission denied"


def test_advice_for_a_port_that_is_not_allowed() -> None:
    """Root may bind them all, so that the error is made here."""
    try:
        try:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise ConfigurationError(f"UDP :: port 80 cannot be bound: {error.strerror}") from None
    except ConfigurationError as error:
        assert complaint(error).endswith(
            "Permission denied; ports below 1024 want root or CAP_NET_BIND_SERVICE; choose a higher one with --udp"
        )


def test_a_lifespan_that_fails(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "failing.py").write_text(
        "from trioradius import App\napp = App(peers={})\n@app.lifespan\nasync def database(app):\n"
        "    raise ConnectionError('no database there')\n    yield\n"
    )
    line = mistake("run", "failing:app", *LOOPBACK)
    assert line == "trioradius: failing.py:5: ConnectionError: no database there"


@pytest.mark.parametrize("arguments", [("--log-level", "loud"), ("--colour", "red")])
def test_bad_options(mistake: Complain, hello: str, arguments: tuple[str, ...]) -> None:
    assert mistake("run", hello, *arguments).endswith("(see trioradius run --help)")


def test_peers_of_an_option_win(start: Start, hello: str) -> None:
    server = start("run", hello, *LOOPBACK, "--peer", "127.0.0.1=$OTHER_SECRET", OTHER_SECRET="of the option")
    assert send(start, server.port(), *ALICE, secret="of the option").status() == 0


def test_reload(start: Start, hello: str, folder: pathlib.Path) -> None:
    server = start("run", hello, *LOOPBACK, "--reload")
    assert send(start, server.port(), *ALICE).status() == 0

    (folder / "hello.py").write_text("x = = 1\n")
    server.wait_for(r"hello\.py changed: starting anew")
    server.wait_for(r"hello\.py:1: SyntaxError")

    (folder / "hello.py").write_text(HELLO.replace("Welcome", "Good day"))
    client = send(start, server.port(), *ALICE)
    assert client.status() == 0
    assert "Good day" in client.output

    server.signal(signal.SIGTERM)
    assert server.status() == 0


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_a_killed_watcher_leaves_no_server(start: Start, hello: str, workers: tuple[str, ...]) -> None:
    server = start("run", hello, *LOOPBACK, *workers, "--reload")
    server.port()
    server.signal(signal.SIGKILL)
    # The output is read to its end, which comes when the last process that has it is gone.
    assert server.status() == -signal.SIGKILL
    assert "SIGTERM: " in server.output


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_an_interrupted_watcher_lets_the_server_finish(start: Start, hello: str, workers: tuple[str, ...]) -> None:
    """Ctrl-C in a terminal reaches a whole group of processes: the watcher's, and not the server's."""
    server = start("run", hello, *LOOPBACK, *workers, "--reload")
    server.port()
    [child] = children(server)
    assert os.getpgid(child) == child
    server.signal(signal.SIGINT)
    server.wait_for("SIGINT: ")
    assert server.status() == 0


def test_a_server_whose_watcher_is_gone_already(start: Start, hello: str) -> None:
    server = start("run", hello, *LOOPBACK, TRIORADIUS_WATCHER="1")
    assert server.status() == 1
    assert server.output == ""


def test_reload_without_watchfiles(mistake: Complain, hello: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "watchfiles", None)
    line = mistake("run", hello, "--reload")
    assert line == "trioradius: --reload wants watchfiles: pip install 'trioradius[dev]'"


RELOADED = """
from trioradius import App, ConfigurationError

app = App(peers={"127.0.0.1": b"twenty-four octets, say."})


@app.on_reload
def first():
    print("first read again", flush=True)


@app.on_reload
def second():
    raise ConfigurationError("server.pem cannot be read")
"""


def test_what_an_app_reads_again(start: Start, folder: pathlib.Path) -> None:
    (folder / "reloaded.py").write_text(RELOADED)
    server = start("run", "reloaded:app", *LOOPBACK)
    server.port()
    server.signal(signal.SIGHUP)
    server.wait_for("^first read again")
    server.wait_for("ERROR the certificates stay as they were: server.pem cannot be read")
    server.signal(signal.SIGTERM)
    assert server.status() == 0
