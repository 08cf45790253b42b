"""Policy: the BlastRADIUS rules as one table, and what "auto" learns, from verified packets only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import pytest

from tests.faults.raw import ACCESS, ACCOUNTING, COA, SECRET, STATUS, attribute, digested, packet, signed, vendor
from trioradius import AuthenticityError, DecodeError, Peer
from trioradius.peers import MemoryLearned, require_proof
from trioradius.peers.policy import learn
from trioradius.protocol import wire
from trioradius.protocol.profile import RADIUS_1_0, Profile
from trioradius.protocol.source import Source

ADDRESS: Final = "192.0.2.1"
PLAIN = packet(ACCESS, attribute(1, b"alice"))
PROXIED = packet(ACCESS, attribute(1, b"alice") + attribute(33, b"x"))
EAP = packet(ACCESS, attribute(79, b"\2\0\0\5\1"))
PROVEN = signed(ACCESS, attribute(1, b"alice"))
PROVEN_EAP = signed(ACCESS, attribute(79, b"\2\0\0\5\1"))
PROVEN_PROXIED = signed(ACCESS, attribute(33, b"x"))
MS_CHAP = vendor(311, attribute(11, bytes(16)) + attribute(25, bytes(50)))
UNSIGNED: Final[Profile] = attrs.evolve(RADIUS_1_0, name="1.1", signed=False)

NOW: Final = datetime.now(UTC)
OPEN, CLOSED = NOW + timedelta(days=1), NOW - timedelta(days=1)
YES, NO, AUTO = {}, {"require_message_authenticator": False}, {"require_message_authenticator": "auto"}
LOOSE: Final = {"require_message_authenticator": False, "limit_proxy_state": False}
PROXY_AUTO: Final = {"require_message_authenticator": False, "limit_proxy_state": "auto"}
MISSING, STATE = "message_authenticator_missing", "proxy_state_without_message_authenticator"
NO_EAP, BESIDE = "eap_without_message_authenticator", "eap_beside_password"
STATUS_MISSING, MS = "status_server_without_message_authenticator", "ms_chap_over_udp"
KNOWN_STRICT, KNOWN_LOOSE = {ADDRESS: True}, {ADDRESS: False}
KNOWN_PROXY: Final = {ADDRESS: False, f"{ADDRESS} limit_proxy_state": False}


def source(transport: str = "udp", profile: Profile = RADIUS_1_0) -> Source:
    return Source(ADDRESS, 1812, transport, profile, frozenset({ACCESS}))


def verdict(octets: bytes, options: dict[str, Any], learned: dict[str, bool], came: Source) -> str:
    """The reason it is discarded for; '' where it may go on to be verified."""
    try:
        require_proof(wire.decode(octets), Peer(SECRET, **options), came, learned)
    except (AuthenticityError, DecodeError) as refused:
        return refused.reason
    return ""


TABLE: Final = [
    # what arrives, the peer's options, what was learned, the verdict on UDP
    (PROVEN, YES, {}, ""),
    (PLAIN, YES, {}, MISSING),
    (PLAIN, YES, KNOWN_LOOSE, MISSING),
    (PROXIED, YES, {}, MISSING),
    (PLAIN, NO, {}, ""),
    (PLAIN, NO, KNOWN_STRICT, ""),
    (PROXIED, NO, {}, STATE),
    (PROVEN_PROXIED, NO, {}, ""),
    (PROXIED, LOOSE, {}, ""),
    (PLAIN, AUTO, {}, MISSING),
    (PLAIN, {**AUTO, "auto_until": CLOSED}, {}, MISSING),
    (PLAIN, {**AUTO, "auto_until": OPEN}, {}, ""),
    (PLAIN, {**AUTO, "auto_until": OPEN}, KNOWN_STRICT, MISSING),
    (PLAIN, {**AUTO, "auto_until": CLOSED}, KNOWN_LOOSE, ""),
    (PLAIN, {**AUTO, "auto_until": CLOSED}, {"192.0.2.2": False}, MISSING),
    (PROXIED, {**AUTO, "auto_until": OPEN}, {}, STATE),
    (PROVEN, {**AUTO, "auto_until": OPEN}, KNOWN_STRICT, ""),
    (PROXIED, PROXY_AUTO, {}, STATE),
    (PROXIED, {**PROXY_AUTO, "auto_until": OPEN}, {}, ""),
    (PROXIED, {**PROXY_AUTO, "auto_until": CLOSED}, {}, STATE),
    (PROXIED, {**PROXY_AUTO, "auto_until": CLOSED}, KNOWN_PROXY, ""),
    (EAP, YES, {}, NO_EAP),
    (EAP, LOOSE, {}, NO_EAP),
    (EAP, {**AUTO, "auto_until": OPEN}, KNOWN_LOOSE, NO_EAP),
    (PROVEN_EAP, YES, {}, ""),
    (signed(ACCESS, attribute(79), attribute(2, bytes(16))), LOOSE, {}, BESIDE),
    (signed(ACCESS, attribute(3, bytes(17)), attribute(79)), YES, {}, BESIDE),
    (signed(ACCESS, attribute(70, bytes(16)), attribute(79)), YES, {}, BESIDE),
    (packet(STATUS), LOOSE, {}, STATUS_MISSING),
    (packet(STATUS), YES, {}, STATUS_MISSING),
    (signed(STATUS), YES, {}, ""),
    (digested(packet(ACCOUNTING)), YES, {}, ""),
    (digested(packet(ACCOUNTING, attribute(33, b"x"))), YES, {}, ""),
    (digested(packet(COA)), YES, {}, ""),
    (signed(ACCESS, MS_CHAP), YES, {}, ""),
    (signed(ACCESS, MS_CHAP), {"allow_ms_chap": False}, {}, MS),
    (signed(ACCESS, vendor(9, attribute(1, b"x"))), {"allow_ms_chap": False}, {}, ""),
    (signed(ACCESS, vendor(311, b"\1\0")), {"allow_ms_chap": False}, {}, ""),
]


@pytest.mark.parametrize(("octets", "options", "learned", "wanted"), TABLE)
def test_the_table(octets: bytes, options: dict[str, Any], learned: dict[str, bool], wanted: str) -> None:
    before = dict(learned)
    assert verdict(octets, options, learned, source()) == wanted
    assert learned == before


@pytest.mark.parametrize(("octets", "options", "learned", "wanted"), TABLE)
def test_the_same_on_a_connection_that_proves_itself(
    octets: bytes, options: dict[str, Any], learned: dict[str, bool], wanted: str
) -> None:
    """Over TLS and DTLS presence is not asked for (radiusdtls-bis); a contradiction stays one."""
    for transport in ("tls", "dtls"):
        still = wanted if wanted in (BESIDE, STATUS_MISSING) else ""
        assert verdict(octets, options, learned, source(transport)) == still
        unsigned = wanted if wanted == BESIDE else ""
        assert verdict(octets, options, learned, source(transport, UNSIGNED)) == unsigned


@pytest.mark.parametrize("text", [MISSING, STATE, MS])
def test_the_log_line_names_the_option(text: str) -> None:
    options = {MISSING: (PLAIN, YES), STATE: (PROXIED, NO), MS: (signed(ACCESS, MS_CHAP), {"allow_ms_chap": False})}
    names = {MISSING: "require_message_authenticator=False", STATE: "limit_proxy_state=False", MS: "allow_ms_chap"}
    octets, given = options[text]
    with pytest.raises(AuthenticityError, match=names[text]):
        require_proof(wire.decode(octets), Peer(SECRET, **given), source(), {})


IN_WINDOW: Final = {**AUTO, "auto_until": OPEN}


@pytest.mark.parametrize(
    ("octets", "options", "before", "after"),
    [
        # A verified packet with Message-Authenticator shows that the NAS sends it, at any time.
        (PROVEN, AUTO, {}, KNOWN_STRICT),
        (PROVEN, IN_WINDOW, {}, KNOWN_STRICT),
        (PROVEN, IN_WINDOW, KNOWN_PROXY, {**KNOWN_PROXY, ADDRESS: True}),
        # One with EAP must carry it anyway, so that it shows nothing.
        (PROVEN_EAP, AUTO, {}, {}),
        (PROVEN_EAP, IN_WINDOW, KNOWN_LOOSE, KNOWN_LOOSE),
        # One without it proves nothing: it loosens only inside the window, and nothing that is strict.
        (PLAIN, AUTO, {}, {}),
        (PLAIN, {**AUTO, "auto_until": CLOSED}, {}, {}),
        (PLAIN, IN_WINDOW, {}, {ADDRESS: False, f"{ADDRESS} limit_proxy_state": True}),
        (PROXIED, IN_WINDOW, {}, KNOWN_PROXY),
        (PLAIN, IN_WINDOW, KNOWN_STRICT, KNOWN_STRICT),
        (PROXIED, IN_WINDOW, KNOWN_STRICT, KNOWN_STRICT),
        (PROXIED, IN_WINDOW, KNOWN_LOOSE, KNOWN_LOOSE),
        # Only Access-Request teaches.
        (signed(STATUS), AUTO, {}, {}),
        (signed(ACCOUNTING), IN_WINDOW, {}, {}),
    ],
)
def test_what_auto_learns(
    octets: bytes, options: dict[str, Any], before: dict[str, bool], after: dict[str, bool]
) -> None:
    learned = MemoryLearned(before)
    learn(wire.decode(octets), Peer(SECRET, **options), ADDRESS, learned)
    assert learned == after


def test_a_peer_is_learned_for_each_address() -> None:
    learned = MemoryLearned()
    learn(wire.decode(PROVEN), Peer(SECRET, **AUTO), "192.0.2.7", learned)  # type: ignore[arg-type]
    assert learned == {"192.0.2.7": True}


@pytest.mark.parametrize("number", [1, 3, 4, 25, 27])
def test_ms_chap_over_udp_is_warned_of_once_for_each_peer(number: int, caplog: pytest.LogCaptureFixture) -> None:
    """draft-ietf-radext-deprecating-radius, Do Not Use MS-CHAP."""
    octets = signed(ACCESS, vendor(311, attribute(number, bytes(50))))
    peers = [Peer(SECRET, name="one"), Peer(SECRET, name="two")]
    for peer in (peers[0], peers[0], peers[1], peers[0]):
        require_proof(wire.decode(octets), peer, source(), {})
    assert [record.args[1] for record in caplog.records if record.args] == ["one", "two"]  # type: ignore[index]
    with pytest.raises(AuthenticityError, match="allow_ms_chap"):
        require_proof(wire.decode(octets), Peer(SECRET, allow_ms_chap=False), source(), {})


def test_other_attributes_of_microsoft_and_ms_chap_over_tls_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    require_proof(wire.decode(signed(ACCESS, vendor(311, attribute(11, bytes(16))))), Peer(SECRET), source(), {})
    require_proof(wire.decode(signed(ACCESS, MS_CHAP)), Peer(SECRET, allow_ms_chap=False), source("tls"), {})
    assert caplog.records == []
