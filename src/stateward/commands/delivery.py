"""Handing commands to nodes: a lease before each frame, reminders, acknowledgements (node protocol 5.5, 5.6, D25).

Everything here follows protocol time, but for the instants that the history shows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from stateward.commands import carriers, ending, lifecycle, store, store_delivery
from stateward.commands.facts import InvocationChanged, NodeFreed
from stateward.commands.rows import JOB, REFRESH, InvocationRow
from stateward.storage import Snapshot, Transaction

LEASE_MS = 5_000
FULL_NODE_WAIT_MS = 10_000
MOST_SENDS = 3
"""Over one channel: a new one starts anew. A node that polls has no other, so its work is offered until it is taken."""

EVERY_SEND = 2**31 - 1
RESEND_WINDOW_MS = 25 * 60 * 1000
JOBS_AT_ONCE = 20

TAKEN = frozenset({"200", "51405"})
"""Acknowledged, or known to the node already."""

TRY_LATER = frozenset({"51401", "51402"})


class Job(msgspec.Struct, frozen=True):
    """A command for a node."""

    command_id: str
    node_id: str
    text: store_delivery.JobText


class Cancel(msgspec.Struct, frozen=True):
    """A node should stop what `command_id` runs there; `job_id` is the cancel's own id."""

    job_id: str
    command_id: str
    node_id: str


class Parcel(msgspec.Struct, frozen=True):
    """What goes to a node now."""

    jobs: list[Job]
    cancels: list[Cancel]


class Waiting(msgspec.Struct, frozen=True):
    """What nodes of this process should get: command id → nodes, of work to begin and of work to stop.

    `full`: there may be more.
    """

    jobs: dict[str, list[str]]
    cancels: dict[str, list[str]]
    full: bool


class HandedOver(msgspec.Struct, frozen=True):
    """What nodes of this process have taken: work that they have begun, and work that they are to stop."""

    jobs: list[InvocationRow]
    cancels: list[InvocationRow]


async def take(tx: Transaction, node_id: str, wall_ms: int, most_sends: int = MOST_SENDS) -> Parcel:
    """Lease what the node should get now; the frames are written after the commit."""
    rows = await store_delivery.deliverable(tx, node_id, wall_ms, wall_ms - RESEND_WINDOW_MS, most_sends, JOBS_AT_ONCE)
    jobs: list[Job] = []
    for row in rows:
        carrier = await _carrier(tx, row)

        def send(before: InvocationRow, by: str = carrier) -> InvocationRow:
            return _sent(before, tx.now, wall_ms, by)

        await lifecycle.change_one(tx, row.command_id, node_id, send)
        jobs.append(Job(row.command_id, node_id, await _text(tx, row, carrier)))
    cancels: list[Cancel] = []
    for row in await store_delivery.cancels(tx, node_id, wall_ms, most_sends, JOBS_AT_ONCE):
        assert row.cancel_job_id is not None, "the query looks for cancel jobs"
        leased = msgspec.structs.replace(
            row, cancel_sends=row.cancel_sends + 1, cancel_until_wall_ms=wall_ms + LEASE_MS
        )
        await store.save_invocation(tx, row, leased)
        cancels.append(Cancel(row.cancel_job_id, row.command_id, node_id))
    return Parcel(jobs, cancels)


async def acknowledged(tx: Transaction, node_id: str, command_id: str, status_code: str, wall_ms: int) -> bool:
    """Apply a node's word on a job that it was sent; False for a job that it was not."""
    cancelled = await store_delivery.by_cancel_job(tx, node_id, command_id)
    if cancelled is not None:
        await store.save_invocation(
            tx, cancelled, msgspec.structs.replace(cancelled, cancel_until_wall_ms=store_delivery.NEVER_MS)
        )
        return True
    row = await store.invocation(tx, command_id, node_id)
    if row is None or row.sent_ms is None:
        return False

    def change(before: InvocationRow) -> InvocationRow | None:
        if status_code in TAKEN:
            return taken(before, tx.now)
        if before.is_final:
            return None
        if status_code in TRY_LATER:
            return msgspec.structs.replace(before, sends=0, lease_until_wall_ms=wall_ms + FULL_NODE_WAIT_MS)
        return ending.refused(before, status_code, tx.now)

    await lifecycle.change_one(tx, command_id, node_id, change)
    return True


