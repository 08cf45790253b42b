"""The keys of TEAP, and the crypto-binding: proof that the tunnel ends where the inner methods do (RFC 9930).

What each inner method has made goes into two chains of keys: one of MSKs, one of EMSKs, which is the better one, as an
EMSK never leaves the two ends of a method. Both ends then show that they have come to the same. This is for TLS 1.2.
The sections on keys are those of draft-ietf-emu-rfc7170bis-20.
"""

from __future__ import annotations

import hmac
import struct
from hmac import compare_digest
from typing import Final

import attrs

from trioradius.eap.tls_based.keys import MSK, TEAP
from trioradius.eap.tls_based.tlvs import BINDING_INVALID, CRYPTO_BINDING, EMSK_MAC_WRONG, MSK_MAC_WRONG, TLV

VERSION: Final = 1
NONCE: Final = 32
SEED_LABEL: Final = b"EXPORTER: teap session key seed"
SEED: Final = 40
"""The label of what TLS gives for TEAP, and how much of it (section 5.1)."""

WITH_EMSK: Final = 1
WITH_MSK: Final = 2
"""Which compound MACs are there."""
REQUEST: Final = 0
RESPONSE: Final = 1

_MAC: Final = 20
_BINDING: Final = struct.Struct(f"!BBBB{NONCE}s{_MAC}s{_MAC}s")
"""Reserved, version, version received, flags and sub-type, nonce, MAC by EMSK, MAC by MSK (section 4.2.13)."""
_FLAGS: Final = (WITH_EMSK, WITH_MSK, WITH_EMSK | WITH_MSK)


def digest_of(cipher: str) -> str:
    """The hash of a cipher suite, by its name as OpenSSL has it: TLS makes its own keys with it, and TEAP the same."""
    return "sha384" if cipher.endswith("SHA384") else "sha256"


