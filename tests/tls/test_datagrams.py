"""DTLS: cookies, sessions side by side, loss, and what a datagram may hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable

import attrs
import pytest

from trioradius.tls import (
    Arrival,
    Closed,
    Data,
    DatagramEngine,
    Event,
    Failed,
    HandshakeDone,
    PreSharedKey,
    Sessions,
    State,
    TLSSettings,
    client_context,
    datagram_client,
    server_context,
)
from trioradius.tls.datagrams import COOKIE_SECONDS
from trioradius.tls.records import is_client_hello, pack, records

from .pairs import connect
from .pki import NOW, PKI

NAS = ("192.0.2.1", 40_000)
BOB = PreSharedKey("bob", bytes(range(32)))


def keep(datagrams: list[bytes]) -> list[bytes]:
    return datagrams


@attrs.define
class Network:
    """A listener's sessions, and clients at addresses; seconds pass only when told to."""

    sessions: Sessions
    seconds: float = 0
    server_events: list[Event] = attrs.field(factory=list)
    client_events: list[Event] = attrs.field(factory=list)
    arrivals: list[Arrival] = attrs.field(factory=list)

    def arrive(self, datagram: bytes, address: Hashable = NAS) -> Arrival:
        arrival = self.sessions.receive(datagram, address, seconds=self.seconds, now=NOW)
        self.server_events += arrival.events
        self.arrivals.append(arrival)
        return arrival

    def pump(
        self,
        client: DatagramEngine,
        address: Hashable = NAS,
        lossy: Callable[[list[bytes]], list[bytes]] = keep,
    ) -> None:
        """Carry datagrams both ways until nobody has more to say."""
        self.client_events += client.advance()
        while outgoing := client.take_datagrams():
            for datagram in lossy(outgoing):
                for answer in lossy(self.arrive(datagram, address).answers):
                    self.client_events += client.feed(answer)


@pytest.fixture
def network(pki: PKI) -> Network:
    return listening(pki.settings("server", psk=BOB))


def listening(settings: TLSSettings) -> Network:
    context = server_context(settings, datagrams=True)
    return Network(Sessions(context, lambda _: context.admission()))


def new_client(pki: PKI, stem: str = "client") -> DatagramEngine:
    return datagram_client(client_context(pki.settings(stem), datagrams=True), "localhost", now=NOW)


def done(events: list[Event]) -> HandshakeDone:
    (found,) = [event for event in events if isinstance(event, HandshakeDone)]
    return found


def octets(events: list[Event]) -> list[bytes]:
    return [event.octets for event in events if isinstance(event, Data)]


def test_a_handshake(pki: PKI, network: Network) -> None:
    client = new_client(pki)
    network.pump(client)
    for events in (network.client_events, network.server_events):
        found = done(events)
        assert (found.tls_version, found.protocol, found.radius_version) == ("DTLSv1.2", "radius/1.0", "1.0")
    certificate = done(network.server_events).certificate
    assert certificate is not None and certificate.dns == ("nas.example.org",)
    assert (len(network.sessions), network.sessions.half_open) == (1, 0)


def test_a_handshake_by_key(network: Network) -> None:
    client = datagram_client(client_context(TLSSettings(psk=BOB), datagrams=True), now=NOW)
    network.pump(client)
    assert done(network.server_events).psk_identity == done(network.client_events).psk_identity == "bob"


@pytest.mark.parametrize("stem", ["stranger", "expired", "selfsigned"])
def test_a_certificate_that_is_refused(pki: PKI, network: Network, stem: str) -> None:
    network.pump(new_client(pki, stem))
    assert [event.reason for event in network.server_events if isinstance(event, Failed)] == ["certificate_refused"]
    assert [event.reason for event in network.client_events if isinstance(event, Failed)] == ["peer_alert"]
    assert (len(network.sessions), network.sessions.half_open) == (0, 0)


def test_nothing_is_kept_before_the_address_is_real(pki: PKI, network: Network) -> None:
    for port in range(200):
        client = new_client(pki)
        client.advance()
        (hello,) = client.take_datagrams()
        answers = network.arrive(hello, ("192.0.2.1", port)).answers
        assert len(answers) == 1 and len(answers[0]) < len(hello)
    assert (len(network.sessions), network.sessions.half_open) == (0, 0)


def hello_with_cookie(pki: PKI, network: Network, address: Hashable = NAS) -> tuple[DatagramEngine, bytes]:
    client = new_client(pki)
    client.advance()
    (hello,) = client.take_datagrams()
    for answer in network.arrive(hello, address).answers:
        client.feed(answer)
    (second,) = client.take_datagrams()
    return client, second


def test_a_cookie_is_good_for_one_address(pki: PKI, network: Network) -> None:
    _, hello = hello_with_cookie(pki, network)
    assert network.arrive(hello, ("192.0.2.2", 40_000)).engine is None
    assert network.sessions.half_open == 0
    assert network.arrive(hello).engine is not None
    assert network.sessions.half_open == 1


