"""Generated modules: how names become identifiers, and that the bundled ones are what the generator writes."""

import importlib
import pathlib
import runpy
import types

import pytest

import trioradius.attributes
from trioradius.attributes import Attribute, Vendor, ietf
from trioradius.attributes.attribute import TLV
from trioradius.attributes.freeradius import read_definitions
from trioradius.attributes.generate import bundled_sources, main, module_source, name_prefixes
from trioradius.attributes.vendors import MODULES

PACKAGE = pathlib.Path(trioradius.attributes.__file__).parent
DEBIAN = pathlib.Path("/usr/share/freeradius")
installed = pytest.mark.skipif(not DEBIAN.exists(), reason="FreeRADIUS' dictionaries are not installed")


@pytest.fixture
def source(tmp_path):
    def source(text):
        path = tmp_path / "dictionary"
        path.write_text(text)
        return module_source(read_definitions(path).attributes, about="Attributes of Acme", facts="a test")

    return source


@pytest.fixture
def generated(source, tmp_path):
    def generated(text):
        path = tmp_path / "generated.py"
        path.write_text(source(text))
        return types.SimpleNamespace(**runpy.run_path(str(path)))

    return generated


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("User-Name", "UserName"), ("NAS-IP-Address", "NASIPAddress"), ("MS-CHAP2-Response", "MSCHAP2Response"),
        ("3GPP-IMSI", "ThreeGPPIMSI"), ("h323-credit-amount", "H323CreditAmount"), ("ZTE_Rate-Bust", "ZTERateBust"),
        ("Class", "Class"), ("None", "None_"), ("IP-TOS/DSCP", "IPTOSDSCP"), ("INTEGER", "INTEGER_200"),
    ],
)  # fmt: skip
def test_identifiers(generated, name, identifier):
    assert getattr(generated(f"ATTRIBUTE {name} 200 string"), identifier).name == name


def test_value_identifiers(generated):
    module = generated(
        "ATTRIBUTE Kind 200 integer\nVALUE Kind Interim-Update 3\nVALUE Kind 40-bit-WEP 1\nVALUE Kind None 0\n"
        "VALUE Kind x.25 8\nVALUE Kind x-25 9\n"
    )
    named = {name: int(value) for name, value in vars(module.KindAttribute).items() if name.isupper()}
    assert named == {"NONE": 0, "VALUE_40_BIT_WEP": 1, "INTERIM_UPDATE": 3, "X_25": 8, "X_25_9": 9}


def test_names_that_become_the_same(generated):
    module = generated("ATTRIBUTE Foo-Bar 200 string\nATTRIBUTE FooBar 201 string\n")
    assert (module.FooBar.number, module.FooBar_201.number) == (200, 201)


def test_the_name_that_is_shown_stays_so(generated):
    module = generated("ATTRIBUTE Kind 200 integer\nVALUE Kind Alive 3\nVALUE Kind Interim-Update 3\n")
    assert str(module.Kind.values[3]) == "Interim-Update"
    assert module.Kind.parse("Alive") == module.Kind(module.KindAttribute.ALIVE)


def test_everything_that_can_be_said_of_an_attribute(generated):
    module = generated(
        "ATTRIBUTE Extended-Attribute-1 241 extended\nATTRIBUTE Box 241.1 tlv\nATTRIBUTE Lid 241.1.1 octets[2]\n"
        "ATTRIBUTE Key 200 string has_tag,encrypt=2\nATTRIBUTE Long 201 octets concat\nATTRIBUTE Shy 202 date secret\n"
        "VENDOR Acme 4097 format=2,1,c\nBEGIN-VENDOR Acme\nATTRIBUTE Acme-Many 1 ipaddr array\nEND-VENDOR Acme\n"
    )
    assert module.Lid.key == (241, 1, 1)
    assert module.Lid.datatype.size == 2
    assert module.Box.datatype is TLV
    assert (module.Key.tagged, module.Key.encrypt, module.Long.concat, module.Shy.secret) == (True, 2, True, True)
    assert Vendor(4097, "Acme", 2, 1, continuation=True) == module.ACME
    assert (module.AcmeMany.array, module.AcmeMany.within) == (True, module.ACME)


def test_source_says_what_it_is(source):
    text = source("ATTRIBUTE Colour 200 string")
    assert "generated" in text[:400].lower()
    assert 'Colour: Final[Attribute[str]] = Attribute("Colour", 200, TEXT)' in text
    assert text.startswith('"""Attributes of Acme.')
    assert text.endswith("\n")


def test_long_lines_are_wrapped(source):
    name = "A-Name-That-Is-So-Long-That-It-Fills-Half-A-Line"
    text = source(f"ATTRIBUTE {name} 200 integer\nVALUE {name} {name} 1\n")
    assert max(map(len, text.splitlines())) <= 120


def test_name_prefixes():
    names = ["Acme-One", "Acme-Two", "Framed-One", "Framed-Two", "Lonely"]
    assert name_prefixes(names, frozenset({"framed-"})) == ("acme-", "framed-one", "framed-two", "lonely")


@installed
def test_bundled_modules_are_what_is_generated(tmp_path):
    main([str(DEBIAN), str(tmp_path)])
    for name in bundled_sources(DEBIAN):
        assert (tmp_path / name).read_text() == (PACKAGE / name).read_text(), f"{name}: generate the modules again"


@pytest.mark.parametrize(("number", "entry"), MODULES.items())
def test_every_module_holds_its_vendor(number, entry):
    name, prefixes = entry
    module = importlib.import_module(f"trioradius.attributes.{name}")
    own = [value for value in vars(module).values() if isinstance(value, Attribute) and value.vendor.number == number]
    assert own
    assert all(attribute.name.lower().startswith(prefixes) for attribute in own)


def test_every_attribute_of_the_ietf_is_reexported():
    for name in ietf.__all__:
        assert getattr(trioradius.attributes, name) is getattr(ietf, name)
        assert name in trioradius.attributes.__all__


ERROR_CAUSES = [201, 202, *range(401, 408), *range(501, 510), 601]


@pytest.mark.parametrize(
    ("attribute", "numbers"),
    [
        (ietf.ErrorCause, ERROR_CAUSES),
        (ietf.AcctStatusType, [1, 2, 3, *range(7, 16), 18, 19]),
        (ietf.ServiceType, range(1, 20)),
        (ietf.NASPortType, range(37)),
        (ietf.AcctTerminateCause, range(1, 23)),
    ],
)
def test_values_are_complete(attribute, numbers):
    assert sorted(attribute.values) == list(numbers)


@pytest.mark.parametrize("name", ["EAPMessage", "CHAPChallenge", "PKMSSCert", "PKMCACert", "EAPoLAnnouncement"])
def test_values_that_are_split(name):
    assert getattr(ietf, name).concat


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ProxyStateLength", (241, 2)), ("OriginalPacketCode", (241, 4)), ("OperatorNASIdentifier", (241, 8)),
        ("IPPortRangeLocalId", (241, 6, 11)), ("Softwire46MAPEPSID", (241, 9, 1, 9, 17)),
        ("SAMLAssertion", (245, 1)), ("DHCPv6Options", (245, 3)), ("DigestResponse", 103), ("WLANRFBand", 190),
        ("IPv66rdPrefix", (173, 2)),
    ],
)  # fmt: skip
def test_newer_attributes_are_there(name, key):
    assert getattr(ietf, name).key == key


def test_struct_is_octets_in_a_module(generated):
    assert generated("ATTRIBUTE Parcel 200 struct\nMEMBER Kind uint8").Parcel(b"\1").value == b"\1"
