"""Reading a received packet, whatever its attributes hold, raises nothing but MissingAttribute."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.raw import PASSWORD, SECRET, attribute, hidden, packet, vendor
from trioradius import AccessRequest, Dictionary, EncodeError, MissingAttribute
from trioradius.attributes import nesting
from trioradius.attributes.attribute import Attribute
from trioradius.attributes.ietf import UserName, UserPassword
from trioradius.errors import DecodeError
from trioradius.protocol import wire
from trioradius.protocol.hiding import Hiding
from trioradius.protocol.secret import Secret

BUNDLED: Final = Dictionary.bundled()
EVERY: Final = list(BUNDLED)
TEXTS: Final = [found for found in EVERY if found.datatype.name == "string"]
VECTOR: Final = bytes(range(16))
HOSTILE: Final = (
    *(b"", b"\0", b"\xff", b"\1\1", b"\3\xff\x28", bytes(4)),
    *(b"\x1f" * 5, b"\xff" * 16, bytes(18), b"\1\x02" * 90),
)


def received(attributes: bytes) -> AccessRequest:
    message = wire.decode(packet(1, attributes, vector=VECTOR))
    return AccessRequest.received(message, Hiding(Secret(SECRET), VECTOR), BUNDLED)


def carrying(attribute: Attribute[Any], octets: bytes) -> AccessRequest | None:
    """A packet in which these octets stand where the attribute would; None where they cannot."""
    try:
        return received(nesting.wrap(attribute, octets))
    except (EncodeError, DecodeError):
        return None


def read(request: AccessRequest, attribute: Attribute[Any]) -> None:
    """Every way to ask for one attribute."""
    for key in (attribute, attribute.name):
        found = request.get(key)
        assert (found is not None) == (key in request) == bool(request.all(key))
        assert isinstance(request.octets(key), bytes | None)
        assert isinstance(request.all(key, tag=1), tuple)
        request.get(key, tag=0)
        try:
            assert request[key] == found or found != found
        except MissingAttribute:
            assert found is None


def read_all(request: AccessRequest) -> None:
    """Every way to ask for the whole."""
    again = AccessRequest(*request.avps)
    assert len(request) == len(request.avps) == len(list(request))
    assert request == again
    assert hash(request) == hash(again)
    assert isinstance(repr(request), str)
    assert isinstance(request.realm, str)
    assert isinstance(request.verify_password(PASSWORD), bool)
    for avp in request.avps:
        assert isinstance(avp.name, str)
        assert isinstance(avp.tag, int)
        assert isinstance(avp.show(), str)


@pytest.mark.parametrize("octets", HOSTILE, ids=bytes.hex)
def test_every_bundled_attribute_with_hostile_octets(octets: bytes) -> None:
    for asked in EVERY:
        request = carrying(asked, octets)
        if request is not None:
            read(request, asked)
            read_all(request)


def test_broken_utf8_in_every_text_counts_as_absent_and_stays_readable() -> None:
    """RFC 8044 section 3.4; what a NAS sends in Latin-1 is not lost."""
    latin = "Zoë\u00ff".encode("latin-1")
    for asked in TEXTS:
        octets = b"\0" + latin if asked.tagged else latin
        if asked.encrypt:
            continue
        request = carrying(asked, octets)
        assert request is not None
        assert request.get(asked) is None, asked
        assert request.octets(asked) == octets, asked
        with pytest.raises(MissingAttribute):
            request[asked]


def test_broken_utf8_in_a_hidden_password() -> None:
    request = received(attribute(2, hidden(b"Zo\xeb", VECTOR)))
    assert request.get(UserPassword) is None
    assert request.octets(UserPassword) == b"Zo\xeb"
    assert request.verify_password(b"Zo\xeb")
    assert "Zo" not in repr(request)


ANY = st.builds(attribute, st.integers(0, 255), st.binary(max_size=80))
VENDORS = st.sampled_from([vendor.number for vendor in BUNDLED.vendors]) | st.integers(0, 2**32 - 1)
NESTED = st.builds(vendor, VENDORS, st.binary(max_size=80))
EXTENDED = st.builds(attribute, st.sampled_from([241, 244, 245, 246]), st.binary(max_size=80))


@settings(max_examples=200, deadline=None)
@given(attributes=st.lists(ANY | NESTED | EXTENDED, max_size=15), asked=st.lists(st.sampled_from(EVERY), max_size=5))
def test_any_attributes(attributes: list[bytes], asked: list[Attribute[Any]]) -> None:
    request = received(b"".join(attributes))
    read_all(request)
    for wanted in (*asked, UserName, UserPassword, *(avp.attribute for avp in request.avps)):
        read_one(request, wanted)


def read_one(request: AccessRequest, wanted: Attribute[Any]) -> None:
    """As read(), for attributes that may have no name of their own."""
    if wanted.name in BUNDLED:
        return read(request, wanted)
    assert isinstance(request.all(wanted), tuple)
    assert isinstance(request.octets(wanted), bytes | None)
    return None


@settings(max_examples=200, deadline=None)
@given(attributes=st.lists(ANY | NESTED | EXTENDED, max_size=15))
def test_nothing_is_lost_when_a_packet_is_sent_on(attributes: list[bytes]) -> None:
    """Read, and written again under the same hiding: the same values, malformed ones included."""
    request = received(b"".join(attributes))
    hiding = Hiding(Secret(SECRET), VECTOR)
    again = received(b"".join(avp.wire(hiding.hide) for avp in request.avps))
    assert again == request
