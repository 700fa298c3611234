"""From targets to executions, and from nodes to an association's Overview (spec 4.4, 4.5, D29)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter

COUNTERS = {
    "Cancelled": "n_cancelled",
    "Failed": "n_failed",
    "InProgress": "n_in_progress",
    "Pending": "n_pending",
    "Skipped": "n_skipped",
    "Success": "n_success",
    "TimedOut": "n_timed_out",
}
"""Target status → its counter, in the order in which counts are shown."""

Counts = Mapping[str, int]

_counters_of: Callable[[object], tuple[int, ...]] = attrgetter(*COUNTERS.values())


def target_status(status: str) -> str:
    """How an invocation's status reads in the history: what is being cancelled is still running (D5)."""
    return "InProgress" if status == "Cancelling" else status


def counts_of(row: object) -> dict[str, int]:
    """Status → count, zero counts left out, by name."""
    return {status: count for status, count in zip(COUNTERS, _counters_of(row), strict=True) if count}


def resource_count(counts: Counts) -> str | None:
    """ResourceCountByStatus, `{Failed=1, Success=2}`; None when there are no targets (spec 4.5)."""
    if not counts:
        return None
    return f"{{{', '.join([f'{status}={count}' for status, count in sorted(counts.items())])}}}"


def execution_status(counts: Counts, *, dispatched: bool, ending: str | None) -> tuple[str, str]:
    """(Status, DetailedStatus) of a resolved execution.

    `dispatched`: a first target was released. `ending`: why it was cut short, if it was.
    """
    if counts.get("Pending") or counts.get("InProgress"):
        status = "InProgress" if dispatched else "Pending"
        return status, status
    if ending == "alarm":
        return "Failed", "AlarmTriggered"
    if counts.get("Failed"):
        return "Failed", "Failed"
    if counts.get("TimedOut"):
        return "TimedOut", "TimedOut"
    if counts.get("Cancelled"):
        return "Failed", "Terminated" if ending == "errors" else "Cancelled"
    if not counts and ending is not None:
        return unresolved_end(ending)
    if counts and set(counts) == {"Skipped"}:
        return "Skipped", "Skipped"
    return "Success", "Success"


def unresolved_end(ending: str) -> tuple[str, str]:
    """How an execution ends that was cut short before it had any target."""
    return ("TimedOut", "TimedOut") if ending == "superseded" else ("Failed", "Cancelled")


def overview(counts: Counts, *, resolved: bool, failed_start: str | None) -> tuple[str, str]:
    """(Status, DetailedStatus) of an association from the latest status of every effective node.

    `resolved` is false from a creation or update until targets were resolved; `failed_start` is the reason why the
    newest run could not start, until one can (D8, D29).
    """
    if not resolved:
        return "Pending", "Associated"
    if failed_start is not None:
        return "Failed", failed_start
    if counts.get("InProgress"):
        return "Pending", "InProgress"
    if counts.get("Pending"):
        return "Pending", "InProgress" if len(counts) > 1 else "Pending"
    for status in ("Failed", "TimedOut", "Cancelled"):
        if counts.get(status):
            return "Failed", status
    if counts and set(counts) == {"Skipped"}:
        return "Success", "Skipped"
    return "Success", "Success"


def node_status(statuses: Counts) -> str:
    """The worst of a node's associations: Failed, then Pending, then Success (spec 4.4)."""
    if any(statuses.get(status) for status in ("Failed", "TimedOut", "Cancelled")):
        return "Failed"
    return "Pending" if statuses.get("Pending") or statuses.get("InProgress") else "Success"