def test_a_cookie_grows_old(pki: PKI, network: Network) -> None:
    _, first = hello_with_cookie(pki, network)
    network.seconds += COOKIE_SECONDS
    assert network.arrive(first).engine is not None
    other = ("192.0.2.2", 1)
    _, second = hello_with_cookie(pki, network, other)
    for _ in range(2):
        network.seconds += COOKIE_SECONDS
        network.arrive(b"x" * 100)
        network.pump(new_client(pki), ("192.0.2.3", 1))
    assert network.arrive(second, other).engine is None


def test_handshakes_under_way_are_bounded(pki: PKI) -> None:
    network = listening(pki.settings("server", half_open_maximum=3))
    hellos = [(port, hello_with_cookie(pki, network, ("192.0.2.1", port))[1]) for port in range(5)]
    for port, hello in hellos:
        network.arrive(hello, ("192.0.2.1", port))
    assert network.sessions.half_open == 3
    assert [arrival.given_up for arrival in network.arrivals[-3:]] == [None, ("192.0.2.1", 0), ("192.0.2.1", 1)]
    network.arrive(hellos[4][1], ("192.0.2.1", 4))
    assert network.sessions.half_open == 3
    assert network.arrivals[-1].given_up is None
    network.seconds += 5
    assert len(network.sessions.expire(network.seconds)) == 3
    assert network.sessions.half_open == 0
    network.pump(new_client(pki))
    assert len(network.sessions) == 1


def test_an_address_that_may_not_come_in(pki: PKI) -> None:
    context = server_context(pki.settings("server"), datagrams=True)
    network = Network(Sessions(context, lambda _: None))
    _, hello = hello_with_cookie(pki, network)
    assert network.arrive(hello) == Arrival()
    assert network.sessions.half_open == 0


def test_sessions_are_bounded(pki: PKI) -> None:
    network = listening(pki.settings("server", connections_maximum=2))
    for port in range(4):
        network.pump(new_client(pki), ("192.0.2.1", port))
    assert len(network.sessions) == 2
    assert network.arrivals[-1].refused == "connections_full"


def test_packets_each_in_a_record_each_in_a_datagram(pki: PKI, network: Network) -> None:
    client = new_client(pki)
    network.pump(client)
    for packet in (b"first", bytes(4_096), b"third"):
        client.write(packet)
    datagrams = client.take_datagrams()
    assert len(datagrams) == 3
    assert octets(network.arrive(b"".join(datagrams)).events) == [b"first", bytes(4_096), b"third"]


def test_a_record_that_does_not_decrypt_is_ignored(pki: PKI, network: Network) -> None:
    client = new_client(pki)
    network.pump(client)
    client.write(b"first")
    client.write(b"second")
    first, second = client.take_datagrams()
    broken = first[:-1] + bytes((first[-1] ^ 1,))
    assert network.arrive(broken).events == []
    assert octets(network.arrive(broken + second).events) == [b"second"]
    assert octets(network.arrive(second).events) == []


@pytest.mark.parametrize("seed", range(60))
def test_garbage_harms_nobody(pki: PKI, network: Network, seed: int) -> None:
    rng = random.Random(seed)
    client = new_client(pki)
    network.pump(client)
    _, hello = hello_with_cookie(pki, network, ("192.0.2.9", 9))
    garbage = bytearray(rng.choice((hello, rng.randbytes(300), hello[: rng.randrange(len(hello))])))
    for _ in range(rng.randrange(6)):
        if garbage:
            garbage[rng.randrange(len(garbage))] = rng.randrange(256)
    for address in (NAS, ("192.0.2.9", 9), ("192.0.2.8", 8)):
        assert not any(isinstance(event, Data) for event in network.arrive(bytes(garbage), address).events)
    client.write(b"still here")
    (datagram,) = client.take_datagrams()
    assert octets(network.arrive(datagram).events) == [b"still here"]


@pytest.mark.parametrize("seed", range(40))
def test_garbage_of_one_leaves_no_error_for_another(pki: PKI, network: Network, seed: int) -> None:
    """OpenSSL's queue of errors is one for the thread; what is left in it would end the next connection."""
    rng = random.Random(seed)
    stream = connect(pki.settings("server"), pki.settings("client"))
    _, hello = hello_with_cookie(pki, network, ("192.0.2.9", 9))
    garbage = bytearray(hello)
    for _ in range(seed % 8 + 1):
        garbage[rng.randrange(13 if seed % 2 else 0, len(garbage))] = rng.randrange(256)
    network.arrive(bytes(garbage), ("192.0.2.9", 9))
    assert stream.server.feed(b"\x17") == []
    assert stream.server.advance() == []


def test_datagrams_of_nobody(network: Network) -> None:
    for datagram in (b"", b"\x16", bytes(13), bytes(70_000)):
        arrival = network.arrive(datagram)
        assert (arrival.engine, arrival.answers) == (None, [])


