"""The readers: a few threads with a connection each, and many look-ups in one hop to a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import attrs
import outcome
import trio

from trioradius.errors import StoreRefused, StoreUnavailable
from trioradius.stores.sql.connection import Engine, Fault, OwnedConnection
from trioradius.stores.sql.trouble import Trouble
from trioradius.stores.sql.writer import Work

BATCH: Final = 32
"""Look-ups that one hop takes along at the most."""


@attrs.define(eq=False)
class Question:
    """What one caller wants read."""

    work: Work
    waiter: trio.lowlevel.Task | None
    result: outcome.Outcome[Any] | None = None

    def forget_waiter(self, _: object) -> trio.lowlevel.Abort:
        """The caller was cancelled."""
        self.waiter = None
        return trio.lowlevel.Abort.SUCCEEDED


class Readers:
    """Owns the questions that wait, and the tasks that have them answered.

    Args:
        engine: the database.
        queue: questions that may wait; past it callers get StoreUnavailable at once.
        threads: how many are answered at once.
    """

    def __init__(self, engine: Engine, queue: int, threads: int) -> None:
        self._engine = engine
        self._most = queue
        self._threads = trio.CapacityLimiter(threads)
        self._questions: deque[Question] = deque()
        self._idle: set[trio.lowlevel.Task] = set()
        self._closing = False
        self._trouble = Trouble(engine, "read")

    async def ask(self, work: Work) -> Any:
        """What the work found.

        Raises:
            StoreUnavailable: too many wait, or the database is in trouble.
            StoreRefused: the database does not take the statement.
        """
        if self._closing or len(self._questions) >= self._most:
            raise StoreUnavailable(
                f"{len(self._questions)} look-ups wait for {self._engine.name}; open_database(queue=...) bounds them",
                reason="store_overload",
            )
        question = Question(work, trio.lowlevel.current_task())
        self._questions.append(question)
        if self._idle:
            trio.lowlevel.reschedule(self._idle.pop())
        return await trio.lowlevel.wait_task_rescheduled(question.forget_waiter)

    def close(self) -> None:
        """Take nothing more; whoever waits is told, since nobody will answer."""
        self._closing = True
        while self._questions:
            self._wake(self._questions.popleft())

    async def run(self) -> None:
        """One reader: have questions answered until cancelled."""
        reader = Reader(self._engine)
        try:
            while True:
                while not self._questions:
                    await self._wait()
                batch = [self._questions.popleft() for _ in range(min(BATCH, len(self._questions)))]
                await self._answer(reader, [question for question in batch if question.waiter is not None])
        finally:
            reader.close()

    async def _wait(self) -> None:
        task = trio.lowlevel.current_task()

        def stop(_: object) -> trio.lowlevel.Abort:
            self._idle.discard(task)
            return trio.lowlevel.Abort.SUCCEEDED

        self._idle.add(task)
        await trio.lowlevel.wait_task_rescheduled(stop)

    async def _answer(self, reader: Reader, batch: Sequence[Question]) -> None:
        """Have a batch answered, and wake all who wait for it."""
        try:
            if self._trouble.may_try:
                await trio.to_thread.run_sync(reader.answer, batch, limiter=self._threads)
                self._trouble.is_over()
        except self._engine.errors as error:
            self._trouble.met(error)
        finally:
            for question in batch:
                self._wake(question)

    def _wake(self, question: Question) -> None:
        if question.waiter is not None:
            trio.lowlevel.reschedule(question.waiter, question.result or outcome.Error(self._trouble.error()))


class Reader:
    """One connection, opened when it is first needed and again after trouble; used in one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: OwnedConnection | None = None

    def answer(self, questions: Sequence[Question]) -> None:
        """Answer them in turn. Raises one of the engine's errors where there is no connection to be had."""
        for question in questions:
            # A connection that was kept may have died since, so there is a second attempt with a new one.
            kept = self._connection is not None
            question.result = self._attempt(question.work)
            if question.result is None and kept:
                question.result = self._attempt(question.work)

    def _attempt(self, work: Work) -> outcome.Outcome[Any] | None:
        """What came of the work; None where the connection was no good."""
        if self._connection is None:
            self._connection = self._engine.connect(reading=True)
        result = outcome.capture(work, self._connection)
        if isinstance(result, outcome.Error):
            fault = self._engine.fault(result.error)
            if fault is Fault.TROUBLE:
                self.close()
                return None
            if fault is Fault.REFUSED:
                refused = StoreRefused(f"{self._engine.name} refused a look-up: {self._engine.explain(result.error)}")
                refused.__cause__ = result.error
                return outcome.Error(refused)
        return result

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
