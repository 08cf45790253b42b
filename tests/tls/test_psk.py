"""Pre-shared keys (RFC 9813): what is taken for one, and handshakes with them."""

from __future__ import annotations

import pytest

from trioradius.errors import ConfigurationError
from trioradius.tls import Admission, PreSharedKey, TLSSettings, client_context, server_context
from trioradius.tls.psk import read_identity

from .pairs import connect, data, done
from .pki import PKI

KEY = bytes(range(32))
BOB = PreSharedKey("bob", KEY)
VERSIONS = ("1.2", "1.3")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("certificate", [True, False])
def test_a_key_alone(pki: PKI, version: str, certificate: bool) -> None:
    changes = {"psk": BOB, "maximum_version": version}
    server = pki.settings("server", **changes) if certificate else TLSSettings(**changes)
    pair = connect(server, TLSSettings(psk=BOB, maximum_version=version))
    for end in (pair.client, pair.server):
        assert (done(end).certificate, done(end).psk_identity, done(end).resumed) == (None, "bob", False)
    pair.client.write(b"hello")
    assert data(pair.pump().server_events) == b"hello"
    assert "DHE" in done(pair.server).cipher or version == "1.3"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_owner_of_a_connection_knows_the_keys(pki: PKI, version: str) -> None:
    keys = {"alice": b"a" * 16, "bob": KEY}
    server = pki.settings("server", maximum_version=version)
    pair = connect(server, TLSSettings(psk=BOB, maximum_version=version), admission=Admission(key_of=keys.get))
    assert done(pair.server).psk_identity == "bob"


def test_a_server_without_a_certificate_whose_peers_have_keys() -> None:
    server = server_context(TLSSettings(), has_keys=True)
    pair = connect(server, TLSSettings(psk=BOB), admission=Admission(key_of={"bob": KEY}.get))
    assert done(pair.server).psk_identity == "bob"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("psk", [PreSharedKey("bob", b"x" * 32), PreSharedKey("eve", KEY)])
def test_a_wrong_key_or_identity(pki: PKI, version: str, psk: PreSharedKey) -> None:
    server = pki.settings("server", psk=BOB, maximum_version=version)
    pair = connect(server, TLSSettings(psk=psk, maximum_version=version))
    assert all(pair.failures)
    assert pair.server.done is None


def test_a_certificate_beside_keys(pki: PKI) -> None:
    pair = connect(pki.settings("server", psk=BOB), pki.settings("client"))
    assert done(pair.server).psk_identity == ""
    assert done(pair.server).certificate is not None


def test_a_key_for_tls_1_3_is_not_used_for_1_2(pki: PKI) -> None:
    pair = connect(pki.settings("server", psk=BOB, maximum_version="1.2"), TLSSettings(psk=BOB))
    assert all(pair.failures)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_key_is_proved_each_time(pki: PKI, version: str) -> None:
    server = server_context(TLSSettings(psk=BOB, maximum_version=version))
    client = client_context(TLSSettings(psk=BOB, maximum_version=version))
    pair = connect(server, client)
    assert pair.client.resumption() is None
    pair.client.close()
    assert done(connect(server, client).server).psk_identity == "bob"


def test_a_long_identity(pki: PKI) -> None:
    psk = PreSharedKey("é" * 512, KEY)
    assert done(connect(TLSSettings(psk=psk), TLSSettings(psk=psk)).server).psk_identity == psk.identity


@pytest.mark.parametrize(
    ("identity", "key", "text"),
    [
        ("bob", b"", "empty"),
        ("bob", b"x" * 15, "15 octets"),
        ("bob", b"x" * 257, "257 octets"),
        ("", KEY, "empty"),
        ("bo\0b", KEY, "control"),
        ("bob\n", KEY, "control"),
        ("é" * 513, KEY, "1024"),
    ],
)
def test_what_is_no_key(identity: str, key: bytes, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        PreSharedKey(identity, key)


def test_hexadecimal_digits_and_text() -> None:
    assert PreSharedKey.from_hex("bob", KEY.hex()) == BOB
    assert PreSharedKey.from_text("bob", "0123456789abcdef").key == b"0123456789abcdef"
    with pytest.raises(ConfigurationError, match="from_text") as caught:
        PreSharedKey.from_hex("bob", "this is a secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="8 octets"):
        PreSharedKey.from_hex("bob", "0123456789abcdef")


def test_a_key_is_no_shared_secret() -> None:
    BOB.require_distinct([b"other"])
    with pytest.raises(ConfigurationError, match="also a shared secret"):
        BOB.require_distinct([b"other", KEY])


def test_a_key_is_not_shown() -> None:
    psk = PreSharedKey.from_text("bob", "wonderful-wonderland")
    assert "wonder" not in repr(psk) + repr(TLSSettings(psk=psk)) + repr(client_context(TLSSettings(psk=psk)))


@pytest.mark.parametrize("octets", [b"", b"\xff", b"a\0b", b"x" * 1_025])
def test_identities_from_the_wire(octets: bytes) -> None:
    assert read_identity(octets) is None
