"""Why an execution began, in words: a pure function of its cause (D1, D31)."""

from __future__ import annotations

from collections.abc import Callable

_WORDS: dict[str, Callable[[str, str], str]] = {
    "version": lambda rest, who: f"version {rest} by {who}",
    "due": lambda rest, who: "schedule",
    "manual": lambda rest, who: f"by {who}",
    "document": lambda rest, who: "its document was deleted" if rest.startswith("deleted") else "its document changed",
    "parameter": lambda rest, who: f"parameter {rest.rsplit(':', 2)[0]} changed",
    "nodes": lambda rest, who: "new nodes",
    "catchup": lambda rest, who: "catch-up of a missed run",
    "calendar": lambda rest, who: "its calendars opened",
    "refresh": lambda rest, who: "asked for by a node (aws:refreshAssociation)",
    "retry": lambda rest, who: f"retry by {who}",
    "agent": lambda rest, who: "begun by the node's own agent",
}


def words(cause: str, started_by: str) -> str:
    """`schedule`, `by ops-2`, `catch-up of a missed run`: what a list shows of a cause."""
    kind, _, rest = cause.partition(":")
    known = _WORDS.get(kind)
    return cause if known is None else known(rest, started_by)


def due_ms(cause: str) -> int | None:
    """The scheduled instant that an execution stands for, in ms; None for all that no schedule began."""
    kind, _, rest = cause.partition(":")
    return int(rest) if kind == "due" and rest.isdecimal() else None
