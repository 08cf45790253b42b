"""A user changes his password by MS-CHAP: what the request carries, and the new password within (RFC 2548, RFC 2759).

Version 2 of the Change-Password packet (MS-CHAP-CPW-2) and MS-CHAPv2's (MS-CHAP2-CPW) are read. Version 1 is not:
it encrypts password hashes under the challenge, which everybody on the path can read (RFC 2433 section 9).
"""

from __future__ import annotations

from hmac import compare_digest
from typing import TYPE_CHECKING, Final

import attrs
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

from trioradius.attributes.ietf import UserName
from trioradius.attributes.microsoft import MSCHAP2CPW, MSCHAPCPW2, MSCHAPChallenge, MSCHAPNTEncPW
from trioradius.protocol import des, ms_chap
from trioradius.protocol.credentials import Cleartext
from trioradius.protocol.proofs import MSCHAP, MSCHAPv2

if TYPE_CHECKING:
    from trioradius.protocol.packet import Packet

BLOCK: Final = 516
"""Octets of an encrypted password: 512 with the password at their end, four of its length (RFC 2759 section 8.10)."""
_PART: Final = 6
"""Code of every part of an encrypted password (RFC 2548 section 2.1.6)."""


@attrs.frozen
class PasswordChange:
    """What a request to change a password carries: the new one under the old, the old hash under the new.

    ``proof`` is the response to the challenge, made with the new password.
    """

    encrypted_password: bytes = attrs.field(repr=False)
    encrypted_hash: bytes = attrs.field(repr=False)
    proof: MSCHAP | MSCHAPv2 = attrs.field(repr=False)

    def new_password(self, old_nt_hash: bytes) -> Cleartext | None:
        """The new password, or None where the old one is not the one that was used (RFC 2759 sections 8.9 to 8.12)."""
        block = Cipher(ARC4(old_nt_hash), None).decryptor().update(self.encrypted_password)
        size = int.from_bytes(block[-4:], "little")
        if size > BLOCK - 4:
            return None
        try:
            new = block[BLOCK - 4 - size : BLOCK - 4].decode("utf-16-le")
        except UnicodeDecodeError:
            return None
        key = ms_chap.nt_hash(new)
        old = des.decrypt(self.encrypted_hash[:8], key[:7]) + des.decrypt(self.encrypted_hash[8:], key[7:14])
        return Cleartext(new) if compare_digest(old, old_nt_hash) else None


def change_of(request: Packet) -> PasswordChange | None:
    """The password change that a request asks for, or None; one that is not whole counts as none."""
    challenge = request.octets(MSCHAPChallenge)
    if challenge is None:
        return None
    second = request.octets(MSCHAP2CPW)
    if second is not None and len(second) == 68:
        # Code, Ident, Encrypted-Hash, Peer-Challenge, Reserved, NT-Response, Flags (RFC 2548 section 2.3.4).
        name = ms_chap.without_domain(request.octets(UserName) or b"")
        proof = MSCHAPv2(name, challenge, second[18:34], second[42:66])
        return _whole(request, second[1], second[2:18], proof)
    first = request.octets(MSCHAPCPW2)
    if second is None and first is not None and len(first) == 84:
        # Code, Ident, Old-NT-Hash, Old-LM-Hash, LM-Response, NT-Response, Flags (RFC 2548 section 2.1.5).
        return _whole(request, first[1], first[2:18], MSCHAP(challenge, first[58:82]))
    return None


def _whole(request: Packet, identifier: int, encrypted_hash: bytes, proof: MSCHAP | MSCHAPv2) -> PasswordChange | None:
    """With the encrypted password, whose parts are numbered from 1: Code, Ident, Sequence-Number, octets."""
    parts = {
        int.from_bytes(part[2:4], "big"): part[4:]
        for part in request.all(MSCHAPNTEncPW)
        if part[:2] == bytes((_PART, identifier))
    }
    whole = b"".join(parts[number] for number in sorted(parts))
    return PasswordChange(whole, encrypted_hash, proof) if len(whole) == BLOCK else None
