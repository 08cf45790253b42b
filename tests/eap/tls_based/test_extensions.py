"""Result and Cryptobinding TLVs of PEAP ([MS-PEAP])."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius.eap.tls_based import extensions
from trioradius.eap.tls_based.extensions import CRYPTOBINDING, RESULT, CompoundKeys, binding, decode, is_bound
from trioradius.errors import DecodeError

TUNNEL = bytes(range(64))
INNER = bytes(range(100, 132))
KEYS = CompoundKeys.derive(TUNNEL, INNER)
NONCE = bytes(32)


def test_results() -> None:
    assert extensions.result(True) == bytes.fromhex("8003 0002 0001")
    assert extensions.result(False) == bytes.fromhex("8003 0002 0002")


def test_a_binding_fits_its_keys_alone() -> None:
    value = decode(binding(KEYS, NONCE, response=True))[CRYPTOBINDING]
    assert len(value) == 56
    assert is_bound(KEYS, value)
    assert not is_bound(CompoundKeys.derive(TUNNEL, bytes(32)), value)
    assert not is_bound(CompoundKeys.derive(bytes(64), INNER), value)
    assert not is_bound(KEYS, value, response=False)
    assert not is_bound(KEYS, value[:-1])
    assert not is_bound(KEYS, b"\0\1" + value[2:])


@pytest.mark.parametrize("at", [2, 3, 4, 35, 36, 55])
def test_whatever_is_changed_breaks_it(at: int) -> None:
    value = bytearray(decode(binding(KEYS, NONCE, response=True))[CRYPTOBINDING])
    value[at] ^= 1
    assert not is_bound(KEYS, bytes(value))


def test_another_version_is_none_of_ours() -> None:
    """Even with a compound MAC that fits."""
    value = bytearray(decode(binding(KEYS, NONCE, response=True))[CRYPTOBINDING])
    value[1] = 1
    zeroed = b"\0\x0c\0\x38" + bytes(value[:-20]) + bytes(20) + b"\x19"
    value[-20:] = hmac.digest(KEYS.cmk, zeroed, "sha1")
    assert not is_bound(KEYS, bytes(value))
    value[1] = 0
    zeroed = b"\0\x0c\0\x38" + bytes(value[:-20]) + bytes(20) + b"\x19"
    value[-20:] = hmac.digest(KEYS.cmk, zeroed, "sha1")
    assert is_bound(KEYS, bytes(value))


def test_a_request_is_no_response() -> None:
    """Or a peer could send back what it was sent."""
    value = decode(binding(KEYS, NONCE))[CRYPTOBINDING]
    assert is_bound(KEYS, value, response=False)
    assert not is_bound(KEYS, value)


def test_keys_of_a_session_that_stands_for_its_user() -> None:
    keys = CompoundKeys.derive(TUNNEL, None)
    assert (keys.ipmk, keys.cmk) == (TUNNEL[:40], TUNNEL[40:60])


def test_keys() -> None:
    assert (len(KEYS.ipmk), len(KEYS.cmk), len(KEYS.msk)) == (40, 20, 64)
    assert CompoundKeys.derive(TUNNEL, INNER + b"more") == KEYS
    assert CompoundKeys.derive(TUNNEL, b"short") == CompoundKeys.derive(TUNNEL, b"short".ljust(32, b"\0"))
    assert TUNNEL.hex()[:8] not in repr(KEYS)


@pytest.mark.parametrize("octets", [b"\0", bytes(3), bytes.fromhex("8003 0002 00"), extensions.result(True) * 2])
def test_malformed(octets: bytes) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(octets)
    assert raised.value.reason == "eap_malformed"


@given(st.binary(max_size=80))
def test_any_octets_are_tlvs_or_refused(octets: bytes) -> None:
    try:
        found = decode(octets)
    except DecodeError:
        return
    assert not is_bound(KEYS, found.get(CRYPTOBINDING, b""))
    assert set(found) <= set(range(0x4000))
    assert RESULT == 3
