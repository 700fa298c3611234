"""What is left of a command, and what failed of it first."""

from __future__ import annotations

import msgspec

from stateward.commands.rows import InvocationRow
from stateward.commands.store import INVOCATION_COLUMNS
from stateward.storage import Snapshot


class LeftRow(msgspec.Struct, frozen=True):
    """Unfinished targets: those that nothing was sent to, and those that have it."""

    not_sent: int
    sent: int


LEFT = """
SELECT COUNT(*) FILTER (WHERE sent_ms IS NULL), COUNT(*) FILTER (WHERE sent_ms IS NOT NULL) FROM invocations
 WHERE command_id = $1 AND ended_ms IS NULL
"""
FIRST_FAILED = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE command_id = $1 AND status IN ('Failed', 'TimedOut')
 ORDER BY ended_ms, resource_id LIMIT $2
"""


async def left(tx: Snapshot, command_id: str) -> LeftRow:
    """How many targets have no end yet."""
    found = await tx.row(LeftRow, LEFT, command_id)
    assert found is not None, "a count has a row"
    return found


async def first_failed(tx: Snapshot, command_id: str, limit: int) -> list[InvocationRow]:
    """The targets that failed or timed out, in the order in which they did."""
    return await tx.rows(InvocationRow, FIRST_FAILED, command_id, limit)