def tls_prf(digest: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """The first octets of P_hash(secret, label | seed) (RFC 5246 section 5)."""
    made, state = b"", label + seed
    while len(made) < length:
        state = hmac.digest(secret, state, digest)
        made += hmac.digest(secret, state + label + seed, digest)
    return made[:length]


@attrs.frozen
class Link:
    """One end of a chain: S-IMCK, of which the next link and the session's keys come, and CMK for the MAC."""

    s_imck: bytes = attrs.field(repr=False)
    cmk: bytes = attrs.field(default=b"", repr=False)

    def next(self, digest: str, imsk: bytes) -> Link:
        """The link after an inner method with this key, 32 octets (section 5.2.1)."""
        imck = tls_prf(digest, self.s_imck, b"Inner Methods Compound Keys", imsk, 60)
        return Link(imck[:40], imck[40:])


@attrs.frozen
class CompoundKeys:
    """What the tunnel and the inner methods so far have made together.

    ``by_emsk`` stays as it is where a method makes no EMSK (section 5.2.2); ``has_emsk`` is about the last method,
    ``has_keys`` about all of them.
    """

    digest: str
    seed: bytes = attrs.field(repr=False)
    by_msk: Link
    by_emsk: Link
    has_emsk: bool = False
    has_keys: bool = False

    @classmethod
    def of_tunnel(cls, digest: str, seed: bytes) -> CompoundKeys:
        """Before any inner method."""
        return cls(digest, seed, Link(seed), Link(seed))

    def after(self, msk: bytes = b"", emsk: bytes = b"") -> CompoundKeys:
        """With one more inner method; b"" for keys that it does not make, both where there was none."""
        by_msk = self.by_msk.next(self.digest, msk[:32].ljust(32, b"\0"))
        by_emsk = self.by_emsk
        if emsk:
            # Section 5.2.1: the seed is a NUL and the length, 64.
            imsk = tls_prf(self.digest, emsk, b"TEAPbindkey@ietf.org", b"\0\0\x40", 32)
            by_emsk = by_emsk.next(self.digest, imsk)
        return CompoundKeys(
            self.digest, self.seed, by_msk, by_emsk, bool(emsk), self.has_keys or bool(msk) or bool(emsk)
        )

    def msk(self, *, by_emsk: bool) -> bytes:
        """The MSK of TEAP (section 5.4); the peer's last crypto-binding says of which chain.

        Of the tunnel alone where no inner method has made a key.
        """
        link = self.by_emsk if by_emsk else self.by_msk
        secret = link.s_imck if self.has_keys else self.seed
        return tls_prf(self.digest, secret, b"Session Key Generating Function", b"", MSK)


@attrs.frozen
class Agreed:
    """The peer has the same keys; ``by_emsk`` says that it has shown so by the EMSK, too."""

    by_emsk: bool


@attrs.frozen
class Fault:
    """It has not, or does not say so as it has to: the Error-Code for it, and a text for the log."""

    code: int
    text: str


def bind(keys: CompoundKeys, nonce: bytes, outer: bytes, *, sub_type: int = REQUEST, flags: int = 0) -> TLV:
    """A Crypto-Binding TLV with the MACs of all keys that there are, or of those in ``flags``.

    ``outer`` are the outer TLVs of both ends, the server's first.
    """
    flags = flags or (WITH_EMSK | WITH_MSK if keys.has_emsk else WITH_MSK)
    head = (0, VERSION, VERSION, flags << 4 | sub_type, nonce)
    by_emsk, by_msk = _macs(keys, head, outer)
    none = bytes(_MAC)
    return TLV(
        CRYPTO_BINDING,
        _BINDING.pack(*head, by_emsk if flags & WITH_EMSK else none, by_msk if flags & WITH_MSK else none),
    )


def check(keys: CompoundKeys, nonce: bytes, outer: bytes, value: bytes) -> Agreed | Fault:
    """What the value of a peer's Crypto-Binding TLV comes to, for a request with this nonce (sections 4.2.13, 5.2.1).

    A peer that makes no EMSK shows the MSK alone; each MAC that it shows has to fit.
    """
    if len(value) != _BINDING.size:
        return Fault(BINDING_INVALID, "the crypto-binding has another length")
    *head, by_emsk, by_msk = _BINDING.unpack(value)
    _, version, received, kind, echoed = head
    flags = kind >> 4
    if (version, received, kind & 0x0F) != (VERSION, VERSION, RESPONSE) or flags not in _FLAGS:
        return Fault(BINDING_INVALID, "the crypto-binding has another version, or is no response")
    if flags & WITH_EMSK and not keys.has_emsk:
        return Fault(BINDING_INVALID, "the crypto-binding is of an EMSK, and the inner method makes none")
    if echoed != nonce[:-1] + bytes((nonce[-1] | 1,)):
        return Fault(BINDING_INVALID, "the crypto-binding answers another nonce")
    emsk_mac, msk_mac = _macs(keys, tuple(head), outer)
    if flags & WITH_EMSK and not compare_digest(by_emsk, emsk_mac):
        return Fault(EMSK_MAC_WRONG, _APART)
    if flags & WITH_MSK and not compare_digest(by_msk, msk_mac):
        return Fault(MSK_MAC_WRONG, _APART)
    return Agreed(bool(flags & WITH_EMSK))


_APART: Final = "the crypto-binding does not fit: inner method and tunnel end at different places"


def _macs(keys: CompoundKeys, head: tuple[object, ...], outer: bytes) -> tuple[bytes, bytes]:
    """Both compound MACs over a TLV that begins so (section 5.3)."""
    zeroed = TLV(CRYPTO_BINDING, _BINDING.pack(*head, bytes(_MAC), bytes(_MAC))).encode()
    buffer = zeroed + bytes((TEAP,)) + outer
    by_emsk, by_msk = (hmac.digest(link.cmk, buffer, keys.digest)[:_MAC] for link in (keys.by_emsk, keys.by_msk))
    return by_emsk, by_msk
