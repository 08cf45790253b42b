"""EAP Extensions: the last words within a PEAP tunnel, and the proof that tunnel and inner method end at one place.

Result and Cryptobinding TLVs as [MS-PEAP] sections 2.2.8 and 3.1.5.5 have them, type 33 of EAP.
"""

from __future__ import annotations

import hmac
import struct
from hmac import compare_digest
from typing import Final

import attrs

from trioradius.eap.tls_based.keys import PEAP
from trioradius.errors import DecodeError

EXTENSIONS: Final = 33
RESULT: Final = 3
CRYPTOBINDING: Final = 12
SUCCESS: Final = 1
FAILURE: Final = 2

NONCE: Final = 32
_MANDATORY: Final = 0x8000
_TYPE: Final = 0x3FFF
_HEADER: Final = struct.Struct("!HH")
_REQUEST: Final = 0
_RESPONSE: Final = 1
_VERSION: Final = 0
_MAC: Final = 20
_BINDING: Final = struct.Struct(f"!BBBB{NONCE}s{_MAC}s")
"""Reserved, our version, the version received, whether it is request or response, nonce, compound MAC."""


@attrs.frozen
class CompoundKeys:
    """What tunnel and inner method have made together ([MS-PEAP] section 3.1.5.5.2).

    ``ipmk`` is what session keys come from, ``cmk`` the key of the compound MAC.
    """

    ipmk: bytes = attrs.field(repr=False)
    cmk: bytes = attrs.field(repr=False)

    @classmethod
    def derive(cls, tunnel_key: bytes, inner_key: bytes | None) -> CompoundKeys:
        """From the key of the tunnel, and the inner method's, 32 octets; None where a session stands for its user."""
        material = tunnel_key[:60]
        if inner_key is not None:
            seed = b"Inner Methods Compound Keys" + inner_key[:32].ljust(32, b"\0")
            material = prf_plus(tunnel_key[:40], seed, 60)
        return cls(material[:40], material[40:])

    @property
    def msk(self) -> bytes:
        """The first 64 octets of the compound session key ([MS-PEAP] section 3.1.5.7)."""
        return prf_plus(self.ipmk, b"Session Key Generating Function\0", 64)


def prf_plus(key: bytes, seed: bytes, length: int) -> bytes:
    """PRF+ of PEAP version 0 ([MS-PEAP] section 3.1.5.5.2.2): HMAC-SHA1 over what came before, the seed, a counter."""
    made, block = b"", b""
    counter = 0
    while len(made) < length:
        counter += 1
        block = hmac.digest(key, block + seed + bytes((counter, 0, 0)), "sha1")
        made += block
    return made[:length]


def result(success: bool) -> bytes:
    """A Result TLV."""
    return _HEADER.pack(_MANDATORY | RESULT, 2) + (SUCCESS if success else FAILURE).to_bytes(2, "big")


def binding(keys: CompoundKeys, nonce: bytes, *, response: bool = False) -> bytes:
    """A Cryptobinding TLV with its compound MAC."""
    kind = _RESPONSE if response else _REQUEST
    head = _HEADER.pack(CRYPTOBINDING, _BINDING.size)
    mac = _mac(keys, head + _BINDING.pack(0, _VERSION, _VERSION, kind, nonce, bytes(_MAC)))
    return head + _BINDING.pack(0, _VERSION, _VERSION, kind, nonce, mac)


def is_bound(keys: CompoundKeys, value: bytes, *, response: bool = True) -> bool:
    """Whether the value of a Cryptobinding TLV proves that its sender has the same keys."""
    if len(value) != _BINDING.size:
        return False
    *head, mac = _BINDING.unpack(value)
    if head[1] != _VERSION or head[3] != (_RESPONSE if response else _REQUEST):
        return False
    zeroed = _HEADER.pack(CRYPTOBINDING, _BINDING.size) + _BINDING.pack(*head, bytes(_MAC))
    return compare_digest(mac, _mac(keys, zeroed))


def decode(octets: bytes) -> dict[int, bytes]:
    """The values of the TLVs in these octets, by type. Raises DecodeError."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(octets):
        if len(octets) < at + _HEADER.size:
            raise DecodeError("PEAP: a TLV is cut off", reason="eap_malformed")
        kind, length = _HEADER.unpack_from(octets, at)
        at += _HEADER.size
        if len(octets) < at + length or kind & _TYPE in found:
            raise DecodeError("PEAP: a TLV that does not fit, or stands there twice", reason="eap_malformed")
        found[kind & _TYPE] = octets[at : at + length]
        at += length
    return found


def _mac(keys: CompoundKeys, zeroed: bytes) -> bytes:
    return hmac.digest(keys.cmk, zeroed + bytes((PEAP,)), "sha1")
