"""``trioradius bench``: short loads on loopback."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.eap_app import eap_app
from tests.tls.pki import PKI
from trioradius.attributes import AcctSessionId, AcctSessionTime, AcctStatusType, NASPort, UserName
from trioradius.attributes.dictionary import Dictionary
from trioradius.cli.bench import PREPARED_MAXIMUM, SESSIONS_TOGETHER, Template, session_and_step
from trioradius.cli.request_text import Item
from trioradius.protocol.packets import AccessRequest, AccountingRequest

from .conftest import Call, Complain, Start
from .test_send_eap import Served, options

SECRETS = ("--secret", "testing123")
NO_EAP: dict[str, Any] = {
    **dict.fromkeys(("eap", "identity", "anonymous_identity", "ca", "server_name", "eap_fingerprint", "eap_cert")),
    **dict.fromkeys(("eap_key", "tls_max", "chap", "ms_chap", "ms_chap_v2")),
}


@pytest.fixture
def address(start: Start, hello: str) -> str:
    """Where the hello app is served."""
    return f"127.0.0.1:{start('run', hello, '--udp', '127.0.0.1:0').port()}"


@pytest.fixture
def silent() -> Iterator[str]:
    """Where somebody listens and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def template(*items: tuple[str, str], kind: Any = AccessRequest, users: int = 10, sessions: bool = False) -> Template:
    packet = [Item("attribute", name, value) for name, value in items]
    return Template(kind, [packet], NO_EAP, Dictionary.bundled(), users, sessions)


ALICE = ("User-Name=alice", "User-Password=wonderland")


def test_the_summary(call: Call, address: str) -> None:
    result = call("bench", *SECRETS, "auth", address, *ALICE, "--count", "40", "--window", "4")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("40 answers in ")
    assert lines[1].split() == ["Access-Accept", "40"]
    assert lines[2].startswith("latency: mean ")
    assert "p99.9 " in lines[2]
    assert sum(int(line.rpartition("  ")[0].split()[-1]) for line in lines[3:]) == 40
    assert any(line.endswith("#" * 40) for line in lines[3:])
    assert result.stderr == ""


def test_as_json(call: Call, address: str) -> None:
    wrong = ("User-Name=user{n}", "User-Password=no")
    result = call("bench", *SECRETS, address, *wrong, "--seconds", "0.3", "--rate", "50", "--json")
    summary = json.loads(result.stdout)
    assert summary["outcomes"] == {"Access-Reject": 15}
    assert (summary["begun"], summary["ended"], summary["unsent"], summary["failed"]) == (15, 15, 0, 0)
    assert summary["stopped"] is False
    assert 0 < summary["latency_seconds"]["p50"] <= summary["latency_seconds"]["longest"]
    assert sum(row["answers"] for row in summary["histogram"]) == 15
    assert result.exit_code == 0


@pytest.mark.parametrize("way", ["--chap", "--ms-chap-v2"])
def test_ways_to_show_a_password(call: Call, address: str, way: str) -> None:
    result = call("bench", *SECRETS, address, *ALICE, way, "--count", "5", "--json")
    assert json.loads(result.stdout)["outcomes"] == {"Access-Accept": 5}


def test_a_progress_bar_on_a_terminal(call: Call, address: str) -> None:
    given = (*SECRETS, address, *ALICE, "--rate", "20")
    result = call("bench", *given, "--seconds", "0.6", FORCE_COLOR="1")
    assert " a second, 0 failed" in result.stderr
    assert " a second, 0 failed" not in result.stdout
    assert " ended, " in call("bench", *given, "--count", "12", FORCE_COLOR="1").stderr


def test_loss_is_status_1(call: Call, silent: str) -> None:
    lost = call("bench", *SECRETS, silent, *ALICE, "--count", "3", "--attempts", "1", "--timeout", "0.2")
    assert "  without response  3 (100 %)\n" in lost.stdout
    assert "latency" not in lost.stdout
    assert lost.exit_code == 1


def test_what_was_thrown_away_is_told(call: Call, address: str) -> None:
    given = ("--secret", "another", "--no-require-message-authenticator", "--timeout", "0.3", "--attempts", "1")
    result = call("bench", *given, address, *ALICE, "--count", "2")
    assert result.exit_code == 1
    nobody = call("bench", *SECRETS, "127.0.0.1:1", *ALICE, "--count", "1", "--timeout", "0.3", "--attempts", "1")
    assert "  thrown away " in nobody.stdout
    assert "(connection_refused)" in nobody.stdout


def test_a_rate_that_cannot_be_kept_is_status_1(call: Call, address: str) -> None:
    result = call("bench", *SECRETS, address, *ALICE, "--rate", "1000000", "--seconds", "0.1")
    assert "  not sent in time" in result.stdout
    assert result.exit_code == 1


def test_ctrl_c_ends_it_with_the_summary(start: Start, address: str) -> None:
    bench = start("bench", *SECRETS, address, *ALICE, "--seconds", "60", "--json", FORCE_COLOR="1")
    bench.wait_for("0 failed")
    bench.signal(signal.SIGINT)
    assert bench.status() == 0
    summary = json.loads(bench.lines[-1][bench.lines[-1].index('{"seconds"') :])
    assert summary["stopped"] is True
    assert summary["outcomes"]["Access-Accept"] == summary["ended"] > 0
    assert summary["seconds"] < 60


