"""How a command gets at the provider, and how what went wrong becomes one line."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec

import click
import trio

from trioradius.errors import RadiusError

from ..provider import Provider, open_provider
from ..settings import Settings

P = ParamSpec("P")


def with_provider(
    command: Callable[Concatenate[Provider, P], Awaitable[None]], *, create: bool = False
) -> Callable[P, None]:
    """An ``async def`` that works with the provider, as what click calls; ``create`` makes the tables."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        async def within() -> None:
            async with open_provider(Settings.from_environment(), create=create) as provider:
                await command(provider, *arguments, **options)

        try:
            trio.run(within)
        except RadiusError as error:
            raise click.ClickException(" ".join(str(error).split())) from None

    return run


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows under heads, each column as wide as its widest value."""
    lines = [heads, *([str(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
