"""Output that has come is to be uploaded where its command says so (D39)."""

from __future__ import annotations

from collections.abc import Sequence

from stateward.commands import store_uploads
from stateward.commands.facts import InvocationChanged, OutputWaits
from stateward.commands.rows import InvocationRow
from stateward.storage import Transaction


async def note_closed(tx: Transaction, facts: list[InvocationChanged]) -> None:
    """The reaction to invocations that have closed: what their nodes reported may be uploaded."""
    await note(
        tx,
        [
            fact.after
            for fact in facts
            if fact.after.is_final
            and fact.after.sent_ms is not None
            and not (fact.before is not None and fact.before.is_final)
        ],
    )


async def note(tx: Transaction, rows: Sequence[InvocationRow]) -> None:
    """Have the output of these invocations uploaded, those of commands without a bucket excepted."""
    if not rows:
        return
    found = await store_uploads.destinations(tx, [row.command_id for row in rows])
    for row in rows:
        if row.command_id in found:
            await store_uploads.add(tx, row, found[row.command_id])
            tx.record(OutputWaits(row.command_id, row.resource_id))
