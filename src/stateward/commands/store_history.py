"""Reading commands back: the listings of Run Command."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.commands.rows import CommandRow, InvocationRow, StepRow
from stateward.commands.store import COMMAND_COLUMNS, INVOCATION_COLUMNS, STEP_COLUMNS
from stateward.storage import Snapshot

_C = ", ".join(f"c.{name}" for name in CommandRow.__struct_fields__)
_I = ", ".join(f"i.{name}" for name in InvocationRow.__struct_fields__)


LAST_ID = "~"
"""Sorts after every resource id."""


class CommandParameters(msgspec.Struct, frozen=True):
    command_id: str
    parameters: str


class CarrierRow(msgspec.Struct, frozen=True):
    """The counters of a run, and the alarm that ended it if one did; few columns, since pages have many rows."""

    command_id: str
    n_pending: int
    n_in_progress: int
    n_success: int
    n_failed: int
    n_timed_out: int
    n_cancelled: int
    n_skipped: int
    alarm_name: str | None
    alarm_state: str | None


CARRIER_COLUMNS = ", ".join(CarrierRow.__struct_fields__)


class CommandKey(msgspec.Struct, frozen=True):
    """Where a command stands in the listings."""

    requested_ms: int
    command_id: str


class NodeName(msgspec.Struct, frozen=True):
    node_id: str
    name: str


COMMAND = f"""
SELECT {COMMAND_COLUMNS} FROM commands
 WHERE account_id = $1 AND region = $2 AND command_id = $3 AND kind = 'command'
"""
COMMANDS_BEFORE = f"""
SELECT {COMMAND_COLUMNS} FROM commands
 WHERE account_id = $1 AND region = $2 AND kind = 'command' AND (requested_ms, command_id) < ($3, $4)
 AND (CAST($5 AS TEXT) IS NULL OR document_name = $5)
 AND (CAST($6 AS BIGINT) IS NULL OR requested_ms > $6) AND (CAST($7 AS BIGINT) IS NULL OR requested_ms < $7)
 ORDER BY requested_ms DESC, command_id COLLATE "C" DESC LIMIT $8
"""
COMMANDS_OF_NODE_BEFORE = f"""
SELECT {_C} FROM commands c JOIN invocations i ON i.command_id = c.command_id
 WHERE i.account_id = $1 AND i.region = $2 AND i.resource_id = $9 AND c.kind = 'command'
 AND (i.requested_ms, i.command_id) < ($3, $4)
 AND (CAST($5 AS TEXT) IS NULL OR c.document_name = $5)
 AND (CAST($6 AS BIGINT) IS NULL OR c.requested_ms > $6) AND (CAST($7 AS BIGINT) IS NULL OR c.requested_ms < $7)
 ORDER BY i.requested_ms DESC, i.command_id COLLATE "C" DESC LIMIT $8
"""
PARAMETERS = "SELECT command_id, parameters FROM commands WHERE command_id IN (ids_of($1))"
NODE_NAMES = "SELECT node_id, COALESCE(computer_name, '') FROM nodes WHERE node_id IN (ids_of($1))"
# One statement a way in, each along an index: with one for all, every page sorted everything.
INVOCATIONS_OF_COMMAND_BEFORE = f"""
SELECT {_I} FROM invocations i JOIN commands c ON c.command_id = i.command_id
 WHERE i.command_id = $3 AND i.resource_id < $4 AND c.account_id = $1 AND c.region = $2 AND c.kind = 'command'
 AND (CAST($5 AS TEXT) IS NULL OR c.document_name = $5)
 ORDER BY i.resource_id COLLATE "C" DESC LIMIT $6
"""
INVOCATIONS_OF_NODE_BEFORE = f"""
SELECT {_I} FROM invocations i JOIN commands c ON c.command_id = i.command_id
 WHERE i.account_id = $1 AND i.region = $2 AND i.resource_id = $3 AND (i.requested_ms, i.command_id) < ($4, $5)
 AND c.kind = 'command' AND (CAST($6 AS TEXT) IS NULL OR c.document_name = $6)
 ORDER BY i.requested_ms DESC, i.command_id COLLATE "C" DESC LIMIT $7
"""
COMMAND_KEYS_BEFORE = """
SELECT requested_ms, command_id FROM commands
 WHERE account_id = $1 AND region = $2 AND kind = 'command' AND (requested_ms, command_id) < ($3, $4)
 AND (CAST($5 AS TEXT) IS NULL OR document_name = $5)
 ORDER BY requested_ms DESC, command_id COLLATE "C" DESC LIMIT $6
