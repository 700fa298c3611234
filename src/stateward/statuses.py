"""The statuses that people see, each with a letter, a sign and a word: colour is never alone."""

from __future__ import annotations

import msgspec


class Shown(msgspec.Struct, frozen=True):
    letter: str
    sign: str
    name: str


STATUSES = {
    one.name: one
    for one in (
        Shown("S", "✓", "Success"),
        Shown("F", "✕", "Failed"),
        Shown("T", "◔", "TimedOut"),
        Shown("C", "⊘", "Cancelled"),
        Shown("K", "–", "Skipped"),
        Shown("P", "○", "Pending"),
        Shown("I", "▸", "InProgress"),
        Shown(".", "·", "None"),
    )
}
BY_LETTER = {one.letter: one for one in STATUSES.values()}
LIKE = {
    "Cancelling": "InProgress",
    "Online": "Success",
    "ConnectionLost": "TimedOut",
    "Inactive": "Skipped",
    "COMPLIANT": "Success",
    "NON_COMPLIANT": "Failed",
    "OPEN": "Success",
    "CLOSED": "Skipped",
    "Active": "Success",
    "Creating": "InProgress",
    "Updating": "InProgress",
    "Deleting": "InProgress",
    "Associated": "Pending",
    "Undeliverable": "TimedOut",
    "Terminated": "Cancelled",
    "DeliveryTimedOut": "TimedOut",
    "ExecutionTimedOut": "TimedOut",
    "InvalidPlatform": "Failed",
    "AccessDenied": "Failed",
    "Delayed": "Pending",
}
"""Words that are no status of a run, and which one they look like."""


def look_of(status: str) -> Shown:
    """How a status, a ping status or a compliance word looks; what nobody knows looks like none."""
    return STATUSES.get(status) or STATUSES.get(LIKE.get(status, "")) or STATUSES["None"]
