"""Secret: a shared secret made ready for HMAC-MD5.

Preparing costs a few microseconds and happens once a peer; a packet then copies the prepared states.
"""

from __future__ import annotations

from hmac import compare_digest
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

new_md5: Final[Any] = import_module("_md5" if find_spec("_md5") else "hashlib").md5
"""CPython's own MD5 costs half of what OpenSSL's does on a packet; where it was left out, hashlib has one."""

_INNER: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER: Final = bytes(octet ^ 0x5C for octet in range(256))
_BLOCK: Final = 64


def md5(octets: bytes) -> bytes:
    """MD5, as RADIUS prescribes it; not a choice made here."""
    digest: bytes = new_md5(octets, usedforsecurity=False).digest()
    return digest


class Secret:
    """A shared secret (RFC 2865 section 3); its octets are in no repr."""

    __slots__ = ("_inner", "_outer", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        block = (octets if len(octets) <= _BLOCK else md5(octets)).ljust(_BLOCK, b"\0")
        self._inner = new_md5(block.translate(_INNER), usedforsecurity=False)
        self._outer = new_md5(block.translate(_OUTER), usedforsecurity=False)

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self.octets, other.octets)

    def __hash__(self) -> int:
        return hash(self.octets)

    def hmac(self, octets: bytes) -> bytes:
        """HMAC-MD5 under the secret (RFC 3579 section 3.2)."""
        inner = self._inner.copy()
        inner.update(octets)
        outer = self._outer.copy()
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest
