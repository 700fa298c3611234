"""Inventories of nodes, put together from uploads and from what the server knows of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.inventory import derived, store
from stateward.inventory.derived import INSTANCE_INFORMATION, TAG
from stateward.inventory.filters import Held, Inventory
from stateward.inventory.rows import ItemRow
from stateward.inventory.schemas import Types
from stateward.nodes import store as nodes
from stateward.nodes.store import NodeRow
from stateward.storage import Snapshot


class NodeInventory(msgspec.Struct, frozen=True):
    """A node and what it has of the types that were asked for."""

    node_id: str
    inventory: Inventory


async def every_type(tx: Snapshot, scope: Scope, types: Types) -> Types:
    """The types of AWS and the custom ones of this account and region."""
    return types.with_custom(await store.custom_types(tx, scope))


async def inventories_after(
    tx: Snapshot, scope: Scope, after: str, limit: int, types: Collection[str]
) -> list[NodeInventory]:
    """The next nodes in order of their ids."""
    rows = await nodes.after(tx, scope, after, limit)
    return await _inventories(tx, scope, rows, types)


async def inventory_of(tx: Snapshot, scope: Scope, node_id: str, type_name: str) -> Held | None:
    """What a node has of a type; None for an unknown node."""
    row = await nodes.find(tx, scope, node_id)
    if row is None:
        return None
    (found,) = await _inventories(tx, scope, [row], [type_name])
    return found.inventory.get(type_name, Held("", "", None, ()))


async def _inventories(
    tx: Snapshot, scope: Scope, rows: Sequence[NodeRow], types: Collection[str]
) -> list[NodeInventory]:
    node_ids = [row.node_id for row in rows]
    held: dict[str, dict[str, Held]] = {node_id: {} for node_id in node_ids}
    for item in await store.items_of(tx, scope, node_ids, sorted(types)):
        held[item.node_id][item.type_name] = _held(item)
    if INSTANCE_INFORMATION in types:
        for row in rows:
            held[row.node_id][INSTANCE_INFORMATION] = derived.instance_information(row, tx.now)
    if TAG in types:
        tagged = await nodes.tags_of(tx, scope, node_ids)
        for row in rows:
            held[row.node_id][TAG] = derived.tags(tagged.get(row.node_id, {}), tx.now)
    return [NodeInventory(node_id, held[node_id]) for node_id in node_ids]


def _held(row: ItemRow) -> Held:
    entries = msgspec.json.decode(row.content, type=list[dict[str, str]])
    return Held(row.schema_version, row.capture_time, row.content_hash, entries)
