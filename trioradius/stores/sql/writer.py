"""The writer: one thread, one connection, and many callers in one COMMIT (group commit).

While one COMMIT is on its way to the disk, what the next one will hold gathers in the queue; so a busy server pays for
the disk once a batch, and an idle one does not wait for company.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import attrs
import outcome
import trio

from trioradius.errors import StoreRefused, StoreUnavailable
from trioradius.stores.sql.connection import Connection, Engine, Fault, OwnedConnection
from trioradius.stores.sql.trouble import LOOK_AGAIN, Trouble

BATCH: Final = 1024
"""Jobs in one COMMIT at the most."""
PAUSES: Final = (LOOK_AGAIN, 2 * LOOK_AGAIN)
"""Seconds between the attempts that a batch gets when its database falls into trouble."""

WriteRows: TypeAlias = Callable[[Connection, Sequence[Any]], None]
"""Writes many rows at once, in the order they came; all rows of a batch that are for it reach it together."""
Work: TypeAlias = Callable[[Connection], Any]
"""Reads and writes in one transaction; its result goes to whoever asked."""


class InTrouble(Exception):
    """A batch failed for a reason that is not its own."""

    def __init__(self, error: BaseException, *, in_doubt: bool) -> None:
        super().__init__(error)
        self.error = error
        self.in_doubt = in_doubt
        """Whether COMMIT was under way, so that nobody knows if it happened."""


@attrs.define(eq=False)
class Job:
    """What one caller wants: a ``row`` written by ``write_rows``, or ``work`` done under ``locks``."""

    write_rows: WriteRows | None = None
    row: Any = None
    work: Work | None = None
    locks: Sequence[str] = ()
    waiter: trio.lowlevel.Task | None = None
    result: outcome.Outcome[Any] | None = None

    def finish(self) -> None:
        """Wake the caller, where it still waits."""
        if self.waiter is not None and self.result is not None:
            trio.lowlevel.reschedule(self.waiter, self.result)

    def forget_waiter(self, _: object) -> trio.lowlevel.Abort:
        """The caller was cancelled."""
        self.waiter = None
        return trio.lowlevel.Abort.SUCCEEDED


class Writer:
    """Owns the queue and the writing connection.

    Args:
        engine: the database.
        queue: jobs that may wait; past it callers get StoreUnavailable at once.
    """

    def __init__(self, engine: Engine, queue: int) -> None:
        self._engine = engine
        self._most = queue
        self._queue: deque[Job] = deque()
        self._idle: trio.lowlevel.Task | None = None
        self._closing = False
        self._connection: OwnedConnection | None = None
        self._one_thread = trio.CapacityLimiter(1)
        self._trouble = Trouble(engine, "written")

    async def submit(self, job: Job) -> Any:
        """Wait for the COMMIT that holds the job; its result.

        A caller that is cancelled meanwhile leaves a row that is written all the same; work that has not begun is
        dropped.

        Raises:
            StoreUnavailable: the queue is full, or the database in trouble.
            StoreRefused: the database does not take the row.
        """
        if self._closing or len(self._queue) >= self._most:
            raise StoreUnavailable(
                f"{len(self._queue)} writes wait for {self._engine.name}; open_database(queue=...) bounds them",
                reason="store_overload",
            )
        self._queue.append(job)
        job.waiter = trio.lowlevel.current_task()
        self._wake()
        return await trio.lowlevel.wait_task_rescheduled(job.forget_waiter)

    def close(self) -> None:
        """Take nothing more; run() ends when what was taken is written, or given up."""
        self._closing = True
        self._wake()

    async def run(self) -> None:
        """Write batch after batch, until close() was called and nothing is left."""
        try:
            while self._queue or not self._closing:
                if self._queue:
                    await self._write([self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))])
                else:
                    self._idle = trio.lowlevel.current_task()
                    await trio.lowlevel.wait_task_rescheduled(self._stop_idling)
        finally:
            self._drop_connection()

    def _wake(self) -> None:
        if self._idle is not None:
            task, self._idle = self._idle, None
            trio.lowlevel.reschedule(task)

    def _stop_idling(self, _: object) -> trio.lowlevel.Abort:
        self._idle = None
        return trio.lowlevel.Abort.SUCCEEDED

    async def _write(self, batch: list[Job]) -> None:
        """Write a batch, several attempts where the database fell into trouble, and wake all who wait for it."""
        batch = [job for job in batch if job.waiter is not None or job.work is None]
        # While a trouble lasts nobody waits for more than one attempt: the NAS should ask the next server.
        for pause in (0.0,) if self._trouble.lasts else (*PAUSES, 0.0):
            if await self._attempted(batch) or not pause:
                break
            await trio.sleep(pause)
        for job in batch:
            job.finish()

    async def _attempted(self, batch: Sequence[Job]) -> bool:
        """Whether every job has a result now that another attempt would not better."""
        in_doubt = False
        if self._trouble.may_try:
            try:
                await trio.to_thread.run_sync(self._commit, batch, limiter=self._one_thread)
            except InTrouble as trouble:
                in_doubt = trouble.in_doubt
                self._trouble.met(trouble.error)
            else:
                self._trouble.is_over()
                return True
        for job in batch:
            job.result = outcome.Error(self._trouble.error())
        # What may have been committed must not be done twice.
        return in_doubt

    def _commit(self, batch: Sequence[Job]) -> None:
        """In the thread: a batch in one transaction.

        Raises:
            InTrouble: nothing of it was committed, unless in doubt.
        """
        in_doubt = False
        try:
            if self._connection is None:
                self._connection = self._engine.connect(reading=False)
            self._connection.begin()
            self._fill(self._connection, batch)
            in_doubt = True
            self._connection.commit()
        except self._engine.errors as error:
            self._drop_connection()
            raise InTrouble(error, in_doubt=in_doubt) from None

    def _fill(self, connection: OwnedConnection, batch: Sequence[Job]) -> None:
        if locks := {name for job in batch for name in job.locks}:
            connection.lock(locks)
        together: dict[WriteRows, list[Job]] = {}
        for job in batch:
            if job.work is not None:
                job.result = self._within_savepoint(connection, job.work)
            elif job.write_rows is not None:
                together.setdefault(job.write_rows, []).append(job)
        for write_rows, jobs in together.items():
            self._write_rows(connection, write_rows, jobs)

    def _write_rows(self, connection: OwnedConnection, write_rows: WriteRows, jobs: list[Job]) -> None:
        """Write what the database takes; where it refuses, halve until the row that it refuses stands alone."""
        rows = [job.row for job in jobs]
        result = self._within_savepoint(connection, lambda connection: write_rows(connection, rows))
        if isinstance(result, outcome.Value):
            for job in jobs:
                job.result = outcome.Value(None)
            return
        if len(jobs) == 1:
            jobs[0].result = result
            return
        half = len(jobs) // 2
        self._write_rows(connection, write_rows, jobs[:half])
        self._write_rows(connection, write_rows, jobs[half:])

    def _within_savepoint(self, connection: OwnedConnection, work: Work) -> outcome.Outcome[Any]:
        """What came of the work, undone where it failed. Raises what speaks of trouble with the database."""
        connection.run("SAVEPOINT job")
        result = outcome.capture(work, connection)
        if isinstance(result, outcome.Error):
            fault = self._engine.fault(result.error)
            if fault is Fault.TROUBLE:
                result.unwrap()
            connection.run("ROLLBACK TO SAVEPOINT job")
            if fault is Fault.REFUSED:
                result = outcome.Error(_refused(self._engine, result.error))
        connection.run("RELEASE SAVEPOINT job")
        return result

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _refused(engine: Engine, error: BaseException) -> StoreRefused:
    refused = StoreRefused(f"{engine.name} refused what was to be written: {engine.explain(error)}")
    refused.__cause__ = error
    return refused
