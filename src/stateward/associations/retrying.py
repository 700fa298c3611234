"""Running an association again on the nodes of one execution that did not succeed there (D60).

The nodes are those of that execution, whatever the targets find now; what runs is the association's current version.
A preview shows them and gives a hash of their set; an execution that is asked for with the hash runs on that set or not
at all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.access.principals import Scope
from stateward.associations import execution_calls, lifecycle, rollup, store
from stateward.associations.execution_calls import UUID
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.commands import store as commands
from stateward.commands import store_history
from stateward.commands.rows import InvocationRow
from stateward.nodes import store as nodes
from stateward.nodes import targets
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError, validation_error

RETRYABLE = ("Failed", "TimedOut", "Cancelled", "Skipped")
SLICE = 500
FIRST_SHOWN = 10
LEFT_OUT_SHOWN = 100
DEREGISTERED, NO_TARGET = "deregistered", "no longer a target"


class RetryWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which targets of which execution: those with one of these statuses. `hash` is the preview's."""

    execution: UUID
    status: list[str] | str
    hash: str | None = None

    @property
    def statuses(self) -> frozenset[str]:
        return frozenset([self.status] if isinstance(self.status, str) else self.status)


class LeftOut(msgspec.Struct, frozen=True):
    """A node that does not run again, and why."""

    node: str
    reason: str


class Chosen(msgspec.Struct, frozen=True):
    """The set: nodes in order of their ids, those left out, and how many targets had never begun."""

    execution: ExecutionRow
    version: int
    nodes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    never_started: int

    @property
    def hash(self) -> str:
        """The same for the same nodes and the same version of the association."""
        text = msgspec.json.encode([self.execution.execution_id, self.version, self.nodes])
        return hashlib.sha256(text).hexdigest()[:32]


class Retries:
    """The two operations; `groups` are those of resource-groups targets."""

    def __init__(self, groups: ResourceGroups) -> None:
        self._groups = groups

    async def preview_retry(self, call: Call, wanted: RetryWanted) -> Answer:
        """What a retry would run on: counts by status, the first nodes, those left out, the hash of the set."""
        chosen = await self._chosen(call, wanted)
        async with call.reading() as tx:
            command = await _command(tx, chosen.execution)
        counts = {} if command is None else rollup.counts_of(command)
        return Answer({**_shown(chosen), "counts": counts})

    async def retry_execution(self, call: Call, wanted: RetryWanted) -> Answer:
        """Open the execution; it waits where the association has no free slot (D30)."""
        chosen = await self._chosen(call, wanted)
        cause = f"retry:{chosen.execution.number}:{call.invocation_id or call.request_id}"

        async def work(tx: Transaction) -> Answer:
            association = await execution_calls.locked(tx, call.scope, chosen.execution.association_id)
            _check(chosen, wanted, association)
            definition = (await store.current(tx, association)).members()
            waits = await lifecycle.has_no_free_slot(tx, association, definition)
            _, opened = await lifecycle.open_execution(
                tx,
                association,
                cause,
                call.principal.name,
                chosen.nodes,
                waits=waits,
                parent_id=chosen.execution.execution_id,
            )
            assert opened is not None, "a cause with the request's own id is new"
            started = {"execution": opened.execution_id, "number": opened.number, "parent": opened.parent_id}
            return Answer({**_shown(chosen), **started})

        return await call.write_once(work)

    async def _chosen(self, call: Call, wanted: RetryWanted) -> Chosen:
        _check_statuses(wanted.statuses)
        async with call.reading() as tx:
            execution = await execution_calls.execution_of(tx, call.scope, wanted.execution)
            association = await execution_calls.association_of(tx, call.scope, execution.association_id)
            definition = (await store.current(tx, association)).members()
        if execution.phase != "closed":
            raise AwsError(
                "Conflict",
                f"Execution {execution.execution_id} has not ended: stop it first, or wait for its end.",
                409,
            )
        wanted_targets = reached(definition, self._groups)
        kept: list[str] = []
        left_out: list[LeftOut] = []
        never_started, after = 0, ""
        while execution.command_id is not None:
            async with call.reading() as tx:
                rows = await _targets(tx, execution.command_id, after)
                named = [row for row in rows if rollup.target_status(row.status) in wanted.statuses]
                good, bad = await split(tx, call.scope, [row.resource_id for row in named], wanted_targets)
            kept += good
            left_out += bad
            never_started += sum(row.sent_ms is None for row in named)
            if len(rows) < SLICE:
                break
            after = rows[-1].resource_id
            await asyncio.sleep(0)  # a large execution is looked through in pieces, other work goes on in between
        return Chosen(execution, association.version, tuple(kept), tuple(left_out), never_started)


