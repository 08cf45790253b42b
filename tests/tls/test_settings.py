"""Every mistake in the settings is one line that names what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from trioradius.errors import ConfigurationError
from trioradius.tls import PreSharedKey, TLSSettings, client_context, server_context

from .pairs import connect, done
from .pki import PKI

PSK = PreSharedKey("bob", bytes(16))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda pki: pki.settings("server", certificate="absent.pem"),
            "certificate: absent.pem cannot be read: No",
        ),
        (lambda pki: pki.settings("server", key="absent.key"), "key: absent.key cannot be read"),
        (lambda pki: pki.settings("server", ca="absent.pem"), "ca: absent.pem cannot be read"),
        (lambda pki: pki.settings("server", crl="absent.pem"), "crl: absent.pem cannot be read"),
        (lambda pki: pki.settings("server", ca=pki.folder), "cannot be read: Is a directory"),
        (
            lambda pki: pki.settings("server", key=pki.folder / "client.key"),
            "client.key does not fit the certificate",
        ),
        (lambda pki: pki.settings("server", certificate=pki.folder / "server.key"), "server.key holds no certificate"),
        (lambda pki: pki.settings("server", key=pki.folder / "server.pem"), "server.pem holds no private key"),
        (lambda pki: pki.settings("server", crl=pki.folder / "ca.pem"), "ca.pem holds no certificate revocation list"),
        (lambda pki: pki.settings("server", ciphers="NONSENSE"), "ciphers: OpenSSL refuses 'NONSENSE'"),
        (lambda pki: pki.settings("server", key=None), "is given without a key"),
        (lambda pki: TLSSettings(key="server.key"), "is given without a certificate"),
        (lambda pki: TLSSettings(), "needs a certificate and its key, or a PSK"),
        (lambda pki: pki.settings("server", versions="1.1", maximum_version="1.2"), "maximum_version"),
        (lambda pki: pki.settings("server", versions="1.2"), "versions is"),
        (lambda pki: pki.settings("server", versions=""), "versions is"),
        (lambda pki: pki.settings("server", minimum_version="1.1"), 'minimum_version is "1.2" or "1.3", not'),
        (lambda pki: pki.settings("server", minimum_version="1.3", maximum_version="1.2"), "minimum_version is 1.3"),
        (lambda pki: pki.settings("server", fingerprints="12:34"), "'12:34' is not a SHA-256 fingerprint"),
        (lambda pki: pki.settings("server", handshake_seconds=0), "handshake_seconds must be more than 0"),
        (lambda pki: pki.settings("server", half_open_maximum=-1), "half_open_maximum must be more than 0"),
    ],
)
def test_mistakes(pki: PKI, make: Callable[[PKI], TLSSettings], text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        server_context(make(pki))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_client_must_know_whom_to_trust(pki: PKI) -> None:
    with pytest.raises(ConfigurationError, match="needs a ca, or the fingerprint"):
        client_context(pki.settings("client", ca=None))
    assert client_context(TLSSettings(psk=PSK))


def test_a_key_with_a_password(pki: PKI) -> None:
    encrypted = pki.folder / "encrypted.key"
    encrypted.write_bytes(
        pki.issued["server"].key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame"))
    )
    opened = pki.settings("server", key=encrypted, key_password="sesame")
    assert done(connect(opened, pki.settings("client")).server)
    assert "sesame" not in repr(opened)
    for password, text in ((None, "key_password is not given"), ("wrong", "that key_password opens")):
        with pytest.raises(ConfigurationError, match=text) as caught:
            server_context(pki.settings("server", key=encrypted, key_password=password))
        assert "wrong" not in str(caught.value)


def test_the_defaults() -> None:
    settings = TLSSettings()
    assert (settings.handshake_seconds, settings.idle_seconds) == (5, 900)
    assert (settings.minimum_version, settings.maximum_version) == ("1.2", "1.3")
    assert settings.offered == ("1.0", "1.1")
    assert settings.ca == ()


@pytest.mark.parametrize(
    ("versions", "lowest", "offered"),
    [
        ("1.0, 1.1", "1.2", ("1.0", "1.1")),
        ("1.1,1.0", "1.2", ("1.0", "1.1")),
        ("1.1", "1.3", ("1.1",)),
        ("1.0", "1.2", ("1.0",)),
        (None, "1.2", None),
    ],
)
def test_versions(versions: str | None, lowest: str, offered: Any) -> None:
    settings = TLSSettings(versions=versions)
    assert (settings.lowest, settings.offered) == (lowest, offered)


def test_several_authorities(pki: PKI) -> None:
    both = pki.settings("server", ca=[pki.folder / "stranger.pem", pki.folder / "ca.pem"])
    assert done(connect(both, pki.settings("client")).server)


def test_ciphers(pki: PKI) -> None:
    server = pki.settings("server", ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    pair = connect(server, pki.settings("client", maximum_version="1.2"))
    assert done(pair.server).cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"
