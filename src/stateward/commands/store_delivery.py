"""What may be handed to a node now, and what it has to be reminded of."""

from __future__ import annotations

import msgspec

from stateward.commands.rows import InvocationRow
from stateward.commands.store import INVOCATION_COLUMNS
from stateward.storage import Snapshot, Transaction

NEVER_MS = 2**62
"""Until when a cancel is leased that the node has acknowledged."""

_I = ", ".join(f"i.{name}" for name in InvocationRow.__struct_fields__)


class JobText(msgspec.Struct, frozen=True):
    document_name: str
    content: str
    parameters: str


class OpenWork(msgspec.Struct, frozen=True):
    resource_id: str
    command_id: str


# What has to end on a node before `i` may begin there (D3).
_IS_AHEAD = """o.resource_id = i.resource_id AND o.ended_ms IS NULL
   AND o.association_id IS NOT NULL AND o.released_ms IS NOT NULL AND o.command_id <> i.command_id
   AND (o.sent_ms IS NOT NULL
    OR (o.requested_ms, o.command_id) < (i.requested_ms, i.command_id))"""
_MAY_BE_HANDED_OVER = f""" AND i.ended_ms IS NULL AND i.released_ms IS NOT NULL AND i.acknowledged_ms IS NULL
 AND i.cancel_job_id IS NULL AND i.sends < $4
 AND (i.lease_until_wall_ms IS NULL OR i.lease_until_wall_ms <= $2)
 AND (i.first_sent_wall_ms IS NULL OR i.first_sent_wall_ms > $3)
 AND (i.association_id IS NULL OR i.sent_ms IS NOT NULL OR (
  NOT EXISTS (SELECT 1 FROM invocations o WHERE {_IS_AHEAD})
  AND NOT EXISTS (SELECT 1 FROM invocations b WHERE b.resource_id = i.resource_id AND b.busy_until_ms > $5)))
"""
AHEAD_OF = f"""
SELECT {", ".join(f"o.{name}" for name in InvocationRow.__struct_fields__)} FROM invocations i
  JOIN invocations o ON {_IS_AHEAD}
 WHERE i.command_id = $1 AND i.resource_id = $2 LIMIT 1
"""
BUSY_UNTIL = "SELECT MAX(busy_until_ms) FROM invocations WHERE resource_id = $1 AND busy_until_ms IS NOT NULL"
DELIVERABLE = f"""
SELECT {_I} FROM invocations i WHERE i.resource_id = $1 {_MAY_BE_HANDED_OVER}
 ORDER BY i.requested_ms, i.command_id LIMIT $6
"""
DELIVERABLE_TO = f"""
SELECT {_I} FROM invocations i WHERE i.resource_id IN (ids_of($1)) {_MAY_BE_HANDED_OVER}
 ORDER BY i.requested_ms, i.command_id, i.resource_id LIMIT $6
"""
_TO_BE_STOPPED = """ AND cancel_job_id IS NOT NULL AND (ended_ms IS NULL OR busy_until_ms IS NOT NULL)
 AND cancel_sends < $3 AND (cancel_until_wall_ms IS NULL OR cancel_until_wall_ms <= $2)
"""
CANCELS = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id = $1 {_TO_BE_STOPPED}
 ORDER BY requested_ms, command_id LIMIT $4
"""
CANCELS_OF = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id IN (ids_of($1)) {_TO_BE_STOPPED}
 ORDER BY requested_ms, command_id, resource_id LIMIT $4
"""
JOB_TEXT = """
SELECT document_name, content, COALESCE(resolved_parameters, parameters) FROM commands WHERE command_id = $1
"""
CARRIER = """
SELECT CASE WHEN c.kind = 'association' AND n.agent_name = 'amazon-ssm-agent' THEN 'refresh' ELSE 'job' END
  FROM commands c LEFT JOIN nodes n ON n.node_id = $2 WHERE c.command_id = $1
"""
AT_WORK = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id = $1 AND carrier = 'refresh' AND sent_ms IS NOT NULL
 AND ended_ms IS NULL ORDER BY requested_ms, command_id
"""
STILL_AT_WORK = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id = $1 AND carrier = 'refresh'
 AND busy_until_ms IS NOT NULL ORDER BY requested_ms, command_id
"""
LATEST_RUN = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id = $1 AND association_id = $2 AND carrier = 'refresh'
 ORDER BY requested_ms DESC LIMIT 1
"""
FORGET_LEASES = """
UPDATE invocations SET lease_until_wall_ms = NULL, sends = 0 WHERE resource_id = $1 AND ended_ms IS NULL
"""
FORGET_CANCEL_LEASES = """
UPDATE invocations SET cancel_until_wall_ms = NULL, cancel_sends = 0
 WHERE resource_id = $1 AND cancel_job_id IS NOT NULL AND cancel_until_wall_ms < $2
 AND (ended_ms IS NULL OR busy_until_ms IS NOT NULL)
"""
FORGET_SENDS = """
UPDATE invocations SET sends = 0 WHERE resource_id = $1 AND ended_ms IS NULL
"""
FORGET_CANCEL_SENDS = """
UPDATE invocations SET cancel_sends = 0
 WHERE resource_id = $1 AND cancel_job_id IS NOT NULL AND (ended_ms IS NULL OR busy_until_ms IS NOT NULL)
