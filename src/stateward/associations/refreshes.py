"""A node that was told to refresh its associations gets a run of them (spec 5.5, D31).

Runs travel as commands, so a refresh on the node starts nothing there: its success is the sign to open them here.
"""

from __future__ import annotations

import msgspec

from stateward.associations import lifecycle, store
from stateward.commands import store as commands
from stateward.commands.facts import InvocationChanged
from stateward.commands.rows import InvocationRow
from stateward.storage import Transaction


async def note_refreshes(tx: Transaction, facts: list[InvocationChanged]) -> None:
    """Open a run on the node for each association that a successful refresh named; an empty list names all."""
    wanted: dict[str, list[str] | None] = {}
    for fact in facts:
        row = fact.after
        if row.status != "Success" or (fact.before is not None and fact.before.is_final):
            continue
        if row.command_id not in wanted:
            wanted[row.command_id] = await _refreshes(tx, row.command_id)
        names = wanted[row.command_id]
        if names is not None:
            await _open_runs(tx, row, names)


async def _refreshes(tx: Transaction, command_id: str) -> list[str] | None:
    command = await commands.command(tx, command_id)
    if command is None or command.refreshes is None:
        return None
    return msgspec.json.decode(command.refreshes, type=list[str])


async def _open_runs(tx: Transaction, row: InvocationRow, wanted: list[str]) -> None:
    effective = {status.association_id for status in await store.of_node(tx, row.resource_id)}
    for association_id in sorted(effective if not wanted else effective & set(wanted)):
        association = await store.lock(tx, association_id)
        # An association that refreshes its own node would do so for ever.
        if association is None or association.deleted_ms is not None or association_id == row.association_id:
            continue
        if association.is_paused:
            continue
        if association.mode == "command":
            cause = f"refresh:{row.command_id}:{row.resource_id}"
            await lifecycle.open_execution(tx, association, cause, "refresh", [row.resource_id])
