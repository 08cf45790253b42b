"""What a supplicant shows, and whom it believes: mistakes are one clear line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tls.pki import NOW, PKI
from trioradius.eap.supplicant import EAP_METHODS, EAPCredentials, method_of, needs_certificate, needs_tls
from trioradius.errors import ConfigurationError
from trioradius.tls import TLSSettings

TYPES = {"md5": 4, "gtc": 6, "mschapv2": 26, "tls": 13, "peap": 25, "ttls": 21}


def credentials(**changes: Any) -> EAPCredentials:
    given: dict[str, Any] = {"method": "md5", "identity": "alice", "password": "wonderland"}
    return EAPCredentials(**(given | changes))


TRUSTED = TLSSettings(ca="ca.pem", server_name="radius.example.org")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"method": "peap"}, "there is no EAP method 'peap'; there are md5, gtc, mschapv2, tls, peap-mschapv2, "),
        ({"identity": ""}, "EAP md5 needs an identity: who the user is"),
        ({"password": None}, "EAP md5 needs a password"),
        ({"method": "ttls-pap", "password": None, "tls": TRUSTED}, "EAP ttls-pap needs a password"),
        ({"method": "mschapv2", "password": b"\xff"}, "this one is not UTF-8"),
        ({"method": "ttls-mschap", "password": b"\xff", "tls": TRUSTED}, "this one is not UTF-8"),
        ({"anonymous_identity": "anonymous"}, "EAP md5 has no tunnel in which an identity could hide"),
        ({"method": "tls", "anonymous_identity": "anonymous"}, "EAP tls has no tunnel"),
        ({"fragment_size": 199}, "fragment_size is 200 to 3000 octets, not 199"),
        ({"fragment_size": 3_001}, "fragment_size is 200 to 3000 octets, not 3001"),
        ({"rounds_maximum": 0}, "rounds_maximum must be more than 0"),
        ({"method": "peap-gtc"}, "EAP peap-gtc needs a ca that the server's certificate is from"),
        ({"method": "peap-gtc", "tls": TLSSettings(server_name="x")}, "needs a ca"),
        ({"method": "peap-gtc", "tls": TLSSettings(ca="ca.pem")}, "needs the server_name"),
        ({"method": "tls", "tls": TRUSTED}, "EAP tls needs a certificate and its key"),
        ({"method": "peap-tls", "tls": TRUSTED}, "EAP peap-tls needs a certificate and its key"),
    ],
)
def test_mistakes(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        credentials(**changes)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"password": b"\xff"},
        {"password": ""},
        {"fragment_size": 200},
        {"fragment_size": 3_000},
        {"rounds_maximum": 1},
        {"method": "peap-gtc", "tls": TLSSettings(fingerprints="00" * 32)},
        {"method": "ttls-pap", "tls": TRUSTED, "password": b"\xff", "anonymous_identity": "anonymous"},
        {"method": "tls", "tls": TLSSettings(ca="a", server_name="b", certificate="c", key="d"), "password": None},
    ],
)
def test_what_works(changes: dict[str, Any]) -> None:
    credentials(**changes)


def test_the_outer_identity() -> None:
    assert credentials().outer_identity == "alice"
    hidden = credentials(method="ttls-pap", tls=TRUSTED, anonymous_identity="anonymous@example.org")
    assert hidden.outer_identity == "anonymous@example.org"


def test_text_is_utf_8_and_in_no_repr() -> None:
    made = credentials(password="wünderland")
    assert made.password == "wünderland".encode()
    assert "nderland" not in repr(made)


def test_what_is_usual() -> None:
    made = credentials()
    assert (made.fragment_size, made.rounds_maximum, made.require_keys) == (1_020, 50, True)


def test_what_methods_need() -> None:
    assert [method for method in EAP_METHODS if not needs_tls(method)] == ["md5", "gtc", "mschapv2"]
    assert [method for method in EAP_METHODS if needs_certificate(method)] == ["tls", "peap-tls"]
    assert not needs_tls("unknown")


@pytest.mark.parametrize("method", EAP_METHODS)
def test_every_method_can_be_made(pki: PKI, method: Any) -> None:
    made = method_of(credentials(method=method, tls=pki.settings("client", server_name="localhost")), NOW)
    assert made.type == TYPES[method.partition("-")[0]]
    assert not made.findings.complete
    assert "nderland" not in repr(made)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError, match=r"ca: ca\.pem cannot be read"):
        method_of(credentials(method="ttls-pap", tls=TRUSTED), NOW)
