"""TEAP against a supplicant on our own engine: users and machines, keys on both sides, and no success by any claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.eap.tls_based.peers import Talk, client, outcome, reason
from tests.eap.tls_based.supplicants import (
    HINT,
    HOST,
    MACHINE,
    TLS,
    USER,
    Forged,
    Heard,
    Judge,
    Supplicant,
    TEAPPeer,
    certificate_of,
    honest,
    teap_peer,
)
from tests.tls.pki import PKI
from trioradius.eap.gtc import EAPGTC
from trioradius.eap.md5 import EAPMD5
from trioradius.eap.method import Failed, Send
from trioradius.eap.mschapv2 import EAPMSCHAPv2
from trioradius.eap.packet import RESPONSE, EAPPacket
from trioradius.eap.tls_based import tlvs
from trioradius.eap.tls_based.certificate import EAPTLS
from trioradius.eap.tls_based.peap import PEAP
from trioradius.eap.tls_based.teap import TEAP
from trioradius.eap.tls_based.tlvs import TLV
from trioradius.eap.tls_based.ttls import EAPTTLS
from trioradius.errors import ConfigurationError
from trioradius.protocol.credentials import Verdict

SUCCESS, FAILURE = b"\0\1", b"\0\2"
RESULT = tlvs.number(tlvs.RESULT, tlvs.SUCCESS)
INTERMEDIATE = tlvs.number(tlvs.INTERMEDIATE_RESULT, tlvs.SUCCESS)
HINTS = TLV(tlvs.IDENTITY_HINT, b"alice", mandatory=False).encode()
UNKNOWN = TLV(99, b"x")
NOT_FATAL = tlvs.number(tlvs.ERROR, 1001, 4)


def inner_tls(pki: PKI) -> EAPTLS:
    return EAPTLS(pki.settings("server", resumption=False))


def teap(pki: PKI, *methods: Any, **options: Any) -> TEAP:
    return TEAP(pki.settings("server"), *methods, **options)


def both(pki: PKI, **options: Any) -> TEAP:
    return teap(pki, EAPMSCHAPv2(), inner_tls(pki), identities=("machine", "user"), **options)


@pytest.mark.parametrize("size", [100, 1_015])
def test_a_user_by_mschapv2(pki: PKI, size: int) -> None:
    within = Supplicant()
    peer = teap_peer(pki, within, size=size)
    found = outcome(Talk(teap(pki), size=size).with_peer(peer))
    assert (found.method, found.inner_method, found.identity, found.machine) == ("TEAP", "MSCHAPv2", "alice", "")
    assert (found.tls_version, found.resumed, found.certificate, found.emsk) == ("TLSv1.2", False, None, b"")
    assert found.msk == within.msk and len(found.msk) == 64
    assert found.session_id == b"\x37" + peer.engine.tls_unique() and len(found.session_id) == 13
    assert [sorted(heard) for heard in within.heard] == [[2, 9], [9], [9], [3, 10, 12]]
    assert within.heard[0][tlvs.IDENTITY_TYPE] == b"\0\1"


def test_the_first_packet(pki: PKI) -> None:
    """Flags S and O, version 1, and the Authority-ID (RFC 9930 section 3.2)."""
    assert Talk(teap(pki)).request == b"\x31\0\0\0\x0e" + HINT
    assert Talk(teap(pki, authority="x")).request == b"\x31\0\0\0\x05\0\1\0\1x"


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_machine_by_certificate(pki: PKI, version: str) -> None:
    """EAP-TLS makes an EMSK, and the keys come from that (rfc7170bis-20 section 5.4)."""
    within = Supplicant(certificate=certificate_of(pki, version))
    peer = teap_peer(pki, within)
    found = outcome(Talk(teap(pki, inner_tls(pki), identities=("machine",))).with_peer(peer))
    assert (found.inner_method, found.identity, found.machine) == ("EAP-TLS", HOST, HOST)
    assert found.certificate is not None and HOST in found.certificate.dns
    assert within.by_emsk and found.msk == within.msk
    assert within.heard[0][tlvs.IDENTITY_TYPE] == b"\0\2"


@pytest.mark.parametrize("password", [(), ("user",)])
def test_machine_and_user(pki: PKI, password: tuple[str, ...]) -> None:
    """One after the other, each bound to the tunnel before the next begins."""
    within = Supplicant(certificate=certificate_of(pki))
    found = outcome(Talk(both(pki, basic_password=password)).with_peer(teap_peer(pki, within)))
    expected = "Basic-Password" if password else "MSCHAPv2"
    assert (found.identity, found.machine, found.inner_method) == ("alice", HOST, expected)
    assert found.certificate is None
    assert found.msk == within.msk
    bindings = [sorted(heard) for heard in within.heard if tlvs.CRYPTO_BINDING in heard]
    assert bindings == [[10, 12], [3, 10, 12]]


def test_the_peer_may_begin_with_the_other(pki: PKI) -> None:
    """RFC 9930 section 4.2.3: where that is permitted and not proved yet."""
    order = iter((USER, MACHINE))

    def other(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
        if tlvs.IDENTITY_TYPE not in heard:
            return said
        supplicant._identity = next(order)
        answer = supplicant._answer(EAPPacket.decode(heard[tlvs.EAP_PAYLOAD]))
        return [tlvs.number(tlvs.IDENTITY_TYPE, supplicant._identity), TLV(tlvs.EAP_PAYLOAD, answer.encode())]

    within = Supplicant(judge=other, certificate=certificate_of(pki))
    found = outcome(Talk(both(pki)).with_peer(teap_peer(pki, within)))
    assert (found.identity, found.machine, found.inner_method) == ("alice", HOST, "MSCHAPv2")
    asked = [heard[tlvs.IDENTITY_TYPE] for heard in within.heard if tlvs.IDENTITY_TYPE in heard]
    assert asked == [b"\0\2", b"\0\2"]


def test_a_password_without_eap(pki: PKI) -> None:
    within = Supplicant()
    method = teap(pki, basic_password=("user",), prompt="PIN")
    found = outcome(Talk(method).with_peer(teap_peer(pki, within)))
    assert (found.identity, found.inner_method) == ("alice", "Basic-Password")
    assert within.heard[0] == {tlvs.IDENTITY_TYPE: b"\0\1", tlvs.PASSWORD_REQUEST: b"PIN"}
    assert found.msk == within.msk


def test_outer_tlvs_of_the_peer_are_bound(pki: PKI) -> None:
    within = Supplicant(outer=TLV(7, b"\0\0\0\x09abc", mandatory=False).encode())
    assert outcome(Talk(teap(pki)).with_peer(teap_peer(pki, within))).msk == within.msk


def test_outer_tlvs_that_somebody_has_changed(pki: PKI) -> None:
    """On the way to us: then the MACs of both ends differ (rfc7170bis-20 section 5.3)."""
    within = Supplicant(outer=b"\0\7\0\4abcd")
    peer = teap_peer(pki, within)
    peer._outer = b"\0\7\0\4abcD"
    with pytest.raises(Forged):
        Talk(teap(pki)).with_peer(peer)


def test_outer_tlvs_in_later_messages_are_ignored(pki: PKI) -> None:
    talk, peer = Talk(teap(pki)), teap_peer(pki, Supplicant())
    while isinstance(talk.step, Send):
        said = peer.respond(talk.step.data)
        late = bytes((said[0] | 0x10,)) + b"\0\0\0\1" + said[1:] + b"x" if len(talk.sent) > 1 else said
        talk.answer(late)
    outcome(talk.step)


@pytest.mark.parametrize("said", [b"", b"\x11", b"\x11\0\0\0\2x", b"\0", b"\2hello"])
def test_packets_that_are_none_of_version_1(pki: PKI, said: bytes) -> None:
    assert reason(Talk(teap(pki)).answer(said)).startswith("TEAP: ")


def stubborn(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
    """Says that it is a success, whatever the server says."""
    return [RESULT] if tlvs.RESULT in heard else said


@pytest.mark.parametrize("method", ["password", "mschapv2"])
@pytest.mark.parametrize("judge", [honest, stubborn])
def test_a_wrong_password(pki: PKI, method: str, judge: Judge) -> None:
    """The peer is told that, and not why; and it fails whatever it says then."""
    within = Supplicant(password=b"wonderlamp", judge=judge)
    server = teap(pki, basic_password=("user",) if method == "password" else (), resumption=True)
    assert reason(Talk(server).with_peer(teap_peer(pki, within))).endswith("wrong password")
    assert within.heard[-1] == {
        tlvs.INTERMEDIATE_RESULT: FAILURE,
        tlvs.ERROR: (1001).to_bytes(4, "big"),
        tlvs.RESULT: FAILURE,
    }
    assert len(server._offer.tunnel.remembered) == 0


def at_the_end(change: Callable[[list[TLV]], list[TLV]]) -> Judge:
    """Changes what is said to the crypto-binding alone."""
    return lambda supplicant, heard, said: change(said) if tlvs.CRYPTO_BINDING in heard else said


def forged(said: list[TLV]) -> list[TLV]:
    value = said[0].value
    return [TLV(tlvs.CRYPTO_BINDING, value[:-1] + bytes((value[-1] ^ 1,))), *said[1:]]


@pytest.mark.parametrize(
    ("change", "text", "code"),
    [
        (forged, "different places", 2005),
        (lambda said: said[1:], "no crypto-binding", 2001),
        (lambda said: [], "no crypto-binding", 2001),
        (lambda said: [TLV(tlvs.CRYPTO_BINDING, b""), *said[1:]], "another length", 2003),
        (lambda said: [said[0], said[2]], "does not take the inner method", 2002),
        (lambda said: [said[0], tlvs.number(10, 2), said[2]], "does not take the inner method", 2002),
        (lambda said: said[:2], "does not confirm the result", 2002),
        (lambda said: [*said[:2], TLV(tlvs.REQUEST_ACTION, b"\2\1")], "does not confirm the result", 2002),
        (lambda said: [*said, TLV(tlvs.PASSWORD_RESPONSE, b"\1a\1b")], "more than it is asked", 2002),
        (lambda said: [*said, TLV(tlvs.EAP_PAYLOAD, b"\2\1\0\6\1a")], "more than it is asked", 2002),
        (lambda said: [*said, tlvs.number(tlvs.IDENTITY_TYPE, 1)], "more than it is asked", 2002),
        (lambda said: [*said, RESULT], "may not be there", 2002),
        (lambda said: [*said, UNKNOWN], "a TLV that is not known", 2002),
    ],
)
def test_an_end_that_is_not_agreed_on(pki: PKI, change: Callable[[list[TLV]], list[TLV]], text: str, code: int) -> None:
    within = Supplicant(judge=at_the_end(change))
    method = teap(pki, resumption=True)
    assert text in reason(Talk(method).with_peer(teap_peer(pki, within)))
    assert within.heard[-1] == {tlvs.ERROR: code.to_bytes(4, "big"), tlvs.RESULT: FAILURE}
    assert len(method._offer.tunnel.remembered) == 0


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ([tlvs.number(tlvs.RESULT, 2)], "gives up"),
        ([tlvs.number(tlvs.RESULT, 2), tlvs.number(tlvs.ERROR, 2001, 4)], "gives up, error 2001"),
        ([RESULT, tlvs.number(tlvs.ERROR, 2002, 4)], "gives up, error 2002"),
    ],
)
def test_a_peer_that_gives_up(pki: PKI, said: list[TLV], text: str) -> None:
    """At once: there is nothing to tell it (RFC 9930 section 3.9.3)."""
    within = Supplicant(judge=at_the_end(lambda honest: said))
    assert text in reason(Talk(teap(pki)).with_peer(teap_peer(pki, within)))
    assert tlvs.CRYPTO_BINDING in within.heard[-1]


def test_an_action_that_may_be_left_out(pki: PKI) -> None:
    """RFC 9930 section 3.6.5: nothing is done, and what the peer says of that case counts."""
    within = Supplicant(judge=at_the_end(lambda said: [*said[:2], TLV(tlvs.REQUEST_ACTION, b"\1\1")]))
    outcome(Talk(teap(pki)).with_peer(teap_peer(pki, within)))


def instead(*said: TLV, after: int = 0) -> Judge:
    """Says these where the honest one would answer, after so many answers."""
    return lambda supplicant, heard, honest: honest if len(supplicant.heard) <= after else list(said)


NAME = TLV(tlvs.EAP_PAYLOAD, EAPPacket(RESPONSE, 0, 1, b"alice").encode())


PASSWORD_TLV = TLV(tlvs.PASSWORD_RESPONSE, b"\5alice\x0awonderland")


@pytest.mark.parametrize("by_password", [False, True])
@pytest.mark.parametrize("beside", [[], [NAME], [PASSWORD_TLV]])
@pytest.mark.parametrize(
    "said",
    [
        [RESULT],
        [INTERMEDIATE],
        [RESULT, INTERMEDIATE],
        [RESULT, INTERMEDIATE, TLV(tlvs.CRYPTO_BINDING, bytes(76))],
        [TLV(tlvs.CRYPTO_BINDING, bytes(76))],
        [TLV(tlvs.REQUEST_ACTION, b"\1\1")],
        [tlvs.number(tlvs.ERROR, 1001, 4)],
    ],
)
@pytest.mark.parametrize("after", [0, 1])
def test_claims_prove_nothing(pki: PKI, by_password: bool, beside: list[TLV], said: list[TLV], after: int) -> None:
    """A result without an inner method, at any time; also with a proof beside it."""
    within = Supplicant(judge=instead(*said, *beside, after=after))
    method = teap(pki, basic_password=("user",) if by_password else ())
    assert isinstance(Talk(method).with_peer(teap_peer(pki, within)), Failed)


@pytest.mark.parametrize(
    "claim",
    [RESULT, INTERMEDIATE, TLV(tlvs.CRYPTO_BINDING, bytes(76)), TLV(tlvs.REQUEST_ACTION, b"\1\1"), NOT_FATAL],
)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_claim_beside_an_honest_answer(pki: PKI, claim: TLV, at: int) -> None:
    """It is out of place, once is enough, and the proof beside it does not count."""
    within = Supplicant(judge=lambda supplicant, heard, said: [*said, claim] if len(supplicant.heard) == at else said)
    assert "something else" in reason(Talk(teap(pki)).with_peer(teap_peer(pki, within)))


@pytest.mark.parametrize("said", [[], [tlvs.number(tlvs.IDENTITY_TYPE, 1)]])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_silence_proves_nothing(pki: PKI, said: list[TLV], after: int) -> None:
    within = Supplicant(judge=instead(*said, after=after))
    assert "something else" in reason(Talk(teap(pki)).with_peer(teap_peer(pki, within)))


@pytest.mark.parametrize("by_password", [False, True])
def test_proof_of_another_kind(pki: PKI, by_password: bool) -> None:
    said = NAME if by_password else PASSWORD_TLV
    method = teap(pki, basic_password=("user",) if by_password else ())
    step = Talk(method).with_peer(teap_peer(pki, Supplicant(judge=instead(said))))
    assert "something else than what proves it" in reason(step)


def test_an_inner_packet_with_another_identifier(pki: PKI) -> None:
    def other(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
        if tlvs.EAP_PAYLOAD not in heard:
            return said
        asked = EAPPacket.decode(heard[tlvs.EAP_PAYLOAD])
        answer = EAPPacket(RESPONSE, (asked.identifier + 1) % 256, 1, b"alice")
        return [TLV(tlvs.EAP_PAYLOAD, answer.encode())]

    assert "answers another" in reason(Talk(teap(pki)).with_peer(teap_peer(pki, Supplicant(judge=other))))


def claiming(kind: int) -> Judge:
    """Always of this Identity-Type, whatever is asked for."""

    def judge(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
        return [tlvs.number(tlvs.IDENTITY_TYPE, kind), *(tlv for tlv in said if tlv.type != tlvs.IDENTITY_TYPE)]

    return judge


def test_an_identity_that_is_not_asked_for(pki: PKI) -> None:
    """Not permitted; and no change once a proof has begun (RFC 9930 section 4.2.3)."""
    step = Talk(teap(pki)).with_peer(teap_peer(pki, Supplicant(judge=claiming(MACHINE))))
    assert "wants to prove another identity" in reason(step)
    order = iter([MACHINE, USER, USER])
    late = Supplicant(
        judge=lambda supplicant, heard, said: claiming(next(order))(supplicant, heard, said),
        certificate=certificate_of(pki),
    )
    assert "another identity" in reason(Talk(both(pki)).with_peer(teap_peer(pki, late)))


def test_an_identity_that_is_proved_by_other_means(pki: PKI) -> None:
    within = Supplicant(judge=claiming(USER), certificate=certificate_of(pki))
    step = Talk(both(pki, basic_password=("user",))).with_peer(teap_peer(pki, within))
    assert "another identity" in reason(step)


def test_one_identity_does_not_count_twice(pki: PKI) -> None:
    """A user alone, on a network that wants machine and user."""

    def user_only(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
        if tlvs.IDENTITY_TYPE not in heard:
            return said
        supplicant._identity = USER
        answer = supplicant._answer(EAPPacket.decode(heard[tlvs.EAP_PAYLOAD]))
        return [tlvs.number(tlvs.IDENTITY_TYPE, USER), TLV(tlvs.EAP_PAYLOAD, answer.encode())]

    within = Supplicant(judge=user_only)
    assert "another identity" in reason(Talk(both(pki)).with_peer(teap_peer(pki, within)))
    assert any(tlvs.CRYPTO_BINDING in heard for heard in within.heard)


def test_a_machine_alone_is_not_enough(pki: PKI) -> None:
    """A result before the user is proved, with a crypto-binding that fits."""
    within = Supplicant(judge=at_the_end(lambda said: [*said, RESULT]), certificate=certificate_of(pki))
    assert "a result before the end" in reason(Talk(both(pki)).with_peer(teap_peer(pki, within)))
    asking = Supplicant(
        judge=at_the_end(lambda said: [*said, TLV(tlvs.REQUEST_ACTION, b"\1\1")]), certificate=certificate_of(pki)
    )
    assert "a result before the end" in reason(Talk(both(pki)).with_peer(teap_peer(pki, asking)))


def test_an_unbound_machine_does_not_get_to_the_password(pki: PKI) -> None:
    """Whoever relays the machine's proof is found out before the user's password is asked for."""
    within = Supplicant(judge=at_the_end(forged), certificate=certificate_of(pki))
    step = Talk(both(pki, basic_password=("user",))).with_peer(teap_peer(pki, within))
    assert "different places" in reason(step)
    assert not any(tlvs.PASSWORD_REQUEST in heard for heard in within.heard)


def test_unknown_mandatory_tlvs_are_refused(pki: PKI) -> None:
    """All beside them is ignored, and the conversation goes on (RFC 9930 section 4.2)."""

    def judge(supplicant: Supplicant, heard: Heard, said: list[TLV]) -> list[TLV]:
        if tlvs.NAK in heard:
            assert heard == {tlvs.NAK: bytes(4) + b"\0\x63"}
            return held.pop()
        if not held and len(supplicant.heard) == 1:
            held.append(said)
            return [*said, UNKNOWN]
        return said

    held: list[list[TLV]] = []
    outcome(Talk(teap(pki)).with_peer(teap_peer(pki, Supplicant(judge=judge))))
    assert not held


def test_a_peer_that_refuses_what_it_is_asked(pki: PKI) -> None:
    within = Supplicant(judge=instead(TLV(tlvs.NAK, bytes(4) + b"\0\x0d")))
    step = Talk(teap(pki, basic_password=("user",))).with_peer(teap_peer(pki, within))
    assert "refuses TLVs of type 13" in reason(step)


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (HINTS, ""),
        (RESULT.encode(), "before it is asked"),
        (HINTS[:-1], "cut off"),
        (NAME.encode(), "before it is asked"),
    ],
)
def test_what_is_said_before_anything_is_asked(pki: PKI, first: bytes, text: str) -> None:
    """Hints are welcome (RFC 9930 section 4.2.20), and nothing else is."""
    step = Talk(teap(pki)).with_peer(teap_peer(pki, Supplicant(first=first)))
    if text:
        assert text in reason(step)
    else:
        outcome(step)


def test_tlvs_that_are_cut_off(pki: PKI) -> None:
    within = Supplicant()
    peer = teap_peer(pki, within)
    peer._speak = lambda peer, heard: within(peer, heard)[:-1] if heard else b""
    assert "cut off" in reason(Talk(teap(pki)).with_peer(peer))
    assert within.heard[-1] == {tlvs.ERROR: (2002).to_bytes(4, "big"), tlvs.RESULT: FAILURE}


def test_the_end_of_the_handshake_goes_alone(pki: PKI) -> None:
    """Our Finished, and only then what is asked: some peers would not see it beside."""
    peer = teap_peer(pki, Supplicant(), size=3_000)
    outcome(Talk(teap(pki), size=3_000).with_peer(peer))
    assert peer.heard[:2] == [b"", b""] and peer.heard[2][:6] == b"\x80\2\0\2\0\1"


@pytest.mark.parametrize("again", [True, False])
def test_a_session_stands_for_its_user(pki: PKI, again: bool) -> None:
    """No inner method then, but a crypto-binding and a result (RFC 9930 section 3.5)."""
    asking, method = client(pki.settings("client", maximum_version="1.2")), both(pki, resumption=again)
    first = TEAPPeer(asking, Supplicant(certificate=certificate_of(pki)))
    assert not outcome(Talk(method).with_peer(first)).resumed
    for _ in range(2):
        first.engine.close()
        within = Supplicant(certificate=certificate_of(pki))
        peer = TEAPPeer(asking, within, resumption=first.engine.resumption())
        found = outcome(Talk(method).with_peer(peer))
        assert (found.identity, found.machine, found.resumed) == ("alice", HOST, again)
        assert found.msk == within.msk
        assert found.session_id == b"\x37" + peer.engine.tls_unique()
        if again:
            assert [sorted(heard) for heard in within.heard] == [[3, 12]]
        first = peer


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (forged, "different places"),
        (lambda said: said[1:], "no crypto-binding"),
        (lambda said: [*said, INTERMEDIATE], "does not take the inner method"),
        (lambda said: said[:1], "does not confirm"),
    ],
)
def test_who_comes_back_has_to_bind_too(pki: PKI, change: Callable[[list[TLV]], list[TLV]], text: str) -> None:
    asking, method = client(pki.settings("client", maximum_version="1.2")), teap(pki, resumption=True)
    first = TEAPPeer(asking, Supplicant())
    outcome(Talk(method).with_peer(first))
    first.engine.close()
    again = TEAPPeer(asking, Supplicant(judge=at_the_end(change)), resumption=first.engine.resumption())
    assert text in reason(Talk(method).with_peer(again))


def test_a_session_without_a_proved_user_stands_for_nobody(pki: PKI) -> None:
    asking, method = client(pki.settings("client", maximum_version="1.2")), teap(pki, resumption=True)
    first = TEAPPeer(asking, Supplicant(password=b"wrong"))
    reason(Talk(method).with_peer(first))
    first.engine.close()
    talk = Talk(method, size=3_000)
    again = TEAPPeer(asking, Supplicant(password=b"wrong"), size=3_000, resumption=first.engine.resumption())
    assert "wrong password" in reason(talk.with_peer(again))
    # Resumed, our Finished is not the last one: what is asked goes at once.
    assert again.heard[0][:6] == b"\x80\2\0\2\0\1"
    assert talk.method._channel.done.resumed  # type: ignore[attr-defined]


def test_an_alert_in_the_handshake(pki: PKI) -> None:
    settings = pki.settings("client", certificate=None, key=None, ca=pki.folder / "stranger.pem")
    step = Talk(teap(pki)).with_peer(TEAPPeer(client(settings), Supplicant()))
    assert reason(step).startswith("TLS: the peer gave up")


def test_a_machine_may_show_its_certificate_to_the_tunnel(pki: PKI) -> None:
    asking = client(pki.settings("client"))
    found = outcome(Talk(teap(pki, client_certificate="required")).with_peer(TEAPPeer(asking, Supplicant())))
    assert found.certificate is not None and found.identity == "alice"
    step = Talk(teap(pki, client_certificate="required")).with_peer(teap_peer(pki, Supplicant()))
    assert reason(step).startswith("TLS: ")


def test_a_conversation_that_is_given_up(pki: PKI) -> None:
    talk = Talk(teap(pki))
    talk.method.close()
    talk = Talk(teap(pki))
    peer = teap_peer(pki, Supplicant())
    talk.until_open(peer)
    talk.answer(peer.respond(talk.request))
    talk.answer(peer.respond(talk.request))
    talk.method.close()


def test_an_unknown_user_looks_like_a_wrong_password(pki: PKI) -> None:
    talk, peer = Talk(teap(pki, basic_password=("user",))), teap_peer(pki, Supplicant())
    talk.until_open(peer)
    talk.answer(peer.respond(talk.request))
    response = EAPPacket(RESPONSE, talk.identifier, talk.kind, peer.respond(talk.request))
    talk.method.receive(response, talk.identifier)
    step = talk.method.tell(Verdict(False, "unknown user"), talk.identifier)
    assert isinstance(step, Send)
    peer.respond(step.data)
    assert tlvs.decode(peer.heard[-1]) == [
        tlvs.number(tlvs.INTERMEDIATE_RESULT, 2),
        tlvs.number(tlvs.ERROR, 1001, 4),
        tlvs.number(tlvs.RESULT, 2),
    ]


def test_reload_reaches_inner_methods(pki: PKI) -> None:
    inner = inner_tls(pki)
    before = inner._context
    teap(pki, inner).reload()
    assert inner._context is not before


@pytest.mark.parametrize("make", [lambda s: EAPGTC(), lambda s: EAPMD5(), PEAP, EAPTTLS, TEAP])
def test_methods_that_cannot_be_bound(pki: PKI, make: Callable[[Any], Any]) -> None:
    """RFC 9930 section 3.6.4."""
    with pytest.raises(ConfigurationError, match="cannot be bound to a TEAP tunnel"):
        teap(pki, EAPMSCHAPv2(), make(pki.settings("server")))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"identities": ()}, "identities must not be empty"),
        ({"identities": ("user", "user")}, "are identities, not"),
        ({"identities": ("printer",)}, "are identities, not"),
        ({"identities": "user"}, "are identities, not"),
        ({"basic_password": ("machine",)}, "all that is in basic_password"),
        ({"basic_password": "user"}, "are identities, not"),
    ],
)
def test_identities_that_cannot_work(pki: PKI, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        teap(pki, **options)


def test_settings_that_cannot_work(pki: PKI) -> None:
    with pytest.raises(ConfigurationError, match="must not resume"):
        teap(pki, EAPTLS(pki.settings("server")))
    with pytest.raises(ConfigurationError, match=r"TLS 1\.2"):
        TEAP(pki.settings("server", minimum_version="1.3"))
    assert "TEAP(" in repr(teap(pki)) and "('user',)" in repr(teap(pki))


def test_methods_are_negotiated_within(pki: PKI) -> None:
    within = Supplicant(kinds={USER: TLS}, certificate=certificate_of(pki))
    method = teap(pki, EAPMSCHAPv2(), inner_tls(pki))
    assert outcome(Talk(method).with_peer(teap_peer(pki, within))).inner_method == "EAP-TLS"
    refusing = Supplicant(kinds={USER: TLS})
    assert "no method in common" in reason(Talk(teap(pki)).with_peer(teap_peer(pki, refusing)))
