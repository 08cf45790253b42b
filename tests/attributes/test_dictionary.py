"""The bundled dictionary: names, vendors that are met late, near misses, and AVPs from text."""

import subprocess
import sys

import pytest

from trioradius.attributes import AVP, Attribute, Dictionary, FramedMTU, ServiceType, TunnelType
from trioradius.attributes.datatypes import TEXT
from trioradius.attributes.mikrotik import MikrotikRateLimit
from trioradius.errors import EncodeError


@pytest.fixture
def dictionary():
    return Dictionary.bundled()


def test_names_in_any_case(dictionary):
    assert dictionary["framed-mtu"] is FramedMTU
    assert "FRAMED-MTU" in dictionary
    assert "Framed-Moon" not in dictionary
    assert 12 not in dictionary


def test_numbers(dictionary):
    assert dictionary.attribute(12) is FramedMTU
    assert dictionary.attribute((26, 14988, 8)) is MikrotikRateLimit
    assert dictionary.attribute((26, 4097, 9)).name == "Attr-26.4097.9"
    assert dictionary.find((26, 4097, 9)) is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Mikrotik-Delegated-IPv6-Pool", (26, 14988, 22)), ("Mikrotik-DHCP-Option-Set", (26, 14988, 23)),
        ("Huawei-Qos-Profile-Name", (26, 2011, 31)), ("Huawei-Input-Average-Rate", (26, 2011, 2)),
        ("ZTE-Rate-Ctrl-SCR-Down", (26, 3902, 83)), ("ZTE-Rate-Ctrl-SCR-Up", (26, 3902, 89)),
        ("ERX-Ingress-Policy-Name", (26, 4874, 10)), ("ERX-Egress-Policy-Name", (26, 4874, 11)),
        ("ERX-Service-Activate", (26, 4874, 65)), ("ERX-Cos-Shaping-Rate", (26, 4874, 177)),
        ("Alc-Subsc-Prof-Str", (26, 6527, 12)), ("Alc-SLA-Prof-Str", (26, 6527, 13)),
        ("Alc-Subscriber-QoS-Override", (26, 6527, 126)), ("WISPr-Bandwidth-Max-Up", (26, 14122, 7)),
        ("WISPr-Bandwidth-Max-Down", (26, 14122, 8)), ("Cisco-AVPair", (26, 9, 1)), ("h323-credit-time", (26, 9, 102)),
        ("MS-MPPE-Send-Key", (26, 311, 16)), ("3GPP-IMSI", (26, 10415, 1)), ("Context-Name", (26, 2352, 4)),
        ("Actual-Data-Rate-Upstream", (26, 3561, 129)), ("FreeRADIUS-802.1X-Anonce", (245, 26, 11344, 1)),
        ("H3C-Acct-IPv6-Input-Gigawords", (26, 25506, 148)), ("WiMAX-Release", (26, 24757, 1, 1)),
    ],
)  # fmt: skip
def test_vendors(dictionary, name, key):
    assert dictionary[name].key == key
    assert dictionary.attribute(key).key == key


def test_service_activate_is_tagged(dictionary):
    assert dictionary["ERX-Service-Activate"].tagged


@pytest.mark.parametrize(
    ("number", "form"),
    [(9, (1, 1, False)), (429, (4, 0, False)), (8164, (2, 2, False)), (24757, (1, 1, True)), (11344, (1, 1, False))],
)
def test_vendor_formats(dictionary, number, form):
    vendor = dictionary.vendor(number)
    assert (vendor.type_octets, vendor.length_octets, vendor.continuation) == form
    assert vendor.prefix == (26,)


def test_vendor_that_nobody_knows(dictionary):
    assert dictionary.vendor(4097) is None


LATE = """
import sys
from trioradius.attributes import Dictionary
dictionary = Dictionary.bundled()
dictionary["User-Name"]
dictionary.attribute(1)
assert "trioradius.attributes.mikrotik" not in sys.modules
assert "trioradius.attributes.cisco" not in sys.modules
{meet}
assert "trioradius.attributes.mikrotik" in sys.modules
assert "trioradius.attributes.cisco" not in sys.modules
"""


