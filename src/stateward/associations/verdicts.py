"""What results mean for a node's compliance: the roll-up writes it, unless the document does itself (spec 6.5, D49)."""

from __future__ import annotations

from collections.abc import Sequence

from stateward.access.principals import Scope
from stateward.associations import store
from stateward.associations.facts import NodeStatusChanged
from stateward.associations.rows import AssociationRow, Definition
from stateward.commands import store as commands
from stateward.commands.facts import InvocationChanged
from stateward.commands.rows import InvocationRow
from stateward.compliance import association_items
from stateward.compliance.association_items import NodeResult
from stateward.storage import Snapshot, Transaction

COUNTS = frozenset({"Success", "Failed", "TimedOut"})
MANUAL = "MANUAL"
UNSPECIFIED = "UNSPECIFIED"


async def note_results(tx: Transaction, facts: list[InvocationChanged]) -> None:
    """Each final result of an association on a node is an item there (CMP-01 to CMP-03)."""
    of_command: dict[str, list[InvocationRow]] = {}
    for fact in facts:
        if fact.after.association_id is not None and _is_verdict(fact.before, fact.after):
            of_command.setdefault(fact.after.command_id, []).append(fact.after)
    for rows in of_command.values():
        found = await _living(tx, rows[0].association_id or "")
        if found is not None and found[1].get("SyncCompliance") != MANUAL:
            await _put(tx, rows, *found)


async def note_departures(tx: Transaction, facts: list[NodeStatusChanged]) -> None:
    """A node that is no target any more is neither compliant nor not."""
    for fact in facts:
        if fact.after is None and fact.before is not None:
            association = await store.lock(tx, fact.before.association_id)
            if association is not None:
                await association_items.remove_association_item(
                    tx, association.scope, association.association_id, fact.before.node_id
                )


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


async def _put(
    tx: Transaction, rows: Sequence[InvocationRow], association: AssociationRow, definition: Definition
) -> None:
    command = await commands.command(tx, rows[0].command_id)
    assert command is not None, "an invocation hangs under its command"
    results = [
        NodeResult(row.resource_id, row.status == "Success", tx.now if row.released_ms is None else row.released_ms)
        for row in rows
    ]
    await association_items.put_association_items(
        tx,
        association.scope,
        association.association_id,
        results,
        severity=definition.get("ComplianceSeverity", UNSPECIFIED),
        document_name=command.document_name,
        document_version=command.resolved_version,
    )
