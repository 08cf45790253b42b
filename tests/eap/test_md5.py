"""EAP-MD5: RFC 3748 section 5.4."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trioradius.eap.md5 import EAPMD5, MD5Run
from trioradius.eap.method import Ask, Circumstances, Done, Failed, Outcome, Send
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import CHAP


def run() -> MD5Run:
    return EAPMD5(server_name="here").start(Circumstances("alice", now=datetime.now(UTC)))


def test_the_challenge_is_new_each_time() -> None:
    first, second = run().begin(1), run().begin(1)
    assert isinstance(first, Send) and isinstance(second, Send)
    assert first.data[0] == 16 and first.data[17:] == b"here"
    assert first.data[1:17] != second.data[1:17]


def test_the_response_is_chap_over_the_identifier() -> None:
    ours = run()
    sent = ours.begin(9)
    assert isinstance(sent, Send)
    asked = ours.receive(EAPPacket(RESPONSE, 9, 4, b"\x10" + b"d" * 16 + b"alice's machine"), 10)
    assert asked == Ask("alice", CHAP(9, sent.data[1:17], b"d" * 16))
    assert ours.tell(Verdict(True), 10) == Done(Outcome("MD5", "alice"))
    assert ours.tell(Verdict(False, "wrong password"), 10) == Failed("MD5: wrong password")


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x10" + bytes(15), b"\x0f" + bytes(16), b"\x11" + bytes(17)])
def test_what_is_no_response(data: bytes) -> None:
    ours = run()
    ours.begin(9)
    assert ours.receive(EAPPacket(RESPONSE, 9, 4, data), 10) == Failed("MD5: a response that is no digest")
    ours.close()
