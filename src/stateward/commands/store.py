"""Commands, invocations and steps: writing them, and the questions that the engine asks."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.access.principals import Scope
from stateward.commands.rows import CommandRow, InvocationRow, StepRow
from stateward.storage import Snapshot, Transaction
from stateward.storage.saving import Saving

COMMAND_COLUMNS = ", ".join(CommandRow.__struct_fields__)
INVOCATION_COLUMNS = ", ".join(InvocationRow.__struct_fields__)
STEP_COLUMNS = ", ".join(StepRow.__struct_fields__)


class CommandText(msgspec.Struct, frozen=True):
    """The long members of a command: the document as it was resolved, and the caller's parameters."""

    content: str
    parameters: str


class UnfinishedRow(msgspec.Struct, frozen=True):
    pending: int
    in_progress: int


class FinalStep(msgspec.Struct, frozen=True):
    resource_id: str
    step_name: str


_COMMANDS = Saving("commands", CommandRow, 1)
_INVOCATIONS = Saving("invocations", InvocationRow, 2)


def _values(count: int) -> str:
    return ", ".join(f"${n}" for n in range(1, count + 1))


ADD_COMMAND = (
    f"INSERT INTO commands ({COMMAND_COLUMNS}, content, parameters, resolved_parameters) "
    f"VALUES ({_values(len(CommandRow.__struct_fields__) + 3)})"
)
COMMAND = f"SELECT {COMMAND_COLUMNS} FROM commands WHERE command_id = $1"
LOCK_COMMAND = COMMAND + " FOR UPDATE"
TEXT = "SELECT content, parameters FROM commands WHERE command_id = $1"
ADD_INVOCATION = (
    f"INSERT INTO invocations ({INVOCATION_COLUMNS}) VALUES ({_values(len(InvocationRow.__struct_fields__))})"
)
INVOCATION = f"SELECT {INVOCATION_COLUMNS} FROM invocations WHERE command_id = $1 AND resource_id = $2"
INVOCATIONS_NAMED = (
    f"SELECT {INVOCATION_COLUMNS} FROM invocations WHERE command_id = $1 AND resource_id IN (ids_of($2))"
)
UNRELEASED = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations
 WHERE command_id = $1 AND released_ms IS NULL AND ended_ms IS NULL ORDER BY position LIMIT $2
"""
TO_END = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE command_id = $1 AND ended_ms IS NULL
 AND (sent_ms IS NULL OR ($2 = 1 AND status <> 'Cancelling')) ORDER BY position LIMIT $3
"""
EXPIRED = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations
 WHERE expires_ms <= $1 AND ended_ms IS NULL ORDER BY expires_ms, command_id, resource_id LIMIT $2
"""
UNANSWERED = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations
 WHERE cancel_due_ms <= $1 AND ended_ms IS NULL ORDER BY cancel_due_ms, command_id, resource_id LIMIT $2
"""
OPEN_ON_NODE = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id = $1 AND ended_ms IS NULL
 ORDER BY requested_ms, command_id LIMIT $2
"""
AT_WORK_ON = """
SELECT DISTINCT association_id FROM invocations
 WHERE resource_id = $1 AND ended_ms IS NULL AND association_id IS NOT NULL