"""
BY_CANCEL_JOB = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE resource_id = $1 AND cancel_job_id = $2
 AND (ended_ms IS NULL OR busy_until_ms IS NOT NULL)
"""
OVERDUE = f"""
SELECT {INVOCATION_COLUMNS} FROM invocations WHERE close_by_wall_ms <= $1 AND ended_ms IS NULL
 ORDER BY close_by_wall_ms LIMIT $2
"""
# Two halves, each with a partial index of its own: asked every few seconds, it must not walk what is in progress.
NODES_TO_REMIND = """
SELECT i.resource_id FROM invocations i JOIN node_channels c ON c.node_id = i.resource_id
 WHERE i.ended_ms IS NULL AND i.released_ms IS NOT NULL AND i.acknowledged_ms IS NULL
 UNION
SELECT i.resource_id FROM invocations i JOIN node_channels c ON c.node_id = i.resource_id
 WHERE i.cancel_job_id IS NOT NULL AND i.ended_ms IS NULL AND i.released_ms IS NOT NULL
"""
IN_HAND = """
SELECT i.resource_id, i.command_id FROM invocations i JOIN node_channels c ON c.node_id = i.resource_id
 WHERE i.released_ms IS NOT NULL AND i.ended_ms IS NULL AND c.replica <> $2
 ORDER BY i.resource_id, i.command_id LIMIT $1
"""


async def deliverable(
    tx: Snapshot, node_id: str, wall_ms: int, sent_after_ms: int, most_sends: int, limit: int
) -> list[InvocationRow]:
    """Released work that the node has not acknowledged; association runs one at a time, oldest first (D3)."""
    return await tx.rows(InvocationRow, DELIVERABLE, node_id, wall_ms, sent_after_ms, most_sends, tx.now, limit)


async def ahead_of(tx: Snapshot, row: InvocationRow) -> InvocationRow | None:
    """A run of an association that has to end on the node before this one may begin there (D3)."""
    return await tx.row(InvocationRow, AHEAD_OF, row.command_id, row.resource_id)


async def busy_until(tx: Snapshot, node_id: str) -> int | None:
    """Until when the node may be at work for a run that was superseded (D4)."""
    return await tx.value(BUSY_UNTIL, node_id)  # type: ignore[no-any-return]


async def cancels(tx: Snapshot, node_id: str, wall_ms: int, most_sends: int, limit: int) -> list[InvocationRow]:
    return await tx.rows(InvocationRow, CANCELS, node_id, wall_ms, most_sends, limit)


async def deliverable_to(
    tx: Snapshot, node_ids: str, wall_ms: int, sent_after_ms: int, most_sends: int, limit: int
) -> list[InvocationRow]:
    """The same for many nodes, whose ids come as a JSON list."""
    return await tx.rows(InvocationRow, DELIVERABLE_TO, node_ids, wall_ms, sent_after_ms, most_sends, tx.now, limit)


async def cancels_of(tx: Snapshot, node_ids: str, wall_ms: int, most_sends: int, limit: int) -> list[InvocationRow]:
    return await tx.rows(InvocationRow, CANCELS_OF, node_ids, wall_ms, most_sends, limit)


async def job_text(tx: Snapshot, command_id: str) -> JobText:
    found = await tx.row(JobText, JOB_TEXT, command_id)
    assert found is not None, f"command {command_id} has no text"
    return found


async def carrier_of(tx: Snapshot, command_id: str, node_id: str) -> str:
    """How a command travels to a node: the official agent runs legacy and Policy associations by itself (D34)."""
    return str(await tx.value(CARRIER, command_id, node_id))


async def at_agent(tx: Snapshot, node_id: str) -> list[InvocationRow]:
    """What the node's own agent was told to run and has not ended, as far as anybody knows.

    First what was superseded and may still be running, then the rest, oldest first.
    """
    busy = await tx.rows(InvocationRow, STILL_AT_WORK, node_id)
    return busy + await tx.rows(InvocationRow, AT_WORK, node_id)


async def latest_run(tx: Snapshot, node_id: str, association_id: str) -> InvocationRow | None:
    """The newest run of an association that a node's own agent was told of."""
    return await tx.row(InvocationRow, LATEST_RUN, node_id, association_id)


async def forget_leases(tx: Transaction, node_id: str) -> None:
    """A new channel: what was under way on the old one may be sent again."""
    await tx.execute(FORGET_LEASES, node_id)
    await tx.execute(FORGET_CANCEL_LEASES, node_id, NEVER_MS)


async def forget_sends(tx: Transaction, node_id: str) -> None:
    """A new channel beside work that is under way: it counts from the start what it sends."""
    await tx.execute(FORGET_SENDS, node_id)
    await tx.execute(FORGET_CANCEL_SENDS, node_id)


async def by_cancel_job(tx: Snapshot, node_id: str, cancel_job_id: str) -> InvocationRow | None:
    return await tx.row(InvocationRow, BY_CANCEL_JOB, node_id, cancel_job_id)


async def overdue(tx: Snapshot, wall_ms: int, limit: int) -> list[InvocationRow]:
    """Invocations whose final word came before their last step, and the wait for that step is over (D7)."""
    return await tx.rows(InvocationRow, OVERDUE, wall_ms, limit)


async def nodes_to_remind(tx: Snapshot) -> list[str]:
    """Connected nodes with something that may have to be sent (again)."""
    return await tx.column(NODES_TO_REMIND)


async def in_hand(tx: Snapshot, limit: int, besides_replica: str = "") -> list[OpenWork]:
    """Released work of connected nodes that is not finished: what turning the clock waits for (design 4).

    Nodes whose channels `besides_replica` holds are left out.
    """
    return await tx.rows(OpenWork, IN_HAND, limit, besides_replica)
