"""openssl s_client and s_server as the other end, over loopback."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator

from trioradius.tls import Data, DatagramEngine, Engine, Event, Failed, HandshakeDone, State
from trioradius.tls.engine import Context
from trioradius.tls.sessions import Sessions

from .pki import NOW, PKI

SECONDS = 20


@contextlib.contextmanager
def openssl(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """An openssl program; ended with the block."""
    process = subprocess.Popen(
        ("openssl", *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def shown(pki: PKI, stem: str) -> list[str]:
    """The arguments that show a certificate and trust the authority."""
    folder = pki.folder
    return ["-cert", f"{folder}/{stem}.pem", "-key", f"{folder}/{stem}.key", "-CAfile", f"{folder}/ca.pem"]


@contextlib.contextmanager
def s_server(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A listening s_server, and the port it chose."""
    with openssl("s_server", "-accept", "127.0.0.1:0", *arguments) as process:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith(b"ACCEPT"):
            assert line, "s_server ended"
        yield process, int(line.rsplit(b":", 1)[1])


def serve_one(listener: socket.socket, engine: Engine) -> list[Event]:
    """Serve one client: echo what it sends, until it is gone."""
    connection, _ = listener.accept()
    connection.settimeout(SECONDS)
    events: list[Event] = []
    with connection:
        while engine.state in (State.HANDSHAKE, State.OPEN):
            found = engine.feed(_received(connection))
            events += found
            _echo(engine, found)
            with contextlib.suppress(OSError):
                connection.sendall(engine.take())
    return events


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""


def _echo(engine: Engine, events: list[Event]) -> None:
    for event in events:
        if isinstance(event, Data) and engine.state is State.OPEN:
            engine.write(event.octets)


def serve_datagrams(bound: socket.socket, context: Context, count: int) -> list[Event]:
    """Serve DTLS: echo every record, until so many came or a handshake failed."""
    sessions = Sessions(context, lambda _: context.admission())
    events: list[Event] = []
    while sum(isinstance(event, (Data, Failed)) for event in events) < count:
        datagram, address = bound.recvfrom(65_536)
        arrival = sessions.receive(datagram, address, seconds=0, now=NOW)
        events += arrival.events
        answers = arrival.answers
        if arrival.engine is not None:
            _echo(arrival.engine, arrival.events)
            answers = answers + arrival.engine.take_datagrams()
        for answer in answers:
            bound.sendto(answer, address)
    return events


def ask(engine: Engine, port: int, line: bytes) -> tuple[list[Event], bytes]:
    """Connect a client engine, write a line where the handshake allows, and read one line back."""
    events, answer = [], b""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        found = engine.advance()
        while engine.state in (State.HANDSHAKE, State.OPEN) and not answer.endswith(b"\n"):
            if any(isinstance(event, HandshakeDone) for event in found):
                engine.write(line)
            connection.sendall(engine.take())
            found = engine.feed(_received(connection))
            events += found
            answer += b"".join(event.octets for event in found if isinstance(event, Data))
        with contextlib.suppress(OSError):
            connection.sendall(engine.take())
    return events, answer


def ask_by_datagrams(engine: DatagramEngine, port: int, packets: list[bytes]) -> list[Event]:
    """Connect a DTLS client engine and write packets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(SECONDS)
        connection.connect(("127.0.0.1", port))
        events = engine.advance()
        while engine.state is State.HANDSHAKE:
            for datagram in engine.take_datagrams():
                connection.send(datagram)
            events += engine.feed(connection.recv(65_536))
        for packet in packets if engine.state is State.OPEN else ():
            engine.write(packet)
        for datagram in engine.take_datagrams():
            connection.send(datagram)
    return events
