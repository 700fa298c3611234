"""What a piece of work may do inside a transaction: statements, facts, wake-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import apsw
import msgspec

from stateward.storage.dialect import to_sqlite

Row = TypeVar("Row", bound=msgspec.Struct)
Value = str | int | float | bytes | None


class Statements:
    """SQLite's form of every statement that was used, translated once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def sqlite(self, sql: str) -> str:
        text = self._known.get(sql)
        if text is None:
            text = self._known[sql] = to_sqlite(sql)
        return text


class Snapshot:
    """A view of committed data at one instant. `now` is domain time in ms, taken once.

    The methods are coroutines that never suspend on SQLite.
    """

    def __init__(self, connection: apsw.Connection, statements: Statements, now: int) -> None:
        self._connection = connection
        self._statements = statements
        self.now = now

    async def rows(self, row_type: type[Row], sql: str, *values: Value) -> list[Row]:
        """Every row as `row_type`, whose fields stand in the order of the columns."""
        cursor = self._connection.execute(self._statements.sqlite(sql), values)
        return [row_type(*row) for row in cursor]

    async def row(self, row_type: type[Row], sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        for row in self._connection.execute(self._statements.sqlite(sql), values):
            return row_type(*row)
        return None

    async def column(self, sql: str, *values: Value) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self._connection.execute(self._statements.sqlite(sql), values)]

    async def value(self, sql: str, *values: Value) -> Any:
        """The first column of the first row, or None."""
        for row in self._connection.execute(self._statements.sqlite(sql), values):
            return row[0]
        return None


class Transaction(Snapshot):
    """A piece of work in a write. It acts only through this object: no HTTP, files, locks or waiting inside."""

    def __init__(self, connection: apsw.Connection, statements: Statements, now: int) -> None:
        super().__init__(connection, statements, now)
        self.facts: list[object] = []
        self.hooks: list[Callable[[], None]] = []

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one statement; the answer is the number of rows that it changed."""
        cursor = self._connection.execute(self._statements.sqlite(sql), values)
        for _ in cursor:
            pass  # A statement with RETURNING is done only when it has been read to its end.
        return int(self._connection.changes())

    async def execute_many(self, sql: str, values: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each tuple of values."""
        self._connection.executemany(self._statements.sqlite(sql), values)

    def record(self, fact: object) -> None:
        """Announce what happened; the reactions to it run before this transaction commits (design 2)."""
        self.facts.append(fact)

    def after_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` once the commit is durable; for waking others, never for work that must not be lost."""
        self.hooks.append(hook)
