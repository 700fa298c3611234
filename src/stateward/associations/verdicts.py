"""What results mean for a node's compliance: the roll-up writes it, unless the document does itself (spec 6.5, D49)."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.associations import store
from stateward.associations.rows import AssociationRow, Definition
from stateward.commands import store as commands
from stateward.commands.facts import InvocationChanged
from stateward.commands.rows import InvocationRow
from stateward.compliance import association_items
from stateward.storage import Snapshot, Transaction

COUNTS = frozenset({"Success", "Failed", "TimedOut"})
MANUAL = "MANUAL"
UNSPECIFIED = "UNSPECIFIED"


async def note_results(tx: Transaction, facts: list[InvocationChanged]) -> None:
    """Each final result of an association on a node is an item there (CMP-01 to CMP-03)."""
    known: dict[str, tuple[AssociationRow, Definition] | None] = {}
    for fact in facts:
        row = fact.after
        if row.association_id is None or not _is_verdict(fact.before, row):
            continue
        if row.association_id not in known:
            known[row.association_id] = await _living(tx, row.association_id)
        found = known[row.association_id]
        if found is not None and found[1].get("SyncCompliance") != MANUAL:
            await _put(tx, row, *found)


async def manual_severity(tx: Snapshot, scope: Scope, association_id: str) -> str | None:
    """The severity of an association whose document reports its own compliance; None for all others."""
    association = await store.find(tx, scope, association_id)
    if association is None:
        return None
    definition = (await store.current(tx, association)).members()
    if definition.get("SyncCompliance") != MANUAL:
        return None
    severity: str = definition.get("ComplianceSeverity", UNSPECIFIED)
    return severity


def _is_verdict(before: InvocationRow | None, after: InvocationRow) -> bool:
    ended = after.is_final and (before is None or not before.is_final)
    never_arrived = after.ended_by == "superseded" and after.sent_ms is None
    return ended and after.status in COUNTS and not never_arrived


async def _living(tx: Transaction, association_id: str) -> tuple[AssociationRow, Definition] | None:
    association = await store.lock(tx, association_id)
    if association is None or association.deleted_ms is not None:
        return None
    return association, (await store.current(tx, association)).members()


async def _put(tx: Transaction, row: InvocationRow, association: AssociationRow, definition: Definition) -> None:
    command = await commands.command(tx, row.command_id)
    assert command is not None, "an invocation hangs under its command"
    await association_items.put_association_item(
        tx,
        association.scope,
        row.resource_id,
        association.association_id,
        compliant=row.status == "Success",
        severity=definition.get("ComplianceSeverity", UNSPECIFIED),
        document_name=command.document_name,
        document_version=command.resolved_version,
        execution_ms=row.released_ms if row.released_ms is not None else tx.now,
    )
