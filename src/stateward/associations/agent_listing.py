"""What ListInstanceAssociations tells an agent: what applies to its node, and nothing that would start it (D24, D53).

No schedule is listed, and no status that an agent takes as a reason to run or to wait: it runs what a refresh names.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.associations import store, store_agents
from stateward.associations.rows import AssociationRow, Definition, NodeStatusRow
from stateward.commands import store as commands
from stateward.commands import store_delivery
from stateward.commands.rows import InvocationRow
from stateward.documents import library
from stateward.nodes import store as nodes
from stateward.nodes import targets
from stateward.nodes.targets import Groups
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

AT_ONCE = 100
SHOWN_STATUSES = frozenset({"Success", "Failed", "TimedOut", "Skipped"})
NEVER_STARTS = "Skipped"
"""What is listed for every other status: an agent starts Associated and Pending, and waits for InProgress."""

Listed = tuple[AssociationRow, dict[str, Any]]


class Applied(msgspec.Struct, frozen=True):
    """What a node applies: the definition of a version, with the document version and parameters of a run."""

    version: int
    definition: Definition
    document_version: str
    parameters: Mapping[str, Sequence[str]]


async def page(
    tx: Snapshot, scope: Scope, node_id: str, groups: Groups, key: tuple[int, str], limit: int
) -> list[Listed]:
    """The next associations of a node as it is told of them, in order of creation."""
    standing = {row.association_id: row for row in await store.of_node(tx, node_id)}
    runs = {row.association_id: row for row in reversed(await store_delivery.at_agent(tx, node_id))}
    found: list[Listed] = []
    async for association in _candidates(tx, scope, node_id, key):
        run = runs.get(association.association_id)
        if run is None and not await reaches(tx, association, node_id, groups):
            continue
        listed = await _listed(tx, association, node_id, run, standing.get(association.association_id))
        if listed is not None:
            found.append((association, listed))
        if len(found) == limit:
            break
    return found


async def reaches(tx: Snapshot, association: AssociationRow, node_id: str, groups: Groups) -> bool:
    """Whether the targets of an association mean this node."""
    definition = (await store.current(tx, association)).members()
    tags = (await nodes.tags_of(tx, association.scope, [node_id])).get(node_id, {})
    try:
        wanted = targets.expanded(targets.parse(definition.get("Targets", ())), groups)
    except targets.InvalidTarget:
        return False  # a group that is gone has no members
    return targets.matches(wanted, node_id, tags)


async def _candidates(tx: Snapshot, scope: Scope, node_id: str, key: tuple[int, str]) -> AsyncIterator[AssociationRow]:
    while True:
        rows = await store_agents.candidates(tx, scope, node_id, key, AT_ONCE)
        for row in rows:
            yield row
        if len(rows) < AT_ONCE:
            return
        key = (rows[-1].created_ms, rows[-1].association_id)


async def _listed(
    tx: Snapshot, association: AssociationRow, node_id: str, run: InvocationRow | None, standing: NodeStatusRow | None
) -> dict[str, Any] | None:
    """None when its document cannot be found: the agent would report that with every list."""
    applied = await _applied(tx, association, run)
    try:
        document = await library.find(tx, association.scope, applied.definition["Name"], applied.document_version)
    except AwsError:
        return None
    status = None if standing is None else standing.status
    reported_ms = await store_agents.last_report(tx, association.association_id, node_id)
    return described(
        association.association_id, node_id, applied, document.version, document.content, status, reported_ms
    )


def described(
    association_id: str,
    node_id: str,
    applied: Applied,
    document_version: int,
    content: str,
    status: str | None,
    reported_ms: int | None,
) -> dict[str, Any]:
    """One entry of the list, as an agent reads it: whatever the status, nothing in it makes the agent run or wait."""
    shown = status if status in SHOWN_STATUSES else NEVER_STARTS
    body: dict[str, Any] = {
        "AssociationId": association_id,
        "AssociationVersion": str(applied.version),
        "Name": applied.definition["Name"],
        "DocumentVersion": str(document_version),
        "InstanceId": node_id,
        "Checksum": checksum(content, applied.version, applied.parameters),
        "DetailedStatus": shown,
        "Status": shown,
        "Parameters": applied.parameters,
        "Targets": applied.definition["Targets"],
    }
    if reported_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(reported_ms)
    return body


async def _applied(tx: Snapshot, association: AssociationRow, run: InvocationRow | None) -> Applied:
    """During a run everything stays as it was when the node was told of it (D53)."""
    execution = None
    if run is not None and run.execution_number is not None:
        execution = await store.execution(tx, association.association_id, run.execution_number)
    if run is None or execution is None:
        definition = (await store.current(tx, association)).members()
        return Applied(association.version, definition, definition["DocumentVersion"], definition.get("Parameters", {}))
    version = await store.version(tx, association.association_id, execution.association_version)
    command = await commands.command(tx, run.command_id)
    assert version is not None, "an execution belongs to a version that exists"
    assert command is not None, "an invocation hangs under its command"
    given = (await store_delivery.job_text(tx, run.command_id)).parameters
    return Applied(version.version, version.members(), command.resolved_version, msgspec.json.decode(given))


def checksum(content: str, version: int, parameters: Mapping[str, Sequence[str]]) -> str:
    """Changes with whatever makes a run another one: an agent keeps a document for as long as this stays (AGT-05)."""
    text = msgspec.json.encode([content, version, parameters], order="deterministic")
    return hashlib.sha256(text).hexdigest()
