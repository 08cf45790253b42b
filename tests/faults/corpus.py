"""Malformed and hostile datagrams, each with what must come of it: why it is discarded, or the name of the reply."""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs

from tests.faults.raw import (
    ACCESS,
    ACCOUNTING,
    COA,
    DISCONNECT,
    STATUS,
    attribute,
    digested,
    login,
    packet,
    signed,
    unproven,
    vendor,
)

STRICT, LOOSE, AUTOMATIC, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.9"
"""Peers: by default, without Message-Authenticator, neither MS-CHAP, and one that nobody knows."""
ACCEPT, REJECT, FAILED = "Access-Accept", "Access-Reject", "handler_failed"

SHORT, RANGE, LENGTH = "packet_too_short", "length_out_of_range", "attribute_length"
MISSING, WRONG, MALFORMED = (f"message_authenticator_{fault}" for fault in ("missing", "wrong", "malformed"))


@attrs.frozen
class Row:
    """A datagram, and the reason or the reply it gets."""

    name: str
    octets: bytes = attrs.field(repr=False)
    verdict: str
    address: str = STRICT


def lengths() -> Iterator[Row]:
    """RFC 2865 section 3: Length."""
    whole = login()
    for size in range(20):
        yield Row(f"datagram of {size} octets", whole[:size], SHORT)
    for said in (0, 1, 19, len(whole) + 1, 4096, 4097, 65_535):
        yield Row(f"Length says {said}", whole[:2] + said.to_bytes(2, "big") + whole[4:], RANGE)
    yield Row("Length cuts an attribute", whole[:2] + (len(whole) - 1).to_bytes(2, "big") + whole[4:], LENGTH)
    yield Row("Length hides all attributes", whole[:2] + b"\0\x14" + whole[4:], MISSING)
    yield Row("4097 octets", login(*[attribute(25, bytes(253))] * 15, attribute(25, bytes(207))), RANGE)
    yield Row("4096 octets", login(*[attribute(25, bytes(253))] * 15, attribute(25, bytes(206))), ACCEPT)
    for padding in (b"\0", b"\xff" * 100, login(), bytes(4096)):
        yield Row(f"{len(padding)} octets of padding", login() + padding, ACCEPT)
    yield Row("Message-Authenticator only in the padding", unproven() + attribute(80, bytes(16)), MISSING)


def boundaries() -> Iterator[Row]:
    """RFC 2865 section 5: attributes have at least two octets and lie within the packet."""
    name = attribute(1, b"alice")
    for said in (0, 1):
        yield Row(f"first attribute's length {said}", packet(ACCESS, bytes((1, said)) + name), LENGTH)
        yield Row(f"last attribute's length {said}", packet(ACCESS, name + bytes((1, said))), LENGTH)
        yield Row(f"an accounting attribute's length {said}", digested(packet(ACCOUNTING, bytes((1, said)))), LENGTH)
    for said in (3, 8, 255):
        yield Row(f"overrun to {said}", packet(ACCESS, name + bytes((2, said))), LENGTH)
    yield Row("an odd last octet", packet(ACCESS, name + b"\x18"), LENGTH)
    yield Row("only an odd octet", packet(ACCESS, b"\x01"), LENGTH)
    yield Row("200 attributes", login(*[attribute(25)] * 197), ACCEPT)
    yield Row("201 attributes", login(*[attribute(25)] * 198), "too_many_attributes")
    yield Row("2038 empty attributes", packet(ACCESS, attribute(25) * 2038), "too_many_attributes")
    yield Row("types 0 and 255", login(attribute(0), attribute(0, b"x"), attribute(255, bytes(253))), ACCEPT)
    yield Row("every type, empty", login(*[attribute(n) for n in range(3, 200) if n not in (3, 70, 79, 80)]), ACCEPT)


