"""Hiding: what RADIUS/1.0 does to passwords and keys on the wire, both ways.

One Hiding belongs to one request and the reply to it: both are hidden under the Request Authenticator.
"""

from __future__ import annotations

import os
from typing import Final

from trioradius.errors import EncodeError
from trioradius.protocol.secret import Secret, md5

PASSWORD_MAXIMUM: Final = 128
"""User-Password in octets, RFC 2865 section 5.2."""


class Hiding:
    """Hide and unhide attribute values under a shared secret and a Request Authenticator."""

    __slots__ = ("_authenticator", "_salt", "_secret")

    def __init__(self, secret: Secret, authenticator: bytes) -> None:
        self._secret = secret.octets
        self._authenticator = authenticator
        self._salt = -1

    def __repr__(self) -> str:
        return "Hiding(...)"

    def hide(self, encrypt: int, octets: bytes) -> bytes:
        """Hide a value as its attribute's kind says: 1 User-Password, 2 salted, 3 Ascend.

        Raises:
            EncodeError: the value is too long for its kind of hiding.
        """
        if encrypt == 1:
            return self._hide_password(octets)
        if encrypt == 2:
            return self._hide_salted(octets)
        return self._ascend(octets.ljust(16, b"\0"))

    def unhide(self, encrypt: int, octets: bytes) -> bytes:
        """The reverse. Raises ValueError where the octets cannot have been made by hiding."""
        if encrypt == 1:
            if len(octets) == 16:
                # The way of nearly every password.
                number = int.from_bytes(octets, "big") ^ int.from_bytes(md5(self._secret + self._authenticator), "big")
                return number.to_bytes(16, "big").rstrip(b"\0")
            return self._unhide_password(octets)
        if encrypt == 2:
            return self._unhide_salted(octets)
        return self._ascend(octets).rstrip(b"\0")

    def _hide_password(self, password: bytes) -> bytes:
        """RFC 2865 section 5.2: padded with nulls to a multiple of 16, at least one block."""
        if len(password) > PASSWORD_MAXIMUM:
            raise EncodeError("a User-Password has at most 128 octets")
        return self._chain(_padded(password or b"\0"), self._authenticator)

    def _unhide_password(self, octets: bytes) -> bytes:
        if not octets or len(octets) % 16 or len(octets) > PASSWORD_MAXIMUM:
            raise ValueError("a hidden password is 16 to 128 octets, in blocks of 16")
        return self._unchain(octets, self._authenticator).rstrip(b"\0")

    def _hide_salted(self, octets: bytes) -> bytes:
        """RFC 2868 section 3.5: a salt, its top bit set and unique in the packet, then length, value and padding."""
        self._salt = (int.from_bytes(os.urandom(2), "big") if self._salt < 0 else self._salt + 1) | 0x8000
        salt = (self._salt & 0xFFFF).to_bytes(2, "big")
        return salt + self._chain(_padded(bytes((len(octets),)) + octets), self._authenticator + salt)

    def _unhide_salted(self, octets: bytes) -> bytes:
        if len(octets) < 18 or (len(octets) - 2) % 16:
            raise ValueError("a salted value is a salt and blocks of 16 octets")
        plain = self._unchain(octets[2:], self._authenticator + octets[:2])
        if plain[0] >= len(plain):
            raise ValueError("a salted value is longer than its attribute")
        return plain[1 : plain[0] + 1]

    def _chain(self, plain: bytes, vector: bytes) -> bytes:
        """Each block is hidden under the secret and the hidden block before it."""
        hidden = b""
        for at in range(0, len(plain), 16):
            vector = _exclusive_or(plain[at : at + 16], md5(self._secret + vector))
            hidden += vector
        return hidden

    def _unchain(self, hidden: bytes, vector: bytes) -> bytes:
        plain = b""
        for at in range(0, len(hidden), 16):
            block = hidden[at : at + 16]
            plain += _exclusive_or(block, md5(self._secret + vector))
            vector = block
        return plain

    def _ascend(self, octets: bytes) -> bytes:
        """Ascend-Send-Secret: one block under MD5 of the authenticator and the secret; its own reverse."""
        if len(octets) != 16:
            raise EncodeError("an Ascend secret is one block of 16 octets")
        return _exclusive_or(octets, md5(self._authenticator + self._secret))


def _padded(octets: bytes) -> bytes:
    return octets.ljust(-(-len(octets) // 16) * 16, b"\0")


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    number = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return number.to_bytes(len(one), "big")
