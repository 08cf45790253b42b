"""Abreast: requests that were read together go the way side by side, one part of it at a time.

A processor runs code that lies in its caches about twice as fast as code that it has to fetch again, and the whole way
of a packet does not fit in them. So what answers a request stops at each ``await abreast`` until the others of its
batch are there too, and every part of the way is done many times over before the next (docs/design.md has the figures).
"""

from __future__ import annotations

import contextlib
import functools
import types
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextlib import AbstractContextManager
from contextvars import copy_context
from typing import Any, Final, Generic, Protocol, TypeVar

from trioradius.errors import RadiusError
from trioradius.protocol.source import Source

T = TypeVar("T")
Place = TypeVar("Place")
"""Where a reply goes."""


class _Abreast(tuple[object, ...]):
    """``await abreast``: let the others of the batch come as far. It does not wait for anything else."""

    __slots__ = ()
    __await__: Callable[..., Generator[Any, Any, None]] = tuple.__iter__  # type: ignore[assignment]
    """What it yields to whoever takes the steps is STOP."""


STOP: Final = object()
abreast: Final = _Abreast((STOP,))


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that cannot wait."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


class Answers(Protocol):
    """What answers requests."""

    @property
    def answer(self) -> Callable[[bytes, Source], Coroutine[Any, Any, Any]]:
        """What leads to the answer, not begun."""
        ...

    def waiting(self, source: Source) -> AbstractContextManager[None]:
        """The block in which a request from here waits for its handler."""
        ...

    def caught(self, error: BaseException, octets: bytes, source: Source) -> Any:
        """The answer where that raised. Raises RadiusError for a request that is to be discarded."""
        ...


class Answering(Generic[Place]):
    """One request that is being answered, in a context of its own.

    ``answer`` is what it came to, or ``error`` why it must be discarded.
    """

    __slots__ = ("_run", "_service", "answer", "coroutine", "error", "octets", "place", "source", "step", "waits_for")

    def __init__(self, service: Answers, octets: bytes, source: Source, place: Place) -> None:
        self.octets = octets
        self.source = source
        self.place = place
        self.answer: Any = None
        self.error: RadiusError | None = None
        self.coroutine = coroutine = service.answer(octets, source)
        self._run = run = copy_context().run
        step: Any = functools.partial(run, coroutine.send, None)
        self.step: Callable[[], Any] = step
        """Go on: returns what it stops for, and raises what the coroutine does."""
        self.waits_for: Any = STOP
        self._service = service

    @property
    def is_done(self) -> bool:
        """Whether there is an answer, or an error."""
        return self.waits_for is None

    def end(self, answer: Any) -> None:
        """It is answered."""
        self.answer, self.waits_for = answer, None

    def fail(self, error: BaseException) -> None:
        """It ended in an exception. Raises what is no Exception again."""
        try:
            self.answer = self._service.caught(error, self.octets, self.source)
        except RadiusError as discarded:
            self.error = discarded
        self.waits_for = None

    @types.coroutine
    def rest(self) -> Generator[Any, Any, None]:
        """Go on alone, to the end.

        What the handler awaits goes on to Trio as if this task had awaited it, so that cancellation and scopes behave
        as ever.
        """
        try:
            while self.waits_for is STOP:
                self.waits_for = self.step()
            with self._service.waiting(self.source):
                self.end((yield from self._wait()))
        except StopIteration as stop:
            self.end(stop.value)
        except BaseException as error:
            self.fail(error)

    def _wait(self) -> Generator[Any, Any, Any]:
        run, coroutine, waits_for = self._run, self.coroutine, self.waits_for
        try:
            while True:
                try:
                    value = None if waits_for is STOP else (yield waits_for)
                except BaseException as error:
                    waits_for = run(coroutine.throw, error)
                else:
                    waits_for = run(coroutine.send, value)
        except StopIteration as stop:
            return stop.value


class Batch(Generic[Place]):
    """Requests that go abreast, up to the one that really waits; it is taken out, and its task stays with it.

    Args:
        ends_all: whether a request that must be discarded for this is the last one of its place; those behind it are
            given up.
    """

    def __init__(self, ends_all: Callable[[RadiusError], bool] = lambda error: False) -> None:
        self._ends_all = ends_all
        self._going: list[Answering[Place]] = []
        self._behind: list[Answering[Place]] = []
        self._done: list[Answering[Place]] = []
        self._last: list[Answering[Place]] = []
        """Those that ended all behind them: they are done when those before them are."""

    def __bool__(self) -> bool:
        """Whether there is any request still."""
        return bool(self._going or self._behind or self._done or self._last)

    @property
    def is_fresh(self) -> bool:
        """Whether advance() would begin with requests that may have to wait: their handlers have not been called."""
        return not self._going

    def add(self, answering: Answering[Place]) -> None:
        """One more, which has not begun."""
        self._behind.append(answering)

    def advance(self) -> Answering[Place] | None:
        """Go on to the end, or to the first that really waits, which is returned.

        Those before it are further on, those behind it are not. The next call answers the former, which have nothing
        to wait for any more, and the call after that goes on with the latter.
        """
        going = self._going
        if not going:
            going, self._behind = self._behind, []
        try:
            while going:
                some_ended = False
                for answering in going:
                    try:
                        waits_for = answering.step()
                    except StopIteration as stop:
                        answering.end(stop.value)
                    except BaseException as error:
                        answering.fail(error)
                        if answering.error is not None and self._ends_all(answering.error):
                            going = self._cut_behind(answering, going)
                            break
                    else:
                        if waits_for is STOP:
                            continue
                        answering.waits_for = waits_for
                        going = self._part_at(answering, going)
                        return answering
                    some_ended = True
                if some_ended:
                    going = self._without_ended(going)
        finally:
            self._going = going
        self._done += self._last
        self._last = []
        return None

    def _without_ended(self, going: list[Answering[Place]]) -> list[Answering[Place]]:
        """Those that are still on their way; the others are done."""
        left = [answering for answering in going if answering.waits_for is not None]
        self._done += [answering for answering in going if answering.waits_for is None] if left else going
        return left

    def _part_at(self, waiting: Answering[Place], going: list[Answering[Place]]) -> list[Answering[Place]]:
        at = going.index(waiting)
        self._behind = going[at + 1 :] + self._behind
        return self._without_ended(going[:at])

    def _cut_behind(self, last: Answering[Place], going: list[Answering[Place]]) -> list[Answering[Place]]:
        at = going.index(last)
        behind = going[at + 1 :]
        _give_up([one for one in behind + self._behind if one.place == last.place])
        self._behind = [one for one in self._behind if one.place != last.place]
        self._last.append(last)
        return self._without_ended(going[:at]) + [one for one in behind if one.place != last.place]

    def take(self) -> list[Answering[Place]]:
        """Those that are done, once."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Give all of them up."""
        _give_up(self._going + self._behind)


def _give_up(requests: Iterable[Answering[Any]]) -> None:
    for request in requests:
        # A store that would wait, as one of a user's may, cannot be told any more; no other request suffers for it.
        with contextlib.suppress(RuntimeError):
            request.coroutine.close()
