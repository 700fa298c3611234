"""What happens to an invocation when its command is cut short (spec 4.3, D2, D4, D5, D13)."""

from __future__ import annotations

import msgspec

from stateward.commands.rows import REFRESH, InvocationRow

CANCEL_GRACE_MS = 60_000

STOPS_RUNNING = frozenset({"cancelled", "superseded", "duration"})
"""Reasons that reach out for nodes already at work; the others let them finish."""


CANCELS = frozenset({"cancelled", "duration"})
"""Reasons whose targets end as Cancelled when their nodes have stopped."""


def ended(row: InvocationRow, reason: str, who: str | None, now_ms: int, cancel_job_id: str) -> InvocationRow | None:
    """The row after its command ends for `reason`, or None when it goes on as it is.

    Reasons: `cancelled` (a person), `superseded` (a later run), `updated`, `deleted`, `errors` (MaxErrors), `alarm`,
    `duration` (its time is over).
    """
    if row.is_final:
        return None
    if row.sent_ms is None:
        status, details = {
            "superseded": ("TimedOut", "DeliveryTimedOut"),
            "errors": ("Cancelled", "Terminated"),
            "alarm": ("Cancelled", "Terminated"),
        }.get(reason, ("Cancelled", "Cancelled"))
        return _final(row, status, details, reason, who, now_ms)
    if reason == "superseded":
        late = _final(row, "TimedOut", "TimedOut", reason, who, now_ms)
        if row.carrier == REFRESH:
            return msgspec.structs.replace(late, busy_until_ms=_may_run_until(row, now_ms))
        return msgspec.structs.replace(late, cancel_job_id=cancel_job_id, busy_until_ms=now_ms + CANCEL_GRACE_MS)
    if reason in CANCELS and row.status != "Cancelling":
        return msgspec.structs.replace(
            row,
            status="Cancelling",
            status_details="Cancelling",
            ended_by_who=who,
            cancel_job_id=None if row.carrier == REFRESH else cancel_job_id,
            cancel_due_ms=now_ms + CANCEL_GRACE_MS,
        )
    return None


def unanswered(row: InvocationRow, now_ms: int) -> InvocationRow:
    """The node did not answer a cancel within its grace (D5)."""
    silent = _final(row, "Cancelled", "Cancelled", "cancelled", row.ended_by_who, now_ms)
    if row.carrier == REFRESH:
        return msgspec.structs.replace(silent, busy_until_ms=_may_run_until(row, now_ms))
    return silent


def undelivered(row: InvocationRow, now_ms: int) -> InvocationRow:
    """No final report within the time of D2; not an error."""
    return _final(row, "TimedOut", "DeliveryTimedOut", "delivery_timeout", None, now_ms)


def node_removed(row: InvocationRow, who: str, now_ms: int) -> InvocationRow:
    """The node was deregistered (spec 4.7)."""
    return _final(row, "Failed", "Undeliverable", "node_removed", who, now_ms)


def refused(row: InvocationRow, status_code: str, now_ms: int) -> InvocationRow:
    """The node's acknowledgement says that it cannot run this job (node protocol 5.6)."""
    return _final(row, "Failed", "Failed", f"refused:{status_code}", None, now_ms)


def reported(row: InvocationRow, document_status: str, now_ms: int) -> InvocationRow:
    """The node's final word. A status that is final already stays; then the node is merely free again (D2, D4)."""
    if row.is_final:
        return msgspec.structs.replace(row, busy_until_ms=None, close_by_wall_ms=None)
    if row.status == "Cancelling":
        return _final(row, "Cancelled", "Cancelled", "cancelled", row.ended_by_who, now_ms)
    status, details = {
        "Success": ("Success", "Success"),
        "TimedOut": ("TimedOut", "TimedOut" if row.carrier == REFRESH else "ExecutionTimedOut"),
        "Cancelled": ("Cancelled", "Cancelled"),
        "Skipped": ("Skipped", "Skipped"),
    }.get(document_status, ("Failed", "Failed"))
    return _final(row, status, details, None, None, now_ms)


def _may_run_until(row: InvocationRow, now_ms: int) -> int:
    """An agent cannot be told to stop its own association: it is busy until it reports, or has had all its time."""
    return max(now_ms + CANCEL_GRACE_MS, row.expires_ms or 0)


def _final(
    row: InvocationRow, status: str, details: str, ended_by: str | None, who: str | None, now_ms: int
) -> InvocationRow:
    return msgspec.structs.replace(
        row,
        status=status,
        status_details=details,
        ended_by=ended_by,
        ended_by_who=who,
        ended_ms=now_ms,
        expires_ms=None,
        cancel_due_ms=None,
        close_by_wall_ms=None,
    )
