"""A plan as people read it (console 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stateward.folder.changes import Change
from stateward.folder.planning import Plan

SIGNS = {"create": "+", "update": "~", "replace": "±", "adopt": "=", "delete": "-"}
COLOURS = {"create": "green", "update": "yellow", "replace": "magenta", "adopt": "blue", "delete": "red"}


def lines(plan: Plan, effects: Sequence[list[str]]) -> list[tuple[str, str]]:
    """(text, colour) for each line; `effects` are further notes of each change, in order."""
    shown: list[tuple[str, str]] = []
    for change, more in zip(plan.changes, effects, strict=True):
        head = f"{SIGNS[change.action]} {change.kind:<11} {change.name}"
        plain = [text for text in change.differences if not text.startswith("  ")]
        said = [*plain, *change.notes, *more]
        shown.append((f"{head}   {' · '.join(said)}".rstrip(), COLOURS[change.action]))
        for text in change.differences:
            if text.startswith("  "):
                colour = {"+": "green", "-": "red"}.get(text[2:3], "")
                shown.append((f"    {text[2:]}", colour))
    return shown


def summary(plan: Plan, *, delete: bool, adopt: bool) -> str:
    """`0 to add, 1 to change, 1 to delete (needs --delete), 12 unchanged`."""
    parts = [
        f"{_count(plan.changes, 'create')} to add",
        f"{_count(plan.changes, 'update')} to change",
        _with_flag(_count(plan.changes, "replace"), "to replace", "--delete", delete),
        _with_flag(_count(plan.changes, "delete"), "to delete", "--delete", delete),
        _with_flag(sum(change.adopts for change in plan.changes), "to adopt", "--adopt", adopt),
        f"{plan.unchanged} unchanged",
    ]
    return ", ".join(part for part in parts if part)


def left_over(plan: Plan) -> str:
    """What is not done without a flag."""
    flags = sorted({flag for change in plan.changes for flag, needed in _flags(change) if needed})
    return f"what is left needs {' and '.join(flags)}" if flags else ""


def as_json(plan: Plan, effects: Sequence[list[str]]) -> dict[str, Any]:
    """The plan for programs."""
    return {
        "folder": plan.folder,
        "hash": plan.hash,
        "changes": [
            {
                "action": change.action,
                "kind": change.kind,
                "key": change.key,
                "name": change.name,
                "differences": change.differences,
                "notes": [*change.notes, *more],
                "needs": [flag for flag, needed in _flags(change) if needed],
            }
            for change, more in zip(plan.changes, effects, strict=True)
        ],
        "problems": plan.problems,
        "unchanged": plan.unchanged,
    }


def _flags(change: Change) -> Iterable[tuple[str, bool]]:
    return (("--delete", change.needs_delete), ("--adopt", change.adopts))


def _count(changes: Sequence[Change], action: str) -> int:
    return sum(change.action == action and not change.adopts for change in changes)


def _with_flag(count: int, what: str, flag: str, given: bool) -> str:
    if not count:
        return ""
    return f"{count} {what}" if given else f"{count} {what} (needs {flag})"
