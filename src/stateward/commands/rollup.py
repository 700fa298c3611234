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
    of_kind: Counter[tuple[_Counted | None, _Counted]] = Counter(
        (None if before is None else _counted(before), _counted(after)) for before, after in changes
    )
    grown: Counter[str] = Counter()
    for (kind_before, kind_after), rows in of_kind.items():
        grown.update(dict.fromkeys(_counts_in(*kind_after), rows))
        grown.subtract({} if kind_before is None else dict.fromkeys(_counts_in(*kind_before), rows))
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


_Counted = tuple[str, str, bool]


def _counted(row: InvocationRow) -> _Counted:
    """What the counters look at: status, its details, whether it was released."""
    return row.status, row.status_details, row.released_ms is not None


def _counts_in(status: str, details: str, released: bool) -> list[str]:
    """The counters in which one invocation is."""
    found = ["target_count", COUNTER_OF[status]]
    final = status in FINAL
    # A target that ended before its turn waits no more either.
    if final or released:
        found.append("released")
    if not final and released:
        found.append("in_flight")
    if final and details in UNDELIVERED:
        found.append("n_undelivered")
    elif is_error(status, details):
        found.append("errors")
    return found