def nested() -> Iterator[Row]:
    """What does not fit its container stays octets: RFC 2865 section 5.26, RFC 6929 section 2."""
    for size in range(5):
        yield Row(f"Vendor-Specific of {size} octets", login(attribute(26, bytes(size))), ACCEPT)
    for number in (0, 9, 311, 14988, 24757, 8164, 429, 2**32 - 1):
        for octets in (b"\1", b"\1\0", b"\1\1", b"\1\2", b"\1\3", b"\1\xff", b"\1\3x\2", b"\0" * 8, b"\xff" * 249):
            yield Row(f"vendor {number} with {octets[:8]!r}", login(vendor(number, octets)), ACCEPT)
    bomb = b"".join([attribute(1, bytes(size)) for size in (200, 20)])
    for depth in range(120):
        bomb = attribute(1 + depth % 3, bomb[: 251 - 2 * (depth % 2)])
    for number in (24757, 26, 9):
        yield Row(
            f"TLVs within each other, vendor {number}", login(vendor(number, bytes((1, 247, 0)) + bomb[:244])), ACCEPT
        )
    for number in (241, 244, 245, 246):
        for octets in (b"", b"\1", b"\x1a", b"\1\x80", b"\x1a\x80\0\0\0\x09\1", b"\1\1", b"\x1a\0\0\0\x09\1\1\0"):
            yield Row(f"extended {number} with {octets!r}", login(attribute(number, octets)), ACCEPT)
    more, last = attribute(245, b"\1\x80" + bytes(249)), attribute(245, b"\1\0end")
    chains = {
        "without an end": [more, more],
        "interrupted": [more, attribute(1, b"x"), last],
        "of two types": [more, attribute(245, b"\2\0end")],
        "of two numbers": [more, attribute(246, b"\1\0end")],
        "only an end": [last],
        "of WiMAX, cut": [vendor(24757, b"\1\x04\x80x")],
        "of WiMAX, interrupted": [vendor(24757, b"\1\x04\x80x"), last, vendor(24757, b"\1\x04\0x")],
        "of 15": [more] * 15,
    }
    for name, chain in chains.items():
        yield Row(f"fragments {name}", login(*chain), ACCEPT)


def values() -> Iterator[Row]:
    """Values of every wrong kind; the handler asks for all of them."""
    for number in (1, 4, 6, 8, 18, 55, 64, 66, 69, 97, 123, 168):
        for octets in (b"", b"\xff", b"\xc3(", b"\0" * 3, b"\xff" * 253):
            yield Row(f"attribute {number} with {len(octets)} octets", login(attribute(number, octets)), ACCEPT)
    yield Row("State and Class of 253 octets", login(attribute(24, b"\xff" * 253), attribute(25, bytes(253))), ACCEPT)
    yield Row("User-Name is no UTF-8", signed(ACCESS, attribute(1, b"\xff\xfe")), REJECT)
    yield Row("no attribute at all", signed(ACCESS), REJECT)
    for size in (0, 1, 15, 17, 129, 144, 160, 253):
        octets = signed(ACCESS, attribute(1, b"alice"), attribute(2, bytes(size)))
        yield Row(f"hidden password of {size} octets", octets, REJECT)
    for size in (0, 1, 16, 18, 253):
        octets = signed(ACCESS, attribute(1, b"alice"), attribute(3, bytes(size)))
        yield Row(f"CHAP-Password of {size} octets", octets, REJECT)
    yield Row("the wrong password", login(password=b"looking-glass"), REJECT)
    states = [attribute(33, bytes((n,)) * 253) for n in range(15)]
    yield Row("Proxy-State that fits the reply", login(*states[:14]), ACCEPT)
    yield Row("Proxy-State that does not", login(*states, attribute(33, bytes(186))), FAILED)
    yield Row("190 Proxy-States", login(*[attribute(33, bytes((n,))) for n in range(190)]), ACCEPT)


