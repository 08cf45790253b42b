"""Hiding: User-Password (RFC 2865 section 5.2), salted values (RFC 2868 section 3.5), Ascend-Send-Secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioradius import EncodeError
from trioradius.attributes.microsoft import MSCHAPMPPEKeys
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.secret import Secret

SECRET = Secret(b"xyzzy5461")
VECTOR = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
SECRETS = st.binary(min_size=1, max_size=80)
VECTORS = st.binary(min_size=16, max_size=16)


def hiding() -> Hiding:
    return Hiding(SECRET, VECTOR)


def test_the_password_of_rfc_2865_section_7_1() -> None:
    hidden = bytes.fromhex("0dbe708d93d413ce3196e43f782a0aee")
    assert hiding().hide(1, b"arctangent") == hidden
    assert hiding().unhide(1, hidden) == b"arctangent"


@pytest.mark.parametrize(("size", "octets"), [(0, 16), (1, 16), (16, 16), (17, 32), (128, 128)])
def test_a_password_fills_blocks(size: int, octets: int) -> None:
    assert len(hiding().hide(1, b"p" * size)) == octets


@given(SECRETS, VECTORS, st.binary(max_size=128).map(lambda octets: octets.rstrip(b"\0")))
def test_passwords_come_back(secret: bytes, vector: bytes, password: bytes) -> None:
    both = Hiding(Secret(secret), vector)
    assert both.unhide(1, both.hide(1, password)) == password


@given(SECRETS, VECTORS, st.binary(max_size=239))
def test_salted_values_come_back(secret: bytes, vector: bytes, value: bytes) -> None:
    """Nulls at the end too, since the length travels with them."""
    both = Hiding(Secret(secret), vector)
    hidden = both.hide(2, value)
    assert both.unhide(2, hidden) == value
    assert hidden[0] & 0x80
    assert (len(hidden) - 2) % 16 == 0


@given(SECRETS, VECTORS, st.binary(max_size=16).map(lambda octets: octets.rstrip(b"\0")))
def test_ascend_secrets_come_back(secret: bytes, vector: bytes, value: bytes) -> None:
    both = Hiding(Secret(secret), vector)
    assert both.unhide(3, both.hide(3, value)) == value


def test_salts_are_unique_within_a_packet() -> None:
    """RFC 2868 section 3.5: the top bit set, and no salt twice in one packet."""
    one = hiding()
    salts = [one.hide(2, b"key")[:2] for _ in range(2000)]
    assert len(set(salts)) == 2000
    assert all(salt[0] & 0x80 for salt in salts)


def test_salts_go_round_at_the_end_of_their_range() -> None:
    one = hiding()
    one.hide(2, b"")
    one._salt = 0xFFFE
    assert [one.hide(2, b"")[:2].hex() for _ in range(3)] == ["ffff", "8000", "8001"]


@given(st.integers(1, 3), st.binary(max_size=253))
def test_any_octets_unhide_or_are_refused(kind: int, octets: bytes) -> None:
    try:
        clear = hiding().unhide(kind, octets)
    except ValueError:
        return
    assert len(clear) <= len(octets)


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 129, 144])
def test_hidden_passwords_of_no_size(size: int) -> None:
    with pytest.raises(ValueError, match="16 to 128"):
        hiding().unhide(1, bytes(size))


@pytest.mark.parametrize("size", [0, 1, 2, 16, 17, 19, 33])
def test_salted_values_of_no_size(size: int) -> None:
    with pytest.raises(ValueError, match="salt"):
        hiding().unhide(2, bytes(size))


def test_a_salted_value_may_not_say_that_it_is_longer_than_it_is() -> None:
    hidden = bytearray(hiding().hide(2, b"key"))
    hidden[2] ^= 3 ^ 16  # the length octet, under the first octet of the chain
    with pytest.raises(ValueError, match="longer than"):
        hiding().unhide(2, bytes(hidden))


@pytest.mark.parametrize(("kind", "size"), [(1, 129), (3, 17)])
def test_what_is_too_long_is_refused_without_showing_it(kind: int, size: int) -> None:
    with pytest.raises(EncodeError) as wrong:
        hiding().hide(kind, b"S" * size)
    assert "SSS" not in str(wrong.value)


def test_no_repr_shows_a_secret() -> None:
    assert repr(hiding()) == "Hiding(...)"


@pytest.mark.parametrize("ending", [b"\1", b"\0", bytes(5), bytes(24)])
def test_a_hidden_key_of_a_fixed_size_keeps_the_nulls_at_its_end(ending: bytes) -> None:
    """MS-CHAP-MPPE-Keys, RFC 2548 section 2.4.1."""
    keys = bytes(range(1, 25))[: 24 - len(ending)] + ending
    hiding = Hiding(Secret(b"xyzzy5461"), bytes(16))
    avp = MSCHAPMPPEKeys(keys)
    hidden = avp.wire(hiding.hide)[8:]
    assert len(hidden) == 32
    assert MSCHAPMPPEKeys.decode(hidden, hiding.unhide) == keys
