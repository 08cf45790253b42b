"""Every attribute of Debian's FreeRADIUS dictionaries, in a reply that radclient reads and a request that it writes."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

import pytest

from trioradius import AVP, AccessAccept, AccessRequest, App, Attribute, Dictionary
from trioradius.attributes.attribute import SALTED_HIDING, TLV
from trioradius.attributes.freeradius import read_dictionary

from .radclient import PROVE, SECRET, Radclient
from .serving import serving

DICTIONARY: Final = pathlib.Path("/usr/share/freeradius/dictionary")
VALUES: Final[dict[str, tuple[Any, str]]] = {
    "integer": (1_234_567, "1234567"),
    "integer64": (1_234_567_890_123_456_789, "1234567890123456789"),
    "byte": (201, "201"),
    "short": (54_321, "54321"),
    "signed": (-5, "-5"),
    "string": ("a text: \u00e4", '"a text: \u00e4"'),
    "octets": (bytes(range(1, 30)), "0x" + bytes(range(1, 30)).hex()),
    "ipaddr": (IPv4Address("192.0.2.77"), "192.0.2.77"),
    "combo-ip": (IPv4Address("192.0.2.78"), "192.0.2.78"),
    "ipv4prefix": (IPv4Network("192.0.2.0/25"), "192.0.2.0/25"),
    "ipv6addr": (IPv6Address("2001:db8::7"), "2001:db8::7"),
    "ipv6prefix": (IPv6Network("2001:db8:1::/49"), "2001:db8:1::/49"),
    "ifid": ("00a1:0002:0003:fff4", "a1:2:3:fff4"),
    "ether": ("00:11:22:33:44:55", "00:11:22:33:44:55"),
    "date": (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), '"Nov 14 2023 22:13:20 UTC"'),
}
"""A value of each data type, and how radclient writes it."""
NOT_SENT: Final = {2, 3, 33, 70, 79, 80, 173}
"""Passwords, Proxy-State, EAP-Message and Message-Authenticator have rules of their own, and tests of their own.
173 is IPv6-6rd-Configuration: radclient knows no TLV outside of vendors and extended attributes."""
PACKETS: Final = 140


def example(attribute: Attribute[Any]) -> tuple[Any, str] | None:
    """A value for this attribute and its text; None where the data type is a container, or known to FreeRADIUS only."""
    kind = attribute.datatype
    if kind.name.startswith("octets[") and kind.size:
        return bytes(range(kind.size)), "0x" + bytes(range(kind.size)).hex()
    return VALUES.get(kind.name)


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return read_dictionary(DICTIONARY, base=None)


@pytest.fixture(scope="module")
def batches(dictionary: Dictionary) -> list[list[Attribute[Any]]]:
    """The attributes that have a place in a packet, some at a time.

    Neighbours go into different packets: radclient puts TLVs that follow each other into one attribute, and cuts off
    what does not fit.
    """
    found = [
        attribute
        for attribute in dictionary
        if example(attribute) and attribute.path[0] < 256 and attribute.path[0] not in NOT_SENT
        # Of several names for one number radclient shows the last.
        if dictionary.find(attribute.key) is attribute
    ]
    assert len(found) > 6_000
    return [found[at::PACKETS] for at in range(PACKETS)]


def name(attribute: Attribute[Any]) -> str:
    return f"{attribute.name}:3" if attribute.tagged else attribute.name


def line(attribute: Attribute[Any]) -> str:
    """The attribute with its example, as radclient writes and reads it."""
    _, text = example(attribute)
    return f"{name(attribute)} = {text}"


def avp(attribute: Attribute[Any]) -> AVP:
    """The attribute with its example, within the TLVs that it belongs in."""
    value, _ = example(attribute)
    made = attribute(value, tag=3 if attribute.tagged else 0)
    within = attribute.within
    while isinstance(within, Attribute) and within.datatype is TLV:
        made, within = within(made), within.within
    return made


async def test_radclient_reads_what_we_write(
    radclient: Radclient, dictionary: Dictionary, batches: list[list[Attribute[Any]]]
) -> None:
    app = App({"127.0.0.1": SECRET}, dictionary=dictionary)

    @app.on(AccessRequest)
    async def reply(request: AccessRequest) -> AccessAccept:
        return request.accept(*map(avp, batches[int(request["User-Name"])]))

    async with serving(app) as [address]:
        requests = [f'User-Name = "{number}"\n{PROVE}' for number in range(len(batches))]
        run = await radclient(address, "auth", *requests)
    assert len(run.replies) == len(batches), run.text[-500:]
    for reply, sent in zip(run.replies, batches, strict=True):
        assert reply.attributes == list(map(line, sent))


async def test_we_read_what_radclient_writes(
    radclient: Radclient, dictionary: Dictionary, batches: list[list[Attribute[Any]]]
) -> None:
    app = App({"127.0.0.1": SECRET}, dictionary=dictionary)
    found: list[AccessRequest] = []

    @app.on(AccessRequest)
    async def accept(request: AccessRequest) -> AccessAccept:
        found.append(request)
        return request.accept()

    async with serving(app) as [address]:
        # radclient hides passwords in its requests, but cannot hide what has a salt.
        sendable = [[attribute for attribute in batch if attribute.encrypt != SALTED_HIDING] for batch in batches]
        run = await radclient(address, "auth", *("\n".join([*map(line, sent), PROVE]) for sent in sendable))
    assert len(run.replies) == len(found) == len(sendable), run.text[-500:]
    for request, sent in zip(found, sendable, strict=True):
        assert [request.all(attribute) for attribute in sent] == [(example(attribute)[0],) for attribute in sent]
