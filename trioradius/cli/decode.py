"""``trioradius decode``: packets from hexadecimal digits or a capture file, as people read them."""

from __future__ import annotations

import os
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import attrs
import click

from trioradius.attributes.dictionary import Dictionary
from trioradius.cli import captures
from trioradius.cli.group import Mistake
from trioradius.cli.options import chosen_dictionary, chosen_secret, dictionary_option, secret_options
from trioradius.cli.output import print_attributes, print_heading
from trioradius.errors import AuthenticityError, DecodeError
from trioradius.protocol import wire
from trioradius.protocol.authenticator import verify_reply, verify_request
from trioradius.protocol.codes import DIGEST_AUTHENTICATOR
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.packet import Packet
from trioradius.protocol.packets import PACKETS, REQUESTS
from trioradius.protocol.secret import Secret
from trioradius.protocol.wire import ABSENT, HEADER, Message

PORTS: Final = frozenset({1812, 1813, 3799, 1645, 1646})
_HEXADECIMAL: Final = re.compile(r"(?:0[xX]|\\x)?((?:[0-9a-fA-F]{2})+)")
_BETWEEN: Final = re.compile(r"[\s:,]+")


@click.command("decode")
@click.argument("arguments", nargs=-1, required=True, metavar="HEX... | FILE | -")
@secret_options
@click.option("--authenticator", metavar="HEX", help="The Request Authenticator that a lone reply answers.")
@click.option("--port", type=click.IntRange(1, 65_535), multiple=True, help="RADIUS is spoken on this port too.")
@dictionary_option
def command(
    arguments: tuple[str, ...],
    secret: str | None,
    secret_file: str | None,
    authenticator: str | None,
    port: tuple[int, ...],
    dictionary: tuple[pathlib.Path, ...],
) -> int:
    """Show the packets in hexadecimal digits, in a pcap or pcapng file, or with - in either on standard input.

    With the secret, hidden values are shown too, and it is said whether the authenticators are right; in a capture a
    reply is read with the request that it answers. The secret also comes from the environment variable
    TRIORADIUS_SECRET.

    Exit status: 0, or 2 where a packet is malformed or an authenticator is wrong.
    """
    chosen = chosen_secret(secret, secret_file)
    reader = Reader(Secret(chosen) if chosen else None, chosen_dictionary(dictionary))
    octets = _octets(arguments)
    if captures.is_capture(octets):
        return _capture(reader, octets, PORTS | set(port))
    vector = _digits([authenticator], "--authenticator") if authenticator else None
    if vector is not None and len(vector) != 16:
        raise Mistake(f"--authenticator: {len(vector)} octets are not the 16 of an authenticator")
    return 0 if reader.show(octets, vector) else 2


def _octets(arguments: tuple[str, ...]) -> bytes:
    if arguments == ("-",):
        octets = sys.stdin.buffer.read()
    elif len(arguments) == 1 and os.path.isfile(arguments[0]):  # Path.is_file() raises for digits of a long packet
        octets = _file_octets(arguments[0])
    else:
        return _digits(arguments, "the packet")
    if captures.is_capture(octets):
        return octets
    return _digits([octets.decode("latin-1")], "the input")


def _file_octets(file: str) -> bytes:
    try:
        return pathlib.Path(file).read_bytes()
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}") from None


def _digits(texts: Iterable[str], what: str) -> bytes:
    """Octets from hexadecimal digits, in words of whole octets with spaces, colons, commas or 0x between."""
    octets = b""
    for word in filter(None, _BETWEEN.split(" ".join(texts))):
        for part in word.replace("\\x", " ").split():
            found = _HEXADECIMAL.fullmatch(part)
            if found is None:
                kind = "hexadecimal digits, two an octet" + ("" if len(part) > 2 else ", as in 01 2a 00 14")
                shown = part if len(part) <= 20 else f"{part[:20]}..."
                raise Mistake(f"{what} is neither a file nor {kind}: {shown!r} is not")
            octets += bytes.fromhex(found[1])
    return octets


