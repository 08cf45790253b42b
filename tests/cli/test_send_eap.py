"""``trioradius send --eap`` against our own server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from tests.eap_app import SECRET, eap_app
from tests.tls.pki import PKI
from trioradius import UDP, serve
from trioradius.eap.supplicant import EAP_METHODS, needs_certificate, needs_tls

from .conftest import Call, Complain

ALICE = ("User-Name=alice", "User-Password=wonderland")
BOB = ("User-Name=bob", "User-Password=wonderland")
SECRETS = ("--secret", SECRET.decode())


class Served:
    """An app that speaks every method, in a thread of its own."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._run,))
        self._thread.start()
        assert self._ready.wait(20)

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as self._nursery:
            [(_, port)] = await self._nursery.start(serve, self._app, UDP("127.0.0.1", 0))
            self.address = f"127.0.0.1:{port}"
            self._ready.set()

    def stop(self) -> None:
        self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._thread.join(20)


@pytest.fixture(scope="module")
def served(pki: PKI) -> Iterator[Served]:
    served = Served(eap_app(pki))
    yield served
    served.stop()


def options(pki: PKI, method: str, *, name: str = "localhost") -> tuple[str, ...]:
    """What goes with a method."""
    given = ["--eap", method]
    if needs_tls(method):
        given += ["--ca", str(pki.folder / "ca.pem"), "--server-name", name]
    if needs_certificate(method):
        given += ["--eap-cert", str(pki.folder / "client.pem"), "--eap-key", str(pki.folder / "client.key")]
    return tuple(given)


@pytest.mark.parametrize("method", EAP_METHODS)
def test_every_method(call: Call, served: Served, pki: PKI, method: str) -> None:
    result = call("send", *SECRETS, *options(pki, method), "auth", served.address, *ALICE)
    assert result.exit_code == 0, result.stderr
    first, second, *_ = result.stdout.splitlines()
    assert first.startswith("Access-Accept in ")
    over = ", TLSv1.3" if needs_tls(method) else ""
    assert re.fullmatch(rf"  EAP {method}, \d+ rounds{over}", second)
    assert "wonderland" not in result.stdout


def test_a_rejection_and_why(call: Call, served: Served, pki: PKI) -> None:
    wrong = ("User-Name=alice", "User-Password=no")
    result = call("send", *SECRETS, *options(pki, "peap-mschapv2"), served.address, *wrong)
    assert result.stdout.startswith("Access-Reject in ")
    assert "  EAP peap-mschapv2, 10 rounds, TLSv1.3, MS-CHAP error 691: authentication failure\n" in result.stdout
    assert result.exit_code == 1


def test_one_round(call: Call, served: Served) -> None:
    result = call("send", *SECRETS, "--eap", "md5", "--identity", "alice", served.address, *BOB)
    assert "  EAP md5, 1 round\n" in result.stdout
    assert result.exit_code == 1


def test_what_is_shown_of_the_requests(call: Call, served: Served, pki: PKI) -> None:
    """User-Name is the outer identity; the password is none of the attributes."""
    given = (*options(pki, "ttls-pap"), "--anonymous-identity", "anonymous", "-x")
    result = call("send", *SECRETS, *given, served.address, *ALICE, "NAS-Port=7")
    assert "'anonymous'" in result.stdout
    assert "NAS-Port" in result.stdout
    assert "User-Password" not in result.stdout
    assert "alice by EAP-TTLS PAP" in result.stdout
    assert result.exit_code == 0


def test_an_identity_beside_user_name(call: Call, served: Served, pki: PKI) -> None:
    """Our server wants the two to agree, and so it shows that both are sent."""
    given = (*options(pki, "peap-gtc"), "--identity", "alice")
    assert call("send", *SECRETS, *given, served.address, "User-Password=wonderland").exit_code == 0
    assert call("send", *SECRETS, *given, served.address, *ALICE).exit_code == 0
    assert call("send", *SECRETS, *given, served.address, *BOB).exit_code == 1


