"""The worked examples of RFC 6929 section 9, both ways."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Final

import pytest

from trioradius.attributes import datatypes as dt
from trioradius.attributes.attribute import AVP, TLV, Attribute, Vendor
from trioradius.attributes.nesting import expand, sub_attributes

VECTORS: Final = json.loads((pathlib.Path(__file__).parent / "rfc_vectors.json").read_text())["vectors"]
EXAMPLES: Final = [vector for vector in VECTORS if vector["id"].startswith("rfc6929-9.")]


def container(path: list[int]) -> Vendor | Attribute[bytes]:
    """What 245.1 or 245.26.9.1 lies within."""
    if len(path) == 4:
        return Vendor(path[2], "Vendor", prefix=(path[0], path[1]))
    return Attribute("Extended", path[0], dt.EXTENDED)


def make(example: dict[str, Any], number: int, within: Vendor | Attribute[Any]) -> AVP:
    if "hex" in example:
        return Attribute("Octets", number, dt.OCTETS, within=within)(bytes.fromhex(example["hex"]))
    tlv = Attribute("TLV", number, TLV, within=within)
    return tlv(*[make(inner, inner["type"], tlv) for inner in example["tlvs"]])


@pytest.mark.parametrize("vector", EXAMPLES, ids=[vector["name"] for vector in EXAMPLES])
def test_example(vector: dict[str, Any]) -> None:
    example, wire = vector["expects"]["neutral"], bytes.fromhex(vector["hex"])
    path = [int(number) for number in example["oid"].split(".")]
    avp = make(example, path[-1], container(path))
    assert avp.wire(None) == wire
    [(key, octets)] = expand(sub_attributes(wire), lambda _: None)
    assert key == tuple(path)
    assert avp.attribute.avp(octets) == avp
    assert avp.attribute.avp(octets).value == avp.value
