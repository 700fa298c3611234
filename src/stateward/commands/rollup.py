"""From invocations to counters, and from counters to a command's status (spec 6.4, D14)."""

from __future__ import annotations

import msgspec

from stateward.commands.ending import CANCELS
from stateward.commands.rows import FINAL, CommandRow, InvocationRow

COUNTER_OF = {
    "Pending": "n_pending",
    "InProgress": "n_in_progress",
    "Cancelling": "n_in_progress",
    "Success": "n_success",
    "Failed": "n_failed",
    "TimedOut": "n_timed_out",
    "Cancelled": "n_cancelled",
    "Skipped": "n_skipped",
}
UNDELIVERED = frozenset({"DeliveryTimedOut", "Undeliverable", "InvalidPlatform", "AccessDenied"})


def is_error(status: str, details: str) -> bool:
    """Whether a final result counts against MaxErrors: what never reached the node does not (spec 4.3)."""
    return status in ("Failed", "TimedOut") and details not in UNDELIVERED


def counted(command: CommandRow, before: InvocationRow | None, after: InvocationRow) -> CommandRow:
    """The command's counters after one invocation changed (or came, when `before` is None)."""
    counters = {name: getattr(command, name) for name in set(COUNTER_OF.values())}
    if before is not None:
        counters[COUNTER_OF[before.status]] -= 1
    counters[COUNTER_OF[after.status]] += 1

    def grown(quality: bool, was: bool) -> int:
        return int(quality) - int(was)

    old = before is not None
    return msgspec.structs.replace(
        command,
        **counters,
        target_count=command.target_count + (0 if old else 1),
        released=command.released + grown(_released(after), _released(before)),
        in_flight=command.in_flight + grown(_in_flight(after), _in_flight(before)),
        errors=command.errors + grown(_error(after), _error(before)),
        n_undelivered=command.n_undelivered + grown(_undelivered(after), _undelivered(before)),
    )


def status_of(command: CommandRow) -> tuple[str, str]:
    """(Status, StatusDetails) from the counters; final once every target is and no more will come."""
    if command.phase == "resolving":
        return "Pending", "Pending"
    if command.finished < command.target_count:
        if command.ending in CANCELS:
            return "Cancelling", "Cancelling"
        begun = command.n_in_progress or command.finished
        return ("InProgress", "InProgress") if begun else ("Pending", "Pending")
    if command.ending in CANCELS:
        return "Cancelled", "Cancelled"
    if command.target_count == 0:
        return ("Success", "NoInstancesInTag") if command.ending is None else ("Cancelled", "Cancelled")
    if command.n_success + command.n_skipped == command.target_count:
        return "Success", "Success"
    if command.errors > command.error_limit:
        return "Failed", "Failed"
    if command.n_cancelled == command.target_count:
        return "Cancelled", "Cancelled"
    if command.n_timed_out == command.n_undelivered == command.target_count:
        return "Failed", "DeliveryTimedOut"
    if command.n_undelivered == command.target_count:
        return "Failed", "Undeliverable"
    return "Failed", "Incomplete"


def settled(command: CommandRow, now_ms: int) -> CommandRow:
    """The command with its status rolled up, and closed when nothing is left to happen."""
    status, details = status_of(command)
    command = msgspec.structs.replace(command, status=status, status_details=details)
    if command.phase != "resolving" and command.finished == command.target_count:
        return msgspec.structs.replace(command, phase="closed", ended_ms=command.ended_ms or now_ms)
    return command


def _released(row: InvocationRow | None) -> bool:
    # A target that ended before its turn waits no more either.
    return row is not None and (row.released_ms is not None or row.is_final)


def _in_flight(row: InvocationRow | None) -> bool:
    return row is not None and row.released_ms is not None and row.status not in FINAL


def _error(row: InvocationRow | None) -> bool:
    return row is not None and is_error(row.status, row.status_details)


def _undelivered(row: InvocationRow | None) -> bool:
    return row is not None and row.is_final and row.status_details in UNDELIVERED
