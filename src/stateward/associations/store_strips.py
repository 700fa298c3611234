"""Strips, and what they are made of."""

from __future__ import annotations

import msgspec

from stateward.associations.strips import Result
from stateward.storage import Snapshot, Transaction


class StripRow(msgspec.Struct, frozen=True):
    """A run as the history keeps it for long; `is_full`: over all targets, else on some nodes only (D30)."""

    association_id: str
    number: int
    is_full: int
    execution_id: str
    cause: str
    association_version: int
    created_ms: int
    ended_ms: int
    status: str
    cells: bytes


class DueStrip(msgspec.Struct, frozen=True):
    """A run that has closed and whose strip is not there yet."""

    association_id: str
    number: int


STRIP_COLUMNS = ", ".join(StripRow.__struct_fields__)
PUT = f"""
INSERT INTO strips ({STRIP_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (association_id, number) DO NOTHING
"""
RESULTS = """
SELECT i.resource_id, i.status, COALESCE(i.acknowledged_ms, i.sent_ms), i.ended_ms, s.slot FROM invocations i
 LEFT JOIN association_slots s ON s.association_id = i.association_id AND s.node_id = i.resource_id
 WHERE i.command_id = $1 AND i.position >= $2 AND i.position < $3
"""
ADD_DUE = "INSERT INTO strips_due (association_id, number) VALUES ($1, $2) ON CONFLICT DO NOTHING"
OLDEST_DUE = 'SELECT association_id, number FROM strips_due ORDER BY association_id COLLATE "C", number LIMIT 1'
FORGET_DUE = "DELETE FROM strips_due WHERE association_id = $1 AND number = $2"
OF_KIND_BEFORE = f"""
SELECT {STRIP_COLUMNS} FROM strips WHERE association_id = $1 AND is_full = $2 AND number < $3
 ORDER BY number DESC LIMIT $4
"""
BEFORE = f"""
SELECT {STRIP_COLUMNS} FROM strips WHERE association_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3
"""
PARTIAL_BETWEEN = f"""
SELECT {STRIP_COLUMNS} FROM strips WHERE association_id = $1 AND is_full = 0 AND number > $2 AND number < $3
 ORDER BY number DESC LIMIT $4
"""
FORGET = """
DELETE FROM strips WHERE (association_id, number) IN (
 SELECT association_id, number FROM strips WHERE ended_ms < $1 ORDER BY ended_ms LIMIT $2)
"""


async def put(tx: Transaction, row: StripRow) -> None:
    """Write a strip; one that is there is final and stays."""
    await tx.execute(PUT, *msgspec.structs.astuple(row))


async def results(tx: Snapshot, command_id: str, first: int, end: int) -> list[Result]:
    """The targets of a run from one position to before another: how each ended, when it began and ended, its slot."""
    return await tx.rows(Result, RESULTS, command_id, first, end)


async def add_due(tx: Transaction, association_id: str, number: int) -> None:
    await tx.execute(ADD_DUE, association_id, number)


async def oldest_due(tx: Snapshot) -> DueStrip | None:
    """One of the runs whose strips are to be made."""
    return await tx.row(DueStrip, OLDEST_DUE)


async def forget_due(tx: Transaction, row: DueStrip) -> None:
    await tx.execute(FORGET_DUE, row.association_id, row.number)


async def before(tx: Snapshot, association_id: str, number: int, limit: int, *, full: bool | None) -> list[StripRow]:
    """The next older strips, newest first: of runs over all targets, of runs on some nodes, or (None) of all."""
    if full is None:
        return await tx.rows(StripRow, BEFORE, association_id, number, limit)
    return await tx.rows(StripRow, OF_KIND_BEFORE, association_id, int(full), number, limit)


async def since(tx: Snapshot, association_id: str, number: int, before: int, limit: int) -> list[StripRow]:
    """The strips of runs on some nodes between two numbers, the newest so many."""
    return await tx.rows(StripRow, PARTIAL_BETWEEN, association_id, number, before, limit)


async def forget(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget strips of runs that ended before an instant; how many there were."""
    return await tx.execute(FORGET, before_ms, limit)
