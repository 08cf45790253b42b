"""The app that the corpus is thrown at, the sockets that throw, and virtual time."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
import trio
from trio.testing import MockClock

from tests.faults.target import Target

SentFrom: TypeAlias = Callable[[str, tuple[str, int]], trio.socket.SocketType]
"""Local host and server address to a connected UDP socket, closed when the test ends."""


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def clock() -> MockClock:
    """Virtual time that jumps when nothing happened for 10 ms, so that real sockets get their turn."""
    return MockClock(autojump_threshold=0.01)


@pytest.fixture
def sent_from() -> Iterator[SentFrom]:
    with contextlib.ExitStack() as opened:

        def connect(host: str, server: tuple[str, int]) -> trio.socket.SocketType:
            plain = opened.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            plain.bind((host, 0))
            plain.connect(server)
            return trio.socket.from_stdlib_socket(plain)

        yield connect
