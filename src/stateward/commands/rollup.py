"""From invocations to counters, and from counters to a command's status (spec 6.4, D14)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

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


def counted(command: CommandRow, changes: Sequence[tuple[InvocationRow | None, InvocationRow]]) -> CommandRow:
    """The command's counters after invocations changed (or came, where before is None)."""
    grown: Counter[str] = Counter()
    for before, after in changes:
        grown.update(_counts_in(after))
        grown.subtract(() if before is None else _counts_in(before))
    return msgspec.structs.replace(command, **{name: getattr(command, name) + n for name, n in grown.items() if n})


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


def _counts_in(row: InvocationRow) -> list[str]:
    """The counters in which one invocation is."""
    found = ["target_count", COUNTER_OF[row.status]]
    final = row.status in FINAL
    # A target that ended before its turn waits no more either.
    if final or row.released_ms is not None:
        found.append("released")
    if not final and row.released_ms is not None:
        found.append("in_flight")
    if final and row.status_details in UNDELIVERED:
        found.append("n_undelivered")
    elif is_error(row.status, row.status_details):
        found.append("errors")
    return found
