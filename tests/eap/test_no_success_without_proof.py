"""Whatever a peer says, in whatever order: who does not know the password is never told that he is in."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.eap.peers import Peer
from trioradius.eap.conversation import Accepted, Action, Challenge, Conversation, Refused
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Ask
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.errors import DecodeError
from trioradius.protocol.credentials import Cleartext
from trioradius.protocol.weigh import weigh

METHODS = (EAPMSCHAPv2(), EAPMD5(), EAPGTC())
TYPES = st.sampled_from([1, 2, 3, 4, 6, 13, 26, 254])
PASSWORD = Cleartext(b"wonderland")


class Impostor(RuleBasedStateMachine):
    """A peer that knows everything but the password."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = Conversation(METHODS, now=datetime.now(UTC))
        self.request: bytes | None = None
        self.said: list[bytes] = []

    def say(self, octets: bytes) -> None:
        self.said.append(octets)
        try:
            action: Action = self.ours.receive(octets)
        except DecodeError:
            return
        while isinstance(action, Ask):
            assert action.identity == "alice"
            action = self.ours.tell(weigh(action.proof, PASSWORD))
        assert not isinstance(action, Accepted)
        if isinstance(action, Challenge):
            self.request = action.octets
        else:
            assert isinstance(action, Refused) and action.octets[0] == 4

    @initialize(solicited=st.booleans())
    def begin(self, solicited: bool) -> None:
        self.say(Peer().start(3) if solicited else b"")

    @rule(methods=st.permutations([26, 4, 6]), password=st.sampled_from(["wonderlamp", "", "wonderland\0"]))
    def answer_as_a_peer_would(self, methods: list[int], password: str) -> None:
        if self.request is not None:
            self.say(Peer("alice", password or "x", tuple(methods)).answer(self.request))

    @rule(kind=TYPES, data=st.binary(max_size=80), further=st.sampled_from([0, 0, 0, 1, 255]))
    def answer_anything(self, kind: int, data: bytes, further: int) -> None:
        identifier = (self.request[1] if self.request else 0) + further
        self.say(EAPPacket(RESPONSE, identifier % 256, kind, data).encode())

    @rule(octets=st.binary(max_size=12))
    def say_anything(self, octets: bytes) -> None:
        self.say(octets)

    @rule(at=st.integers(0, 1000))
    def repeat(self, at: int) -> None:
        self.say(self.said[at % len(self.said)])

    @rule(opcode=st.sampled_from([2, 3, 4]))
    def claim_to_be_convinced(self, opcode: int) -> None:
        """The acknowledgement of a proof that MSCHAPv2 never gave."""
        if self.request is not None:
            self.say(EAPPacket(RESPONSE, self.request[1], 26, bytes((opcode,))).encode())


class TestImpostor(Impostor.TestCase):
    settings = settings(max_examples=150, stateful_step_count=20, deadline=None)


def test_the_same_machine_gets_in_with_the_password() -> None:
    """Else the test above could not fail."""
    ours = Conversation(METHODS, now=datetime.now(UTC))
    action: Action = ours.receive(Peer().start(3))
    while isinstance(action, Challenge):
        action = ours.receive(Peer().answer(action.octets))
        while isinstance(action, Ask):
            action = ours.tell(weigh(action.proof, PASSWORD))
    assert isinstance(action, Accepted)