def _capture(reader: Reader, octets: bytes, ports: set[int] | frozenset[int]) -> int:
    good, number = True, 0
    try:
        for number, found in enumerate(_radius(octets, ports), 1):
            moment = datetime.fromtimestamp(found.seconds, UTC).isoformat(" ", "microseconds")
            click.echo(f"{'' if number == 1 else chr(10)}{found.number}  {moment[:26]}  {_ends(found)}")
            good &= reader.show_captured(found)
    except captures.CaptureError as error:
        raise Mistake(f"the capture breaks off: {error}") from None
    if not number:
        raise Mistake(f"the capture has no UDP datagram on {', '.join(map(str, sorted(ports)))}; --port adds a port")
    return 0 if good else 2


def _radius(octets: bytes, ports: set[int] | frozenset[int]) -> Iterator[captures.Datagram]:
    return (found for found in captures.datagrams(octets) if ports & {found.source[1], found.destination[1]})


def _ends(found: captures.Datagram) -> str:
    ends = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in (found.source, found.destination)]
    return " -> ".join(ends)


Exchange = tuple[tuple[str, int], tuple[str, int], int]


@attrs.define
class Reader:
    """Shows packets, one after the other, and remembers the requests that replies belong to."""

    secret: Secret | None
    dictionary: Dictionary
    _authenticators: dict[Exchange, bytes] = attrs.field(factory=dict)

    def show_captured(self, found: captures.Datagram) -> bool:
        """Print a datagram's packet; whether it is well-formed and, as far as can be told, genuine."""
        octets = found.payload
        if len(octets) >= HEADER and octets[0] in REQUESTS:
            self._authenticators[found.source, found.destination, octets[1]] = octets[4:HEADER]
            return self.show(octets)
        identifier = octets[1] if len(octets) > 1 else 0
        return self.show(octets, self._authenticators.get((found.destination, found.source, identifier)))

    def show(self, octets: bytes, request_authenticator: bytes | None = None) -> bool:
        """As show_captured, for octets; a reply's secrets want the Request Authenticator that it answers."""
        _print_header(octets)
        try:
            message = wire.decode(octets)
        except DecodeError as error:
            print_heading(f"  malformed: {error}", "red")
            return False
        if len(octets) > len(message.octets):
            click.echo(f"  {len(octets) - len(message.octets)} octets of padding follow")
        verdict, good = self._verified(message, request_authenticator)
        hiding = self._hiding(message, request_authenticator) if good else None
        packet = PACKETS.get(message.code, Packet).received(message, hiding, self.dictionary)
        print_attributes(packet.avps, self.dictionary, secrets=hiding is not None)
        if verdict:
            print_heading(f"  {verdict}", "green" if good else "red")
        return good

    def _hiding(self, message: Message, request_authenticator: bytes | None) -> Hiding | None:
        if self.secret is None:
            return None
        if message.code in DIGEST_AUTHENTICATOR:
            return Hiding(self.secret, bytes(16))
        vector = message.authenticator if message.code in REQUESTS else request_authenticator
        return Hiding(self.secret, vector) if vector else None

    def _verified(self, message: Message, request_authenticator: bytes | None) -> tuple[str, bool]:
        """What the secret says about the packet, and whether that is good."""
        if self.secret is None:
            return "", True
        is_request = message.code in REQUESTS
        if is_request and message.code not in DIGEST_AUTHENTICATOR and message.proof_at == ABSENT:
            return "nothing proves who sent this: it has no Message-Authenticator", True
        if not is_request and request_authenticator is None:
            return "not verified: that needs the request, or --authenticator", True
        try:
            if is_request:
                verify_request(message, self.secret)
            else:
                verify_reply(message, request_authenticator or b"", self.secret)
        except AuthenticityError as error:
            return str(error), False
        proof = "" if message.proof_at == ABSENT else " and Message-Authenticator"
        name = "Message-Authenticator is right" if is_request and message.code not in DIGEST_AUTHENTICATOR else ""
        return name or f"the authenticator{proof} {'are' if proof else 'is'} right", True


def _print_header(octets: bytes) -> None:
    """Code, Identifier, Length and Authenticator, as far as there are octets."""
    if not octets:
        print_heading("no octets")
        return
    kind = PACKETS.get(octets[0])
    fields = [f"{kind.name if kind else 'unknown'} (code {octets[0]})"]
    if len(octets) > 1:
        fields.append(f"Identifier {octets[1]}")
    if len(octets) > 3:
        fields.append(f"Length {octets[2] << 8 | octets[3]}")
    print_heading(", ".join(fields))
    if len(octets) >= HEADER:
        click.echo(f"  Authenticator 0x{octets[4:HEADER].hex()}")
