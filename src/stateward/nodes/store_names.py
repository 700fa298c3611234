"""What people call nodes."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.storage import Snapshot


class NameRow(msgspec.Struct, frozen=True):
    node_id: str
    name: str


OF_NODES = """
SELECT node_id, COALESCE(name, computer_name, '') FROM nodes WHERE node_id IN (ids_of($1))
"""


async def of_nodes(tx: Snapshot, node_ids: Sequence[str]) -> dict[str, str]:
    """Node id → its name, else its computer's name, else nothing; nodes that were removed too."""
    rows = await tx.rows(NameRow, OF_NODES, json.dumps(list(node_ids)))
    return {row.node_id: row.name for row in rows}