def proofs() -> Iterator[Row]:
    """Message-Authenticator: RFC 3579 section 3.2, RFC 5997 section 3, and the BlastRADIUS draft."""
    for at in range(4):
        right = login(attribute(4, bytes(4)), at=at)
        yield Row(f"Message-Authenticator at {at}", right, ACCEPT)
        place = right.index(b"\x50\x12") + 2
        for octet in (0, 15):
            flipped = bytearray(right)
            flipped[place + octet] ^= 1
            yield Row(f"Message-Authenticator at {at}, octet {octet} flipped", bytes(flipped), WRONG)
        yield Row(f"two at {at}", login(attribute(80, bytes(16)), at=at), MALFORMED)
    for size in (0, 1, 15, 17, 253):
        for address in (STRICT, LOOSE):
            yield Row(f"{size} octets of proof", unproven(attribute(80, bytes(size))), MALFORMED, address)
            yield Row(f"right, and {size} octets", login(attribute(80, bytes(size))), MALFORMED, address)
    yield Row("zeros", unproven(attribute(80, bytes(16))), WRONG)
    yield Row("zeros, of a loose peer", unproven(attribute(80, bytes(16))), WRONG, LOOSE)
    yield Row("another secret", login(secret=b"another"), WRONG)
    yield Row("proof within a vendor's", unproven(vendor(9, attribute(80, bytes(16)))), MISSING)
    changed = login()
    yield Row("another Identifier", changed[:1] + bytes((changed[1] ^ 1,)) + changed[2:], WRONG)
    yield Row("another authenticator", changed[:4] + bytes(16) + changed[20:], WRONG)
    yield Row("another user", changed.replace(b"alice", b"admin"), WRONG)
    yield Row("no proof", unproven(), MISSING)
    yield Row("no proof, of a loose peer", unproven(), ACCEPT, LOOSE)
    state = "proxy_state_without_message_authenticator"
    yield Row("Proxy-State without proof", unproven(attribute(33, b"x")), state, LOOSE)
    eap = "eap_without_message_authenticator"
    yield Row("EAP without proof", packet(ACCESS, attribute(79, b"\2\0\0\5\1")), eap)
    yield Row("EAP without proof, of a loose peer", packet(ACCESS, attribute(79)), eap, LOOSE)
    for number in (2, 3, 70):
        beside = signed(ACCESS, attribute(79, b"\2\0\0\5\1"), attribute(number, bytes(17)))
        yield Row(f"EAP beside {number}", beside, "eap_beside_password")
    status = "status_server_without_message_authenticator"
    yield Row("Status-Server without proof", packet(STATUS), status, LOOSE)
    yield Row("Status-Server with a wrong one", packet(STATUS, attribute(80, bytes(16))), WRONG)
    yield Row("Status-Server", signed(STATUS), ACCEPT)
    yield Row("unknown peer", login(), "unknown_peer", STRANGER)
    yield Row("unknown peer, nonsense", b"\0", "unknown_peer", STRANGER)
    answer = attribute(1, bytes(50))
    challenge = attribute(11, bytes(16))
    for place, octets in {"first": answer, "second": challenge + answer, "2": attribute(25, bytes(50))}.items():
        yield Row(f"MS-CHAP {place}", login(vendor(311, octets)), "ms_chap_over_udp", AUTOMATIC)
    yield Row("only MS-CHAP-Challenge", login(vendor(311, challenge)), ACCEPT, AUTOMATIC)


def codes() -> Iterator[Row]:
    """Every code, with no attribute and random octets as its authenticator."""
    digest = "request_authenticator"
    known = {ACCESS: MISSING, ACCOUNTING: digest, COA: digest, DISCONNECT: digest}
    known[STATUS] = "status_server_without_message_authenticator"
    for code in range(256):
        yield Row(f"code {code}", packet(code), known.get(code, "unexpected_code"))


def digests() -> Iterator[Row]:
    """RFC 2866 section 3, RFC 5176 section 2.3 and 6.3."""
    old = attribute(55, int(time.time() - 400).to_bytes(4, "big"))
    replies = {ACCOUNTING: "Accounting-Response", COA: "CoA-NAK", DISCONNECT: "Disconnect-ACK"}
    for code, name in replies.items():
        yield Row(f"{name} of a digest", digested(packet(code)), name)
        yield Row(f"{name} of a digest and a proof", signed(code), name)
        wrong = digested(packet(code, attribute(80, bytes(16))))
        yield Row(f"code {code}: right digest, wrong proof", wrong, WRONG)
        twice = digested(packet(code, attribute(80, bytes(16)) * 2))
        yield Row(f"code {code}: right digest, two proofs", twice, MALFORMED)
        yield Row(f"code {code}: another secret", digested(packet(code), b"another"), "request_authenticator")
        zeros = packet(code, vector=bytes(16))
        yield Row(f"code {code}: zeros", zeros, "request_authenticator", LOOSE)
        if code != ACCOUNTING:
            yield Row(f"code {code}: an old packet", digested(packet(code, old)), "event_timestamp")
            short = digested(packet(code, attribute(55, b"\0")))
            yield Row(f"code {code}: Event-Timestamp of an octet", short, name)


CORPUS = tuple(row for part in (lengths, boundaries, nested, values, proofs, codes, digests) for row in part())
