"""What people call nodes."""

from __future__ import annotations

from collections.abc import Sequence

from stateward.nodes import store_names
from stateward.storage import Snapshot


async def names_of(tx: Snapshot, node_ids: Sequence[str]) -> dict[str, str]:
    """Node id → its name, its computer's name, or the id itself."""
    known = await store_names.of_nodes(tx, node_ids)
    return {node_id: known.get(node_id) or node_id for node_id in node_ids}
