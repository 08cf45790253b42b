"""``trioradius dictionary``: look attributes up, and make Python modules from dictionary files."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any, Final

import click

from trioradius.attributes.attribute import Attribute
from trioradius.attributes.dictionary import Dictionary
from trioradius.cli.group import Mistake
from trioradius.cli.options import chosen_dictionary, dictionary_option
from trioradius.cli.output import print_table
from trioradius.errors import EncodeError

HIDINGS: Final = {1: "hidden as User-Password", 2: "hidden with a salt", 3: "hidden as Ascend-Send-Secret"}
HEADS: Final = ("NAME", "NUMBER", "TYPE", "VENDOR", "FLAGS")


@click.group("dictionary")
def command() -> None:
    """Look attributes up, and make Python modules from dictionary files."""


@command.command("find")
@click.argument("wanted", metavar="NAME|NUMBER")
@dictionary_option
def find(wanted: str, dictionary: tuple[pathlib.Path, ...]) -> None:
    """Show an attribute by name or number.

    A number is one such as 27, 26.9.1 or 241.1. Of part of a name, all attributes that have it in theirs are shown.
    """
    attributes = list(_found(chosen_dictionary(dictionary), wanted))
    print_table(HEADS, [_row(attribute) for attribute in attributes])
    if len(attributes) == 1:
        _print_values(attributes[0])


def _found(dictionary: Dictionary, wanted: str) -> Iterator[Attribute[Any]]:
    """The attribute that is meant, or all whose names have the text in them. Raises Mistake where there is none."""
    numbers = wanted.split(".")
    if all(number.isdecimal() for number in numbers):
        found = dictionary.find(int(wanted) if len(numbers) == 1 else tuple(map(int, numbers)))
        if found is None:
            raise Mistake(f"no attribute has the number {wanted}; a vendor's is 26, its number, and the type: 26.9.1")
        yield found
        return
    exact = dictionary.get(wanted)
    matching = [exact] if exact else [item for item in dictionary if wanted.lower() in item.name.lower()]
    if not matching:
        try:
            dictionary[wanted]
        except EncodeError as error:
            raise Mistake(str(error)) from None
    yield from sorted(matching, key=lambda attribute: attribute.path)


def _row(attribute: Attribute[Any]) -> tuple[str, str, str, str, str]:
    number = ".".join(map(str, attribute.path))
    vendor = attribute.vendor.name if attribute.vendor else ""
    return attribute.name, number, attribute.datatype.name, vendor, ", ".join(_flags(attribute))


def _flags(attribute: Attribute[Any]) -> Iterator[str]:
    if attribute.encrypt:
        yield HIDINGS[attribute.encrypt]
    elif attribute.secret:
        yield "secret"
    for flag in ("tagged", "concat", "array"):
        if getattr(attribute, flag):
            yield flag


def _print_values(attribute: Attribute[Any]) -> None:
    """The names of its values, and what lies within it."""
    values = sorted(attribute.values.items())
    if values:
        print_table(("", ""), [(value.name, str(number)) for number, value in values], indent=2)
    within = sorted(attribute.children.items())
    if within:
        print_table(("", "", ""), [_row(child)[:3] for _, child in within], indent=2)


@command.command("generate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=pathlib.Path))
@click.option("-o", "--output", type=click.Path(path_type=pathlib.Path), metavar="FILE", help="Write the module here.")
@click.option("--about", metavar="TEXT", help="The first words of the module's docstring.")
@click.option(
    "--bundled",
    is_flag=True,
    help="Make the modules that come with trioradius: FILE is FreeRADIUS' folder of dictionaries, --output a folder.",
)
def generate(files: tuple[pathlib.Path, ...], output: pathlib.Path | None, about: str | None, bundled: bool) -> None:
    """Make a Python module from dictionary files.

    It has a typed constant for every attribute. Files are in FreeRADIUS' format; names they use without defining
    them are looked up among the bundled ones.
    """
    if bundled:
        _generate_bundled(files[0], output)
        return
    from trioradius.attributes.freeradius import read_definitions
    from trioradius.attributes.generate import module_source

    names = ", ".join(file.name for file in files)
    attributes = read_definitions(*files, base=Dictionary.bundled()).attributes
    if not attributes:
        raise Mistake(f"{names} defines no attribute")
    source = module_source(attributes, about=about or f"Attributes of {names}", facts=names)
    if output is None:
        click.echo(source, nl=False)
        return
    _write(output, source)
    click.echo(f"{len(attributes)} {'attribute' if len(attributes) == 1 else 'attributes'} in {output}")


def _generate_bundled(source: pathlib.Path, target: pathlib.Path | None) -> None:
    from trioradius.attributes.generate import bundled_sources

    if target is None or not target.is_dir():
        raise Mistake("--bundled wants --output FOLDER, a folder that exists")
    modules = bundled_sources(source)
    for name, text in modules.items():
        _write(target / name, text)
    click.echo(f"{len(modules)} modules in {target}")


def _write(file: pathlib.Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{file} cannot be written: {error.strerror}") from None
