"""Keys and crypto-binding of TEAP against what wpa_supplicant 2.10 has derived and sent, and against forgers."""

from __future__ import annotations

import attrs
import pytest

from trioradius.eap.tls_based import binding
from trioradius.eap.tls_based.binding import RESPONSE, WITH_EMSK, WITH_MSK, Agreed, CompoundKeys, Fault, Link
from trioradius.eap.tls_based.tlvs import BINDING_INVALID, EMSK_MAC_WRONG, MSK_MAC_WRONG

# A conversation with EAP-TLS within, as wpa_supplicant logged it; the cipher suite goes with SHA-384.
OUTER = bytes.fromhex("0001000a7472696f726164697573")
SEED = bytes.fromhex("a9dece048aa6c2db7354c57fdc00865c810d0829daac9eadbc54b41d661ee90e16f94f71f61af2e4")
INNER_MSK = bytes.fromhex(
    "28c7e799911b81ba472c0c687175c4ee37791a0c4e7623f82b81564270ddd4386d079604b382df198df806b5aa202a70"
    "f286483eea7170864833c4fda47e5872"
)
INNER_EMSK = bytes.fromhex(
    "b72679f452fa8991d361983d7f52b40ba93b6f310ae8bd529cee2b02fa089d18c1cc71511450abe9ed1029d4c4fa99c2"
    "1c788cdf0226d9aeb92ab7668ab8dfe9"
)
S_IMCK_EMSK = bytes.fromhex("6ae83b5d8788e2924ac9a1f3e39d514b48af881bbc7ecd3ddbe18a7edfb05a58263c67fa5c00c02a")
CMK_EMSK = bytes.fromhex("8145feb2a79b186370e1262bf78ceaa64dba15a6")
S_IMCK_MSK = bytes.fromhex("9f14216c89398706465604ada0555c7e065e2ffce2ff91caf87be95f29345f7f3862d4bc11dd3471")
CMK_MSK = bytes.fromhex("ccd47f3fa60741cf0a2682c841147840b4f89bd4")
MSK_BY_MSK = bytes.fromhex(
    "c0c1b7744cb4e480177d926c53fbf98269758ec67134b56e1272c832c87b49c103d234ddc8ef69b6e60e52ee50423c09"
    "b42891bf50ff8ea1b824205d96532316"
)
NONCE = bytes.fromhex("e71423491ef3a62de4d2b2dbf0120961668a752f4e1e63a0879fcfe10a6f27ee")
REQUEST_MACS = bytes.fromhex("6926b2456fdde64dfbd356afc4187d8067e075aa20c6cf5ab720b58444f785e22977658b7f26156f")
RESPONSE_MACS = bytes.fromhex("7f5b566709c8cfeec3af26d31f11b7f427294d704e32bdb9e78c5f3a1dde9d748ea9846fabe17fe5")

# The same with a Basic-Password.
PASSWORD_SEED = bytes.fromhex("77e23978150b20e0f73697a6c6680d21f71528efa0ac4e18108d020fd4da2f2a906e8e165241490a")
PASSWORD_CMK = bytes.fromhex("38afb43b3499a6e9bb7bcf754406fff1f1af892b")
PASSWORD_MSK = bytes.fromhex(
    "29f22d6246f316fff110a9a92927fac2fa70b5a49013d5f0a96648bb4f0c22227257aed669406406f5125c7f22a0aefc"
    "42cc1a9337d02df6a1c049ecef6d442e"
)
PASSWORD_NONCE = bytes.fromhex("2eb9a9be4d8a2baa02078a4fb291a55f9878ce385eca864ccd982c191d0e6730")
PASSWORD_REQUEST_MAC = bytes.fromhex("fdb17804d8b0c8dcf83a27b16af314884438750b")
PASSWORD_RESPONSE_MAC = bytes.fromhex("dedc6a9555665bdd1564451bea3b83f0f23ab6dc")

KEYS = CompoundKeys.of_tunnel("sha384", SEED).after(INNER_MSK, INNER_EMSK)
WITHOUT_EMSK = CompoundKeys.of_tunnel("sha256", SEED).after(INNER_MSK)


def echoed(nonce: bytes = NONCE) -> bytes:
    return nonce[:-1] + bytes((nonce[-1] | 1,))


def answer(keys: CompoundKeys = KEYS, flags: int = 0, nonce: bytes | None = None, outer: bytes = OUTER) -> bytes:
    """The value of a peer's TLV."""
    return binding.bind(keys, echoed() if nonce is None else nonce, outer, sub_type=RESPONSE, flags=flags).value


def test_both_chains() -> None:
    assert KEYS.by_emsk == Link(S_IMCK_EMSK, CMK_EMSK)
    assert KEYS.by_msk == Link(S_IMCK_MSK, CMK_MSK)
    assert KEYS.msk(by_emsk=False) == MSK_BY_MSK
    # rfc7170bis-20 section 5.4 takes the other chain where a MAC by the EMSK came; wpa_supplicant 2.10 does not.
    label = b"Session Key Generating Function"
    assert KEYS.msk(by_emsk=True) == binding.tls_prf("sha384", S_IMCK_EMSK, label, b"", 64)


def test_the_request_and_the_response_of_wpa_supplicant() -> None:
    assert binding.bind(KEYS, NONCE, OUTER).encode() == b"\x80\x0c\0\x4c\0\1\1\x30" + NONCE + REQUEST_MACS
    response = b"\0\1\1\x31" + echoed() + RESPONSE_MACS
    assert binding.check(KEYS, NONCE, OUTER, response) == Agreed(by_emsk=True)