def reached(definition: Definition, groups: ResourceGroups) -> tuple[targets.Target, ...]:
    """The definition's targets, with the members of its resource groups."""
    try:
        return targets.expanded(targets.parse(definition.get("Targets", ())), groups.current)
    except targets.InvalidTarget:
        return ()  # a group that is gone has no members


def _check_statuses(statuses: frozenset[str]) -> None:
    strange = sorted(statuses - set(RETRYABLE))
    if strange or not statuses:
        told = f"status {strange[0][:40]!r} cannot be tried again" if strange else "status is empty"
        raise validation_error(f"{told}: name one or more of {', '.join(RETRYABLE)}")


def _check(chosen: Chosen, wanted: RetryWanted, association: AssociationRow) -> None:
    """Whether the set is still what was previewed, and has a node. Raises Conflict."""
    changed = wanted.hash is not None and wanted.hash != chosen.hash
    if changed or association.version != chosen.version:
        raise AwsError(
            "Conflict",
            f"What would run has changed since the preview: now version {association.version} on {len(chosen.nodes)} "
            "nodes. Look at the preview again.",
            409,
        )
    if not chosen.nodes:
        gone = f", and {len(chosen.left_out)} that had are no targets any more" if chosen.left_out else ""
        raise AwsError(
            "Conflict", f"No target of the execution ended {' or '.join(sorted(wanted.statuses))}{gone}.", 409
        )


async def _command(tx: Snapshot, execution: ExecutionRow) -> object | None:
    return None if execution.command_id is None else await commands.command(tx, execution.command_id)


async def _targets(tx: Snapshot, command_id: str, after: str) -> list[InvocationRow]:
    return await store_history.targets_after(
        tx, command_id, after, SLICE, status=None, resource_id=None, resource_type=None
    )


async def split(
    tx: Snapshot, scope: Scope, node_ids: Sequence[str], wanted: Sequence[targets.Target]
) -> tuple[list[str], list[LeftOut]]:
    """Those that are targets still, and the others with the reason; at most 500 are asked about."""
    registered = {row.node_id for row in await nodes.candidates(tx, scope, "", SLICE, named=node_ids, tag_key=None)}
    tags = await nodes.tags_of(tx, scope, node_ids)
    kept: list[str] = []
    left_out: list[LeftOut] = []
    for node_id in node_ids:
        if node_id not in registered:
            left_out.append(LeftOut(node_id, DEREGISTERED))
        elif not targets.matches(wanted, node_id, tags.get(node_id, {})):
            left_out.append(LeftOut(node_id, NO_TARGET))
        else:
            kept.append(node_id)
    return kept, left_out


def _shown(chosen: Chosen) -> dict[str, Any]:
    return {
        "association": chosen.execution.association_id,
        "retries": chosen.execution.execution_id,
        "version": chosen.version,
        "nodes": len(chosen.nodes),
        "first": list(chosen.nodes[:FIRST_SHOWN]),
        "never_started": chosen.never_started,
        "left_out": len(chosen.left_out),
        "first_left_out": [msgspec.structs.asdict(one) for one in chosen.left_out[:LEFT_OUT_SHOWN]],
        "hash": chosen.hash,
    }
