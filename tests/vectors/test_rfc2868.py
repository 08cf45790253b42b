"""Tags as RFC 2868 sections 3 and 3.3 have them, both ways."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Final

import pytest

from trioradius.attributes import datatypes as dt
from trioradius.attributes.attribute import Attribute
from trioradius.attributes.nesting import sub_attributes

VECTORS: Final = json.loads((pathlib.Path(__file__).parent / "rfc_vectors.json").read_text())["vectors"]
EXAMPLES: Final = [vector for vector in VECTORS if vector["id"].startswith(("rfc2868-3-", "rfc2868-3.3-"))]
ATTRIBUTES: Final[dict[int, Attribute[Any]]] = {
    64: Attribute("Tunnel-Type", 64, dt.INTEGER, tagged=True),
    65: Attribute("Tunnel-Medium-Type", 65, dt.INTEGER, tagged=True),
    66: Attribute("Tunnel-Client-Endpoint", 66, dt.TEXT, tagged=True),
    83: Attribute("Tunnel-Preference", 83, dt.INTEGER, tagged=True),
}


@pytest.mark.parametrize("vector", EXAMPLES, ids=[vector["name"] for vector in EXAMPLES])
def test_example(vector: dict[str, Any]) -> None:
    expects, wire = vector["expects"], bytes.fromhex(vector["hex"])
    [(number, octets)] = sub_attributes(wire)
    avp = ATTRIBUTES[number].avp(octets)
    assert (avp.value, avp.tag) == (expects["value"], expects["tag"])
    assert avp.wire(None) == wire
    again = ATTRIBUTES[number](avp.value, tag=avp.tag)
    assert (again.value, again.tag) == (avp.value, avp.tag)
    # RFC 2868 section 3.3 leaves a tag octet of 0 open for text; it is left out here where the text allows it.
    if octets[0] or number != 66:
        assert again.wire(None) == wire
