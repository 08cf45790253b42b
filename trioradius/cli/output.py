"""What commands print: tables, in colour where standard output is a terminal, plain and never cut short elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trioradius.attributes.attribute import AVP
from trioradius.attributes.datatypes import TEXT
from trioradius.attributes.dictionary import Dictionary

UNLIMITED: Final = 100_000
"""Columns of a pipe or file: a program that reads it wants whole values."""
HIDDEN: Final = "..."


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
    """Print rows under heads; heads that are all empty are left out."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(heads), header_style="bold")
    for at, head in enumerate(heads):
        table.add_column(head, overflow="fold", style="cyan" if at == 0 else None)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(highlight=False)
    console.width = console.width - indent if console.is_terminal else UNLIMITED
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(" " * indent + line.rstrip(), color=True)


def print_heading(text: str, colour: str | None = None) -> None:
    """Print one line that stands out on a terminal."""
    console = Console(highlight=False)
    console.print(Text(text, style=f"bold {colour or ''}".strip()), soft_wrap=True)


def print_attributes(avps: Iterable[AVP], dictionary: Dictionary, *, secrets: bool = False) -> None:
    """Print attributes: name, number and value.

    Args:
        avps: what to print.
        dictionary: what attributes are called whose values are malformed, or hidden and not to be unhidden.
        secrets: print passwords and keys too, which otherwise are '...'.
    """
    rows = list(_rows(avps, dictionary, secrets))
    if rows:
        print_table(("", "", ""), rows, indent=2)


def _rows(avps: Iterable[AVP], dictionary: Dictionary, secrets: bool, depth: int = 0) -> Iterator[tuple[str, str, str]]:
    for avp in avps:
        tag = f":{avp.tag}" if avp.tag else ""
        known = dictionary.attribute(avp.attribute.key)
        number = ".".join(map(str, avp.attribute.path))
        value = "" if avp.children else value_text(avp, secrets=secrets)
        malformed = " (malformed)" if avp.name != known.name and value != HIDDEN else ""
        yield "  " * depth + known.name + tag, number, value + malformed
        yield from _rows(avp.children, dictionary, secrets, depth + 1)


def value_text(avp: AVP, *, secrets: bool = False) -> str:
    """A value as text, on one line whatever it holds."""
    if not (secrets and avp.attribute.secret):
        return avp.show()
    attribute: Any = avp.attribute
    value = attribute.datatype.show(attribute.decode(avp.octets))
    return repr(value) if attribute.datatype is TEXT else str(value)
