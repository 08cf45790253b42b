"""Proofs in the AVPs of TTLS (RFC 5281 section 11.2)."""

from __future__ import annotations

import pytest

from trioradius.eap.tls_based.avps import MICROSOFT, DiameterAVP
from trioradius.eap.tls_based.passwords import NAMES, allowed, mschapv2_success, shown, values
from trioradius.errors import ConfigurationError, DecodeError
from trioradius.protocol.proofs import CHAP, MSCHAP, PAP, MSCHAPv2

IMPLIED = bytes(range(100, 117))
USER = DiameterAVP(1, b"alice")
ALL = frozenset(NAMES.values())


def challenge(length: int) -> bytes:
    return IMPLIED[:length]


def read(*avps: DiameterAVP, names: frozenset[str] = ALL) -> object:
    found = shown(values(avps), challenge, names)
    return found.identity, found.proof, found.identifier, found.name


def test_pap_loses_its_padding_alone() -> None:
    assert read(USER, DiameterAVP(2, b" pass word \0\0\0\0\0")) == ("alice", PAP(b" pass word "), 0, "PAP")


def test_chap() -> None:
    avps = DiameterAVP(60, IMPLIED[:16]), DiameterAVP(3, IMPLIED[16:] + bytes(16))
    assert read(USER, *avps) == ("alice", CHAP(IMPLIED[16], IMPLIED[:16], bytes(16)), IMPLIED[16], "CHAP")


def ms_chap(flags: int = 1) -> list[DiameterAVP]:
    response = bytes((IMPLIED[8], flags)) + b"L" * 24 + b"N" * 24
    return [DiameterAVP(11, IMPLIED[:8], MICROSOFT), DiameterAVP(1, response, MICROSOFT)]


def test_ms_chap() -> None:
    assert read(USER, *ms_chap()) == ("alice", MSCHAP(IMPLIED[:8], b"N" * 24), IMPLIED[8], "MS-CHAP")


def test_a_lan_manager_response_is_none() -> None:
    assert read(USER, *ms_chap(flags=0)) == ("alice", MSCHAP(IMPLIED[:8], b""), IMPLIED[8], "MS-CHAP")


def ms_chap_v2(identifier: bytes = IMPLIED[16:17]) -> list[DiameterAVP]:
    response = identifier + b"\0" + b"P" * 16 + bytes(8) + b"N" * 24
    return [DiameterAVP(11, IMPLIED[:16], MICROSOFT), DiameterAVP(25, response, MICROSOFT)]


def test_ms_chap_v2_is_over_the_name_without_domain() -> None:
    proof = MSCHAPv2(b"alice", IMPLIED[:16], b"P" * 16, b"N" * 24)
    assert read(DiameterAVP(1, b"CORP\\alice"), *ms_chap_v2()) == ("CORP\\alice", proof, IMPLIED[16], "MS-CHAPv2")


@pytest.mark.parametrize(
    ("avps", "text"),
    [
        ([], "no proof"),
        ([USER], "no proof"),
        ([DiameterAVP(2, b"secret")], "User-Name"),
        ([DiameterAVP(1, b"\xff"), DiameterAVP(2, b"secret")], "User-Name"),
        ([DiameterAVP(1, b""), DiameterAVP(2, b"secret")], "User-Name"),
        ([DiameterAVP(1, b"alice\0"), DiameterAVP(2, b"secret")], "User-Name"),
        ([DiameterAVP(1, b"alice\nbob"), DiameterAVP(2, b"secret")], "User-Name"),
        ([DiameterAVP(1, b"a" * 254), DiameterAVP(2, b"secret")], "User-Name"),
        ([USER, DiameterAVP(2, b"secret"), *ms_chap()], "several proofs"),
        ([USER, USER, DiameterAVP(2, b"secret")], "twice"),
        ([USER, DiameterAVP(2, b"secret"), DiameterAVP(999, b"")], "mandatory AVP 999 of vendor 0"),
        ([USER, DiameterAVP(2, b"secret", 9)], "mandatory AVP 2 of vendor 9"),
        ([USER, DiameterAVP(60, bytes(16)), DiameterAVP(3, IMPLIED[16:] + bytes(16))], "not the one"),
        ([USER, DiameterAVP(60, IMPLIED[:16]), DiameterAVP(3, b"\0" + bytes(16))], "not the one"),
        ([USER, DiameterAVP(3, IMPLIED[16:] + bytes(16))], "not the one"),
        ([USER, DiameterAVP(60, IMPLIED[:16]), DiameterAVP(3, IMPLIED[16:] + bytes(15))], "17 octets"),
        ([USER, DiameterAVP(60, IMPLIED), DiameterAVP(3, b"")], "17 octets"),
        ([USER, ms_chap()[0], DiameterAVP(1, IMPLIED[8:9] + bytes(48), MICROSOFT)], "50 octets"),
        ([USER, DiameterAVP(11, bytes(8), MICROSOFT), ms_chap()[1]], "not the one"),
        ([USER, *ms_chap_v2(b"\0")], "not the one"),
        ([USER, ms_chap_v2()[0], DiameterAVP(25, IMPLIED[16:] + bytes(50), MICROSOFT)], "50 octets"),
    ],
)
def test_what_proves_nothing(avps: list[DiameterAVP], text: str) -> None:
    with pytest.raises(DecodeError, match=text) as raised:
        read(*avps)
    assert raised.value.reason == "eap_malformed"
    assert "secret" not in str(raised.value)


def test_what_is_not_mandatory_may_be_unknown() -> None:
    assert read(USER, DiameterAVP(2, b"x"), DiameterAVP(999, b"", mandatory=False)) == ("alice", PAP(b"x"), 0, "PAP")


def test_only_what_is_offered() -> None:
    with pytest.raises(DecodeError, match="PAP is not offered"):
        read(USER, DiameterAVP(2, b"x"), names=frozenset({"CHAP"}))


def test_several_eap_messages_are_one() -> None:
    assert values([DiameterAVP(79, b"ab"), DiameterAVP(79, b"cd")]) == {(0, 79): b"abcd"}


def test_what_may_be_offered() -> None:
    assert allowed(True) == ALL
    assert allowed(False) == frozenset()
    assert allowed("PAP") == {"PAP"}
    assert allowed(["CHAP", "MS-CHAP"]) == {"CHAP", "MS-CHAP"}
    with pytest.raises(ConfigurationError, match="'pap'"):
        allowed(["pap"])


def test_mschapv2_success() -> None:
    """RFC 2548 section 2.3.3: the identifier, and S=... after it."""
    assert mschapv2_success(9, b"S=1") == DiameterAVP(26, b"\x09S=1", MICROSOFT)
