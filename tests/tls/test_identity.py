"""What a certificate says about its holder, and what matches it."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from trioradius.errors import ConfigurationError
from trioradius.tls import Identity, PeerCertificate, fingerprint
from trioradius.tls.certificates import make_certificate
from trioradius.tls.identity import NAI_REALM, dns_matches

from .pki import NOW, PKI

DIGITS = "0123456789abcdef" * 4
PAIRS = [DIGITS[at : at + 2] for at in range(0, 64, 2)]


@pytest.mark.parametrize(
    "text",
    [
        DIGITS,
        DIGITS.upper(),
        ":".join(PAIRS),
        ":".join(PAIRS).upper(),
        " ".join(PAIRS),
        "-".join(PAIRS),
        f"sha256:{DIGITS}",
        f"SHA256:{':'.join(PAIRS).upper()}",
        f"SHA-256: {DIGITS}",
        f"sha256/{DIGITS}",
        f"sha256 Fingerprint={':'.join(PAIRS).upper()}",
        f"  {DIGITS}\n",
    ],
)
def test_a_fingerprint_in_any_spelling(text: str) -> None:
    assert fingerprint(text) == DIGITS


@pytest.mark.parametrize("text", ["", "sha256:", DIGITS[:-1], DIGITS[:-2], DIGITS + "ab", "sha1:" + DIGITS, "g" * 64])
def test_no_fingerprint(text: str) -> None:
    with pytest.raises(ConfigurationError):
        fingerprint(text)


@given(st.text(max_size=80))
def test_any_text_is_a_fingerprint_or_a_clear_error(text: str) -> None:
    try:
        assert len(fingerprint(text)) == 64
    except ConfigurationError as error:
        assert "fingerprint" in str(error)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("radius.example.org", "radius.example.org", True),
        ("radius.example.org", "RADIUS.Example.org.", True),
        ("radius.example.org", "example.org", False),
        ("*.example.org", "radius.example.org", True),
        ("*.example.org", "a.radius.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.example.org", ".example.org", False),
        ("*.org", "example.org", False),
        ("*", "localhost", False),
        ("r*.example.org", "radius.example.org", False),
        ("*r.example.org", "radiusr.example.org", False),
        ("radius.*.org", "radius.example.org", False),
        ("*.*.org", "radius.example.org", False),
        ("xn--bcher-kva.example", "bücher.example", True),
    ],
)
def test_dns_names(pattern: str, name: str, matches: bool) -> None:
    assert dns_matches(pattern, name) is matches


def peer(*names: str | x509.GeneralName) -> PeerCertificate:
    return PeerCertificate.read(make_certificate(NOW, "localhost", names).certificate)


def realm(text: str) -> x509.OtherName:
    return x509.OtherName(NAI_REALM, bytes((0x0C, len(text))) + text.encode())


def test_every_name() -> None:
    found = peer(
        "NAS.example.org", "192.0.2.1", "2001:db8::1", x509.UniformResourceIdentifier("urn:nas:7"), realm("Example.com")
    )
    assert found.dns == ("nas.example.org",)
    assert [str(address) for address in found.ip] == ["192.0.2.1", "2001:db8::1"]
    assert found.uri == ("urn:nas:7",)
    assert found.realms == ("example.com",)
    assert found.subject == "CN=localhost,O=for development only"
    kinds = [identity.kind for identity in found.identities]
    assert kinds == ["sha256", "serial", "dns", "ip", "ip", "uri", "realm"]


def test_the_common_name_is_no_name() -> None:
    assert not peer("other").is_for("localhost")
    assert not peer().is_for("localhost")


def test_addresses_match_exactly() -> None:
    found = peer("192.0.2.1", "2001:db8::1", "192.0.2.9.example")
    assert found.is_for("192.0.2.1") and found.is_for("2001:DB8:0::1")
    assert not found.is_for("192.0.2.9")
    assert not peer(x509.DNSName("192.0.2.1")).is_for("192.0.2.1")


def test_realms() -> None:
    found = peer(realm("example.com"), realm("*.example.org"))
    assert found.is_for_realm("example.com") and found.is_for_realm("a.example.org")
    assert not found.is_for_realm("example.org")


@pytest.mark.parametrize("value", [b"\x0c\x00", b"\x04\x03abc", b"\x0c\x81\x80" + b"a" * 128])
def test_a_malformed_realm_is_none(value: bytes) -> None:
    assert peer(x509.OtherName(NAI_REALM, value)).realms == ()


def test_identities_as_an_operator_writes_them(pki: PKI) -> None:
    found = PeerCertificate.read(pki.issued["client"].certificate)
    issuer = "CN=trioradius CA,O=for development only"
    for text in (
        f"sha256:{pki.fingerprint('client')}",
        f"serial:{issuer}/{found.serial:X}",
        f"serial:{issuer}/00:{found.serial:x}"
        if len(f"{found.serial:x}") % 2 == 0
        else f"serial:{issuer}/0x{found.serial:x}",
        "dns:NAS.Example.org.",
        "ip:192.0.2.1",
    ):
        assert Identity.parse(text) in found.identities, text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns:",
        "nas.example.org",
        "cn:nas",
        "ip:nas",
        "sha256:12",
        "serial:12",
        "serial:CN=a/xyz",
        "serial:nobody/12",
    ],
)
def test_what_is_no_identity(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Identity.parse(text)


def test_a_wildcard_is_nobodys_identity() -> None:
    assert [identity.kind for identity in peer("*.example.org").identities] == ["sha256", "serial"]
