"""radclient, run once for some packets; what it printed is what its own decoder found in our replies."""

from __future__ import annotations

import os
import pathlib
import re
from typing import Final

import attrs
import trio

SECRET: Final = "a secret of 24 octets..."
PROVE: Final = "Message-Authenticator = 0x00"
"""Without this line radclient 3.2.1 sends no Message-Authenticator, and radtest does."""

BRIEF: Final = 0.1
"""Seconds to wait where no reply is to come, of which radclient makes one; counters tell what the server did."""

_RECEIVED: Final = re.compile(r"Received (\S+) Id (\d+) from (\S+) to (\S+) length \d+")


@attrs.frozen
class Received:
    """One reply as radclient shows it; ``lines`` are ``Name = value`` in the order of the packet."""

    name: str
    identifier: int
    source: str
    lines: tuple[str, ...]

    @property
    def attributes(self) -> list[str]:
        """The lines without Message-Authenticator, whose value nobody can know beforehand."""
        return [line for line in self.lines if not line.startswith("Message-Authenticator")]


@attrs.frozen
class Run:
    """What one run of radclient brought."""

    replies: tuple[Received, ...]
    status: int
    text: str

    @property
    def reply(self) -> Received:
        """The one reply; the assertion shows all of what radclient said where there is none."""
        assert len(self.replies) == 1, self.text
        return self.replies[0]


@attrs.frozen
class Radclient:
    """Debian's radclient with an empty private configuration on top of the installed dictionaries."""

    program: str
    configuration: pathlib.Path

    async def __call__(
        self,
        address: tuple[str, int],
        command: str,
        *packets: str,
        secret: str = SECRET,
        timeout: float = 5,
        options: tuple[str, ...] = (),
    ) -> Run:
        """Send packets, each a text of ``Name = value`` lines; the reply has ``timeout`` seconds, once."""
        host, port = address
        server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        arguments = [self.program, "-x", "-d", str(self.configuration), "-r", "1", "-t", str(timeout), *options]
        done = await trio.run_process(
            [*arguments, server, command, secret],
            stdin="\n\n".join(packets).encode() + b"\n",
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env={**os.environ, "TZ": "UTC"},
        )
        text = (done.stdout + done.stderr).decode()
        return Run(tuple(_replies(text)), done.returncode, text)


def _replies(text: str) -> list[Received]:
    found: list[Received] = []
    lines: list[str] | None = None
    for line in text.splitlines():
        if match := _RECEIVED.match(line):
            lines = []
            found.append(Received(match[1], int(match[2]), match[3], ()))
        elif lines is not None and line.startswith("\t"):
            lines.append(line.strip())
            found[-1] = attrs.evolve(found[-1], lines=tuple(lines))
        else:
            lines = None
    return found
