"""Pausing an association and resuming it: a stored flag, not a new version (D64).

While it is paused nothing starts but by hand. Due times that pass are counted and never made up. A new version, a
changed document or parameter, and nodes that came make one run when the pause ends, since nothing else would.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.associations import execution_calls, lifecycle, pauses, store, store_changes
from stateward.associations.execution_calls import OneAssociation
from stateward.associations.facts import ScheduleChanged
from stateward.associations.rows import AssociationRow
from stateward.storage import Snapshot, Transaction
from stateward.wire.protocol import iso8601


async def pause_association(call: Call, wanted: OneAssociation) -> Answer:
    """Schedule and triggers off; what runs goes on. Paused already: as it is, whoever did it."""

    async def work(tx: Transaction) -> Answer:
        association = await execution_calls.locked(tx, call.scope, wanted.association)
        paused = pauses.paused(association, call.principal.name, tx.now)
        await store.save(tx, paused)
        tx.record(ScheduleChanged(association.association_id))
        return Answer({"association": association.association_id, "paused": await shown(tx, paused)})

    return await call.write(work)


async def resume_association(call: Call, wanted: OneAssociation) -> Answer:
    """Schedule and triggers on again; `was` tells of the pause, null where there was none, `execution` of the run that
    had been held back, if one had been.
    """

    async def work(tx: Transaction) -> Answer:
        association = await execution_calls.locked(tx, call.scope, wanted.association)
        was = await shown(tx, association)
        execution_id = await _resume(tx, association, call.principal.name) if association.is_paused else None
        return Answer({"association": association.association_id, "was": was, "execution": execution_id})

    return await call.write_once(work)


async def shown(tx: Snapshot, row: AssociationRow) -> dict[str, Any] | None:
    """A pause in words; None for an association that is not paused."""
    if row.paused_ms is None:
        return None
    return {
        "since": iso8601(row.paused_ms),
        "by": row.paused_by,
        "passed": row.passed_count,
        "passed_times": [iso8601(due_ms) for due_ms in pauses.passed_times(row)],
        "held": row.held_cause,
        "nodes_waiting": len(await store_changes.waiting(tx, row.association_id)),
    }


async def _resume(tx: Transaction, association: AssociationRow, who: str) -> str | None:
    held, resumed = association.held_cause, pauses.resumed(association)
    if held is None:
        waiting = await store_changes.waiting(tx, association.association_id)
        # The engine asks their calendars, as if these had been closed.
        await store.save(tx, msgspec.structs.replace(resumed, opens_ms=tx.now if waiting else resumed.opens_ms))
        tx.record(ScheduleChanged(association.association_id))
        return None
    await store_changes.stop_waiting(tx, association.association_id)
    await lifecycle.stop_unstarted(tx, resumed, "updated", who)
    _, execution = await lifecycle.open_execution(tx, resumed, held, who)
    await _save_if_known(tx, resumed, known=execution is None)
    tx.record(ScheduleChanged(association.association_id))
    return None if execution is None else execution.execution_id


async def _save_if_known(tx: Transaction, resumed: AssociationRow, *, known: bool) -> None:
    """A cause that has its execution already opens none, and then nothing has written the row."""
    if known:
        await store.save(tx, resumed)
