"""PutComplianceItems, ListComplianceItems and the two summaries (spec 6.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Page, Request
from stateward.access.principals import Scope
from stateward.access.scanning import scan
from stateward.compliance import filters, store, summary, upload
from stateward.compliance.rows import ItemRow, SummaryRow
from stateward.compliance.upload import ASSOCIATION, CUSTOM, CUSTOM_TYPES_PER_NODE, NODE_BYTES, Execution, Item
from stateward.nodes import store as nodes
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError

Manual = Callable[[Snapshot, Scope, str], Awaitable[str | None]]
"""Association id → its severity when its SyncCompliance is MANUAL, else None (D49)."""


async def never_manual(tx: Snapshot, scope: Scope, association_id: str) -> str | None:
    """Every association's compliance is computed here."""
    return None


class ComplianceOperations:
    """The operations; `manual` tells for which associations a node's own word counts."""

    def __init__(self, manual: Manual = never_manual) -> None:
        self._manual = manual

    async def put_compliance_items(self, call: Call, request: Request) -> Answer:
        """Replace a node's items of one type, or add to them (PARTIAL).

        A node's items of type Association count only where SyncCompliance is MANUAL (D49); an upload with the hash of
        what is stored only refreshes its time (CMP-04), one that is older is dropped.
        """
        node_id, compliance_type = request["ResourceId"], request["ComplianceType"]
        upload.check_types(request["ResourceType"], compliance_type)
        items = upload.items_of(request["Items"])
        execution = upload.execution_of(request["ExecutionSummary"])
        content_hash = request.get("ItemContentHash")
        of_associations = call.principal.is_node and compliance_type == ASSOCIATION
        complete = request.get("UploadType", "COMPLETE") == "COMPLETE" and not of_associations

        async def work(tx: Transaction) -> None:
            await _require_node(tx, call.scope, node_id)
            last = await store.last_upload(tx, call.scope, node_id, compliance_type)
            if complete and last is not None and execution.execution_ms < last.execution_ms:
                return
            if content_hash and last is not None and content_hash == last.content_hash:
                await self._refresh(tx, call, node_id, compliance_type, execution, content_hash)
                return
            kept = await self._that_count(tx, call.scope, items) if of_associations else items
            if of_associations and not kept:
                return
            if complete:
                await store.remove_items(tx, call.scope, node_id, compliance_type)
            await store.put_items(tx, call.scope, node_id, compliance_type, kept, execution)
            await store.note_upload(tx, call.scope, node_id, compliance_type, execution, content_hash)
            await store.count_again(tx, call.scope, compliance_type, [node_id], removed=complete)
            await _check_limits(tx, call.scope, node_id, compliance_type)

        await call.write(work)
        return Answer({})

    async def list_compliance_items(self, call: Call, request: Request) -> Answer:
        """Items by node, type and id; only the first resource id and type count."""
        resource_type = next(iter(request.get("ResourceTypes", ())), upload.RESOURCE_TYPE)
        if resource_type != upload.RESOURCE_TYPE:
            raise AwsError("InvalidResourceType", f"{resource_type} is no resource type here: use ManagedInstance")
        node_id: str | None = next(iter(request.get("ResourceIds", ())), None)
        asked = filters.filters_of(request.get("Filters", ()), filters.ITEM_KEYS)
        page = call.page(request)
        if node_id is not None:
            async with call.reading() as tx:
                await _require_node(tx, call.scope, node_id)
        rows = await scan(
            call,
            lambda tx, key, limit: store.items_after(tx, call.scope, node_id, key, limit),
            start=_start(page, ("", "", "")),
            key_of=_item_key,
            keep=lambda row: filters.item_passes(row, _details(row), asked),
            wanted=page.size + 1,
        )
        return page.answer("ComplianceItems", rows, lambda row: summary.describe_item(row, _details(row)), _item_key)

    async def list_resource_compliance_summaries(self, call: Call, request: Request) -> Answer:
        """Per node and type: status, overall severity and the counts of its items."""
        page = call.page(request)
        rows = await _summaries(call, request, _start(page, ("", "")), page.size + 1)
        return page.answer("ResourceComplianceSummaryItems", rows, summary.describe_node, _summary_key)

    async def list_compliance_summaries(self, call: Call, request: Request) -> Answer:
        """Per type: how many nodes are compliant and how many not, by overall severity."""
        page = call.page(request)
        after = "" if page.key is None else str(page.key[0])
        types = summary.describe_types(await _summaries(call, request, ("", ""), None))
        left = [one for one in types if one["ComplianceType"] > after]
        return page.answer("ComplianceSummaryItems", left, lambda one: one, lambda one: (one["ComplianceType"],))

    async def _that_count(self, tx: Transaction, scope: Scope, items: Sequence[Item]) -> list[Item]:
        """Those of associations with SyncCompliance MANUAL, with the severity that the association has."""
        kept = []
        for one in items:
            severity = await self._manual(tx, scope, one.item_id)
            if severity is not None:
                kept.append(msgspec.structs.replace(one, severity=severity))
        return kept

    async def _refresh(
        self,
        tx: Transaction,
        call: Call,
        node_id: str,
        compliance_type: str,
        execution: Execution,
        content_hash: str,
    ) -> None:
        ids = await store.item_ids(tx, call.scope, node_id, compliance_type)
        if call.principal.is_node and compliance_type == ASSOCIATION:
            ids = [one for one in ids if await self._manual(tx, call.scope, one) is not None]
        await store.refresh_items(tx, call.scope, node_id, compliance_type, ids, execution)
        await store.note_upload(tx, call.scope, node_id, compliance_type, execution, content_hash)


async def _summaries(call: Call, request: Request, start: Sequence[Any], wanted: int | None) -> list[SummaryRow]:
    asked = filters.filters_of(request.get("Filters", ()), filters.SUMMARY_KEYS)
    return await scan(
        call,
        lambda tx, key, limit: store.summaries_after(tx, call.scope, key, limit),
        start=start,
        key_of=_summary_key,
        keep=lambda row: filters.summary_passes(row, asked),
        wanted=wanted,
    )


async def _require_node(tx: Snapshot, scope: Scope, node_id: str) -> None:
    if await nodes.find(tx, scope, node_id) is None:
        raise AwsError("InvalidResourceId", f"Managed node {node_id} does not exist.")


async def _check_limits(tx: Transaction, scope: Scope, node_id: str, compliance_type: str) -> None:
    if compliance_type.startswith(CUSTOM) and await store.custom_types(tx, scope, node_id) > CUSTOM_TYPES_PER_NODE:
        raise AwsError(
            "ComplianceTypeCountLimitExceededException",
            f"{node_id} has {CUSTOM_TYPES_PER_NODE} custom compliance types already, which is as many as it can have.",
        )
    size = await store.bytes_of_node(tx, scope, node_id)
    if size > NODE_BYTES:
        raise AwsError(
            "TotalSizeLimitExceededException",
            f"{node_id} would have {size} bytes of compliance items, {NODE_BYTES} are allowed.",
        )


def _start(page: Page, beginning: Sequence[str]) -> Sequence[Any]:
    return beginning if page.key is None else page.key


def _details(row: ItemRow) -> dict[str, str]:
    return msgspec.json.decode(row.details, type=dict[str, str])


def _item_key(row: ItemRow) -> tuple[str, str, str]:
    return row.resource_id, row.compliance_type, row.item_id


def _summary_key(row: SummaryRow) -> tuple[str, str]:
    return row.resource_id, row.compliance_type
