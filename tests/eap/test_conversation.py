"""The server's side of a conversation: RFC 3748 sections 2.1, 4, 5.1 and 5.3, without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

import attrs
import pytest

from tests.eap.peers import Peer
from trioradius.eap.conversation import Accepted, Action, Challenge, Conversation, Refused
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Ask, Circumstances, Failed, MethodSettings, Outcome, Send, Step
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import FAILURE, IDENTITY, NAK, NOTIFICATION, REQUEST, RESPONSE, SUCCESS, EAPPacket
from trioradius.errors import DecodeError
from trioradius.protocol.credentials import Cleartext, Verdict
from trioradius.protocol.weigh import weigh

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERY: tuple[MethodSettings, ...] = (EAPMSCHAPv2(), EAPMD5(), EAPGTC())


@attrs.define
class Scripted:
    """A method that takes a script of steps, and counts how often it is begun and closed."""

    type: ClassVar[int] = 55
    name: ClassVar[str] = "Scripted"
    steps: list[Step]
    begun: list[Circumstances] = attrs.field(factory=list)
    closed: int = 0

    def start(self, circumstances: Circumstances) -> Scripted:
        self.begun.append(circumstances)
        return self

    def begin(self, identifier: int) -> Step:
        return self.steps.pop(0)

    def receive(self, response: EAPPacket, identifier: int) -> Step:
        return self.steps.pop(0)

    def tell(self, verdict: Verdict, identifier: int) -> Step:
        return self.steps.pop(0)

    def close(self) -> None:
        self.closed += 1


def conversation(*methods: MethodSettings, rounds: int = 50) -> Conversation:
    return Conversation(methods, now=NOW, rounds=rounds)


def response(to: Action, kind: int, data: bytes = b"", *, further: int = 0) -> bytes:
    assert isinstance(to, Challenge)
    return EAPPacket(RESPONSE, (to.octets[1] + further) % 256, kind, data).encode()


def decided(ours: Conversation, action: Action, password: bytes = b"wonderland") -> Action:
    while isinstance(action, Ask):
        action = ours.tell(weigh(action.proof, Cleartext(password)))
    return action


def talk(peer: Peer, methods: Sequence[MethodSettings], password: bytes = b"wonderland") -> tuple[Action, list[int]]:
    """A whole conversation, and the types of its Requests."""
    ours = conversation(*methods)
    action, types = ours.receive(peer.start(255)), []
    while isinstance(action, Challenge):
        types.append(action.octets[4])
        action = decided(ours, ours.receive(peer.answer(action.octets)), password)
    return action, types


@pytest.mark.parametrize("method", EVERY, ids=[method.name for method in EVERY])
def test_a_method_from_identity_to_success(method: MethodSettings) -> None:
    action, types = talk(Peer(), [method])
    assert isinstance(action, Accepted)
    assert (action.outcome.method, action.outcome.identity) == (method.name, "alice")
    assert set(types) == {method.type}
    success = EAPPacket.decode(action.octets)
    # The Identity had Identifier 255, so the first Request has 0, the next one 1; Success has the last Response's.
    assert success == EAPPacket(SUCCESS, len(types) - 1)


@pytest.mark.parametrize("method", EVERY, ids=[method.name for method in EVERY])
def test_a_wrong_password_fails(method: MethodSettings) -> None:
    action, types = talk(Peer(password="wonderlamp"), [method])
    assert action == Refused(EAPPacket(FAILURE, len(types) - 1).encode(), f"{method.name}: wrong password")


def test_the_peer_refuses_what_is_proposed_and_gets_the_server_s_next_best() -> None:
    assert talk(Peer(methods=(6, 4)), EVERY)[1] == [26, 4]
    assert talk(Peer(methods=(6,)), EVERY)[1] == [26, 6]


def test_nothing_in_common() -> None:
    action, types = talk(Peer(methods=(6, 4)), EVERY[:1])
    assert isinstance(action, Refused)
    assert (action.reason, types) == ("no method in common; the types that the peer asks for: 6, 4", [26])
    ours = conversation(*EVERY)
    action = ours.receive(response(ours.receive(Peer().start()), NAK, b"\0"))
    assert isinstance(action, Refused) and action.reason.endswith("none")
    refused = conversation().receive(Peer().start())
    assert isinstance(refused, Refused) and "no method in common" in refused.reason


def test_a_refused_method_is_closed_and_not_proposed_again() -> None:
    scripted = Scripted([Send(b"")])
    ours = conversation(scripted, EAPMD5())
    first = ours.receive(Peer().start())
    second = ours.receive(response(first, NAK, b"\x37\x04"))
    assert scripted.closed == 1
    assert isinstance(second, Challenge) and second.octets[4] == 4
    third = ours.receive(response(second, NAK, b"\x37"))
    assert isinstance(third, Refused)
    assert scripted.closed == 1


def test_no_other_method_once_one_has_begun() -> None:
    """Method hopping: RFC 3748 section 2.1."""
    ours = conversation(*EVERY)
    first = ours.receive(Peer().start())
    assert isinstance(first, Challenge)
    second = decided(ours, ours.receive(Peer().answer(first.octets)))
    assert isinstance(second, Challenge)
    for kind, data in ((NAK, b"\x04"), (4, b"\x10" + bytes(16)), (IDENTITY, b"mallory"), (NOTIFICATION, b"")):
        assert ours.receive(response(second, kind, data)) == Challenge(second.octets, ignored=True)
    assert ours.identity == "alice"
    assert isinstance(ours.receive(Peer().answer(second.octets)), Accepted)


@pytest.mark.parametrize("kind", [IDENTITY, NOTIFICATION, 4, 13])
def test_what_is_no_answer_to_the_first_request_is_ignored(kind: int) -> None:
    ours = conversation(*EVERY)
    first = ours.receive(Peer().start())
    assert ours.receive(response(first, kind, b"\x10" + bytes(60))) == attrs.evolve(first, ignored=True)


def test_an_identity_request_cannot_be_refused() -> None:
    """RFC 3748 section 5.3.1."""
    ours = conversation(*EVERY)
    asked = ours.receive(b"")
    assert ours.receive(response(asked, NAK, b"\x04")) == attrs.evolve(asked, ignored=True)


@pytest.mark.parametrize("further", [-1, 1, 128])
def test_an_identifier_of_no_outstanding_request_is_ignored(further: int) -> None:
    ours = conversation(EAPGTC())
    first = ours.receive(Peer().start())
    stale = response(first, 6, b"wonderland", further=further)
    assert ours.receive(stale) == attrs.evolve(first, ignored=True)
    assert isinstance(decided(ours, ours.receive(response(first, 6, b"wonderland"))), Accepted)


def test_a_request_or_garbage_in_the_middle_is_ignored() -> None:
    ours = conversation(EAPGTC())
    first = ours.receive(Peer().start(8))
    assert isinstance(first, Challenge)
    for octets in (b"", b"\2", b"\2\x09\0\xff\6", EAPPacket(REQUEST, 9, 6, b"x").encode(), bytes(5)):
        assert ours.receive(octets) == attrs.evolve(first, ignored=True)
    assert ours.rounds == 1


def test_a_repeat_gets_the_identical_request() -> None:
    ours = conversation(EAPMSCHAPv2())
    start = Peer().start()
    first = ours.receive(start)
    assert ours.receive(start) is first
    assert isinstance(first, Challenge)
    answer = Peer().answer(first.octets)
    asked = ours.receive(answer)
    assert isinstance(asked, Ask) and ours.receive(answer) is asked
    second = decided(ours, asked)
    assert ours.receive(answer) is second
    assert ours.receive(start) == attrs.evolve(second, ignored=True)
    assert isinstance(second, Challenge)
    last = Peer().answer(second.octets)
    done = ours.receive(last)
    assert isinstance(done, Accepted) and ours.receive(last) is done
    assert ours.is_over and ours.rounds == 2


def test_after_the_end_nothing_but_a_repeat_succeeds() -> None:
    ours = conversation(EAPGTC())
    first = ours.receive(Peer().start())
    answer = response(first, 6, b"wonderland")
    done = decided(ours, ours.receive(answer))
    for octets in (b"", b"\2", Peer().start(), response(first, 6, b"another"), response(first, NAK, b"\x04")):
        assert isinstance(ours.receive(octets), Refused)
    assert ours.receive(answer) is done


def test_while_a_password_is_looked_up_nothing_else_goes_in() -> None:
    ours = conversation(EAPGTC())
    first = ours.receive(Peer().start())
    answer = response(first, 6, b"wonderland")
    asked = ours.receive(answer)
    assert ours.receive(response(first, 6, b"another")) == attrs.evolve(first, ignored=True)
    assert ours.receive(answer) is asked
    assert isinstance(ours.tell(Verdict(True)), Accepted)


def test_eap_start_asks_for_the_identity() -> None:
    """RFC 3579 section 2.1."""
    ours = conversation(EAPMD5())
    asked = ours.receive(b"")
    assert isinstance(asked, Challenge)
    request = EAPPacket.decode(asked.octets)
    assert (request.code, request.type, request.data) == (REQUEST, IDENTITY, b"")
    assert ours.receive(b"") is asked
    first = ours.receive(Peer().answer(asked.octets))
    assert isinstance(first, Challenge)
    assert first.octets[1] == (asked.octets[1] + 1) % 256 and first.octets[4] == 4


@pytest.mark.parametrize(
    "octets",
    [EAPPacket(RESPONSE, 3, 4, b"x").encode(), EAPPacket(REQUEST, 3, IDENTITY, b"x").encode(), b"\3\3\0\4"],
)
def test_what_no_conversation_begins_with(octets: bytes) -> None:
    action = conversation(*EVERY).receive(octets)
    assert action == Refused(b"\4\3\0\4", "no answer to anything that was asked")


def test_garbage_begins_no_conversation() -> None:
    with pytest.raises(DecodeError):
        conversation(*EVERY).receive(b"\2\1\0")


@pytest.mark.parametrize("identity", [b"\xff", b"alice\0", b"a\nb", b"x" * 254])
def test_an_identity_that_is_none(identity: bytes) -> None:
    ours = conversation(*EVERY)
    action = ours.receive(EAPPacket(RESPONSE, 3, IDENTITY, identity).encode())
    assert isinstance(action, Refused) and "identity" in action.reason


@pytest.mark.parametrize("identity", ["", "@example.org", "älice", "x" * 253])
def test_an_identity(identity: str) -> None:
    scripted = Scripted([Send(b"")])
    ours = Conversation([scripted], now=NOW, fragment_size=300)
    ours.receive(Peer(identity).start())
    assert scripted.begun == [Circumstances(identity, 300, now=NOW)]
    assert (ours.identity, ours.method) == (identity, "Scripted")


def test_rounds_are_bounded() -> None:
    scripted = Scripted([Send(bytes((at,))) for at in range(60)])
    ours = conversation(scripted, rounds=5)
    action = ours.receive(Peer().start())
    for at in range(4):
        assert isinstance(action, Challenge) and action.octets[5] == at
        action = ours.receive(response(action, 55))
    assert isinstance(action, Challenge)
    action = ours.receive(response(action, 55))
    assert isinstance(action, Refused) and action.reason == "more than 5 rounds"
    assert scripted.closed == 1


def test_a_verdict_that_nobody_asked_for() -> None:
    ours = conversation(EAPGTC())
    ours.receive(Peer().start())
    assert isinstance(ours.tell(Verdict(True)), Refused)


@pytest.mark.parametrize(("identity", "first"), [(0, 1), (127, 128), (254, 255), (255, 0)])
def test_identifiers_go_round(identity: int, first: int) -> None:
    action = conversation(EAPGTC()).receive(Peer().start(identity))
    assert isinstance(action, Challenge) and action.octets[1] == first


def test_after_the_end_of_a_method_that_went_wrong_nothing_is_asked_again() -> None:
    ours = conversation(EAPGTC())
    first = ours.receive(Peer().start())
    assert isinstance(ours.receive(response(first, 6)), Refused)
    assert isinstance(ours.receive(response(first, 6, b"wonderland")), Refused)


def test_close_gives_up_what_was_under_way() -> None:
    scripted = Scripted([Send(b""), Ask("alice", EAPMD5)])  # type: ignore[arg-type]
    ours = conversation(scripted)
    first = ours.receive(Peer().start())
    assert isinstance(ours.receive(response(first, 55)), Ask)
    ours.close()
    ours.close()
    assert scripted.closed == 1
    given_up = ours.tell(Verdict(True))
    assert isinstance(given_up, Refused) and ours.is_over
    assert isinstance(ours.receive(response(first, 55, b"x")), Refused)


@pytest.mark.parametrize("step", [Failed("no"), Send(b"x")])
def test_success_comes_of_done_alone(step: Step) -> None:
    scripted = Scripted([Send(b""), step])
    ours = conversation(scripted)
    assert not isinstance(ours.receive(response(ours.receive(Peer().start()), 55)), Accepted)


def test_what_a_method_may_say_at_once() -> None:
    scripted = Scripted([Failed("not here")])
    action = conversation(scripted).receive(Peer().start(7))
    assert action == Refused(b"\4\7\0\4", "not here")
    assert scripted.closed == 1


def test_an_outcome_keeps_its_keys_to_itself() -> None:
    assert "secret" not in repr(Outcome("x", "y", msk=b"secret", session_id=b"secret"))
