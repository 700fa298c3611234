"""Notes of changed documents and parameters, and which associations stand behind them."""

from __future__ import annotations

import msgspec

from stateward.associations.rows import AssociationRow
from stateward.associations.store import ASSOCIATION_COLUMNS
from stateward.storage import Snapshot, Transaction


class ChangeRow(msgspec.Struct, frozen=True):
    """A changed document or parameter of an owner's account and region; `after_id` is the cursor."""

    account_id: str
    region: str
    kind: str
    name: str
    cause: str
    changed_ms: int
    after_id: str = ""


CHANGE_COLUMNS = ", ".join(ChangeRow.__struct_fields__)
ADD = f"INSERT INTO association_changes ({CHANGE_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
OLDEST = f'SELECT {CHANGE_COLUMNS} FROM association_changes ORDER BY changed_ms, cause COLLATE "C" LIMIT 1'
MOVE_CURSOR = """
UPDATE association_changes SET after_id = $6
 WHERE account_id = $1 AND region = $2 AND kind = $3 AND name = $4 AND cause = $5
"""
FORGET = """
DELETE FROM association_changes WHERE account_id = $1 AND region = $2 AND kind = $3 AND name = $4 AND cause = $5
"""
_BY_DOCUMENT = """
 WHERE document_account = $1 AND document_region = $2 AND document_name = $3 AND deleted_ms IS NULL
 AND association_id > $4
"""
_IN_ORDER = ' ORDER BY association_id COLLATE "C" LIMIT $5'
BEHIND_DELETED = "SELECT association_id FROM associations" + _BY_DOCUMENT + _IN_ORDER
BEHIND_DEFAULT = (
    "SELECT association_id FROM associations" + _BY_DOCUMENT + " AND document_selector = '$DEFAULT'" + _IN_ORDER
)
BEHIND_LATEST = (
    "SELECT association_id FROM associations" + _BY_DOCUMENT + " AND document_selector = '$LATEST'" + _IN_ORDER
)
BEHIND_PARAMETER = """
SELECT association_id FROM association_parameters
 WHERE account_id = $1 AND region = $2 AND parameter_name = $3 AND association_id > $4
 ORDER BY association_id COLLATE "C" LIMIT $5
"""
LOOK_AGAIN = "UPDATE associations SET opens_ms = $1 WHERE opens_ms IS NOT NULL AND deleted_ms IS NULL"
WAIT = "INSERT INTO calendar_waits (association_id, node_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
WAITING = 'SELECT node_id FROM calendar_waits WHERE association_id = $1 ORDER BY node_id COLLATE "C"'
STOP_WAITING = "DELETE FROM calendar_waits WHERE association_id = $1"
OPENING = f"""
SELECT {ASSOCIATION_COLUMNS} FROM associations WHERE opens_ms <= $1 AND deleted_ms IS NULL
 ORDER BY opens_ms, association_id COLLATE "C" LIMIT 1
"""
NEXT_OPENING = "SELECT MIN(opens_ms) FROM associations WHERE opens_ms IS NOT NULL AND deleted_ms IS NULL"


async def add(tx: Transaction, row: ChangeRow) -> None:
    await tx.execute(ADD, *msgspec.structs.astuple(row))


async def oldest(tx: Snapshot) -> ChangeRow | None:
    """The change that waits longest."""
    return await tx.row(ChangeRow, OLDEST)


async def behind(tx: Snapshot, row: ChangeRow, limit: int) -> list[str]:
    """The next associations behind a change, after its cursor."""
    values = (row.account_id, row.region, row.name, row.after_id, limit)
    match row.kind:
        case "document_default":
            return await tx.column(BEHIND_DEFAULT, *values)
        case "document_latest":
            return await tx.column(BEHIND_LATEST, *values)
        case "document_deleted":
            return await tx.column(BEHIND_DELETED, *values)
        case _:
            return await tx.column(BEHIND_PARAMETER, *values)


async def move_cursor(tx: Transaction, row: ChangeRow, after_id: str) -> None:
    await tx.execute(MOVE_CURSOR, row.account_id, row.region, row.kind, row.name, row.cause, after_id)


async def forget(tx: Transaction, row: ChangeRow) -> None:
    await tx.execute(FORGET, row.account_id, row.region, row.kind, row.name, row.cause)


async def look_again(tx: Transaction, now_ms: int) -> None:
    """A calendar has changed: whatever waits for one is due to be looked at."""
    await tx.execute(LOOK_AGAIN, now_ms)


async def wait_for_opening(tx: Transaction, association_id: str, node_id: str) -> None:
    """A node that came while the association's calendars were closed."""
    await tx.execute(WAIT, association_id, node_id)


async def waiting(tx: Snapshot, association_id: str) -> list[str]:
    return await tx.column(WAITING, association_id)


async def stop_waiting(tx: Transaction, association_id: str) -> None:
    await tx.execute(STOP_WAITING, association_id)


async def opening(tx: Snapshot, now_ms: int) -> AssociationRow | None:
    """An association whose calendars may be open by now, with nodes that wait for that."""
    return await tx.row(AssociationRow, OPENING, now_ms)


async def next_opening(tx: Snapshot) -> int | None:
    return await tx.value(NEXT_OPENING)  # type: ignore[no-any-return]
