"""Which parameters the work of a node refers to."""

from __future__ import annotations

import json

from stateward.storage import Snapshot

OF_OPEN_WORK = """
SELECT c.store_references FROM invocations i JOIN commands c ON c.command_id = i.command_id
 WHERE i.resource_id = $1 AND i.ended_ms IS NULL AND c.store_references IS NOT NULL
"""


async def of_open_work(tx: Snapshot, node_id: str) -> set[str]:
    """The references to Parameter Store in what a node has not finished, as they are written there."""
    return {reference for text in await tx.column(OF_OPEN_WORK, node_id) for reference in json.loads(text)}