"""
STEPS = f"SELECT {STEP_COLUMNS} FROM steps WHERE command_id = $1 AND resource_id = $2 ORDER BY position"
CARRIERS = f"SELECT {CARRIER_COLUMNS} FROM commands WHERE command_id IN (ids_of($1))"
TARGETS_AFTER = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations
 WHERE command_id = $1 AND resource_id > $2
 AND (CAST($3 AS TEXT) IS NULL OR CASE WHEN status = 'Cancelling' THEN 'InProgress' ELSE status END = $3)
 AND (CAST($4 AS TEXT) IS NULL OR resource_id = $4) AND (CAST($5 AS TEXT) IS NULL OR resource_type = $5)
 ORDER BY resource_id COLLATE "C" LIMIT $6
"""
INVOCATION = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations
 WHERE account_id = $1 AND region = $2 AND command_id = $3 AND resource_id = $4
"""


async def command(tx: Snapshot, scope: Scope, command_id: str) -> CommandRow | None:
    return await tx.row(CommandRow, COMMAND, *scope, command_id)


async def commands_before(
    tx: Snapshot,
    scope: Scope,
    key: Sequence[str | int],
    limit: int,
    *,
    node_id: str | None,
    document: str | None,
    after_ms: int | None,
    before_ms: int | None,
) -> list[CommandRow]:
    """The next older commands, newest first, of one node or of all."""
    values = (*scope, *key, document, after_ms, before_ms, limit)
    if node_id is None:
        return await tx.rows(CommandRow, COMMANDS_BEFORE, *values)
    return await tx.rows(CommandRow, COMMANDS_OF_NODE_BEFORE, *values, node_id)


async def parameters(tx: Snapshot, command_ids: Sequence[str]) -> dict[str, str]:
    """Command id → its parameters as JSON text."""
    rows = await tx.rows(CommandParameters, PARAMETERS, json.dumps(list(command_ids)))
    return {row.command_id: row.parameters for row in rows}


async def node_names(tx: Snapshot, node_ids: Sequence[str]) -> dict[str, str]:
    rows = await tx.rows(NodeName, NODE_NAMES, json.dumps(list(node_ids)))
    return {row.node_id: row.name for row in rows}


async def invocations_before(
    tx: Snapshot, scope: Scope, key: tuple[int, str, str], limit: int, document: str | None
) -> list[InvocationRow]:
    """The next older invocations, newest command first: the rest of the key's command, then of those before it.

    Command by command, so that a page costs what it shows, however many invocations a command has.
    """
    rows = await invocations_of_command_before(tx, scope, key, limit, document, key[1])
    last = CommandKey(key[0], key[1])
    while len(rows) < limit:
        older = await tx.rows(
            CommandKey, COMMAND_KEYS_BEFORE, *scope, last.requested_ms, last.command_id, document, limit
        )
        for last in older:
            left = limit - len(rows)
            start = (last.requested_ms, last.command_id, "")
            rows += await invocations_of_command_before(tx, scope, start, left, document, last.command_id)
            if len(rows) == limit:
                break
        if len(older) < limit:
            break
    return rows


async def invocations_of_command_before(
    tx: Snapshot, scope: Scope, key: tuple[int, str, str], limit: int, document: str | None, command_id: str
) -> list[InvocationRow]:
    """The next invocations of one command, by resource id downwards."""
    return await tx.rows(
        InvocationRow, INVOCATIONS_OF_COMMAND_BEFORE, *scope, command_id, key[2] or LAST_ID, document, limit
    )


async def invocations_of_node_before(
    tx: Snapshot, scope: Scope, key: tuple[int, str, str], limit: int, document: str | None, node_id: str
) -> list[InvocationRow]:
    """The next older invocations of one node."""
    return await tx.rows(InvocationRow, INVOCATIONS_OF_NODE_BEFORE, *scope, node_id, *key[:2], document, limit)


async def steps(tx: Snapshot, command_id: str, node_id: str) -> list[StepRow]:
    """The steps that a node has reported, in the document's order."""
    return await tx.rows(StepRow, STEPS, command_id, node_id)


async def invocation(tx: Snapshot, scope: Scope, command_id: str, node_id: str) -> InvocationRow | None:
    return await tx.row(InvocationRow, INVOCATION, *scope, command_id, node_id)


async def carriers(tx: Snapshot, command_ids: Sequence[str]) -> dict[str, CarrierRow]:
    """Command id → what the history shows of the command that carried a run."""
    rows = await tx.rows(CarrierRow, CARRIERS, msgspec.json.encode(command_ids).decode())
    return {row.command_id: row for row in rows}


async def targets_after(
    tx: Snapshot,
    command_id: str,
    after: str,
    limit: int,
    *,
    status: str | None,
    resource_id: str | None,
    resource_type: str | None,
) -> list[InvocationRow]:
    """The targets of one execution by resource id; the filters are equality (spec 2.13)."""
    return await tx.rows(InvocationRow, TARGETS_AFTER, command_id, after, status, resource_id, resource_type, limit)