def test_the_highest_tls_version(call: Call, served: Served, pki: PKI) -> None:
    result = call("send", *SECRETS, *options(pki, "tls"), "--tls-max", "1.2", served.address, "User-Name=alice")
    assert ", TLSv1.2\n" in result.stdout


def test_a_pinned_server(call: Call, served: Served, pki: PKI) -> None:
    pinned = ("--eap", "peap-gtc", "--eap-fingerprint", pki.fingerprint("server"))
    assert call("send", *SECRETS, *pinned, served.address, *ALICE).exit_code == 0
    other = ("--eap", "peap-gtc", "--eap-fingerprint", "00" * 32)
    result = call("send", *SECRETS, *other, served.address, *ALICE)
    assert result.stderr.startswith("trioradius send: the EAP server: ")
    assert result.stderr.count("\n") == 1
    assert result.exit_code == 1


def test_many(call: Call, served: Served, pki: PKI) -> None:
    given = (*options(pki, "peap-mschapv2"), "--count", "12", "--parallel", "4")
    result = call("send", *SECRETS, *given, served.address, *ALICE)
    assert "12 exchanges in " in result.stdout
    assert "12 Access-Accept" in result.stdout


def test_many_that_are_not_believed(call: Call, served: Served, pki: PKI) -> None:
    """Each reason is said once."""
    given = (*options(pki, "peap-mschapv2", name="radius.example.org"), "--count", "3")
    result = call("send", *SECRETS, *given, served.address, *ALICE)
    assert result.stderr == (
        "trioradius send: the EAP server: the certificate is not for the name 'radius.example.org', "
        "but for localhost, 127.0.0.1\n"
    )
    assert "3 not believed" in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--eap", "leap"), "there is no EAP method 'leap'; there are md5, gtc, mschapv2, tls, peap-mschapv2"),
        (("--eap", "peap-mschapv2"), "--eap peap-mschapv2 wants --ca FILE"),
        (("--eap", "peap-gtc", "--ca", "ca.pem"), "--eap peap-gtc wants --server-name NAME"),
        (
            ("--eap", "tls", "--ca", "ca.pem", "--server-name", "x"),
            "--eap tls wants --eap-cert FILE and --eap-key",
        ),
        (("--eap", "peap-tls", "--eap-fingerprint", "00" * 32, "--eap-cert", "c.pem"), "wants --eap-cert FILE and"),
        (("--eap", "peap-tls", "--eap-fingerprint", "00" * 32), "--eap peap-tls wants --eap-cert FILE"),
        (("--eap", "ttls-pap", "--ca", "none.pem", "--server-name", "x"), "ca: none.pem cannot be read"),
        (("--eap", "md5", "--chap"), "ways to show one password"),
        (("--ca", "ca.pem"), "--ca wants --eap beside it"),
        (("--anonymous-identity", "x"), "--anonymous-identity wants --eap beside it"),
        (("--eap", "md5", "--anonymous-identity", "x"), "EAP md5 has no tunnel"),
        (("--eap", "md5", "CHAP-Password=0x" + "00" * 17), "CHAP-Password cannot be among the attributes"),
    ],
)
def test_mistakes(mistake: Complain, arguments: tuple[str, ...], text: str) -> None:
    options = [argument for argument in arguments if "=" not in argument]
    attributes = [argument for argument in arguments if "=" in argument]
    assert text in mistake("send", *SECRETS, *options, "127.0.0.1:9", *ALICE, *attributes)


def test_without_a_password_or_a_name(mistake: Complain) -> None:
    assert "EAP md5 needs a password" in mistake("send", *SECRETS, "--eap", "md5", "127.0.0.1:9", "User-Name=a")
    assert "needs an identity" in mistake("send", *SECRETS, "--eap", "md5", "127.0.0.1:9", "User-Password=a")


def test_only_access_requests(mistake: Complain) -> None:
    told = mistake("send", *SECRETS, "--eap", "md5", "acct", "127.0.0.1:9", *ALICE)
    assert "--eap wants Access-Request, and not Accounting-Request" in told
