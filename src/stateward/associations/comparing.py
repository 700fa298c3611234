"""Comparing two executions of one association: reads both, `compare` decides (console 3)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.associations import execution_calls, rollup, store
from stateward.associations.compare import Outcome, changed_members, compare
from stateward.associations.execution_calls import UUID
from stateward.associations.rows import Definition, ExecutionRow
from stateward.commands import store as commands
from stateward.commands import store_history
from stateward.commands.rows import CommandRow
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

SLICE = 500
SHOWN = 50
WITH_NODES = ("failing", "recovered", "other_error", "same_error", "new", "gone")


class ComparisonWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"other": "with"}):
    """An execution and another one of the same association."""

    execution: UUID
    other: UUID


class Side(msgspec.Struct, frozen=True):
    """One of the two, with what it ran."""

    execution: ExecutionRow
    definition: Definition
    command: CommandRow | None


async def compare_executions(call: Call, wanted: ComparisonWanted) -> Answer:
    """What is different in `execution` since `with`: nodes, versions, definition, parameters' versions."""
    async with call.reading() as tx:
        after = await _side(tx, call, wanted.execution)
        before = await _side(tx, call, wanted.other)
    if before.execution.association_id != after.execution.association_id:
        raise AwsError("Conflict", "The two executions belong to different associations.", 409)
    old, new = await _outcomes(call, before), await _outcomes(call, after)
    difference = msgspec.structs.asdict(compare(old, new))

    def shown(node_id: str) -> dict[str, Any]:
        return {"node": node_id, "before": _outcome(old.get(node_id)), "after": _outcome(new.get(node_id))}

    return Answer(
        {
            "before": _shown(before, len(old)),
            "after": _shown(after, len(new)),
            "counts": {name: len(nodes) for name, nodes in difference.items()},
            "nodes": {name: [shown(node_id) for node_id in difference[name][:SHOWN]] for name in WITH_NODES},
            "definition": changed_members(before.definition, after.definition),
            "parameter_versions": changed_members(_resolved(before), _resolved(after)),
        }
    )


async def _side(tx: Snapshot, call: Call, execution_id: str) -> Side:
    execution = await execution_calls.execution_of(tx, call.scope, execution_id)
    version = await store.version(tx, execution.association_id, execution.association_version)
    command = None if execution.command_id is None else await commands.command(tx, execution.command_id)
    return Side(execution, {} if version is None else version.members(), command)


async def _outcomes(call: Call, side: Side) -> dict[str, Outcome]:
    found: dict[str, Outcome] = {}
    after = ""
    while side.command is not None:
        async with call.reading() as tx:
            rows = await store_history.targets_after(
                tx, side.command.command_id, after, SLICE, status=None, resource_id=None, resource_type=None
            )
        for row in rows:
            found[row.resource_id] = Outcome(rollup.target_status(row.status), row.error_key)
        if len(rows) < SLICE:
            break
        after = rows[-1].resource_id
        await asyncio.sleep(0)  # a large execution is read in pieces, other work goes on in between
    return found


def _resolved(side: Side) -> dict[str, Any]:
    """The Parameter Store references that it ran with, and their versions (D40)."""
    text = side.execution.resolved_with
    return {} if text is None else msgspec.json.decode(text, type=dict[str, Any])


def _outcome(outcome: Outcome | None) -> dict[str, Any] | None:
    return None if outcome is None else msgspec.structs.asdict(outcome)


def _shown(side: Side, targets: int) -> dict[str, Any]:
    return {
        "execution": side.execution.execution_id,
        "number": side.execution.number,
        "status": side.execution.status,
        "version": side.execution.association_version,
        "document_version": None if side.command is None else side.command.resolved_version,
        "partial": side.execution.scope_nodes is not None,
        "targets": targets,
    }
