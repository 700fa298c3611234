"""What a removed node means for commands (spec 4.7)."""

from __future__ import annotations

from collections.abc import Callable

from stateward.commands import ending, lifecycle, store
from stateward.commands.rows import InvocationRow
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction

OPEN_AT_ONCE = 1_000


async def end_work_of_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    """Whatever a deregistered node had not finished ends Failed/Undeliverable."""
    for fact in facts:
        for row in await store.open_on_node(tx, fact.node_id, OPEN_AT_ONCE):
            await lifecycle.change_one(tx, row.command_id, row.resource_id, _removed(fact.who, tx.now))


def _removed(who: str, now_ms: int) -> Callable[[InvocationRow], InvocationRow | None]:
    def change(before: InvocationRow) -> InvocationRow | None:
        return None if before.is_final else ending.node_removed(before, who, now_ms)

    return change
