"""Keys of MS-CHAP: what RFC 3079 derives for MPPE, and what EAP makes of them.

Directions are the server's (the authenticator's): its send key is the peer's receive key. A NAS gets both in
MS-MPPE-Send-Key and MS-MPPE-Recv-Key (RFC 2548 section 2.4).
"""

from __future__ import annotations

import hashlib
from typing import Final

from trioradius.protocol.ms_chap import hash_of_nt_hash

MSK: Final = 64
"""Octets of a Master Session Key (RFC 3748 section 7.10)."""

_MASTER: Final = b"This is the MPPE Master Key"
_TO_SERVER: Final = b"On the client side, this is the send key; on the server side, it is the receive key."
_TO_PEER: Final = b"On the client side, this is the receive key; on the server side, it is the send key."


def send_and_receive_keys(nt_hash: bytes, nt_response: bytes) -> tuple[bytes, bytes]:
    """The server's send and receive start keys after MS-CHAPv2, 16 octets each (RFC 3079 section 3.4).

    Keys of 40 and 56 bits are made of their first 8 octets.
    """
    master = _sha1(hash_of_nt_hash(nt_hash) + nt_response + _MASTER)[:16]
    return _start_key(master, _TO_PEER), _start_key(master, _TO_SERVER)


def ms_chap_v2_msk(nt_hash: bytes, nt_response: bytes) -> bytes:
    """The MSK of EAP-MSCHAPv2, 64 octets: the server's receive key, its send key, 32 zeros.

    Both ends compute the same octets (draft-kamath-pppext-eap-mschapv2, section 2.5).
    """
    send, receive = send_and_receive_keys(nt_hash, nt_response)
    return (receive + send).ljust(MSK, b"\0")


def _start_key(master: bytes, direction: bytes) -> bytes:
    """GetAsymmetricStartKey with a length of 16 octets (RFC 3079 section 3.4)."""
    return _sha1(master + bytes(40) + direction + b"\xf2" * 40)[:16]


def _sha1(octets: bytes) -> bytes:
    return hashlib.sha1(octets, usedforsecurity=False).digest()
