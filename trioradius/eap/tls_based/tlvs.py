"""TLVs of TEAP: octets to values and back, and what one message of a peer says with them (RFC 9930 section 4.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from trioradius.eap.fragments import LENGTH_INCLUDED
from trioradius.eap.packet import EAPPacket
from trioradius.eap.tls_based.inner import NAME_MAXIMUM, name_of
from trioradius.errors import DecodeError

AUTHORITY_ID: Final = 1
IDENTITY_TYPE: Final = 2
RESULT: Final = 3
NAK: Final = 4
ERROR: Final = 5
CHANNEL_BINDING: Final = 6
VENDOR_SPECIFIC: Final = 7
REQUEST_ACTION: Final = 8
EAP_PAYLOAD: Final = 9
INTERMEDIATE_RESULT: Final = 10
PAC: Final = 11
CRYPTO_BINDING: Final = 12
PASSWORD_REQUEST: Final = 13
PASSWORD_RESPONSE: Final = 14
IDENTITY_HINT: Final = 19
"""The types; 15 to 18 provision certificates, which is not done here."""

SUCCESS: Final = 1
FAILURE: Final = 2
"""What Result, Intermediate-Result and Request-Action say."""

INNER_METHOD_ERROR: Final = 1001
TUNNEL_COMPROMISE: Final = 2001
UNEXPECTED_TLVS: Final = 2002
BINDING_INVALID: Final = 2003
MSK_MAC_WRONG: Final = 2005
EMSK_MAC_WRONG: Final = 2007
"""Error-Codes (section 4.2.6); those from 2000 on are fatal."""

OUTER_TLVS: Final = 0x10
"""The flag O: the length of outer TLVs follows, and they stand at the end (section 4.1)."""

_MANDATORY: Final = 0x8000
_TYPE: Final = 0x3FFF
_FATAL: Final = 2000
_ONCE: Final = frozenset(
    {IDENTITY_TYPE, RESULT, EAP_PAYLOAD, INTERMEDIATE_RESULT, CRYPTO_BINDING, PASSWORD_RESPONSE, REQUEST_ACTION}
)
"""What a message may hold but once (section 4.3); of several Request-Actions the most severe would count."""
_MISPLACED: Final = frozenset({PAC, PASSWORD_REQUEST})
"""What no peer may send: the PAC is history (section 4.2.12), and it is the server that asks."""
_IGNORED: Final = frozenset({AUTHORITY_ID, CHANNEL_BINDING, 15, 16, 17, 18, IDENTITY_HINT})
"""What needs no answer: it may not be refused by a NAK TLV, and nothing follows from it."""


TLVS_MAXIMUM: Final = 64
"""In one message; a peer sends three or four."""


def _malformed(text: str) -> DecodeError:
    return DecodeError(f"TEAP: {text}", reason="eap_malformed")


@attrs.frozen
class TLV:
    """One TLV; a ``mandatory`` one has to be understood, or refused by a NAK TLV (section 4.2.1)."""

    type: int
    value: bytes = attrs.field(repr=False)
    mandatory: bool = True

    def encode(self) -> bytes:
        """The octets on the wire."""
        return (
            (self.type | self.mandatory * _MANDATORY).to_bytes(2, "big")
            + len(self.value).to_bytes(2, "big")
            + self.value
        )


def decode(octets: bytes) -> list[TLV]:
    """The TLVs in these octets. Raises DecodeError where one is cut off, or there are too many."""
    found: list[TLV] = []
    at = 0
    while at < len(octets):
        if len(found) == TLVS_MAXIMUM:
            raise _malformed(f"more than {TLVS_MAXIMUM} TLVs")
        begin = at + 4
        head, length = int.from_bytes(octets[at : at + 2], "big"), int.from_bytes(octets[at + 2 : begin], "big")
        at = begin + length
        if at > len(octets):
            raise _malformed("a TLV is cut off")
        found.append(TLV(head & _TYPE, octets[begin:at], bool(head & _MANDATORY)))
    return found


def encode(tlvs: Iterable[TLV]) -> bytes:
    """These TLVs, one after the other."""
    return b"".join(tlv.encode() for tlv in tlvs)


def number(kind: int, value: int, octets: int = 2) -> TLV:
    """A TLV that holds a number: Result, Intermediate-Result, Identity-Type (2 octets) or Error (4)."""
    return TLV(kind, value.to_bytes(octets, "big"))


def nak(refused: TLV) -> TLV:
    """The refusal of a mandatory TLV that is not known here (section 4.2.5)."""
    vendor = refused.value[:4].rjust(4, b"\0") if refused.type == VENDOR_SPECIFIC else bytes(4)
    return TLV(NAK, vendor + refused.type.to_bytes(2, "big"))


@attrs.frozen
class Password:
    """What a Basic-Password-Auth-Resp TLV holds (section 4.2.15)."""

    user: str
    password: bytes = attrs.field(repr=False)

    @classmethod
    def decode(cls, value: bytes) -> Password:
        """Read the value of the TLV. Raises DecodeError."""
        length = value[0] if value else 0
        name, rest = value[1 : 1 + length], value[1 + length :]
        secret = rest[1:]
        if not name or len(name) != length or not secret or len(secret) != rest[0]:
            raise _malformed("a Basic-Password-Auth-Resp TLV whose lengths do not fit")
        user = name_of(name)
        if user is None:
            raise _malformed(f"the user name is no printable text of at most {NAME_MAXIMUM} octets")
        return cls(user, secret)


@attrs.frozen
class Message:
    """What a peer says in one message; None where the TLV is missing.

    ``result``, ``intermediate`` and ``action`` are SUCCESS or FAILURE; ``refused`` are the types in its NAK TLVs,
    ``errors`` the codes of its Error TLVs, and ``unknown`` the mandatory TLVs of which nothing is known here.
    """

    identity_type: int | None = None
    result: int | None = None
    intermediate: int | None = None
    action: int | None = None
    binding: bytes | None = attrs.field(default=None, repr=False)
    eap: EAPPacket | None = None
    password: Password | None = None
    refused: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()
    unknown: tuple[TLV, ...] = ()

    @property
    def is_failure(self) -> bool:
        """Whether the peer gives up: a fatal error is one, whatever it says beside it (section 3.9.3)."""
        return self.result == FAILURE or any(code >= _FATAL for code in self.errors)

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing in it that asks for an answer: identity hints at most."""
        return self == Message()

    @classmethod
    def decode(cls, octets: bytes) -> Message:
        """Read a message. Raises DecodeError: a TLV is malformed, out of place, or there twice (section 4.3)."""
        tlvs = decode(octets)
        found: dict[int, bytes] = {}
        for tlv in tlvs:
            if tlv.type in _MISPLACED or (tlv.type in _ONCE and tlv.type in found):
                raise _malformed(f"a TLV of type {tlv.type} that may not be there")
            found[tlv.type] = tlv.value
        if EAP_PAYLOAD in found and PASSWORD_RESPONSE in found:
            raise _malformed("an EAP packet and a password at once")
        known = _ONCE | _IGNORED | {NAK, ERROR}
        return cls(
            identity_type=_number(found, IDENTITY_TYPE),
            result=_number(found, RESULT),
            intermediate=_number({kind: value[:2] for kind, value in found.items()}, INTERMEDIATE_RESULT),
            action=_action(found.get(REQUEST_ACTION)),
            binding=found.get(CRYPTO_BINDING),
            eap=EAPPacket.decode(found[EAP_PAYLOAD]) if EAP_PAYLOAD in found else None,
            password=Password.decode(found[PASSWORD_RESPONSE]) if PASSWORD_RESPONSE in found else None,
            refused=tuple(int.from_bytes(tlv.value[4:6], "big") for tlv in tlvs if tlv.type == NAK),
            errors=tuple(int.from_bytes(tlv.value, "big") for tlv in tlvs if tlv.type == ERROR),
            unknown=tuple(tlv for tlv in tlvs if tlv.mandatory and tlv.type not in known),
        )


def _number(found: dict[int, bytes], kind: int) -> int | None:
    """The values of these three are 1 and 2 alone (sections 4.2.3, 4.2.4 and 4.2.11)."""
    if kind not in found:
        return None
    if found[kind] not in (b"\0\1", b"\0\2"):
        raise _malformed(f"a TLV of type {kind} with a value that is not known")
    return found[kind][1]


def _action(value: bytes | None) -> int | None:
    """What is to follow where a Request-Action is not done, and none is; an unknown status is fatal (section 4.2.9)."""
    if value is None:
        return None
    return SUCCESS if value[:1] == bytes((SUCCESS,)) else FAILURE


def without_outer(data: bytes) -> tuple[bytes, bytes]:
    """The Type-Data of a packet as the other methods on TLS have it, and the outer TLVs that stood at its end.

    Raises:
        DecodeError: there is no such thing in it.
    """
    if not data:
        raise _malformed("no flags")
    flags = data[0]
    if not flags & OUTER_TLVS:
        return data, b""
    begin = 5 if flags & LENGTH_INCLUDED else 1
    length = int.from_bytes(data[begin : begin + 4], "big")
    rest = data[begin + 4 :]
    if len(data) < begin + 4 or length > len(rest):
        raise _malformed("the outer TLVs are cut off")
    end = len(rest) - length
    return bytes((flags & ~OUTER_TLVS,)) + data[1:begin] + rest[:end], rest[end:]