def test_a_password_makes_no_key() -> None:
    """Its MAC is of a key of zeros, and the session's key of the tunnel alone (rfc7170bis-20 section 5.4)."""
    keys = CompoundKeys.of_tunnel("sha384", PASSWORD_SEED).after()
    assert keys.by_msk.cmk == PASSWORD_CMK
    assert keys.msk(by_emsk=False) == PASSWORD_MSK
    tlv = binding.bind(keys, PASSWORD_NONCE, OUTER)
    assert tlv.value == b"\0\1\1\x20" + PASSWORD_NONCE + bytes(20) + PASSWORD_REQUEST_MAC
    response = b"\0\1\1\x21" + echoed(PASSWORD_NONCE) + bytes(20) + PASSWORD_RESPONSE_MAC
    assert binding.check(keys, PASSWORD_NONCE, OUTER, response) == Agreed(by_emsk=False)


def test_a_chain_of_two() -> None:
    """A method without EMSK leaves that chain as it was, one without any key still counts (section 5.2.2)."""
    twice = KEYS.after(b"\1" * 16)
    assert twice.by_emsk == KEYS.by_emsk and not twice.has_emsk
    assert twice.by_msk == KEYS.by_msk.next("sha384", b"\1" * 16 + bytes(16))
    last = KEYS.after()
    assert last.by_msk == KEYS.by_msk.next("sha384", bytes(32)) and last.has_keys
    assert last.msk(by_emsk=False) == binding.tls_prf(
        "sha384", last.by_msk.s_imck, b"Session Key Generating Function", b"", 64
    )
    assert CompoundKeys.of_tunnel("sha256", SEED).after(b"", INNER_EMSK).has_keys


def test_no_more_than_32_octets_of_an_msk_count() -> None:
    assert WITHOUT_EMSK.by_msk == CompoundKeys.of_tunnel("sha256", SEED).after(INNER_MSK[:32]).by_msk


@pytest.mark.parametrize(
    ("cipher", "digest"),
    [
        ("ECDHE-RSA-AES256-GCM-SHA384", "sha384"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "sha256"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", "sha256"),
    ],
)
def test_the_hash_of_a_cipher_suite(cipher: str, digest: str) -> None:
    assert binding.digest_of(cipher) == digest


def test_a_peer_may_show_one_mac_or_both() -> None:
    """Section 6.2.4: it may have no EMSK."""
    assert binding.check(KEYS, NONCE, OUTER, answer(flags=WITH_MSK)) == Agreed(by_emsk=False)
    assert binding.check(KEYS, NONCE, OUTER, answer(flags=WITH_EMSK)) == Agreed(by_emsk=True)
    assert binding.check(KEYS, NONCE, OUTER, answer()) == Agreed(by_emsk=True)
    assert binding.check(WITHOUT_EMSK, NONCE, OUTER, answer(WITHOUT_EMSK)) == Agreed(by_emsk=False)


def changed(value: bytes, at: int, xor: int = 1) -> bytes:
    return value[:at] + bytes((value[at] ^ xor,)) + value[at + 1 :]


@pytest.mark.parametrize("flags", [WITH_MSK, WITH_EMSK, WITH_MSK | WITH_EMSK])
def test_every_octet_counts(flags: int) -> None:
    """But for those of a MAC that is not there (section 4.2.13)."""
    value = answer(flags=flags)
    absent = {WITH_MSK: range(36, 56), WITH_EMSK: range(56, 76)}.get(flags, range(0))
    for at in range(len(value)):
        fault = isinstance(binding.check(KEYS, NONCE, OUTER, changed(value, at)), Fault)
        assert fault is (at not in absent), at


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", BINDING_INVALID),
        (answer()[:-1], BINDING_INVALID),
        (answer() + b"x", BINDING_INVALID),
        (changed(answer(), 1), BINDING_INVALID),
        (changed(answer(), 2), BINDING_INVALID),
        (changed(answer(), 3, 1), BINDING_INVALID),
        (changed(answer(), 3, 0x30), BINDING_INVALID),
        (changed(answer(), 3, 0x40), BINDING_INVALID),
        (answer(nonce=NONCE), BINDING_INVALID),
        (answer(nonce=bytes(31) + b"\1"), BINDING_INVALID),
        (answer(outer=b""), EMSK_MAC_WRONG),
        (answer(outer=OUTER + b"x"), EMSK_MAC_WRONG),
        (answer(attrs.evolve(KEYS, by_emsk=KEYS.by_msk)), EMSK_MAC_WRONG),
        (answer(attrs.evolve(KEYS, by_msk=KEYS.by_emsk)), MSK_MAC_WRONG),
        (answer(CompoundKeys.of_tunnel("sha384", SEED).after()), MSK_MAC_WRONG),
        (answer(WITHOUT_EMSK), MSK_MAC_WRONG),
        (binding.bind(KEYS, NONCE, OUTER).value, BINDING_INVALID),
    ],
)
def test_forged(value: bytes, code: int) -> None:
    """Also our own request, sent back."""
    found = binding.check(KEYS, NONCE, OUTER, value)
    assert isinstance(found, Fault) and found.code == code


def test_a_mac_of_a_key_that_was_not_made() -> None:
    """The chain of EMSKs is known to whoever made the tunnel: without an EMSK it proves nothing."""
    keys = CompoundKeys.of_tunnel("sha256", SEED).after(b"secret")
    value = answer(attrs.evolve(keys, has_emsk=True), WITH_EMSK)
    found = binding.check(keys, NONCE, OUTER, value)
    assert isinstance(found, Fault) and found.code == BINDING_INVALID


def test_nothing_secret_is_shown() -> None:
    assert SEED.hex() not in repr(KEYS) and repr(SEED)[2:-1] not in repr(KEYS)
    assert repr(S_IMCK_MSK)[2:-1] not in repr(KEYS) and repr(CMK_MSK)[2:-1] not in repr(KEYS)
