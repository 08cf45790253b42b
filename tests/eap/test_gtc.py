"""EAP-GTC: RFC 3748 section 5.6."""

from __future__ import annotations

from datetime import UTC, datetime

from trioradius.eap.gtc import EAPGTC
from trioradius.eap.method import Ask, Circumstances, Done, Failed, Outcome, Send
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.protocol.credentials import Verdict
from trioradius.protocol.proofs import PAP


def test_a_prompt_and_what_is_typed() -> None:
    ours = EAPGTC(prompt="Kennwört: ").start(Circumstances("alice", now=datetime.now(UTC)))
    assert ours.begin(9) == Send("Kennwört: ".encode())
    assert ours.receive(EAPPacket(RESPONSE, 9, 6, b" typed \0"), 10) == Ask("alice", PAP(b" typed \0"))
    assert ours.receive(EAPPacket(RESPONSE, 9, 6), 10) == Failed("GTC: an empty response")
    assert ours.tell(Verdict(True), 10) == Done(Outcome("GTC", "alice"))
    assert ours.tell(Verdict(False, "wrong password"), 10) == Failed("GTC: wrong password")
    ours.close()
