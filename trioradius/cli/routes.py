"""``trioradius routes``: which handler answers which request, and under which conditions."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any, Final

import click

from trioradius import routing
from trioradius.app import App
from trioradius.cli.output import print_table
from trioradius.cli.programs import load_app
from trioradius.routing import Condition, Route

HEADS: Final = ("REQUEST", "CONDITIONS", "HANDLER", "MIDDLEWARE")


@click.command("routes")
@click.argument("target", metavar="MODULE:APP")
def command(target: str) -> None:
    """Show which handler answers which request, in the order in which they are tried.

    The first row whose conditions hold wins. Middleware stands outermost first.
    """
    print_routes(load_app(target))


def print_routes(app: App[Any], *, indent: int = 0) -> None:
    """Print an app's routes as a table, or say that there are none."""
    if not app.routes:
        click.echo(" " * indent + "no routes: give the app a handler with @app.on(AccessRequest)")
        return
    print_table(HEADS, [_row(app, route) for route in app.routes], indent=indent)


def _row(app: App[Any], route: Route) -> tuple[str, str, str, str]:
    middleware = [
        getattr(function, "__qualname__", repr(function)) for function in (*app.middlewares, *route.middleware)
    ]
    return route.request.name, _conditions(route), _place(route.function), " > ".join(middleware)


def _conditions(route: Route) -> str:
    realm = [f"realm {route.realm}"] if route.realm else []
    when = [_condition(condition) for condition in route.conditions if condition.__module__ != routing.__name__]
    return ", ".join([*realm, *when])


def _place(function: Callable[..., Any]) -> str:
    """Module, name and line, as in hello:authenticate (line 9)."""
    plain = function if hasattr(function, "__code__") else type(function).__call__
    line = getattr(getattr(plain, "__code__", None), "co_firstlineno", "?")
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{function.__module__}:{name} (line {line})"


def _condition(condition: Condition) -> str:
    """A condition's name, or for a lambda what it says."""
    if getattr(condition, "__name__", "") != "<lambda>":
        return _place(condition)
    try:
        lines, _ = inspect.findsource(condition)
        tree = ast.parse("".join(lines))
    except (OSError, SyntaxError):
        return _place(condition)
    line = condition.__code__.co_firstlineno
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.lineno == line]
    return ast.unparse(found[0].body) if len(found) == 1 else _place(condition)
