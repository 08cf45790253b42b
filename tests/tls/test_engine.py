"""Engine against engine, in memory: handshakes, data in every size, ends and faults."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from trioradius.tls import (
    Admission,
    Closed,
    Context,
    Engine,
    Failed,
    HandshakeDone,
    Resumption,
    State,
    client_context,
    client_engine,
    server_context,
    server_engine,
)

from .pairs import Pair, connect, data, done
from .pki import NOW, PKI

VERSIONS = ("1.2", "1.3")


@pytest.mark.parametrize("version", VERSIONS)
def test_both_ends_learn_who_the_other_is(pki: PKI, version: str) -> None:
    pair = connect(pki.settings("server"), pki.settings("client", minimum_version=version, maximum_version=version))
    client, server = done(pair.client), done(pair.server)
    assert client.tls_version == server.tls_version == f"TLSv{version}"
    assert client.certificate is not None and client.certificate.dns == ("localhost",)
    assert server.certificate is not None and server.certificate.dns == ("nas.example.org",)
    assert server.server_name == "localhost"
    assert pair.client.state is pair.server.state is State.OPEN


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 1_000])
@pytest.mark.parametrize("version", VERSIONS)
def test_ciphertext_split_anywhere(pki: PKI, version: str, size: int) -> None:
    def pieces(octets: bytes) -> Iterator[bytes]:
        return (octets[at : at + size] for at in range(0, len(octets), size))

    pair = connect(pki.settings("server"), pki.settings("client", maximum_version=version), pieces=pieces)
    pair.server_events.clear()
    for length in (1, 20, 4_096):
        pair.client.write(bytes(length))
    pair.pump(pieces)
    assert data(pair.server_events) == bytes(1 + 20 + 4_096)


@pytest.mark.parametrize("length", [1, 16_383, 16_384, 16_385, 65_535, 200_000])
def test_data_of_every_length(pki: PKI, length: int) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"))
    octets = random.Random(length).randbytes(length)
    pair.server.write(octets)
    assert data(pair.pump().client_events) == octets


def test_handshake_and_data_in_one_piece(pki: PKI) -> None:
    pair = Pair(*engines(pki))
    pair.client.advance()
    pair.server.feed(pair.client.take())
    pair.client.feed(pair.server.take())
    pair.client.write(b"early bird")
    events = pair.server.feed(pair.client.take())
    assert isinstance(events[0], HandshakeDone)
    assert data(events) == b"early bird"


def test_close_notify_is_a_clean_end(pki: PKI) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"))
    pair.client.close()
    pair.pump()
    assert pair.server_events[-1] == Closed(clean=True)
    assert pair.server.state is pair.client.state is State.CLOSED
    assert pair.server.feed(b"anything") == []


def test_the_end_of_the_stream_alone_is_no_clean_end(pki: PKI) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"))
    assert pair.server.feed(b"") == [Closed(clean=False)]


def test_the_end_of_the_stream_in_a_handshake(pki: PKI) -> None:
    _, server = engines(pki)
    assert [event.reason for event in server.feed(b"") if isinstance(event, Failed)] == ["cut_off"]


def test_what_waits_is_read_before_the_end(pki: PKI) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"))
    pair.client.write(b"last words")
    pair.client.close()
    events = pair.server.feed(pair.client.take())
    assert data(events) == b"last words"
    assert events[-1] == Closed(clean=True)


@pytest.mark.parametrize("seed", range(40))
def test_garbage_for_a_handshake(pki: PKI, seed: int) -> None:
    _, server = engines(pki)
    events = server.feed(random.Random(seed).randbytes(200))
    assert [type(event) for event in events] in ([Failed], [])
    assert server.state in (State.FAILED, State.HANDSHAKE)


def test_plain_radius_for_a_handshake(pki: PKI) -> None:
    _, server = engines(pki)
    assert [type(event) for event in server.feed(bytes((1, 0, 0, 20)) + bytes(16))] == [Failed]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_that_was_tampered_with(pki: PKI, version: str) -> None:
    pair = connect(pki.settings("server"), pki.settings("client", maximum_version=version))
    pair.client.write(b"pay bob")
    ciphertext = bytearray(pair.client.take())
    ciphertext[-1] ^= 1
    events = pair.server.feed(bytes(ciphertext))
    assert [type(event) for event in events] == [Failed]
    pair.pump()
    assert pair.failures[0] == "peer_alert"


@pytest.mark.parametrize("seed", range(60))
def test_any_bit_of_a_handshake_flipped(pki: PKI, seed: int) -> None:
    rng = random.Random(seed)

    def flip(octets: bytes) -> Iterator[bytes]:
        changed = bytearray(octets)
        if rng.random() < 0.5:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        yield bytes(changed)

    pair = connect(pki.settings("server"), pki.settings("client"), pieces=flip)
    assert pair.server.state in (State.OPEN, State.FAILED, State.HANDSHAKE, State.CLOSED)


def test_nothing_is_written_before_the_handshake_or_after_the_end(pki: PKI) -> None:
    client, server = engines(pki)
    with pytest.raises(RuntimeError):
        client.write(b"early")
    server.close()
    with pytest.raises(RuntimeError):
        server.write(b"late")


def test_old_versions_are_refused(pki: PKI) -> None:
    pair = connect(pki.settings("server", minimum_version="1.3"), pki.settings("client", maximum_version="1.2"))
    assert pair.failures == ("no_common_version", "no_common_version")


@pytest.mark.parametrize("version", VERSIONS)
def test_resumption(pki: PKI, version: str) -> None:
    server = server_context(pki.settings("server"))
    client = client_context(pki.settings("client", maximum_version=version))
    first = connect(server, client)
    resumption = first.client.resumption()
    second = connect(server, client, resumption=resumption)
    assert done(second.client).resumed and done(second.server).resumed
    assert done(second.server).certificate == done(first.server).certificate
    assert done(second.server).protocol == done(first.server).protocol


@pytest.mark.parametrize("version", VERSIONS)
def test_resumption_repeats_the_authorisation(pki: PKI, version: str) -> None:
    server = server_context(pki.settings("server"))
    client = client_context(pki.settings("client", maximum_version=version))
    resumption = session(server, client)
    second = connect(server, client, resumption=resumption, admission=Admission(refuses=lambda _: "dismissed"))
    assert second.failures[1] == "certificate_refused"
    assert "dismissed" in second.texts
    assert second.server.feed(b"") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_an_expired_certificate_does_not_come_back_by_resumption(pki: PKI, version: str) -> None:
    server = server_context(pki.settings("server"))
    client = client_context(pki.settings("client", maximum_version=version))
    pair = Pair(
        client_engine(client, "localhost", now=NOW, resumption=session(server, client)),
        server_engine(server, now=NOW + timedelta(days=400)),
    )
    pair.client.advance()
    pair.pump()
    assert pair.failures[1] == "certificate_refused"
    assert pair.texts == "the certificate has expired"


@pytest.mark.parametrize("offered", ["1.0", None])
def test_a_session_of_1_1_does_not_resume_as_1_0(pki: PKI, offered: str | None) -> None:
    server, client = server_context(pki.settings("server")), client_context(pki.settings("client"))
    resumption = session(server, client)
    # A client with other settings that cheats: it takes the session, but offers something else.
    cheat = client_context(pki.settings("client", versions=offered))
    resumption.session._context = cheat.ssl
    pair = Pair(client_engine(cheat, "localhost", now=NOW), server_engine(server, now=NOW))
    pair.client._connection.set_session(resumption.session)
    pair.client.advance()
    pair.pump()
    assert pair.failures[1] == "resumption_refused"


def test_a_session_of_another_context_means_a_whole_handshake(pki: PKI) -> None:
    server, client = server_context(pki.settings("server")), client_context(pki.settings("client"))
    resumption = session(server, client)
    assert not done(connect(server, client.reload(), resumption=resumption).server).resumed
    assert not done(connect(server.reload(), client, resumption=resumption).server).resumed


def test_resumption_can_be_off(pki: PKI) -> None:
    server, client = server_context(pki.settings("server", resumption=False)), client_context(pki.settings("client"))
    for version in VERSIONS:
        client = client_context(pki.settings("client", maximum_version=version))
        assert not done(connect(server, client, resumption=session(server, client)).server).resumed


def test_exported_keys_agree(pki: PKI) -> None:
    pair = connect(pki.settings("server"), pki.settings("client"))
    assert pair.client.export(b"EXPORTER_EAP_TLS_Key_Material", 64) == pair.server.export(
        b"EXPORTER_EAP_TLS_Key_Material", 64
    )


def test_nothing_of_a_key_in_a_repr(pki: PKI) -> None:
    pair = connect(pki.settings("server", key_password="sesame"), pki.settings("client"))
    shown = repr((pair.server.context, pair.server, pair.client.resumption(), pair.server_events))
    assert "sesame" not in shown and "Private" not in shown


def session(server: Context, client: Context) -> Resumption:
    """What a connection that was closed as it should be leaves for the next."""
    pair = connect(server, client)
    found = pair.client.resumption()
    pair.client.close()
    assert found is not None
    return found


def engines(pki: PKI) -> tuple[Engine, Engine]:
    return (
        client_engine(client_context(pki.settings("client")), "localhost", now=NOW),
        server_engine(server_context(pki.settings("server")), now=NOW),
    )