"""
BUSY_OVER = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE busy_until_ms <= $1 ORDER BY busy_until_ms LIMIT $2
"""
RESTART_WAITING = """
UPDATE invocations SET expires_ms = $2 + (SELECT c.allowance_ms FROM commands c
  WHERE c.command_id = invocations.command_id)
 WHERE resource_id IN (ids_of($1)) AND association_id IS NOT NULL AND ended_ms IS NULL AND released_ms IS NOT NULL
   AND sent_ms IS NULL
"""
# Only a job that was refused because the node was full has been sent and counts no sends.
OFFER_REFUSED = """
UPDATE invocations SET lease_until_wall_ms = NULL
 WHERE resource_id IN (ids_of($1)) AND ended_ms IS NULL AND acknowledged_ms IS NULL
 AND sent_ms IS NOT NULL AND sends = 0
 AND command_id = (SELECT o.command_id FROM invocations o WHERE o.resource_id = invocations.resource_id
  AND o.ended_ms IS NULL AND o.acknowledged_ms IS NULL AND o.sent_ms IS NOT NULL AND o.sends = 0
  AND o.lease_until_wall_ms IS NOT NULL ORDER BY o.requested_ms, o.command_id LIMIT 1)
"""
PAST_CUT_OFF = f"""
SELECT {COMMAND_COLUMNS} FROM commands WHERE cut_off_ms <= $1 AND phase = 'running' ORDER BY cut_off_ms, command_id
 LIMIT $2
"""
NEXT_DUE = """
SELECT MIN(due_ms) FROM (
 SELECT MIN(expires_ms) AS due_ms FROM invocations WHERE ended_ms IS NULL AND expires_ms IS NOT NULL
 UNION ALL SELECT MIN(cancel_due_ms) FROM invocations WHERE cancel_due_ms IS NOT NULL AND ended_ms IS NULL
 UNION ALL SELECT MIN(cut_off_ms) FROM commands WHERE cut_off_ms IS NOT NULL AND phase = 'running'
 UNION ALL SELECT MIN(busy_until_ms) FROM invocations WHERE busy_until_ms IS NOT NULL) AS dues
"""
# SQLite takes a partial index only when its condition stands in the query.
RESOLVING = f"""
SELECT {COMMAND_COLUMNS} FROM commands WHERE phase <> 'closed' AND phase = 'resolving'
 ORDER BY requested_ms, command_id LIMIT $1
"""
ENDING = f"""
SELECT {COMMAND_COLUMNS} FROM commands WHERE phase <> 'closed' AND phase = 'ending'
 ORDER BY requested_ms, command_id LIMIT 1
"""
RELEASABLE = f"""
SELECT {COMMAND_COLUMNS} FROM commands WHERE phase <> 'closed' AND phase = 'running' AND released < target_count
 AND (in_flight < concurrency_limit OR errors > error_limit) ORDER BY requested_ms, command_id LIMIT 1
"""
UNFINISHED_TARGETS = """
SELECT CAST(COALESCE(SUM(n_pending), 0) AS BIGINT), CAST(COALESCE(SUM(n_in_progress), 0) AS BIGINT) FROM commands
 WHERE phase <> 'closed'
"""
PUT_STEP = (
    f"INSERT INTO steps ({STEP_COLUMNS}) VALUES ({_values(len(StepRow.__struct_fields__))}) "
    "ON CONFLICT (command_id, resource_id, step_name) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in StepRow.__struct_fields__[4:])
)
FINAL_STEPS = """
SELECT resource_id, step_name FROM steps WHERE command_id = $1 AND resource_id IN (ids_of($2))
 AND status NOT IN ('SuccessAndReboot', 'PassedAndReboot')
"""


async def add_command(
    tx: Transaction, row: CommandRow, content: str, parameters: str, resolved_parameters: str | None
) -> None:
    """Write a command; `resolved_parameters` are those for the nodes where the caller's refer to Parameter Store."""
    await tx.execute(ADD_COMMAND, *msgspec.structs.astuple(row), content, parameters, resolved_parameters)


async def lock_command(tx: Transaction, command_id: str) -> CommandRow | None:
    """The command's row, held until the end of the transaction: the root under which its invocations hang."""
    return await tx.row(CommandRow, LOCK_COMMAND, command_id)


async def command(tx: Snapshot, command_id: str) -> CommandRow | None:
    return await tx.row(CommandRow, COMMAND, command_id)


async def text(tx: Snapshot, command_id: str) -> CommandText:
    found = await tx.row(CommandText, TEXT, command_id)
    assert found is not None, f"command {command_id} has no text"
    return found


async def save_command(tx: Transaction, before: CommandRow, after: CommandRow) -> None:
    await _COMMANDS.save(tx, [(before, after)])


async def add_invocations(tx: Transaction, rows: Sequence[InvocationRow]) -> None:
    await tx.execute_many(ADD_INVOCATION, [msgspec.structs.astuple(row) for row in rows])


async def save_invocation(tx: Transaction, before: InvocationRow, after: InvocationRow) -> None:
    await _INVOCATIONS.save(tx, [(before, after)])


async def save_invocations(tx: Transaction, changes: Sequence[tuple[InvocationRow, InvocationRow]]) -> None:
    """Write invocations as they are after their changes: (before, after), in order."""
    await _INVOCATIONS.save(tx, changes)


async def invocation(tx: Snapshot, command_id: str, resource_id: str) -> InvocationRow | None:
    return await tx.row(InvocationRow, INVOCATION, command_id, resource_id)


