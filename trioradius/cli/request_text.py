"""Requests as people write them: NAME=VALUE arguments, and files in radclient's form.

User-Name = "alice", User-Password = "wonderland"
NAS-Port = 7

# an empty line starts the next packet
User-Name = "bob"
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

from trioradius.attributes import CHAPChallenge, CHAPPassword, UserPassword
from trioradius.attributes.attribute import AVP
from trioradius.attributes.dictionary import Dictionary
from trioradius.cli.group import Mistake
from trioradius.errors import EncodeError
from trioradius.protocol.packets import Reply, Request
from trioradius.protocol.passwords import chap
from trioradius.protocol.wire import MESSAGE_AUTHENTICATOR

R = TypeVar("R", bound=Reply)

_PAIR: Final = re.compile(
    r"""\s*(?P<name>[\w./-]+(?::\d+)?)\s*(?::=|\+=|==|=)\s*
    (?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>[^"',\s][^,]*))\s*(?:,|$)""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|(.))")
_CONTROL: Final = {"n": "\n", "r": "\r", "t": "\t"}


class Item(NamedTuple):
    """One attribute as it was written, and where."""

    place: str
    name: str
    value: str


def read_arguments(arguments: Iterable[str]) -> list[Item]:
    """The attributes in NAME=VALUE arguments; quotes round a value are optional. Raises Mistake."""
    items = []
    for number, argument in enumerate(arguments, 1):
        name, separator, value = argument.partition("=")
        # The text is not shown: a password may stand where a name belongs.
        if not separator or not name.strip():
            raise Mistake(f"attribute {number} is not NAME=VALUE, as in User-Name=alice")
        items.append(Item(f"attribute {number}", name.strip(), _unquoted(value.strip())))
    return items


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def read_packets(text: str, file: str) -> list[list[Item]]:
    """The attributes of each packet in a file. Raises Mistake."""
    packets: list[list[Item]] = [[]]
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        if line.strip():
            packets[-1] += _pairs(line, f"{file}:{number}")
        elif packets[-1]:
            packets.append([])
    return [packet for packet in packets if packet]


def _pairs(line: str, place: str) -> Iterator[Item]:
    at = 0
    while at < len(line.rstrip()):
        found = _PAIR.match(line, at)
        if found is None:
            raise Mistake(f'{place}: column {at + 1} is not NAME = VALUE, as in User-Name = "alice"')
        double, single, bare = found["double"], found["single"], found["bare"]
        quoted = single if double is None else double
        yield Item(place, found["name"], bare.strip() if quoted is None else _ESCAPE.sub(_unescaped, quoted))
        at = found.end()


def _unescaped(found: re.Match[str]) -> str:
    octal, hexadecimal, other = found.groups()
    if other is not None:
        return _CONTROL.get(other, other)
    return chr(int(octal, 8)) if octal else chr(int(hexadecimal, 16))


def request_of(
    kind: type[Request[R]], items: Iterable[Item], dictionary: Dictionary, *, as_chap: bool = False
) -> Request[R]:
    """The request that these attributes make. Message-Authenticator is left out: signing adds it where it belongs.

    A CHAP-Password that is text is the password, which becomes the response to a challenge; with ``as_chap``
    User-Password does as well.

    Raises:
        Mistake: an attribute is unknown, or a value does not fit; the text says where.
    """
    avps: list[AVP] = []
    password: str | None = None
    for item in items:
        with _blaming(item.place):
            attribute = dictionary[item.name.partition(":")[0]]
            if attribute.key == MESSAGE_AUTHENTICATOR:
                continue
            if _becomes_chap(attribute.key, item.value, as_chap=as_chap):
                password = item.value
            else:
                avps.append(dictionary.avp(item.name, item.value))
    return kind(*(avps if password is None else _with_chap(avps, password)), dictionary=dictionary)


def _becomes_chap(key: object, value: str, *, as_chap: bool) -> bool:
    if key == CHAPPassword.key:
        return not value.lower().startswith("0x")
    return as_chap and key == UserPassword.key


def _with_chap(avps: list[AVP], password: str) -> list[AVP]:
    given = next((avp.octets for avp in avps if avp.attribute.key == CHAPChallenge.key), None)
    return [*(avp for avp in avps if avp.attribute.key != CHAPChallenge.key), *chap(password, challenge=given)]


@contextlib.contextmanager
def _blaming(place: str) -> Iterator[None]:
    try:
        yield
    except EncodeError as error:
        raise Mistake(f"{place}: {error}") from None


def asks_for_proof(packets: Iterable[Iterable[Item]]) -> bool:
    """Whether a packet mentions Message-Authenticator."""
    return any(item.name.lower() == "message-authenticator" for packet in packets for item in packet)
