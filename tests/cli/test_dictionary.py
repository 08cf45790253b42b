from __future__ import annotations

import pathlib

import pytest

from .conftest import Call, Complain

FREERADIUS = pathlib.Path("/usr/share/freeradius")
ACME = """
VENDOR Acme 99999
BEGIN-VENDOR Acme
ATTRIBUTE Acme-Thing 1 string
ATTRIBUTE Acme-Kind 2 integer
VALUE Acme-Kind Big 1
END-VENDOR Acme
"""


@pytest.mark.parametrize(
    ("wanted", "row"),
    [
        ("user-name", ["User-Name", "1", "string"]),
        ("27", ["Session-Timeout", "27", "integer"]),
        ("26.9.1", ["Cisco-AVPair", "26.9.1", "string", "Cisco"]),
        ("241.1", ["Frag-Status", "241.1", "integer"]),
        ("Tunnel-Password", ["Tunnel-Password", "69", "string", "hidden", "with", "a", "salt,", "tagged"]),
        ("26.24757.1.1", ["WiMAX-Release", "26.24757.1.1", "string", "WiMAX"]),
    ],
)
def test_find(call: Call, wanted: str, row: list[str]) -> None:
    result = call("dictionary", "find", wanted)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["NAME", "NUMBER", "TYPE", "VENDOR", "FLAGS"]
    assert result.stdout.splitlines()[1].split() == row


def test_values_and_what_lies_within(call: Call) -> None:
    assert "\n  Interim-Update      3\n" in call("dictionary", "find", "Acct-Status-Type").stdout
    assert "26.24757.1.1" in call("dictionary", "find", "WiMAX-Capability").stdout


def test_part_of_a_name(call: Call) -> None:
    lines = call("dictionary", "find", "tunnel-pass").stdout.splitlines()
    assert any(line.startswith("Tunnel-Password ") for line in lines)
    assert any(line.startswith("ERX-Tunnel-Password ") for line in lines)


def test_a_dictionary_file(call: Call, folder: pathlib.Path) -> None:
    (folder / "dictionary.acme").write_text(ACME)
    result = call("dictionary", "find", "26.99999.2", "--dictionary", "dictionary.acme")
    assert "Acme-Kind  26.99999.2  integer  Acme\n  Big  1\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("find", "Usr-Nam"), "no attribute is called 'Usr-Nam'; did you mean User-Name?"),
        (("find", "26.9.65000"), "no attribute has the number 26.9.65000; a vendor's is 26, its number, and the type"),
        (("find", "User-Name", "--dictionary", "bad"), "bad:2: "),
        (("generate", "bad"), "bad:2: "),
        (("generate", "empty"), "empty defines no attribute"),
        (("generate", "good", "-o", "no/such/folder.py"), "no/such/folder.py cannot be written: No such file"),
        (("generate", "good", "--bundled"), "--bundled wants --output FOLDER"),
    ],
)
def test_mistakes(mistake: Complain, folder: pathlib.Path, arguments: tuple[str, ...], complaint: str) -> None:
    (folder / "bad").write_text("\nATTRIBUTE Too-Short\n")
    (folder / "empty").touch()
    (folder / "good").write_text(ACME)
    assert mistake("dictionary", *arguments).startswith(f"trioradius: {complaint}")


def test_generate(call: Call, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "dictionary.acme").write_text(ACME)
    printed = call("dictionary", "generate", "dictionary.acme", "--about", "What Acme sells").stdout
    assert printed.startswith('"""What Acme sells.')
    result = call("dictionary", "generate", "dictionary.acme", "--about", "What Acme sells", "-o", "acme.py")
    assert result.stdout == "2 attributes in acme.py\n"
    (folder / "one").write_text("ATTRIBUTE Only-One 250 string\n")
    assert call("dictionary", "generate", "one", "-o", "one.py").stdout == "1 attribute in one.py\n"
    assert (folder / "acme.py").read_text() == printed
    names: dict[str, object] = {}
    exec(printed, names)  # noqa: S102
    assert str(names["AcmeKind"]) == "Acme-Kind"


def test_generate_bundled(call: Call, folder: pathlib.Path) -> None:
    (folder / "out").mkdir()
    result = call("dictionary", "generate", "--bundled", str(FREERADIUS), "-o", "out")
    assert result.exit_code == 0
    assert "UserName" in (folder / "out/ietf.py").read_text()
    assert (folder / "out/vendors.py").exists()
