"""Which RADIUS version two ends come to: the negotiation table of RFC 9765 section 3.3, one row each."""

from __future__ import annotations

import pytest

from trioradius.errors import ConfigurationError
from trioradius.tls import client_context, server_context
from trioradius.tls.alpn import NoCommonProtocol, choose, offered, radius_version

from .pairs import connect, done
from .pki import PKI

BOTH = "1.0, 1.1"
ALERT = ("no_common_protocol", "no_common_protocol")

# What the client offers, what the server does; the ALPN name and what each end then speaks, or how both fail.
TABLE = [
    (None, None, ("", "1.0", "1.0")),
    (None, "1.0", ("", "1.0", "1.0")),
    (None, BOTH, ("", "1.0", "1.0")),
    (None, "1.1", ("", "1.0", None)),
    ("1.0", None, ("", "1.0", "1.0")),
    ("1.0", "1.0", ("radius/1.0", "1.0", "1.0")),
    ("1.0", BOTH, ("radius/1.0", "1.0", "1.0")),
    ("1.0", "1.1", ALERT),
    (BOTH, None, ("", "1.0", "1.0")),
    (BOTH, "1.0", ("radius/1.0", "1.0", "1.0")),
    (BOTH, BOTH, ("radius/1.1", "1.1", "1.1")),
    (BOTH, "1.1", ("radius/1.1", "1.1", "1.1")),
    ("1.1", None, ("", None, "1.0")),
    ("1.1", "1.0", ALERT),
    ("1.1", BOTH, ("radius/1.1", "1.1", "1.1")),
    ("1.1", "1.1", ("radius/1.1", "1.1", "1.1")),
]


@pytest.mark.parametrize(("client", "server", "outcome"), TABLE)
def test_negotiation(pki: PKI, client: str | None, server: str | None, outcome: tuple[str | None, ...]) -> None:
    pair = connect(pki.settings("server", versions=server), pki.settings("client", versions=client))
    if outcome == ALERT:
        assert pair.failures == ALERT
        return
    ends = done(pair.client), done(pair.server)
    assert (ends[1].protocol, ends[0].radius_version, ends[1].radius_version) == outcome
    assert ends[0].protocol == ends[1].protocol


@pytest.mark.parametrize(("client", "server", "outcome"), TABLE)
def test_negotiation_again_by_resumption(
    pki: PKI, client: str | None, server: str | None, outcome: tuple[str | None, ...]
) -> None:
    if outcome == ALERT:
        return
    serving = server_context(pki.settings("server", versions=server))
    asking = client_context(pki.settings("client", versions=client))
    first = connect(serving, asking)
    second = connect(serving, asking, resumption=first.client.resumption())
    assert done(second.server).resumed
    assert done(second.server).radius_version == done(first.server).radius_version


def test_a_client_on_tls_1_2_gets_1_0(pki: PKI) -> None:
    pair = connect(pki.settings("server"), pki.settings("client", maximum_version="1.2"))
    assert (done(pair.client).protocol, done(pair.server).radius_version) == ("radius/1.0", "1.0")


def test_a_server_on_tls_1_2_gives_1_0(pki: PKI) -> None:
    pair = connect(pki.settings("server", maximum_version="1.2"), pki.settings("client"))
    assert (done(pair.client).protocol, done(pair.client).radius_version) == ("radius/1.0", "1.0")


def test_1_1_alone_does_without_tls_1_2(pki: PKI) -> None:
    pair = connect(pki.settings("server", versions="1.1"), pki.settings("client", maximum_version="1.2"))
    assert pair.failures == ("no_common_version", "no_common_version")


def test_1_1_is_never_chosen_without_tls_1_3() -> None:
    assert offered(("1.0", "1.1"), "1.2") == (b"radius/1.0",)
    with pytest.raises(NoCommonProtocol):
        choose((b"radius/1.1", b"radius/1.0"), (b"radius/1.1",), tls_1_3=False)
    assert radius_version(b"radius/1.1", ("1.0", "1.1"), tls_1_3=False) is None


def test_an_unknown_protocol_beside_a_known_one() -> None:
    assert choose((b"radius/1.1", b"radius/1.0"), (b"h2", b"radius/1.0"), tls_1_3=True) == b"radius/1.0"


def test_dtls_speaks_1_0_alone(pki: PKI) -> None:
    assert server_context(pki.settings("server"), datagrams=True).protocols == (b"radius/1.0",)
    with pytest.raises(ConfigurationError, match=r"TLS 1\.3"):
        server_context(pki.settings("server", versions="1.1"), datagrams=True)
