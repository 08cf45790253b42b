"""EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2), with the values of RFC 2759 9.2 and RFC 3079 3.5.3."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from trioradius.eap.method import Ask, Circumstances, Done, Failed, Outcome, Send, Step
from trioradius.eap.mschapv2 import EAPMSCHAPv2, MSCHAPv2Run
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.protocol.credentials import Cleartext
from trioradius.protocol.proofs import MSCHAPv2
from trioradius.protocol.weigh import weigh

CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
PROOF = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
SEND_KEY = bytes.fromhex("8B7CDC149B993A1BA118CB153F56DCCB")


def began(monkeypatch: pytest.MonkeyPatch, identity: str = "User") -> MSCHAPv2Run:
    monkeypatch.setattr("secrets.token_bytes", lambda size: CHALLENGE[:size])
    ours = EAPMSCHAPv2(server_name="here").start(Circumstances(identity, now=datetime.now(UTC)))
    assert ours.begin(9) == Send(b"\x01\x09\x00\x19\x10" + CHALLENGE + b"here")
    return ours


def response(name: bytes = b"User", *, opcode: int = 2, identifier: int = 9, more: int = 0, size: int = 49) -> bytes:
    value = PEER_CHALLENGE + bytes(8) + NT_RESPONSE + b"\0"
    length = 5 + len(value) + len(name) + more
    return bytes((opcode, identifier)) + length.to_bytes(2, "big") + bytes((size,)) + value + name


def receive(ours: MSCHAPv2Run, data: bytes) -> Step:
    return ours.receive(EAPPacket(RESPONSE, 9, 26, data), 10)


def test_the_values_of_the_rfcs(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = began(monkeypatch)
    asked = receive(ours, response())
    assert asked == Ask("User", MSCHAPv2(b"User", CHALLENGE, PEER_CHALLENGE, NT_RESPONSE))
    assert isinstance(asked, Ask)
    proved = ours.tell(weigh(asked.proof, Cleartext(b"clientPass")), 10)
    assert proved == Send(b"\x03\x09\x00\x33" + PROOF + b" M=OK")
    done = receive(ours, b"\3")
    assert isinstance(done, Done)
    assert done.outcome == Outcome("MSCHAPv2", "User", msk=done.outcome.msk)
    assert done.outcome.msk[16:] == SEND_KEY and len(done.outcome.msk) == 32
    ours.close()


@pytest.mark.parametrize("identity", ["DOMAIN\\User", "User"])
@pytest.mark.parametrize("name", [b"DOMAIN\\User", b"User"])
def test_a_domain_is_no_part_of_what_is_hashed(monkeypatch: pytest.MonkeyPatch, identity: str, name: bytes) -> None:
    asked = receive(began(monkeypatch, identity), response(name))
    assert isinstance(asked, Ask) and asked.identity == identity
    assert weigh(asked.proof, Cleartext(b"clientPass")).fits


@pytest.mark.parametrize("name", [b"", b"Use", b"user", b"User2", b"User\0", b"D\\E\\User"])
def test_the_name_must_be_the_identity(monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    assert receive(began(monkeypatch), response(name)) == Failed(
        "MSCHAPv2: the name in the response is not the identity"
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\2",
        b"\3",
        response()[:-5],
        response(opcode=1),
        response(opcode=7),
        response(identifier=8),
        response(size=48),
        response(more=1),
        response(more=-1),
    ],
)
def test_what_is_no_response(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    assert isinstance(receive(began(monkeypatch), data), Failed)


def test_a_wrong_password_is_refused_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = began(monkeypatch)
    asked = receive(ours, response())
    assert isinstance(asked, Ask)
    refused = ours.tell(weigh(asked.proof, Cleartext(b"another")), 10)
    assert isinstance(refused, Send)
    assert int.from_bytes(refused.data[2:4], "big") == len(refused.data)
    assert re.fullmatch(rb"\x04\x09..E=691 R=0 C=[0-9A-F]{32} V=3 M=.*", refused.data, re.DOTALL)
    for data in (b"\4", b"\3", response()):
        assert receive(ours, data) == Failed("MSCHAPv2: wrong password")


@pytest.mark.parametrize("data", [b"", b"\4", b"\2", response()])
def test_a_peer_that_does_not_acknowledge_our_proof(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Else a peer that was not convinced would be let in all the same."""
    ours = began(monkeypatch)
    asked = receive(ours, response())
    assert isinstance(asked, Ask)
    ours.tell(weigh(asked.proof, Cleartext(b"clientPass")), 10)
    assert receive(ours, data) == Failed("MSCHAPv2: the peer does not accept our proof")
