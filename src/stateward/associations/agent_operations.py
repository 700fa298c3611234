"""What an agent calls about the associations that it applies by itself (node protocol 7, D24, D53)."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.access.call import Answer, Call, Request
from stateward.associations import agent_listing, agent_reports, store
from stateward.associations.agent_listing import Listed
from stateward.associations.agent_reports import NodeReport
from stateward.associations.rows import AssociationRow
from stateward.commands import store_delivery
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Transaction
from stateward.wire.errors import AwsError, validation_error

PAGE = 20
SUMMARY_CHARACTERS = 1024
URL_CHARACTERS = 500


class AgentAssociations:
    """The two operations; `groups` are those of resource-groups targets."""

    def __init__(self, groups: ResourceGroups) -> None:
        self._groups = groups

    async def list_instance_associations(self, call: Call, request: Request) -> Answer:
        """The legacy and Policy associations of the node; those that travel as commands are never listed (D24)."""
        page = call.page(request, PAGE)
        key = (-1, "") if page.key is None else (int(page.key[0]), str(page.key[1]))
        async with call.reading() as tx:
            listed = await agent_listing.page(
                tx, call.scope, call.principal.name, self._groups.current, key, page.size + 1
            )
        return page.answer("Associations", listed, lambda one: one[1], _key)

    async def update_instance_association_status(self, call: Call, request: Request) -> Answer:
        """A report on a run of the node's own."""
        association_id, node_id = request["AssociationId"], call.principal.name
        report = _report(node_id, request["ExecutionResult"])

        async def work(tx: Transaction) -> None:
            association = await store.lock(tx, association_id)
            if association is None or association.scope != call.scope or association.mode != "agent":
                raise AwsError(
                    "AssociationDoesNotExist", f"Association {association_id} is not applied by the node itself."
                )
            effective = await agent_listing.reaches(tx, association, node_id, self._groups.current)
            await agent_reports.take_in(tx, association, report, call.wall_ms, effective=effective)

        await call.write(work)
        return Answer({})


async def report_in_oldest_mode(call: Call, request: Request) -> Answer:
    """UpdateAssociationStatus by a node: it names a document instead of an association, which is looked for (D53a)."""
    node_id, told = call.principal.name, request["AssociationStatus"]
    report = NodeReport(node_id, told["Name"], told["Date"], _clean(told.get("Message"), SUMMARY_CHARACTERS))

    async def work(tx: Transaction) -> None:
        association = await _named(tx, call, node_id, request["Name"])
        if association is None:
            return
        if association.instance_id is not None:
            # The service keeps whole seconds.
            status = {"Name": told["Name"], "Message": told["Message"], "Date": float(told["Date"] // 1000)}
            text = msgspec.json.encode(status).decode()
            association = msgspec.structs.replace(association, legacy_status=text, updated_ms=tx.now)
            await store.save(tx, association)
        await agent_reports.take_in(tx, association, report, call.wall_ms, effective=True)

    await call.write(work)
    return Answer({})


async def _named(tx: Transaction, call: Call, node_id: str, document: str) -> AssociationRow | None:
    """The association of this document on this node: what runs there first."""
    running = [row.association_id for row in await store_delivery.at_agent(tx, node_id)]
    made_for_it = await store.legacy(tx, call.scope, document, node_id)
    standing = [row.association_id for row in await store.of_node(tx, node_id)]
    for association_id in (*running, *([made_for_it.association_id] if made_for_it else []), *standing):
        association = None if association_id is None else await store.lock(tx, association_id)
        if association is not None and association.mode == "agent" and association.name == document:
            return association
    return None


def _key(one: Listed) -> tuple[int, str]:
    return one[0].created_ms, one[0].association_id


def _report(node_id: str, told: dict[str, Any]) -> NodeReport:
    if told["Status"] not in agent_reports.STATUSES:
        raise validation_error(f"Status must be one of {', '.join(sorted(agent_reports.STATUSES))}")
    return NodeReport(
        node_id=node_id,
        status=told["Status"],
        execution_ms=told["ExecutionDate"],
        summary=_clean(told.get("ExecutionSummary"), SUMMARY_CHARACTERS),
        error_code=_clean(told.get("ErrorCode"), SUMMARY_CHARACTERS),
        output_url=_clean(told.get("OutputUrl", {}).get("S3OutputUrl", {}).get("OutputUrl"), URL_CHARACTERS),
    )


def _clean(text: str | None, limit: int) -> str | None:
    # NUL cannot be stored everywhere.
    return text[:limit].replace("\x00", "\ufffd") if text else None
