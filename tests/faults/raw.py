"""RADIUS packets made octet by octet, by none of the code under test (RFC 2865, 2866, 3579)."""

from __future__ import annotations

import hashlib
import hmac
import itertools

SECRET = b"twenty-four octets, say."
PASSWORD = b"wonderland"
ACCESS, ACCOUNTING, STATUS, DISCONNECT, COA = 1, 4, 12, 40, 43
DIGESTED = (ACCOUNTING, DISCONNECT, COA)
PROOF = 80

_serial = itertools.count(1)


def md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()


def attribute(number: int, octets: bytes = b"") -> bytes:
    return bytes((number, len(octets) + 2)) + octets


def vendor(number: int, octets: bytes = b"") -> bytes:
    """A Vendor-Specific attribute around octets that need not have any form."""
    return attribute(26, number.to_bytes(4, "big") + octets)


def packet(
    code: int, attributes: bytes = b"", *, identifier: int = 0, vector: bytes = b"", length: int | None = None
) -> bytes:
    """Header and attributes, unsigned; by default under a vector and an Identifier that no other packet has."""
    number = next(_serial)
    length = 20 + len(attributes) if length is None else length
    vector = vector or md5(number.to_bytes(8, "big"))
    return bytes((code, identifier or number % 256)) + length.to_bytes(2, "big") + vector + attributes


def signed(code: int, *attributes: bytes, at: int = 0, secret: bytes = SECRET, vector: bytes = b"") -> bytes:
    """A request whose Message-Authenticator stands before the attribute at this index, and every digest is right."""
    before, after = b"".join(attributes[:at]), b"".join(attributes[at:])
    octets = packet(code, before + attribute(PROOF, bytes(16)) + after, vector=vector)
    header, vector = octets[:4], bytes(16) if code in DIGESTED else octets[4:20]
    place = 20 + len(before) + 2
    proof = hmac.digest(secret, header + vector + octets[20:], "md5")
    return digested(octets[:place] + proof + octets[place + 16 :], secret)


def digested(octets: bytes, secret: bytes = SECRET) -> bytes:
    """The packet with the Request Authenticator that its code wants; unchanged where that is random."""
    if octets[0] not in DIGESTED:
        return octets
    return octets[:4] + md5(octets[:4] + bytes(16) + octets[20:] + secret) + octets[20:]


def hidden(password: bytes, vector: bytes, secret: bytes = SECRET) -> bytes:
    """User-Password as RFC 2865 section 5.2 hides it."""
    found, chain = b"", vector
    for at in range(0, max(len(password), 1), 16):
        block = password[at : at + 16].ljust(16, b"\0")
        chain = bytes(one ^ other for one, other in zip(block, md5(secret + chain), strict=True))
        found += chain
    return found


def login(*attributes: bytes, at: int = 0, secret: bytes = SECRET, password: bytes = PASSWORD) -> bytes:
    """A proven Access-Request of alice with her password, and these attributes after them."""
    vector = md5(b"login" + next(_serial).to_bytes(8, "big"))
    alice = attribute(1, b"alice"), attribute(2, hidden(password, vector, secret))
    return signed(ACCESS, *alice, *attributes, at=at, secret=secret, vector=vector)


def unproven(*attributes: bytes, secret: bytes = SECRET) -> bytes:
    """The same without Message-Authenticator."""
    vector = md5(b"unproven" + next(_serial).to_bytes(8, "big"))
    alice = attribute(1, b"alice") + attribute(2, hidden(PASSWORD, vector, secret))
    return packet(ACCESS, alice + b"".join(attributes), vector=vector)


def is_proven(octets: bytes, secret: bytes = SECRET) -> bool:
    """Whether a request is well-formed up to its Length, and every proof that stands in it is there and right."""
    length = int.from_bytes(octets[2:4], "big")
    octets, places = octets[:length], []
    at = 20
    while at < length:
        if octets[at] == PROOF:
            places.append(at)
        at += octets[at + 1]
    if octets[0] in DIGESTED and digested(octets, secret) != octets:
        return False
    if octets[0] not in DIGESTED and len(places) != 1:
        return False
    vector = bytes(16) if octets[0] in DIGESTED else octets[4:20]
    for at in places:
        blank = octets[:4] + vector + octets[20 : at + 2] + bytes(16) + octets[at + 18 :]
        if octets[at + 1] != 18 or hmac.digest(secret, blank, "md5") != octets[at + 2 : at + 18]:
            return False
    return len(places) <= 1


def reply(code: int, request: bytes, *attributes: bytes, prove: bool = True, secret: bytes = SECRET) -> bytes:
    """A reply whose Message-Authenticator, if any, stands first, under every digest that it needs."""
    body = (attribute(PROOF, bytes(16)) if prove else b"") + b"".join(attributes)
    header = bytes((code, request[1])) + (20 + len(body)).to_bytes(2, "big")
    if prove:
        body = body[:2] + hmac.digest(secret, header + request[4:20] + body, "md5") + body[18:]
    return header + md5(header + request[4:20] + body + secret) + body
