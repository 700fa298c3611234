"""Associations and executions in words: state, targets, cause."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.associations import causes, letters, rollup, standing
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.console import matching


class Stand(msgspec.Struct, frozen=True):
    """How an association stands: the status that it looks like, a word, and the rest of the sentence."""

    look: str
    word: str
    rest: str


def stand_of(row: AssociationRow) -> Stand:
    """The worst that is true of it."""
    if row.state_rank == standing.FAILED:
        if row.bad_nodes:
            return Stand("Failed", "Failed", f"{counted(row.bad_nodes, 'node')} of {nodes_of(row):,} not well")
        return Stand("Failed", "Failed", f"its last run could not start: {row.failed_start}")
    if row.state_rank == standing.OWED:
        return Stand("Pending", "Owed", _owed(row.owed_nodes))
    if row.state_rank == standing.HELD:
        return Stand("Skipped", "Held back", "its change calendar is closed")
    if row.state_rank == standing.WAITING:
        return Stand("Pending", "Waiting", _waiting(row))
    return Stand("Success", "Well", f"on {counted(nodes_of(row), 'node')}")


def _owed(nodes: int) -> str:
    if nodes == 1:
        return "1 node missed a run, and runs it when it is back"
    return f"{nodes:,} nodes missed a run, and run it when they are back"


def _waiting(row: AssociationRow) -> str:
    """An update waits for its first run while the nodes of the version before are still its targets."""
    nodes = nodes_of(row)
    if not nodes:
        return "it has found no nodes yet"
    return f"version {row.version} has not run yet; the one before was on {counted(nodes, 'node')}"


def nodes_of(row: AssociationRow) -> int:
    """How many nodes are its targets now."""
    return sum(rollup.counts_of(row).values())


def name_of(row: AssociationRow) -> str:
    """Its name, else its document and the beginning of its id."""
    return row.association_name or f"{row.name} {row.association_id[:8]}"


def targets_of(definition: Definition) -> str:
    """`env=prod · role=web`, `every node`."""
    text = matching.text_of(definition.get("Targets", ()))
    if not text and definition.get("InstanceId"):
        return str(definition["InstanceId"])
    return " · ".join("every node" if line == "*" else line for line in text.splitlines())


def schedule_of(definition: Definition) -> str:
    """The expression as it is written: everybody who made one knows it."""
    expression = str(definition.get("ScheduleExpression") or "")
    offset = definition.get("ScheduleOffset")
    return f"{expression} + {offset} d" if offset else expression


def cause_of(row: ExecutionRow) -> str:
    """Why a run began."""
    return causes.words(row.cause, row.started_by)


def strip_of(recent: str) -> str:
    """The letters of the last runs."""
    return letters.shown(recent)


def counted(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"


def changed_members(before: Definition, after: Definition) -> list[tuple[str, Any, Any]]:
    """(member, before, after) of the members that differ; None where there was or is none."""
    names = [*before, *(name for name in after if name not in before)]
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def in_words(before: Definition, after: Definition) -> str:
    """What a version changed, shortly: `MaxConcurrency "50" → "20"`."""
    parts = []
    for name, old, new in changed_members(before, after):
        if isinstance(old, dict | list) or isinstance(new, dict | list):
            parts.append(f"{name} added" if old is None else f"{name} removed" if new is None else f"{name} changed")
        else:
            parts.append(f"{name} {'none' if old is None else old} → {'none' if new is None else new}")
    return ", ".join(parts) or "nothing"
