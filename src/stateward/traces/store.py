"""Which executions a collector has yet to get."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stateward.storage import Snapshot, Transaction


class DueRow(msgspec.Struct, frozen=True):
    execution_id: str
    association_id: str
    number: int
    closed_wall_ms: int


_D = ", ".join(DueRow.__struct_fields__)

ADD = f"""
INSERT INTO traces_due ({_D}) VALUES ($1, $2, $3, $4) ON CONFLICT (execution_id) DO NOTHING
"""

OLDEST = f"""
SELECT {_D} FROM traces_due ORDER BY closed_wall_ms, execution_id LIMIT $1
"""

REMOVE = """
DELETE FROM traces_due WHERE execution_id = $1
"""

REMOVE_BEFORE = """
DELETE FROM traces_due WHERE closed_wall_ms < $1
"""


async def add(tx: Transaction, rows: Iterable[DueRow]) -> None:
    """Executions that have ended."""
    await tx.execute_many(ADD, [msgspec.structs.astuple(row) for row in rows])


async def oldest(tx: Snapshot, limit: int) -> list[DueRow]:
    """What has waited longest."""
    return await tx.rows(DueRow, OLDEST, limit)


async def remove(tx: Transaction, execution_id: str) -> None:
    """The collector has it."""
    await tx.execute(REMOVE, execution_id)


async def remove_before(tx: Transaction, wall_ms: int) -> int:
    """Give up what has waited since before then; how many."""
    return await tx.execute(REMOVE_BEFORE, wall_ms)
