"""Documents and parameters that change: noted in the change's own transaction, worked off later (spec 4.1, D31).

A default version may stand under thousands of associations, so a change only leaves a note here; the engine takes
the associations behind it in slices, with a cursor in the note.
"""

from __future__ import annotations

from stateward.associations import lifecycle, store, store_changes
from stateward.associations.store_changes import ChangeRow
from stateward.documents.facts import DefaultVersionMoved, DocumentDeleted, DocumentVersionAdded
from stateward.parameters.facts import ParameterChanged
from stateward.storage import Transaction

# Each association is several rows: a write of a hundred keeps the loop free.
SLICE = 20
CALENDAR = "ChangeCalendar"


async def note_default_versions(tx: Transaction, facts: list[DefaultVersionMoved]) -> None:
    """`$DEFAULT` means another version now; for a calendar: what waits for it is looked at again."""
    for fact in facts:
        if fact.document_type == CALENDAR:
            await store_changes.look_again(tx, tx.now)
        await _note(tx, ChangeRow(*fact.scope, "document_default", fact.name, _cause(fact.version, tx.now), tx.now))


async def note_new_versions(tx: Transaction, facts: list[DocumentVersionAdded]) -> None:
    """`$LATEST` means another version now."""
    for fact in facts:
        await _note(tx, ChangeRow(*fact.scope, "document_latest", fact.name, _cause(fact.version, tx.now), tx.now))


async def note_deletions(tx: Transaction, facts: list[DocumentDeleted]) -> None:
    """The run that a deletion starts ends with the reason InvalidDocument (spec 4.1)."""
    for fact in facts:
        await _note(tx, ChangeRow(*fact.scope, "document_deleted", fact.name, f"document:deleted:{tx.now}", tx.now))


async def note_parameters(tx: Transaction, facts: list[ParameterChanged]) -> None:
    """A value that associations refer to has changed."""
    for fact in facts:
        if fact.value_changed:
            cause = f"parameter:{fact.name}:{fact.version}:{tx.now}"
            await _note(tx, ChangeRow(*fact.scope, "parameter", fact.name, cause, tx.now))


async def work_off(tx: Transaction, change: ChangeRow) -> int:
    """Start the runs of the next slice of associations behind a change; how many associations that were."""
    behind = await store_changes.behind(tx, change, SLICE)
    for association_id in behind:
        association = await store.lock(tx, association_id)
        if association is None or association.deleted_ms is not None:
            continue
        definition = (await store.current(tx, association)).members()
        if not definition.get("ApplyOnlyAtCronInterval"):
            await lifecycle.run_again(tx, association, change.cause)
    if len(behind) < SLICE:
        await store_changes.forget(tx, change)
    else:
        await store_changes.move_cursor(tx, change, behind[-1])
    return len(behind)


async def _note(tx: Transaction, change: ChangeRow) -> None:
    if await store_changes.behind(tx, change, 1):
        await store_changes.add(tx, change)


def _cause(version: int, now_ms: int) -> str:
    return f"document:{version}:{now_ms}"
