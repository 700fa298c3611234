"""DeleteInventory and DescribeInventoryDeletions: custom types and their data (spec 6.9)."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward import ids
from stateward.access.call import Answer, Call, Request
from stateward.inventory import store
from stateward.inventory.rows import CustomTypeRow, DeletionRow
from stateward.inventory.upload import CUSTOM_PREFIX
from stateward.storage import Transaction
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

DONE = "Deletion completed successfully."
NEWEST_MS = 2**62


async def delete_inventory(call: Call, request: Request) -> Answer:
    """Delete every node's data of a custom type, and with an option the type itself; DryRun only counts.

    It is done when it answers, so nothing remains. The same ClientToken again gets the first answer.
    """
    type_name, option = request["TypeName"], request.get("SchemaDeleteOption")
    if not type_name.startswith(CUSTOM_PREFIX):
        raise AwsError("InvalidTypeNameException", f"{type_name} can not be deleted: only custom types can.")
    token = request.get("ClientToken")
    deletion_id = ids.new_uuid()

    async def work(tx: Transaction) -> Answer:
        first = None if token is None else await store.deletion_by_token(tx, call.scope, token)
        if first is not None:
            if (first.type_name, first.schema_option) != (type_name, option):
                raise AwsError(
                    "InvalidDeleteInventoryParametersException", f"ClientToken {token} was used for another deletion."
                )
            return _answer(first)
        known = await store.custom_type(tx, call.scope, type_name)
        if known is None:
            raise AwsError("InvalidTypeNameException", f"Inventory type {type_name} does not exist.")
        counts = [(row.schema_version, row.nodes) for row in await store.versions_of_type(tx, call.scope, type_name)]
        summary = msgspec.json.encode(counts).decode()
        row = DeletionRow(deletion_id, type_name, option, summary, tx.now)
        if request.get("DryRun", False):
            return Answer({"TypeName": type_name, "DeletionSummary": _summary(row, done=False)})
        await _delete(tx, call, known, option)
        await store.add_deletion(tx, call.scope, row, token)
        return _answer(row)

    return await call.write(work)


async def describe_inventory_deletions(call: Call, request: Request) -> Answer:
    """The deletions, newest first, or one of them."""
    page = call.page(request)
    async with call.reading() as tx:
        if "DeletionId" in request:
            one = await store.deletion(tx, call.scope, request["DeletionId"])
            if one is None:
                raise AwsError("InvalidDeletionIdException", f"Deletion {request['DeletionId']} does not exist.")
            rows = [one]
        else:
            started_ms, deletion_id = (NEWEST_MS, "") if page.key is None else page.key
            rows = await store.deletions_below(tx, call.scope, started_ms, deletion_id, page.size + 1)
    return page.answer("InventoryDeletions", rows, _describe, lambda row: (row.started_ms, row.deletion_id))


async def _delete(tx: Transaction, call: Call, known: CustomTypeRow, option: str | None) -> None:
    await store.delete_type(tx, call.scope, known.type_name)
    match option:
        case "DeleteSchema":
            await store.delete_custom_type(tx, call.scope, known.type_name)
        case "DisableSchema":
            disabled = msgspec.structs.replace(known, disabled_version=known.version, attributes="[]")
            await store.put_custom_type(tx, call.scope, disabled)


def _answer(row: DeletionRow) -> Answer:
    return Answer(
        {
            "DeletionId": row.deletion_id,
            "TypeName": row.type_name,
            "DeletionSummary": _summary(row, done=True),
        }
    )


def _describe(row: DeletionRow) -> dict[str, Any]:
    return {
        "DeletionId": row.deletion_id,
        "TypeName": row.type_name,
        "DeletionStartTime": epoch_seconds(row.started_ms),
        "LastStatus": "Complete",
        "LastStatusMessage": DONE,
        "DeletionSummary": _summary(row, done=True),
        "LastStatusUpdateTime": epoch_seconds(row.started_ms),
    }


def _summary(row: DeletionRow, *, done: bool) -> dict[str, Any]:
    counts = msgspec.json.decode(row.summary, type=list[tuple[str, int]])
    total = sum(count for _, count in counts)
    return {
        "TotalCount": total,
        "RemainingCount": 0 if done else total,
        "SummaryItems": [
            {"Version": version, "Count": count, "RemainingCount": 0 if done else count} for version, count in counts
        ],
    }
