"""How commands are found, and how a mistake becomes one line."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from trioradius.errors import RadiusError


class Mistake(click.ClickException):
    """Something the user has to change: shown as one line on standard error, exit status 2."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands are modules of this package, imported when they are asked for.

    A command is the module's ``command``; what it returns is the exit status, None being 0.

    Args:
        commands_here: name and one line of help of each command.
    """

    def __init__(self, *arguments: Any, commands_here: dict[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._help = commands_here

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order in which they are best read."""
        return list(self._help)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in self._help:
            return None
        command: click.Command = importlib.import_module(f"trioradius.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help.items()))

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command and exit with its status."""
        try:
            status = super().main(*arguments, **options | {"standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _complain(error)
            sys.exit(2)
        except click.exceptions.Abort:
            sys.exit(130)
        except (RadiusError, BaseExceptionGroup) as error:
            cause = first_of(error)
            if isinstance(cause, KeyboardInterrupt):
                sys.exit(130)
            if isinstance(cause, BrokenPipeError | SystemExit):
                # Nobody reads any more what is printed, as past head(1), which rich makes a SystemExit; nothing may be
                # tried at the end either.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(1)
            if not isinstance(cause, RadiusError):
                raise
            _complain(Mistake(str(cause)))
            sys.exit(2)
        sys.exit(status)


def first_of(error: BaseException) -> BaseException:
    """The exception itself, or the first one that a group holds."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def one_line(text: object) -> str:
    """A text with its line breaks taken out."""
    return " ".join(str(text).split())


def _complain(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "trioradius"
    advice = f" (see {command} --help)" if context else ""
    click.echo(f"{command}: {one_line(error.format_message())}{advice}", err=True)
