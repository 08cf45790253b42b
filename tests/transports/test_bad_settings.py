"""Bad settings of TLS and DTLS stop the start of a server, or of a client, with one line that says what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import pytest

from tests.desk import PEERS
from tests.tls.pki import PKI
from trioradius import DTLS, TLS, App, ConfigurationError, Peer, PreSharedKey, TLSSettings, open_client, serve

KEY: Final = b"thirty-two octets that are a key"
Make: TypeAlias = Callable[[PKI], tuple[Any, TLSSettings]]

FILES: Final[list[tuple[Make, str]]] = [
    (lambda pki: (PEERS, pki.settings("server", key=pki.folder / "client.key")), "client.key does not fit"),
    (lambda pki: (PEERS, pki.settings("server", certificate="absent.pem")), "absent.pem cannot be read"),
    (lambda pki: (PEERS, pki.settings("server", key="absent.key")), "absent.key cannot be read"),
    (lambda pki: (PEERS, pki.settings("server", ca="absent.pem")), "absent.pem cannot be read"),
    (lambda pki: (PEERS, pki.settings("server", crl="absent.pem")), "absent.pem cannot be read"),
    (lambda pki: (PEERS, pki.settings("server", versions="1.1", maximum_version="1.2")), "needs TLS 1.3"),
    (lambda pki: (PEERS, TLSSettings(psk=PreSharedKey("nas", b""))), "the PSK is empty"),
    (lambda pki: (PEERS, TLSSettings(ca=pki.folder / "ca.pem")), "needs a certificate and its key, or a PSK"),
]
PEERS_OF_A_SERVER: Final[list[tuple[Make, str]]] = [
    (lambda pki: ({"psk:nas": Peer(psk=b"")}, pki.settings("server")), "the PSK is empty"),
    (lambda pki: ({"psk:nas": Peer(psk=KEY), "192.0.2.1": KEY}, pki.settings("server")), "shared secret"),
    (lambda pki: ({"192.0.2.1": KEY}, TLSSettings(psk=PreSharedKey("nas", KEY))), "shared secret"),
]


def is_one_line(error: ConfigurationError, text: str) -> bool:
    told = str(error)
    return text in told and "\n" not in told and KEY.decode() not in told


@pytest.mark.parametrize("kind", [TLS, DTLS])
@pytest.mark.parametrize(("make", "text"), [*FILES, *PEERS_OF_A_SERVER])
async def test_a_server_does_not_start(pki: PKI, kind: type[TLS] | type[DTLS], make: Make, text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        peers, settings = make(pki)
        await serve(App(peers), kind("127.0.0.1", 0, settings))
    assert is_one_line(raised.value, text), raised.value


@pytest.mark.parametrize(("make", "text"), FILES)
async def test_a_client_does_not_start(pki: PKI, make: Make, text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        _, settings = make(pki)
        async with open_client(TLS("127.0.0.1", 1, settings)):
            pass
    assert is_one_line(raised.value, text), raised.value


async def test_1_1_alone_has_no_dtls(pki: PKI) -> None:
    with pytest.raises(ConfigurationError, match=r"needs TLS 1\.3, and DTLS is 1\.2"):
        await serve(App(PEERS), DTLS("127.0.0.1", 0, pki.settings("server", versions="1.1")))
