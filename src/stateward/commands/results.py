"""Applying what nodes report (D7), inside transactions."""

from __future__ import annotations

import msgspec

from stateward.commands import delivery, ending, lifecycle, merging, store, store_delivery, uploads
from stateward.commands.reports import Report
from stateward.commands.rows import InvocationRow
from stateward.documents import schema
from stateward.storage import Transaction

OVERDUE_AT_ONCE = 200


async def report(tx: Transaction, node_id: str, command_id: str, told: Report, wall_ms: int) -> bool:
    """Merge one reply of a node into its invocation; False when the node was never sent that command."""
    command = await store.lock_command(tx, command_id)
    before = None if command is None else await store.invocation(tx, command_id, node_id)
    if command is None or before is None or before.sent_ms is None:
        return False
    content = (await store.text(tx, command_id)).content
    names = schema.step_names(schema.parse_command(msgspec.json.decode(content)))
    done = await store.final_steps(tx, command_id, node_id)
    merge = merging.merge(before, told, names, done, tx.now, wall_ms)
    for step in merge.steps:
        await store.put_step(tx, step)
    if merge.steps and before.is_final:
        await uploads.note(tx, [before])
    if merge.row != before:
        await lifecycle.apply(tx, command, [(before, merge.row)])
        if merge.row.busy_until_ms is None:
            await delivery.node_is_free(tx, before)
    return True


async def close_overdue(tx: Transaction, wall_ms: int) -> int:
    """Close invocations whose missing steps did not come in time; how many there were."""
    rows = await store_delivery.overdue(tx, wall_ms, OVERDUE_AT_ONCE)
    for row in rows:

        def close(before: InvocationRow) -> InvocationRow | None:
            return None if before.reported_status is None else ending.reported(before, before.reported_status, tx.now)

        await lifecycle.change_one(tx, row.command_id, row.resource_id, close)
    return len(rows)
