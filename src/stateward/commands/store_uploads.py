"""Output that is to be uploaded, and how far that has come (D39)."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.commands.rows import InvocationRow
from stateward.storage import Snapshot, Transaction


class UploadRow(msgspec.Struct, frozen=True):
    """The output of one invocation on its way to a bucket; `attempts` also tells one round of them from the next."""

    command_id: str
    resource_id: str
    bucket: str
    prefix: str
    bucket_region: str | None
    attempts: int
    first_try_wall_ms: int | None


class Destination(msgspec.Struct, frozen=True):
    """Where a command's output goes."""

    command_id: str
    bucket: str
    prefix: str
    bucket_region: str | None


COLUMNS = "command_id, resource_id, bucket, prefix, bucket_region, attempts, first_try_wall_ms"
DESTINATIONS = """
SELECT command_id, output_bucket AS bucket, COALESCE(output_prefix, '') AS prefix, output_region AS bucket_region
  FROM commands
 WHERE command_id IN (ids_of($1)) AND output_bucket IS NOT NULL
"""
ADD = """
INSERT INTO output_uploads (command_id, resource_id, account_id, region, bucket, prefix, bucket_region, created_ms,
 state, attempts, first_try_wall_ms, next_try_wall_ms, ended_wall_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0, NULL, 0, NULL)
ON CONFLICT (command_id, resource_id) DO UPDATE SET state = 'waiting', attempts = 0, first_try_wall_ms = NULL,
 next_try_wall_ms = 0, ended_wall_ms = NULL
"""
DUE = f"""
SELECT {COLUMNS} FROM output_uploads WHERE state = 'waiting' AND next_try_wall_ms <= $1
 ORDER BY next_try_wall_ms, command_id, resource_id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
CLAIM = """
UPDATE output_uploads SET attempts = $3, first_try_wall_ms = $4, next_try_wall_ms = $5
 WHERE command_id = $1 AND resource_id = $2
"""
TRY_AGAIN = """
UPDATE output_uploads SET next_try_wall_ms = $4
 WHERE command_id = $1 AND resource_id = $2 AND attempts = $3 AND state = 'waiting'
"""
END = """
UPDATE output_uploads SET state = $4, next_try_wall_ms = NULL, ended_wall_ms = $5
 WHERE command_id = $1 AND resource_id = $2 AND attempts = $3 AND state = 'waiting'
"""
NEXT_TRY = "SELECT MIN(next_try_wall_ms) FROM output_uploads WHERE state = 'waiting'"


async def destinations(tx: Snapshot, command_ids: Sequence[str]) -> dict[str, Destination]:
    """Command id → where its output goes, for those commands that have such a place."""
    rows = await tx.rows(Destination, DESTINATIONS, json.dumps(sorted(set(command_ids))))
    return {row.command_id: row for row in rows}


async def add(tx: Transaction, row: InvocationRow, to: Destination) -> None:
    """Have an invocation's output uploaded, once more if it was already."""
    scope = (row.account_id, row.region)
    await tx.execute(
        ADD, row.command_id, row.resource_id, *scope, to.bucket, to.prefix, to.bucket_region, row.requested_ms
    )


async def claim(tx: Transaction, wall_ms: int, lease_until_wall_ms: int, limit: int) -> list[UploadRow]:
    """Take what is due, one attempt each; what is neither ended nor tried again comes back when the lease is over."""
    claimed = []
    for row in await tx.rows(UploadRow, DUE, wall_ms, limit):
        first_ms = row.first_try_wall_ms or wall_ms
        taken = msgspec.structs.replace(row, attempts=row.attempts + 1, first_try_wall_ms=first_ms)
        await tx.execute(CLAIM, row.command_id, row.resource_id, taken.attempts, first_ms, lease_until_wall_ms)
        claimed.append(taken)
    return claimed


async def try_again(tx: Transaction, row: UploadRow, at_wall_ms: int) -> None:
    await tx.execute(TRY_AGAIN, row.command_id, row.resource_id, row.attempts, at_wall_ms)


async def end(tx: Transaction, row: UploadRow, state: str, wall_ms: int) -> None:
    """Note the end, `done` or `given_up`; unless more output has come meanwhile."""
    await tx.execute(END, row.command_id, row.resource_id, row.attempts, state, wall_ms)


async def next_try(tx: Snapshot) -> int | None:
    """When the next attempt is due, in ms of wall time."""
    return await tx.value(NEXT_TRY)  # type: ignore[no-any-return]