def test_a_new_hello_does_not_end_a_live_session(pki: PKI, network: Network) -> None:
    old = new_client(pki)
    network.pump(old)
    session = network.sessions.get(NAS)
    new, hello = hello_with_cookie(pki, network)
    network.arrive(hello)
    assert network.sessions.get(NAS) is session
    old.write(b"old")
    (datagram,) = old.take_datagrams()
    assert octets(network.arrive(datagram).events) == [b"old"]
    for answer in network.arrivals[-2].answers:
        new.feed(answer)
    network.pump(new)
    assert network.sessions.get(NAS) is not session
    assert network.arrivals[-1].replaced is session
    new.write(b"new")
    network.pump(new)
    assert octets(network.server_events) == [b"old", b"new"]
    assert len(network.sessions) == 1


def test_a_handshake_that_fails_leaves_the_live_session(pki: PKI, network: Network) -> None:
    old = new_client(pki)
    network.pump(old)
    network.pump(new_client(pki, "stranger"))
    assert isinstance(network.server_events[-1], Failed)
    old.write(b"old")
    network.pump(old)
    assert octets(network.server_events) == [b"old"]


def test_a_repeated_hello_begins_nothing_new(pki: PKI, network: Network) -> None:
    client, hello = hello_with_cookie(pki, network)
    begun = network.arrive(hello)
    assert network.arrive(hello).engine is begun.engine
    for answer in begun.answers:
        client.feed(answer)
    network.pump(client)
    assert len(network.sessions) == 1
    assert network.arrive(hello).engine is None
    assert network.sessions.half_open == 0


def test_close_notify_ends_a_session(pki: PKI, network: Network) -> None:
    client = new_client(pki)
    network.pump(client)
    client.close()
    network.pump(client)
    assert network.server_events[-1] == Closed(clean=True)
    assert len(network.sessions) == 0


def test_a_reload_keeps_sessions_and_cookies(pki: PKI, network: Network) -> None:
    client = new_client(pki)
    network.pump(client)
    late, hello = hello_with_cookie(pki, network, ("192.0.2.9", 9))
    network.sessions.reload(server_context(pki.settings("server"), datagrams=True))
    client.write(b"still here")
    network.pump(client)
    assert octets(network.server_events) == [b"still here"]
    assert network.arrive(hello, ("192.0.2.9", 9)).engine is not None
    assert late.state is State.HANDSHAKE


@pytest.mark.parametrize("seed", range(2))
def test_a_handshake_under_loss_repeats_and_disorder(pki: PKI, network: Network, seed: int) -> None:
    """OpenSSL's timer runs on real time, its first wait being a second: losses stop after two of them."""
    rng = random.Random(seed)
    losses = iter([True] * 2)

    def lossy(datagrams: list[bytes]) -> list[bytes]:
        kept = [d for d in datagrams if not (rng.random() < 0.3 and next(losses, False))]
        kept += [d for d in kept if rng.random() < 0.3]
        rng.shuffle(kept)
        return kept

    client = new_client(pki)
    network.pump(client, lossy=lossy)
    wait_out_timers(network, client, lossy)
    client.write(b"through")
    network.pump(client)
    assert octets(network.server_events) == [b"through"]


def wait_out_timers(network: Network, client: DatagramEngine, lossy: Callable[[list[bytes]], list[bytes]]) -> None:
    """Spin until both ends are through; the timers of either end repeat what was lost."""
    while client.state is State.HANDSHAKE or network.sessions.half_open:
        client.handle_timeout()
        network.pump(client, lossy=lossy)
        for _, answers in network.sessions.tick():
            for answer in lossy(answers):
                network.client_events += client.feed(answer)


def test_the_timer_of_a_flight(pki: PKI) -> None:
    client = new_client(pki)
    client.advance()
    waits = client.timeout()
    assert waits is not None and 0 < waits <= 1
    assert len(client.take_datagrams()) == 1


def test_datagrams_fit_the_mtu(pki: PKI) -> None:
    network = listening(pki.settings("server"))
    client = datagram_client(client_context(pki.settings("deep"), datagrams=True), "localhost", now=NOW, mtu=400)
    sizes: list[int] = []

    def measure(datagrams: list[bytes]) -> list[bytes]:
        sizes.extend(map(len, datagrams))
        return datagrams

    network.pump(client, lossy=measure)
    assert len(network.sessions) == 1
    assert max(sizes) <= 1_200


def test_records_and_datagrams() -> None:
    def record(kind: int, length: int) -> bytes:
        return bytes((kind, 254, 253)) + bytes(8) + length.to_bytes(2) + bytes(length)

    flight = record(22, 500) + record(22, 500) + record(22, 500) + record(20, 1)
    assert [len(datagram) for datagram in pack(flight, 1_200)] == [1_026, 527]
    assert len(pack(record(23, 10) + record(23, 10) + record(22, 10), 1_200)) == 3
    assert [len(found) for found in records(flight + b"\x16")] == [513, 513, 513, 14]
    assert not is_client_hello(record(23, 100))
