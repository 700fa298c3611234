"""The outbox of events in the order of their commits, and how far each sink has come."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction


class EventRow(msgspec.Struct, frozen=True):
    """One event; `created_ms` is domain time, `created_wall_ms` says since when it waits for delivery.

    `association_id` and `node_id` are what it is about; events of before these columns came have neither.
    """

    sequence: int
    account_id: str
    region: str
    kind: str
    event_id: str
    created_ms: int
    created_wall_ms: int
    body: str
    association_id: str | None = None
    node_id: str | None = None


class SinkRow(msgspec.Struct, frozen=True):
    """How far a sink has come, and since when it takes nothing."""

    sink: str
    delivered_through: int
    failing_since_wall_ms: int | None


EVENT_COLUMNS = ", ".join(EventRow.__struct_fields__)

# The counter's row is locked until the commit: whoever reads the outbox by sequence never finds one that comes later.
RESERVE = "UPDATE event_counter SET last_sequence = last_sequence + $1 WHERE name = 'events' RETURNING last_sequence"
LAST = "SELECT last_sequence FROM event_counter WHERE name = 'events'"
ADD = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
AFTER = f"SELECT {EVENT_COLUMNS} FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2"
BEFORE_IN_SCOPE = f"""
SELECT {EVENT_COLUMNS} FROM events WHERE account_id = $1 AND region = $2 AND sequence < $3
 AND (CAST($4 AS TEXT) IS NULL OR kind = $4) ORDER BY sequence DESC LIMIT $5
"""
FIRST_YOUNGER = "SELECT MIN(sequence) FROM events WHERE sequence > $1 AND created_wall_ms > $2"
COUNT_BETWEEN = "SELECT COUNT(*) FROM events WHERE sequence > $1 AND sequence <= $2"
FORGET = """
DELETE FROM events WHERE sequence IN (
 SELECT sequence FROM events WHERE created_ms < $1 AND sequence <= $2 ORDER BY created_ms LIMIT $3)
"""
ADD_SINK = """
INSERT INTO event_sinks (sink, delivered_through)
SELECT CAST($1 AS TEXT), last_sequence FROM event_counter WHERE name = 'events'
ON CONFLICT (sink) DO NOTHING
"""
SINK = "SELECT sink, delivered_through, failing_since_wall_ms FROM event_sinks WHERE sink = $1"
SAVE_SINK = """
UPDATE event_sinks SET delivered_through = $2, failing_since_wall_ms = $3 WHERE sink = $1 AND delivered_through <= $2
"""
SLOWEST = "SELECT MIN(delivered_through) FROM event_sinks WHERE sink IN (ids_of($1))"


async def reserve(tx: Transaction, count: int) -> int:
    """Take the next `count` numbers; the first of them."""
    return int((await tx.column(RESERVE, count))[0]) - count + 1


async def last(tx: Snapshot) -> int:
    """The number of the newest event that ever was, 0 for none."""
    return int(await tx.value(LAST))


async def add(tx: Transaction, rows: Sequence[EventRow]) -> None:
    await tx.execute_many(ADD, [msgspec.structs.astuple(row) for row in rows])


async def after(tx: Snapshot, sequence: int, limit: int) -> list[EventRow]:
    """The next events of all accounts, in order."""
    return await tx.rows(EventRow, AFTER, sequence, limit)


async def before_in_scope(tx: Snapshot, scope: Scope, sequence: int, kind: str | None, limit: int) -> list[EventRow]:
    """The events before `sequence`, newest first, of one kind or of all."""
    return await tx.rows(EventRow, BEFORE_IN_SCOPE, *scope, sequence, kind, limit)


async def waiting_since(tx: Snapshot, sequence: int, wall_ms: int) -> tuple[int, int]:
    """The events after `sequence`, up to the first one created after `wall_ms`: (number of the last, how many)."""
    younger = await tx.value(FIRST_YOUNGER, sequence, wall_ms)
    through = await last(tx) if younger is None else int(younger) - 1
    return through, int(await tx.value(COUNT_BETWEEN, sequence, through))


async def forget(tx: Transaction, before_ms: int, through: int, limit: int) -> int:
    """Delete up to `limit` events older than `before_ms` (domain time) with numbers up to `through`; how many."""
    return await tx.execute(FORGET, before_ms, through, limit)


async def add_sink(tx: Transaction, sink: str) -> SinkRow:
    """A sink as it stands; a new one begins with the next event."""
    await tx.execute(ADD_SINK, sink)
    row = await tx.row(SinkRow, SINK, sink)
    assert row is not None, f"sink {sink} was just added"
    return row


async def save_sink(tx: Transaction, row: SinkRow) -> None:
    """Note how far a sink has come; it never goes back."""
    await tx.execute(SAVE_SINK, row.sink, row.delivered_through, row.failing_since_wall_ms)


async def slowest(tx: Snapshot, sinks: Sequence[str]) -> int:
    """What every one of these sinks has taken; everything when there is none."""
    found = await tx.value(SLOWEST, msgspec.json.encode(list(sinks)).decode())
    return await last(tx) if found is None else int(found)
