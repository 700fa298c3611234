"""SQLite in the event loop: write functions, group commit, read blocks, reactions to facts (design 3)."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw
import structlog

from stateward.clock import Clock, monotonic_s
from stateward.storage.migrations import NewerDatabase, migrate
from stateward.storage.transaction import Snapshot, Statements, Transaction

T = TypeVar("T")
Work = Callable[[Transaction], Coroutine[Any, Any, T]]
Reaction = Callable[[Transaction, list[Any]], Awaitable[None]]

BATCH_S = 0.005
REACTION_ROUNDS = 100
log = structlog.get_logger("stateward.storage")


@dataclass(slots=True)
class _Attempt:
    """One work of a batch: who waits for it, and how it went."""

    work: Work[Any]
    future: asyncio.Future[Any]
    tx: Transaction
    result: Any = None
    failure: Exception | None = None


class _BatchLost(Exception):
    """SQLite has rolled back the whole transaction, with every work in it."""


class Database:
    """The one door to the state.

    `durable=False` (tests, the virtual clock's temporary folder) skips waiting for the disk.
    Raises storage.migrations.NewerDatabase, or OSError with the path, when it cannot be opened.
    """

    def __init__(self, path: Path, clock: Clock, *, durable: bool = True) -> None:
        self._clock = clock
        self._statements = Statements()
        self._durable = durable
        self._writer, self._reader = _open(path, clock.wall(), durable=durable)
        self._checkpointer: apsw.Connection | None = None
        self._path = path
        self._reactions: dict[type, list[Reaction]] = {}
        self._queue: deque[tuple[Work[Any], asyncio.Future[Any]]] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._reading = False
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="storage")

    def react(self, fact: type, reaction: Reaction) -> None:
        """Run `reaction` in every transaction that records facts of this type, in order of registration."""
        self._reactions.setdefault(fact, []).append(reaction)

    async def write(self, work: Work[T]) -> T:
        """Do `work` in a transaction and answer what it answered, after the commit is durable.

        What arrives during a commit shares the next one; each work has its own savepoint, so one that raises
        takes nothing with it. The work must not wait for anything but the transaction.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((work, future))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._commit_batches())
        return await future

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Snapshot]:
        """One snapshot of committed data; nothing else may be awaited inside the block."""
        if self._reading:
            raise RuntimeError("a read block was left open across an await: read, leave the block, then wait")
        self._reading = True
        others_ran: list[bool] = []
        mark = asyncio.get_running_loop().call_soon(others_ran.append, True)
        self._reader.execute("BEGIN")
        try:
            yield Snapshot(self._reader, self._statements, self._clock.now())
        finally:
            mark.cancel()
            self._reader.execute("ROLLBACK")
            self._reading = False
        if others_ran:
            raise RuntimeError("a read block awaited something else: read, leave the block, then wait")

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the database file, in a thread, beside readers and writers."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._checkpoint)

    async def close(self) -> None:
        """Finish what was accepted, then close the files."""
        while self._drain is not None and not self._drain.done():
            await asyncio.shield(self._drain)
        self._threads.shutdown(wait=True)
        for connection in (self._reader, self._checkpointer, self._writer):
            if connection is not None:
                connection.close()

    async def _commit_batches(self) -> None:
        while self._queue:
            batch: list[_Attempt] = []
            try:
                self._fill(batch)
                await self._commit()
            except Exception as error:  # the disk said no: nothing of this batch happened
                self._rollback()
                for attempt in batch:
                    attempt.failure = error.__cause__ if isinstance(error.__cause__, apsw.Error) else error
            for attempt in batch:
                self._announce(attempt)

    def _fill(self, batch: list[_Attempt]) -> None:
        """Begin a transaction and do in it what waits in the queue, for five milliseconds at most."""
        until = monotonic_s() + BATCH_S
        while self._queue:
            work, future = self._queue.popleft()
            batch.append(_Attempt(work, future, Transaction(self._writer, self._statements, self._clock.now())))
            if len(batch) == 1:
                self._writer.execute("BEGIN IMMEDIATE")
            self._do(batch[-1])
            if monotonic_s() > until:
                return

    def _do(self, attempt: _Attempt) -> None:
        self._writer.execute("SAVEPOINT work")
        try:
            attempt.result = _drive(self._with_reactions(attempt.work, attempt.tx))
        except Exception as error:
            if self._writer.getautocommit():
                raise _BatchLost from error
            self._writer.execute("ROLLBACK TO work")
            attempt.failure = error
        self._writer.execute("RELEASE work")

    async def _with_reactions(self, work: Work[T], tx: Transaction) -> T:
        result = await work(tx)
        for _ in range(REACTION_ROUNDS):
            if not tx.facts:
                return result
            kind = type(tx.facts[0])
            of_kind = [fact for fact in tx.facts if type(fact) is kind]
            tx.facts = [fact for fact in tx.facts if type(fact) is not kind]
            for reaction in self._reactions.get(kind, ()):
                await reaction(tx, of_kind)
        raise RuntimeError(f"reactions to facts go round in a circle: {[type(fact).__name__ for fact in tx.facts]}")

    async def _commit(self) -> None:
        if self._durable:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._writer.execute, "COMMIT")
        else:
            self._writer.execute("COMMIT")

    def _rollback(self) -> None:
        if not self._writer.getautocommit():
            self._writer.execute("ROLLBACK")

    def _announce(self, attempt: _Attempt) -> None:
        if attempt.failure is None:
            for hook in attempt.tx.hooks:
                try:
                    hook()
                except Exception:  # a wake-up that fails must not take the answers of others with it
                    log.exception("a hook failed after its commit")
        if attempt.future.done():  # whoever asked has gone away; the work stands
            return
        if attempt.failure is not None:
            attempt.future.set_exception(attempt.failure)
        else:
            attempt.future.set_result(attempt.result)

    def _checkpoint(self) -> None:
        if self._checkpointer is None:
            self._checkpointer = _connect(self._path, readonly=False, durable=self._durable)
        self._checkpointer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def _open(path: Path, wall_ms: int, *, durable: bool) -> tuple[apsw.Connection, apsw.Connection]:
    """A connection that writes and one that reads; a new database belongs to its user alone."""
    writer: apsw.Connection | None = None
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        writer = _connect(path, readonly=False, durable=durable)
        migrate(writer, wall_ms)
        return writer, _connect(path, readonly=True, durable=durable)
    except (apsw.Error, OSError, NewerDatabase) as error:
        if writer is not None:
            writer.close()
        if isinstance(error, NewerDatabase):
            raise
        raise OSError(f"database {path}: cannot be opened ({error})") from error


def _connect(path: Path, *, readonly: bool, durable: bool) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=400)
    connection.set_busy_timeout(10_000)
    if not readonly:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=20000")
    return connection


def _drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that must not suspend to its end."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("a write function waited for something outside its transaction")
