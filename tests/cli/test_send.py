"""``trioradius send``: its mistakes, and its exchanges with a real server."""

from __future__ import annotations

import itertools
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from trioradius.cli.asking import schedule

from .conftest import ROOT, SECRET, Call, Complain, Program, Start

SERVER = """
import trio
from trioradius import AccessRequest, AccountingRequest, App, CoARequest, DisconnectRequest, Discard
from trioradius.attributes import ErrorCause, ReplyMessage, State, UserName
from trioradius.attributes.microsoft import MSMPPESendKey

app = App(peers={"127.0.0.0/8": b"testing123"}, reject_delay=0)


@app.on(AccessRequest)
async def authenticate(request):
    match request[UserName]:
        case "alice" if request.verify_password("wonderland"):
            return request.accept(ReplyMessage("Welcome, Alice \\x1b[31m"), MSMPPESendKey(b"key of alice"))
        case "twice":
            return request.challenge(State(b"1"))
        case "where":
            return request.accept(ReplyMessage(request.source.address))
        case "silent":
            raise Discard("as asked")
    return request.reject(ReplyMessage("No"))


@app.on(AccountingRequest)
async def account(request):
    return request.respond()


@app.on(CoARequest)
async def change(request):
    return request.ack()


@app.on(DisconnectRequest)
async def end(request):
    return request.nak(ErrorCause.SESSION_CONTEXT_NOT_FOUND)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server for all these tests listens."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "server.py").write_text(SERVER)
    program = Program("run", "server:app", "--udp", "127.0.0.1:0", cwd=folder)
    yield f"127.0.0.1:{program.port()}"
    program.process.kill()
    program.process.communicate()


@pytest.fixture(autouse=True)
def _secret(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIORADIUS_SECRET", SECRET)


@pytest.mark.parametrize(
    ("arguments", "status", "reply"),
    [
        ("auth {} User-Name=alice User-Password=wonderland", 0, "Access-Accept"),
        ("{} User-Name=alice User-Password=wonderland", 0, "Access-Accept"),
        ("Access-Request {} User-Name=alice CHAP-Password=wonderland", 0, "Access-Accept"),
        ("auth {} User-Name=alice User-Password=wonderland --chap", 0, "Access-Accept"),
        ("auth {} User-Name=alice User-Password=other", 1, "Access-Reject"),
        ("auth {} User-Name=twice", 4, "Access-Challenge"),
        ("acct {} User-Name=alice Acct-Status-Type=Start", 0, "Accounting-Response"),
        ("status {}", 0, "Access-Accept"),
        ("coa {} User-Name=alice Message-Authenticator=0x00", 0, "CoA-ACK"),
        ("disconnect {} User-Name=alice", 1, "Disconnect-NAK"),
    ],
)
def test_exchanges(call: Call, server: str, arguments: str, status: int, reply: str) -> None:
    result = call("send", *arguments.format(server).split())
    assert result.stdout.splitlines()[0].startswith(f"{reply} in ")
    assert result.exit_code == status


def test_the_reply_is_readable_and_hides_its_secrets(call: Call, server: str) -> None:
    result = call("send", server, "User-Name=alice", "User-Password=wonderland")
    assert "Reply-Message          18         'Welcome, Alice \\x1b[31m'\n" in result.stdout
    assert "MS-MPPE-Send-Key       26.311.16  ...\n" in result.stdout
    assert SECRET not in result.output


def test_both_packets(call: Call, server: str) -> None:
    result = call("send", "-x", server, "User-Name=alice", "User-Password=wonderland")
    assert result.stdout.startswith("Access-Request to 127.0.0.1 port ")
    assert "User-Password  2  ...\n" in result.stdout
    assert "wonderland" not in result.output
    assert "Access-Accept, Identifier 0 in " in result.stdout


def test_secrets_when_asked_for(call: Call, server: str) -> None:
    result = call("send", "-x", "--show-secrets", server, "User-Name=alice", "User-Password=wonderland")
    assert "User-Password  2  'wonderland'\n" in result.stdout
    assert "0x6b6579206f6620616c696365\n" in result.stdout


def test_packets_from_standard_input(call: Call, server: str) -> None:
    text = 'User-Name = "alice", User-Password = "wonderland"\nMessage-Authenticator = 0x00\n\nUser-Name = bob\n'
    result = call("send", "auth", server, stdin=text)
    replies = [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert replies == ["Access-Accept", "Access-Reject"]
    assert result.exit_code == 1


def test_packets_from_a_file_get_the_attributes_of_the_command_line(
    call: Call, server: str, folder: pathlib.Path
) -> None:
    (folder / "packets").write_text("User-Name = alice\n\nUser-Name = bob\n")
    result = call("send", server, "--file", "packets", "User-Password=wonderland")
    replies = [line.split()[0] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert replies == ["Access-Accept", "Access-Reject"]


def test_many_at_once(call: Call, server: str) -> None:
    result = call("send", server, "User-Name=alice", "User-Password=wonderland", "--count", "40", "--parallel", "8")
    assert result.exit_code == 0
    assert result.stdout.startswith("40 exchanges in ")
    assert result.stdout.endswith(" s: 40 Access-Accept\n")


def test_the_worst_outcome_is_the_status(call: Call, server: str) -> None:
    text = "User-Name = silent\n\nUser-Name = bob\n\nUser-Name = twice\n"
    result = call("send", server, "--attempts", "1", "--timeout", "0.2", stdin=text)
    assert result.exit_code == 3


def test_source_address(call: Call, server: str) -> None:
    result = call("send", server, "User-Name=where", "--source", "127.0.0.9")
    assert "'127.0.0.9'" in result.stdout


def test_dictionary(call: Call, server: str, folder: pathlib.Path) -> None:
    (folder / "dictionary").write_text("ATTRIBUTE My-Name 1 string\n")
    result = call("send", server, "My-Name=where", "--dictionary", "dictionary")
    assert result.exit_code == 0


def test_nobody_answers(call: Call) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        result = call(
            "send", f"127.0.0.1:{deaf.getsockname()[1]}", "User-Name=x", "--attempts", "2", "--timeout", "0.3"
        )
        sent = [deaf.recv(4096), deaf.recv(4096)]
    assert sent[0] == sent[1]
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert "accounting that it did not keep; are this address and the secret among its peers?" in result.stderr


def test_ctrl_c_while_it_waits(start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        program = start("send", f"127.0.0.1:{deaf.getsockname()[1]}", "User-Name=x")
        deaf.recv(4096)
        program.signal(signal.SIGINT)
        assert program.status() == 130
    assert program.output == ""


def test_nobody_listens(call: Call) -> None:
    result = call("send", "127.0.0.1:1", "User-Name=x", "--attempts", "1", "--timeout", "0.2")
    assert result.exit_code == 3
    assert result.stderr.endswith("(Connection refused)\n")


def test_the_secret_of_an_option_wins(call: Call, server: str, folder: pathlib.Path) -> None:
    (folder / "secret").write_text(f"{SECRET}\n")
    wanted = ("send", server, "User-Name=alice", "User-Password=wonderland", "--timeout", "0.3")
    assert call(*wanted, "--secret", "other").exit_code == 3
    assert call(*wanted, "--secret-file", "secret", TRIORADIUS_SECRET="other").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("auth",), "the server is missing"),
        (("auth", "User-Name=alice"), "the server is missing"),
        (("login", "127.0.0.1", "User-Name=alice"), "'login' is no type of request"),
        (("127.0.0.1", "auth", "User-Name=alice"), "'127.0.0.1' is no type of request"),
        (("auth", "127.0.0.1:port", "User-Name=a"), "server 127.0.0.1:port: wants HOST:PORT"),
        (("auth", "127.0.0.1:70000", "User-Name=a"), "server 127.0.0.1:70000: wants HOST:PORT"),
        (("auth", "no.such.host.invalid", "User-Name=a"), "no.such.host.invalid cannot be reached by UDP: "),
        (
            ("auth", "127.0.0.1", "User-Nme=alice"),
            "attribute 1: no attribute is called 'User-Nme'; did you mean User-N",
        ),
        (("auth", "127.0.0.1", "NAS-Port=many"), "attribute 1: NAS-Port (integer) cannot be 'many'"),
        (("auth", "127.0.0.1", "User-Name=a", "hunter2"), "attribute 2 is not NAME=VALUE"),
        (("auth", "127.0.0.1", f"User-Password={'hunter2' * 30}"), "attribute 1: User-Password is 210 octets long"),
        (("auth", "127.0.0.1", "User-Name=a", "--source", "192.0.2.1"), "127.0.0.1 port 1812 from 192.0.2.1 cannot be"),
        (("auth", "127.0.0.1", "--file", "nope"), "nope cannot be read: No such file or directory"),
        (("auth", "127.0.0.1", "User-Name=a", "--secret", ""), "the shared secret is empty"),
        (("auth", "127.0.0.1", "User-Name=a", "--secret", "x", "--secret-file", "y"), "give --secret or --secret-file"),
        (("auth", "127.0.0.1", "User-Name=a", "--secret-file", "nope"), "the secret file nope cannot be read"),
        (("auth", "127.0.0.1", "User-Name=a", "--dictionary", "nope"), "nope cannot be read"),
    ],
)
def test_mistakes(mistake: Complain, arguments: tuple[str, ...], complaint: str) -> None:
    line = mistake("send", *arguments)
    assert line.startswith(f"trioradius: {complaint}")
    assert "hunter2" not in line


def test_the_secret_is_missing(mistake: Complain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIORADIUS_SECRET")
    assert "the shared secret is missing" in mistake("send", "auth", "127.0.0.1", "User-Name=alice")


def test_no_packet_on_standard_input(mistake: Complain) -> None:
    assert mistake("send", "auth", "127.0.0.1", stdin="\n") == "trioradius: there is no packet in standard input"


def test_a_file_that_is_not_text(mistake: Complain, folder: pathlib.Path) -> None:
    (folder / "octets").write_bytes(b"\xff")
    assert mistake("send", "auth", "127.0.0.1", "--file", "octets") == "trioradius: octets is not UTF-8 text"


UNPROVEN = """
import socket
from trioradius.protocol.secret import md5

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
    old.bind(("127.0.0.1", 0))
    print("bound", old.getsockname()[1], flush=True)
    while True:
        request, client = old.recvfrom(4096)
        header = bytes((2, request[1], 0, 20))
        old.sendto(header + md5(header + request[4:20] + b"testing123"), client)
"""


def test_a_server_that_cannot_prove_itself(call: Call) -> None:
    with subprocess.Popen([sys.executable, "-c", UNPROVEN], stdout=subprocess.PIPE, text=True, cwd=ROOT) as old:
        assert old.stdout is not None
        port = old.stdout.readline().split()[1]
        wanted = ("send", f"127.0.0.1:{port}", "User-Name=alice", "--attempts", "1", "--timeout", "0.5")
        result = call(*wanted)
        assert result.exit_code == 3
        assert "--no-require-message-authenticator takes it" in result.stderr
        assert call(*wanted, "--no-require-message-authenticator").exit_code == 0
        old.kill()


def test_waits_fill_the_time() -> None:
    for attempts, timeout in itertools.product((1, 3, 20), (0.05, 1.0, 10.0)):
        waits = list(schedule(attempts, timeout).waits())
        assert sum(waits) <= timeout + 1e-9
        assert sum(waits) >= 0.8 * timeout
