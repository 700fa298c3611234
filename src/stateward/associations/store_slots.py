"""The place of each node in an association's strips: a small number, given once and for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import msgspec

from stateward.storage import Snapshot, Transaction


class SlotRow(msgspec.Struct, frozen=True):
    node_id: str
    slot: int


OF_NODES = "SELECT node_id, slot FROM association_slots WHERE association_id = $1 AND node_id IN (ids_of($2))"
ADD = "INSERT INTO association_slots (association_id, node_id, slot) VALUES ($1, $2, $3)"


async def of_nodes(tx: Snapshot, association_id: str, node_ids: Sequence[str]) -> dict[str, int]:
    """Node id → slot, for those of these nodes that have one."""
    rows = await tx.rows(SlotRow, OF_NODES, association_id, json.dumps(list(node_ids)))
    return {row.node_id: row.slot for row in rows}


async def add(tx: Transaction, association_id: str, slots: Mapping[str, int]) -> None:
    await tx.execute_many(ADD, [(association_id, node_id, slot) for node_id, slot in slots.items()])