def test_nothing_answered_is_status_1(start: Start, silent: str) -> None:
    bench = start("bench", *SECRETS, silent, *ALICE, FORCE_COLOR="1")
    bench.wait_for("0 failed")
    bench.signal(signal.SIGINT)
    assert bench.status() == 1
    assert "stopped" in bench.output


def test_eap_conversations(call: Call, pki: PKI) -> None:
    served = Served(eap_app(pki))
    try:
        given = (*options(pki, "peap-mschapv2"), "--count", "3", "--window", "2", "--json")
        result = call("bench", *SECRETS, served.address, *ALICE, *given)
    finally:
        served.stop()
    assert json.loads(result.stdout)["outcomes"] == {"Access-Accept": 3}


def test_numbers_in_values() -> None:
    made = template(("User-Name", "user{n}@realm{n}"), ("NAS-Port", "{n}"), users=3)
    seen = [(made.errand(number).request[UserName], made.errand(number).request[NASPort]) for number in range(4)]
    assert seen == [("user0@realm0", 0), ("user1@realm1", 1), ("user2@realm2", 2), ("user0@realm0", 0)]


def test_requests_are_made_once_but_not_without_bound() -> None:
    made = template(("User-Name", "user{n}"), users=2 * PREPARED_MAXIMUM)
    assert made.errand(7) is made.errand(7)
    assert made.errand(PREPARED_MAXIMUM) is not made.errand(PREPARED_MAXIMUM)
    assert made.errand(PREPARED_MAXIMUM).request[UserName] == f"user{PREPARED_MAXIMUM}"


def test_packets_of_a_file_take_turns() -> None:
    packets = [[Item("file:1", "User-Name", "a{n}")], [Item("file:3", "User-Name", "b{n}")]]
    made = Template(AccessRequest, packets, NO_EAP, Dictionary.bundled(), 2, False)
    assert [made.errand(number).request[UserName] for number in range(5)] == ["a0", "b0", "a1", "b1", "a0"]


def test_a_session_has_three_records_in_order() -> None:
    """RFC 2866 section 5.1: Start, Interim-Update and Stop, under one Acct-Session-Id of its own."""
    assert [session_and_step(number) for number in (0, 1, SESSIONS_TOGETHER)] == [(0, 0), (1, 0), (0, 1)]
    many = [session_and_step(number) for number in range(3 * SESSIONS_TOGETHER * 4)]
    assert sorted(many) == [(session, step) for session in range(4 * SESSIONS_TOGETHER) for step in range(3)]
    made = template(("User-Name", "user{n}"), kind=AccountingRequest, users=150, sessions=True)
    numbers = [number for number, (session, _) in enumerate(many) if session == 151]
    records = [made.errand(number).request for number in numbers]
    assert [record[AcctStatusType] for record in records] == [
        AcctStatusType.START,
        AcctStatusType.INTERIM_UPDATE,
        AcctStatusType.STOP,
    ]
    assert [record[AcctSessionTime] for record in records] == [0, 60, 120]
    assert {record[UserName] for record in records} == {"user1"}
    assert len({record[AcctSessionId] for record in records}) == 1
    assert made.errand(0).request[AcctSessionId] != records[0][AcctSessionId]
    other = template(("User-Name", "user{n}"), kind=AccountingRequest, sessions=True)
    assert made.errand(0).request[AcctSessionId] != other.errand(0).request[AcctSessionId]


def test_accounting_sessions(call: Call, start: Start, hello: str) -> None:
    with open("hello.py", "a") as file:
        file.write(
            "\n\nfrom trioradius import AccountingRequest\n\n\n"
            "@app.on(AccountingRequest)\nasync def account(request):\n    return request.respond()\n"
        )
    port = start("run", hello, "--udp", "127.0.0.1:0").port()
    result = call("bench", *SECRETS, "acct", f"127.0.0.1:{port}", "User-Name=u{n}", "--sessions", "--count", "9")
    assert "  Accounting-Response  9\n" in result.stdout


def test_mistakes(mistake: Complain) -> None:
    here = ("bench", *SECRETS, "127.0.0.1:9")
    assert mistake(*here, *ALICE, "--rate", "5", "--window", "5").endswith("give --window or --rate, not both")
    assert "--sessions wants Accounting-Request" in mistake(*here, *ALICE, "--sessions")
    given = ("bench", *SECRETS, "acct", "127.0.0.1:9", "User-Name=a", "Acct-Status-Type=Start", "--sessions")
    assert mistake(*given).endswith("attribute 2: --sessions gives Acct-Status-Type itself")
    assert mistake(*here, "NAS-Port=x{n}").startswith("trioradius: attribute 1: ")
    assert "the server is missing: trioradius bench [TYPE]" in mistake("bench", *SECRETS, "User-Name=alice")
    assert "the shared secret is missing" in mistake("bench", "127.0.0.1:9", *ALICE)
