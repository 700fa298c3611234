"""PutInventory, GetInventory, ListInventoryEntries, GetInventorySchema (spec 6.9)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.access.scanning import scan
from stateward.inventory import aggregation, filters, reading, store, upload
from stateward.inventory.aggregation import Tally
from stateward.inventory.derived import INSTANCE_INFORMATION, TAG
from stateward.inventory.filters import Entry, Filter, Held
from stateward.inventory.reading import NodeInventory
from stateward.inventory.rows import ItemRow
from stateward.inventory.schemas import Types, schemas_of
from stateward.inventory.upload import Item
from stateward.nodes import store as nodes
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction
from stateward.wire.errors import AwsError

NODES_PER_READ = 200
NODES_WITH_UPLOADS_PER_READ = 4
PAGE_BYTES = 4 * 1024 * 1024


class InventoryOperations:
    """The operations over the types of AWS and the custom ones."""

    def __init__(self) -> None:
        self._types = Types.load()

    async def put_inventory(self, call: Call, request: Request) -> Answer:
        """Replace what a node has of the given types; a hash alone says that nothing has changed.

        Raises ItemContentMismatchException for a hash that is not the stored one: the node then sends all (spec 6.9).
        """
        node_id = request["InstanceId"]
        items = upload.items_of(request["Items"], self._types)

        async def work(tx: Transaction) -> None:
            if await nodes.find(tx, call.scope, node_id) is None:
                raise AwsError("InvalidInstanceId", f"Managed node {node_id} does not exist.")
            for one in items:
                await _put(tx, call.scope, node_id, one)
            size = await store.bytes_of_node(tx, call.scope, node_id)
            if size > upload.NODE_BYTES:
                raise AwsError(
                    "TotalSizeLimitExceededException",
                    f"{node_id} would have {size} bytes of inventory, {upload.NODE_BYTES} are allowed.",
                )

        await call.write(work)
        return Answer({})

    async def get_inventory(self, call: Call, request: Request) -> Answer:
        """The nodes that meet the filters with what they have of one type, or counts of them."""
        async with call.reading() as tx:
            types = await reading.every_type(tx, call.scope, self._types)
        asked = filters.filters_of(request.get("Filters", ()), types, code="InvalidFilter", in_group=False)
        if "Aggregators" in request:
            return await _counts(call, request, types, asked)
        wanted = request["ResultAttributes"][0]["TypeName"] if "ResultAttributes" in request else INSTANCE_INFORMATION
        known = types.find(wanted)
        if known is None or known.read_with is not None:
            raise AwsError("InvalidResultAttributeException", f"{wanted} is no type of the inventory")
        page = call.page(request)
        found = await scan(
            call,
            lambda tx, key, limit: reading.inventories_after(
                tx, call.scope, str(key[0]), limit, {wanted, *filters.types_of(asked)}
            ),
            start=("",) if page.key is None else page.key,
            key_of=_node_key,
            keep=lambda one: filters.matches(one.inventory, asked),
            wanted=page.size + 1,
            rows_per_read=_nodes_per_read({wanted, *filters.types_of(asked)}),
        )
        fitting = msgspec.structs.replace(page, size=min(page.size, _that_fit(found, wanted)))
        return fitting.answer("Entities", found, lambda one: _entity(one, wanted), _node_key)

    async def list_inventory_entries(self, call: Call, request: Request) -> Answer:
        """The entries of one type on one node, in the order in which they were uploaded."""
        node_id, type_name = request["InstanceId"], request["TypeName"]
        page = call.page(request)
        async with call.reading() as tx:
            types = await reading.every_type(tx, call.scope, self._types)
            known = types.require(type_name)
            if known.read_with is not None:
                raise AwsError(
                    "InvalidTypeNameException", f"{type_name} is not kept in the inventory: use {known.read_with}"
                )
            held = await reading.inventory_of(tx, call.scope, node_id, type_name)
        if held is None:
            raise AwsError("InvalidInstanceId", f"Managed node {node_id} does not exist.")
        asked = _entry_filters(request, type_name, types)
        kept = [entry for entry in held.entries if filters.entry_meets(entry, asked)]
        start = _position_behind(kept, page.key)
        rows = list(enumerate(kept))[start : start + page.size + 1]
        answer = page.answer("Entries", rows, lambda row: dict(row[1]), lambda row: (row[0], _digest(row[1])))
        body = {"TypeName": type_name, "InstanceId": node_id, **answer.body}
        if held.schema_version:
            body |= {"SchemaVersion": held.schema_version, "CaptureTime": held.capture_time}
        return Answer(body)

    async def get_inventory_schema(self, call: Call, request: Request) -> Answer:
        """The types by name with their attributes."""
        page = call.page(request)
        async with call.reading() as tx:
            types = await reading.every_type(tx, call.scope, self._types)
        after = "" if page.key is None else str(page.key[0])
        schemas = schemas_of(
            types.named(request.get("TypeName", "")),
            aggregated=request.get("Aggregator", False),
            sub_types=request.get("SubType", False),
        )
        left = [one for one in schemas if one["TypeName"] > after]
        return page.answer("Schemas", left, lambda one: one, lambda one: (one["TypeName"],))


async def forget_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    """A removed node has no inventory."""
    for fact in facts:
        await store.forget_node(tx, fact.scope, fact.node_id)


async def _put(tx: Transaction, scope: Scope, node_id: str, one: Item) -> None:
    custom = one.type_name.startswith(upload.CUSTOM_PREFIX)
    known = await store.custom_type(tx, scope, one.type_name) if custom else None
    if upload.is_ignored(one, known):
        return
    stored = await store.hash_of(tx, scope, node_id, one.type_name)
    if stored is not None and one.content_hash is not None and stored.content_hash == one.content_hash:
        await store.touch_item(tx, scope, node_id, one.type_name, one.capture_time)
        return
    if one.content is None:
        raise AwsError(
            "ItemContentMismatchException", f"{one.type_name} is not stored with this ContentHash: send its Content."
        )
    if custom:
        await store.put_custom_type(tx, scope, upload.merged_type(one, known))
        if known is None and len(await store.custom_types(tx, scope)) > upload.CUSTOM_TYPES:
            raise AwsError(
                "CustomSchemaCountLimitExceededException",
                f"There are {upload.CUSTOM_TYPES} custom types already: delete one with DeleteInventory.",
            )
    row = ItemRow(node_id, one.type_name, one.schema_version, one.capture_time, one.content_hash, one.content)
    await store.put_item(tx, scope, row)


async def _counts(call: Call, request: Request, types: Types, asked: Sequence[Filter]) -> Answer:
    """One entity an aggregator, in one page."""
    aggregators = aggregation.aggregators_of(request["Aggregators"], types)
    tallies = [Tally(one) for one in aggregators]
    wanted = filters.types_of(asked) | aggregation.types_of(aggregators)

    def count(one: NodeInventory) -> bool:
        if filters.matches(one.inventory, asked):
            for tally in tallies:
                tally.add(one.inventory)
        return False

    await scan(
        call,
        lambda tx, key, limit: reading.inventories_after(tx, call.scope, str(key[0]), limit, wanted),
        start=("",),
        key_of=_node_key,
        keep=count,
        rows_per_read=_nodes_per_read(wanted),
    )
    return Answer({"Entities": [{"Data": tally.data()} for tally in tallies]})


def _entry_filters(request: Request, type_name: str, types: Types) -> list[Filter]:
    """Keys are attributes of the type, with or without its name in front."""
    named = [
        {**one, "Key": one["Key"] if one["Key"].startswith(f"{type_name}.") else f"{type_name}.{one['Key']}"}
        for one in request.get("Filters", ())
    ]
    return filters.filters_of(named, types, code="InvalidFilter", in_group=False)


def _nodes_per_read(types: set[str]) -> int:
    """So many that others wait a few milliseconds at most: an upload may be large, what is derived is not."""
    return NODES_PER_READ if types <= {INSTANCE_INFORMATION, TAG} else NODES_WITH_UPLOADS_PER_READ


def _entity(one: NodeInventory, wanted: str) -> dict[str, Any]:
    held = one.inventory.get(wanted)
    return {"Id": one.node_id, "Data": {} if held is None else {wanted: _result_item(wanted, held)}}


def _result_item(type_name: str, held: Held) -> dict[str, Any]:
    body: dict[str, Any] = {
        "TypeName": type_name,
        "SchemaVersion": held.schema_version,
        "CaptureTime": held.capture_time,
        "Content": held.entries,
    }
    if held.content_hash is not None:
        body["ContentHash"] = held.content_hash
    return body


def _that_fit(found: Sequence[NodeInventory], wanted: str) -> int:
    """How many nodes one answer holds, at least one: a type may have a mebibyte on each."""
    size = 0
    for number, one in enumerate(found):
        held = one.inventory.get(wanted)
        size += (
            0
            if held is None
            else sum(len(name) + len(value) for entry in held.entries for name, value in entry.items())
        )
        if size > PAGE_BYTES:
            return max(number, 1)
    return max(len(found), 1)


def _position_behind(entries: Sequence[Entry], key: Sequence[Any] | None) -> int:
    """Where the next page begins: behind the last entry shown, wherever a new upload has moved it."""
    if key is None:
        return 0
    position, digest = int(key[0]), str(key[1])
    if position < len(entries) and _digest(entries[position]) == digest:
        return position + 1
    moved = [number for number, entry in enumerate(entries) if _digest(entry) == digest]
    return moved[0] + 1 if moved else min(position, len(entries))


def _digest(entry: Entry) -> str:
    return hashlib.sha256(msgspec.json.encode(entry, order="sorted")).hexdigest()[:32]


def _node_key(one: NodeInventory) -> tuple[str]:
    return (one.node_id,)
