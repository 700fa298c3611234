"""What is effective on one node: DescribeEffectiveInstanceAssociations and DescribeInstanceAssociationsStatus
(spec 2.14, 2.15)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.associations import store
from stateward.associations.rows import AssociationRow, Definition, NodeStatusRow
from stateward.commands import store as commands
from stateward.documents import library
from stateward.nodes import store as nodes
from stateward.nodes import targets
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

EFFECTIVE_PAGE = 5
ASSOCIATIONS_PER_LOOK = 100
ERROR_CODE_CHARACTERS = 10


class Effective(msgspec.Struct, frozen=True):
    """One association that reaches the node."""

    association: AssociationRow
    definition: Definition


class NodeViews:
    """The two operations; `groups` are those of resource-groups targets."""

    def __init__(self, groups: ResourceGroups) -> None:
        self._groups = groups

    async def describe_effective_instance_associations(self, call: Call, request: Request) -> Answer:
        """Every association whose targets reach the node now, with the document text that it would run."""
        node_id = request["InstanceId"]
        page = call.page(request, EFFECTIVE_PAGE)
        shown: list[tuple[Effective, str]] = []
        async with call.reading() as tx:
            async for one in self._effective(tx, call.scope, node_id, page.key):
                shown.append((one, await _content(tx, call.scope, one)))
                if len(shown) > page.size:
                    break

        def describe(pair: tuple[Effective, str]) -> dict[str, Any]:
            row = pair[0].association
            return {
                "AssociationId": row.association_id,
                "InstanceId": node_id,
                "Content": pair[1],
                "AssociationVersion": str(row.version),
            }

        return page.answer("Associations", shown, describe, lambda pair: _key(pair[0]))

    async def describe_instance_associations_status(self, call: Call, request: Request) -> Answer:
        """Where each association that reaches the node stands there."""
        node_id = request["InstanceId"]
        page = call.page(request)
        shown: list[tuple[Effective, dict[str, Any]]] = []
        async with call.reading() as tx:
            standing = {row.association_id: row for row in await store.of_node(tx, node_id)}
            async for one in self._effective(tx, call.scope, node_id, page.key):
                shown.append((one, await _status(tx, one, node_id, standing)))
                if len(shown) > page.size:
                    break
        return page.answer("InstanceAssociationStatusInfos", shown, lambda pair: pair[1], lambda pair: _key(pair[0]))

    async def _effective(
        self, tx: Snapshot, scope: Scope, node_id: str, key: list[Any] | None
    ) -> AsyncIterator[Effective]:
        if await nodes.find(tx, scope, node_id) is None and not await store.legacy_of_node(tx, scope, node_id):
            raise AwsError("InvalidInstanceId", f"Managed node {node_id} does not exist.")
        tags = (await nodes.tags_of(tx, scope, [node_id])).get(node_id, {})
        created_ms, association_id = (-1, "") if key is None else key
        while True:
            rows = await store.after(tx, scope, created_ms, association_id, ASSOCIATIONS_PER_LOOK)
            for row in rows:
                definition = (await store.current(tx, row)).members()
                if self._reaches(definition, row, node_id, tags):
                    yield Effective(row, definition)
            if len(rows) < ASSOCIATIONS_PER_LOOK:
                return
            created_ms, association_id = rows[-1].created_ms, rows[-1].association_id

    def _reaches(self, definition: Definition, row: AssociationRow, node_id: str, tags: Mapping[str, str]) -> bool:
        if row.mode == "automation":
            return False
        try:
            wanted = targets.expanded(targets.parse(definition.get("Targets", ())), self._groups.current)
        except targets.InvalidTarget:
            return False  # a group that is gone has no members
        return targets.matches(wanted, node_id, tags)


def _key(one: Effective) -> tuple[int, str]:
    return one.association.created_ms, one.association.association_id


async def _content(tx: Snapshot, scope: Scope, one: Effective) -> str:
    try:
        document = await library.find(tx, scope, one.definition["Name"], one.definition["DocumentVersion"])
    except AwsError:
        return ""  # the document is gone; the association says so at its next run
    return document.content


async def _status(tx: Snapshot, one: Effective, node_id: str, standing: Mapping[str, NodeStatusRow]) -> dict[str, Any]:
    row = one.association
    body: dict[str, Any] = {
        "AssociationId": row.association_id,
        "Name": row.name,
        "AssociationVersion": str(row.version),
        "InstanceId": node_id,
        "Status": "Pending",
        "DetailedStatus": "Associated",
    }
    if row.association_name is not None:
        body["AssociationName"] = row.association_name
    latest = standing.get(row.association_id)
    body |= await _document_version(tx, one, latest)
    if latest is not None:
        body |= _latest(latest)
    if row.legacy_status is not None:
        body |= _told(msgspec.json.decode(row.legacy_status))
    return body


def _latest(row: NodeStatusRow) -> dict[str, Any]:
    body: dict[str, Any] = {"Status": row.status, "DetailedStatus": row.detailed_status}
    if row.last_run_ms is not None:
        body["ExecutionDate"] = epoch_seconds(row.last_run_ms)
    if row.summary:
        body["ExecutionSummary"] = row.summary
    if row.error_code:
        body["ErrorCode"] = row.error_code[:ERROR_CODE_CHARACTERS]
    if row.output_url:
        body["OutputUrl"] = {"S3OutputUrl": {"OutputUrl": row.output_url}}
    return body


def _told(status: Mapping[str, Any]) -> dict[str, Any]:
    # What UpdateAssociationStatus left shows here, and nowhere in the Overview (spec 2.6).
    if status["Name"] == "Associated":
        return {}
    return {
        "Status": status["Name"],
        "DetailedStatus": status["Name"],
        "ExecutionDate": status["Date"],
        "ExecutionSummary": status["Message"],
    }


async def _document_version(tx: Snapshot, one: Effective, latest: NodeStatusRow | None) -> dict[str, str]:
    if latest is not None:
        execution = await store.execution(tx, latest.association_id, latest.number)
        command = None if execution is None or execution.command_id is None else execution.command_id
        carrier = None if command is None else await commands.command(tx, command)
        if carrier is not None:
            return {"DocumentVersion": carrier.resolved_version}
    try:
        row = one.association
        document = await library.find(tx, row.scope, one.definition["Name"], one.definition["DocumentVersion"])
    except AwsError:
        return {}
    return {"DocumentVersion": str(document.version)}
