"""Writing rows that have changed: an UPDATE names only the columns that have another value.

A column that is named costs its indexes a deletion and an insertion, even when its value stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import ne
from typing import Generic, TypeVar

import msgspec

from stateward.storage.transaction import Transaction, Value

Row = TypeVar("Row", bound=msgspec.Struct)
Differs = tuple[bool, ...]
"""For each column of a table whether its value is another."""


class Saving(Generic[Row]):
    """How rows of one table are written; their first `key_length` fields are the key, and stay."""

    def __init__(self, table: str, row_type: type[Row], key_length: int) -> None:
        self._table = table
        self._columns = row_type.__struct_fields__
        self._key_length = key_length
        self._statements: dict[Differs, str] = {}

    async def save(self, tx: Transaction, changes: Sequence[tuple[Row, Row]]) -> None:
        """Write each row as it is after its last change; `changes` are (before, after), in order."""
        rows: dict[tuple[Value, ...], tuple[tuple[Value, ...], tuple[Value, ...]]] = {}
        for before, after in changes:
            new = msgspec.structs.astuple(after)
            key = new[: self._key_length]
            rows[key] = (rows[key][0] if key in rows else msgspec.structs.astuple(before), new)
        of_statement: dict[Differs, list[tuple[Value, ...]]] = {}
        for key, (old, new) in rows.items():
            differs = tuple(map(ne, old, new))
            of_statement.setdefault(differs, []).append((*key, *compress(new, differs)))
        for differs, values in of_statement.items():
            if any(differs):
                await tx.execute_many(self._statement(differs), values)

    def _statement(self, differs: Differs) -> str:
        known = self._statements.get(differs)
        if known is None:
            key = " AND ".join(f"{name} = ${n}" for n, name in enumerate(self._columns[: self._key_length], 1))
            changed = enumerate(compress(self._columns, differs), self._key_length + 1)
            assignments = ", ".join(f"{name} = ${n}" for n, name in changed)
            known = self._statements[differs] = f"UPDATE {self._table} SET {assignments} WHERE {key}"
        return known
