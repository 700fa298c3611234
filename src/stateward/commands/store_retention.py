"""Commands, invocations, steps and uploads past their time."""

from __future__ import annotations

import json

from stateward.commands import store_output
from stateward.storage import Snapshot, Transaction

# An association's command stays as long as its execution is there.
OLD_COMMANDS = """
SELECT c.command_id FROM commands c
 WHERE c.phase = 'closed' AND c.ended_ms < $1 AND (c.association_id IS NULL OR NOT EXISTS (
  SELECT 1 FROM executions e WHERE e.association_id = c.association_id AND e.number = c.execution_number))
 ORDER BY c.ended_ms LIMIT $2
"""
OLDEST_END = """
SELECT MIN(ended_ms) FROM (SELECT MIN(ended_ms) AS ended_ms FROM commands WHERE ended_ms IS NOT NULL
 UNION ALL SELECT MIN(ended_ms) FROM executions WHERE ended_ms IS NOT NULL) AS ends
"""
STEPS_OF = """
DELETE FROM steps WHERE command_id = $1 AND resource_id IN (
 SELECT resource_id FROM invocations WHERE command_id = $1 ORDER BY position LIMIT $2)
"""
UPLOADS_OF = """
DELETE FROM output_uploads WHERE command_id = $1 AND resource_id IN (
 SELECT resource_id FROM invocations WHERE command_id = $1 ORDER BY position LIMIT $2)
"""
INVOCATIONS_OF = """
DELETE FROM invocations WHERE command_id = $1 AND resource_id IN (
 SELECT resource_id FROM invocations WHERE command_id = $1 ORDER BY position LIMIT $2)
"""
ERRORS_OF = "DELETE FROM error_groups WHERE command_id = $1"
EMPTY_COMMANDS = """
DELETE FROM commands WHERE command_id IN (ids_of($1))
 AND NOT EXISTS (SELECT 1 FROM invocations i WHERE i.command_id = commands.command_id)
"""
OLD_OUTPUT = """
UPDATE steps SET output = '', standard_output = '', standard_error = ''
 WHERE (output <> '' OR standard_output <> '' OR standard_error <> '') AND (command_id, resource_id, step_name) IN (
  SELECT s.command_id, s.resource_id, s.step_name FROM steps s
   WHERE s.ended_ms < $1 AND (s.output <> '' OR s.standard_output <> '' OR s.standard_error <> '')
   ORDER BY s.ended_ms LIMIT $2)
"""


async def oldest_end(tx: Snapshot) -> int | None:
    """When the oldest of what is kept ended, in ms; None when nothing has."""
    return await tx.value(OLDEST_END)  # type: ignore[no-any-return]


async def forget_commands(tx: Transaction, before_ms: int, limit: int) -> int:
    """Forget closed commands that ended before an instant, at most `limit` rows of invocations; how much was done."""
    left = limit
    for command_id in await tx.column(OLD_COMMANDS, before_ms, limit):
        # Bytes first, in slices of their own: they are what takes time.
        if await store_output.forget_of_command(tx, command_id, store_output.ROWS_A_SLICE):
            return limit
        await tx.execute(STEPS_OF, command_id, left)
        await tx.execute(UPLOADS_OF, command_id, left)
        await tx.execute(ERRORS_OF, command_id)
        left -= await tx.execute(INVOCATIONS_OF, command_id, left)
        left -= await tx.execute(EMPTY_COMMANDS, json.dumps([command_id]))
        if left <= 0:
            break
    return limit - left


async def forget_output(tx: Transaction, before_ms: int, limit: int) -> int:
    """Empty the output of steps that ended before an instant, and forget their streams; how much was done."""
    gone = await store_output.forget_old(tx, before_ms, store_output.ROWS_A_SLICE)
    return gone + await tx.execute(OLD_OUTPUT, before_ms, limit)