@pytest.mark.parametrize(
    "meet", ["dictionary.vendor(14988)", "dictionary.attribute((26, 14988, 8))", 'dictionary["mikrotik-rate-limit"]']
)
def test_a_vendor_is_loaded_when_first_met(meet):
    subprocess.run([sys.executable, "-c", LATE.format(meet=meet)], check=True)


def test_a_module_of_several_vendors_is_loaded_once():
    dictionary = Dictionary(modules={9: ("cisco", ("cisco-",)), 3076: ("cisco", ("asa-",))})
    assert dictionary.vendor(9).name == "Cisco"
    assert dictionary.vendor(3076).name.startswith("Cisco")


def test_iteration_meets_everybody(dictionary):
    names = {attribute.name for attribute in dictionary}
    assert {"User-Name", "Mikrotik-Rate-Limit", "Cisco-AVPair"} <= names
    assert {"Cisco", "Mikrotik"} <= {vendor.name for vendor in dictionary.vendors}


@pytest.mark.parametrize(
    ("wrong", "right"), [("Framed-MTV", "Framed-MTU"), ("Mikrotik-Rate-Limt", "Mikrotik-Rate-Limit")]
)
def test_near_misses(dictionary, wrong, right):
    with pytest.raises(EncodeError, match=f"did you mean {right}"):
        dictionary[wrong]


def test_a_name_unlike_any(dictionary):
    with pytest.raises(EncodeError, match=r"^no attribute is called 'Qqqqqqq'$"):
        dictionary["Qqqqqqq"]


@pytest.mark.parametrize(
    ("text", "avp"),
    [
        ("Service-Type = Login-User", ServiceType(ServiceType.LOGIN_USER)),
        ("Service-Type=1", ServiceType(1)),
        ("framed-mtu = 1500", FramedMTU(1500)),
        ('Mikrotik-Rate-Limit = "10M/10M"', MikrotikRateLimit("10M/10M")),
        ("Mikrotik-Rate-Limit = '10M/10M'", MikrotikRateLimit("10M/10M")),
        ("Tunnel-Type:1 = VLAN", TunnelType(TunnelType.VLAN, tag=1)),
        ("Framed-Routing = None", Dictionary.bundled()["Framed-Routing"](0)),
    ],
)
def test_text(dictionary, text, avp):
    assert dictionary.parse(text) == avp


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Service-Type", "is not NAME=VALUE"),
        ("Service-Type = Dancer", "cannot be 'Dancer'"),
        ("Tunnel-Type:x = 1", "the tag after the colon is not a number"),
        ("Framed-MTU:1 = 1500", "has no tag"),
        ("User-Moon = 1", "no attribute is called"),
    ],
)
def test_text_that_is_none(dictionary, text, problem):
    with pytest.raises(EncodeError, match=problem):
        dictionary.parse(text)


def test_typed_values_by_name(dictionary):
    avp = dictionary.avp("Tunnel-Type:2", 13)
    assert isinstance(avp, AVP)
    assert (avp.value, avp.tag) == (13, 2)


def test_own_entries_win_over_the_base(dictionary):
    own = Dictionary(dictionary)
    own.add(Attribute("Framed-MTU", 250, TEXT))
    assert own["Framed-MTU"].key == 250
    assert own.attribute(12) is FramedMTU
    assert [attribute.key for attribute in own if attribute.name == "Framed-MTU"] == [250]
    assert own.outside_vendors("User-Name").key == 1


def test_an_extended_vendor_is_loaded_by_number():
    dictionary = Dictionary(modules={11344: ("freeradius_vendor", ("freeradius-",))})
    assert dictionary.attribute((245, 26, 11344, 1)).name == "FreeRADIUS-802.1X-Anonce"