async def invocations_named(tx: Snapshot, command_id: str, resource_ids: Sequence[str]) -> list[InvocationRow]:
    return await tx.rows(InvocationRow, INVOCATIONS_NAMED, command_id, json.dumps(list(resource_ids)))


async def unreleased(tx: Snapshot, command_id: str, limit: int) -> list[InvocationRow]:
    """The next targets in release order."""
    return await tx.rows(InvocationRow, UNRELEASED, command_id, limit)


async def to_end(tx: Snapshot, command_id: str, *, also_running: bool, limit: int) -> list[InvocationRow]:
    """Targets that an ending command still has to deal with."""
    return await tx.rows(InvocationRow, TO_END, command_id, int(also_running), limit)


async def expired(tx: Snapshot, now_ms: int, limit: int) -> list[InvocationRow]:
    return await tx.rows(InvocationRow, EXPIRED, now_ms, limit)


async def unanswered_cancels(tx: Snapshot, now_ms: int, limit: int) -> list[InvocationRow]:
    return await tx.rows(InvocationRow, UNANSWERED, now_ms, limit)


async def busy_over(tx: Snapshot, now_ms: int, limit: int) -> list[InvocationRow]:
    """Superseded runs whose nodes have had the time to stop them."""
    return await tx.rows(InvocationRow, BUSY_OVER, now_ms, limit)


async def past_cut_off(tx: Snapshot, now_ms: int, limit: int) -> list[CommandRow]:
    """Commands whose Duration is over."""
    return await tx.rows(CommandRow, PAST_CUT_OFF, now_ms, limit)


async def open_on_node(tx: Snapshot, node_id: str, limit: int) -> list[InvocationRow]:
    """A node's unfinished invocations, oldest command first."""
    return await tx.rows(InvocationRow, OPEN_ON_NODE, node_id, limit)


async def associations_at_work_on(tx: Snapshot, node_id: str) -> list[str]:
    """The associations with an unfinished run on a node."""
    return await tx.column(AT_WORK_ON, node_id)


async def restart_waiting(tx: Transaction, node_ids: Sequence[str]) -> None:
    """Association runs that waited for their turn on these nodes get their full time from now (D2)."""
    await tx.execute(RESTART_WAITING, json.dumps(list(node_ids)), tx.now)


async def offer_refused(tx: Transaction, node_ids: Sequence[str]) -> None:
    """A place is free on these nodes: the oldest job that was refused for want of one may be sent again at once."""
    await tx.execute(OFFER_REFUSED, json.dumps(list(node_ids)))


async def next_due(tx: Snapshot) -> int | None:
    """When the next time-out, cancel grace or busy time ends, in ms."""
    return await tx.value(NEXT_DUE)  # type: ignore[no-any-return]


async def resolving(tx: Snapshot, limit: int) -> list[CommandRow]:
    """The oldest commands whose targets are not all known yet."""
    return await tx.rows(CommandRow, RESOLVING, limit)


async def ending(tx: Snapshot) -> CommandRow | None:
    """The oldest command that is being cut short."""
    return await tx.row(CommandRow, ENDING)


async def releasable(tx: Snapshot) -> CommandRow | None:
    """The oldest command with a free slot, or with more errors than it allows."""
    return await tx.row(CommandRow, RELEASABLE)


async def put_steps(tx: Transaction, rows: Sequence[StepRow]) -> None:
    await tx.execute_many(PUT_STEP, [msgspec.structs.astuple(row) for row in rows])


async def unfinished_targets(tx: Snapshot) -> UnfinishedRow:
    """How many targets of all commands wait, and how many are at work."""
    found = await tx.row(UnfinishedRow, UNFINISHED_TARGETS)
    assert found is not None, "a sum has a row"
    return found


async def final_steps(tx: Snapshot, command_id: str, resource_ids: Sequence[str]) -> dict[str, set[str]]:
    """Resource id → the names of its steps whose result is final, for each of these."""
    found: dict[str, set[str]] = {resource_id: set() for resource_id in resource_ids}
    for row in await tx.rows(FinalStep, FINAL_STEPS, command_id, json.dumps(list(resource_ids))):
        found[row.resource_id].add(row.step_name)
    return found


def scope_of(row: CommandRow | InvocationRow) -> Scope:
    return Scope(row.account_id, row.region)