async def waiting(tx: Snapshot, node_ids: Sequence[str], wall_ms: int, limit: int) -> Waiting:
    """What nodes that live in this process should get now; a look costs no write (design 4)."""
    listed = json.dumps(list(node_ids))
    rows = await store_delivery.deliverable_to(tx, listed, wall_ms, wall_ms - RESEND_WINDOW_MS, MOST_SENDS, limit)
    cancels = await store_delivery.cancels_of(tx, listed, wall_ms, MOST_SENDS, limit)
    return Waiting(_by_command(rows), _by_command(cancels), full=limit in (len(rows), len(cancels)))


async def hand_over(tx: Transaction, found: Waiting, wall_ms: int) -> HandedOver:
    """Give these nodes what waited for them, unless that has changed; it is taken as soon as it is sent."""

    def take_job(before: InvocationRow) -> InvocationRow | None:
        gone = before.is_final or before.acknowledged_ms is not None or before.cancel_job_id is not None
        return None if gone else taken(_sent(before, tx.now, wall_ms), tx.now)

    jobs: list[InvocationRow] = []
    for command_id, resource_ids in found.jobs.items():
        jobs += await lifecycle.change_many(tx, command_id, resource_ids, take_job)
    cancels: list[tuple[InvocationRow, InvocationRow]] = []
    for command_id, resource_ids in found.cancels.items():
        rows = await store.invocations_named(tx, command_id, resource_ids)
        cancels += [(row, msgspec.structs.replace(row, cancel_until_wall_ms=store_delivery.NEVER_MS)) for row in rows]
    await store.save_invocations(tx, cancels)
    return HandedOver(jobs, [after for _, after in cancels])


def concerned(facts: Sequence[InvocationChanged]) -> set[str]:
    """The nodes for which something may have become deliverable."""
    return {fact.after.resource_id for fact in facts if _concerns(fact.before, fact.after)}


async def node_is_free(tx: Transaction, row: InvocationRow) -> None:
    """A superseded run has ended on its node."""
    if row.busy_until_ms is not None:
        tx.record(NodeFreed(row.resource_id))


async def _carrier(tx: Transaction, row: InvocationRow) -> str:
    """Chosen when it is first sent: by then the node has said which agent it has."""
    if row.sent_ms is not None or row.association_id is None:
        return row.carrier
    return await store_delivery.carrier_of(tx, row.command_id, row.resource_id)


async def _text(tx: Transaction, row: InvocationRow, carrier: str) -> store_delivery.JobText:
    if carrier == REFRESH and row.association_id is not None:
        return carriers.refresh_text(row.association_id)
    return await store_delivery.job_text(tx, row.command_id)


def _sent(row: InvocationRow, now_ms: int, wall_ms: int, carrier: str = JOB) -> InvocationRow:
    return msgspec.structs.replace(
        row,
        carrier=carrier,
        sent_ms=row.sent_ms or now_ms,
        first_sent_wall_ms=row.first_sent_wall_ms or wall_ms,
        lease_until_wall_ms=wall_ms + LEASE_MS,
        sends=row.sends + 1,
    )


def taken(row: InvocationRow, now_ms: int) -> InvocationRow:
    """The node has the job; a refreshed association shows its progress by reports of its own (D53)."""
    if row.status == "Pending" and row.carrier == JOB:
        return msgspec.structs.replace(row, acknowledged_ms=now_ms, status="InProgress", status_details="InProgress")
    return msgspec.structs.replace(row, acknowledged_ms=row.acknowledged_ms or now_ms)


def _concerns(before: InvocationRow | None, after: InvocationRow) -> bool:
    released = after.released_ms is not None and (before is None or before.released_ms is None)
    ended = after.is_final and before is not None and not before.is_final
    cancelled = after.cancel_job_id is not None and (before is None or before.cancel_job_id is None)
    freed = before is not None and before.busy_until_ms is not None and after.busy_until_ms is None
    return released or ended or cancelled or freed


def _by_command(rows: Sequence[InvocationRow]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.command_id, []).append(row.resource_id)
    return found


async def anything(tx: Snapshot, node_id: str, wall_ms: int, most_sends: int = MOST_SENDS) -> bool:
    """Whether `take` would find something; a look costs no write."""
    after_ms = wall_ms - RESEND_WINDOW_MS
    if await store_delivery.deliverable(tx, node_id, wall_ms, after_ms, most_sends, 1):
        return True
    return bool(await store_delivery.cancels(tx, node_id, wall_ms, most_sends, 1))
