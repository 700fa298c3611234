"""What is different between two executions of an association; pure (console 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

BAD = frozenset({"Failed", "TimedOut", "Cancelled"})
GOOD = "Success"


class Outcome(msgspec.Struct, frozen=True):
    """How an execution ended on one node: the target's status, and what it failed of."""

    status: str
    error: str | None = None


class Difference(msgspec.Struct, frozen=True):
    """Nodes by what became of them, each in the order of their ids. A node stands in one list.

    `failing`: not well now, well before; `recovered`: the other way round; `other_error` and `same_error`: not well in
    both; `new` and `gone`: a target in one only; `well`: Success in both; `rest`: everything else, such as Skipped.
    """

    failing: tuple[str, ...]
    recovered: tuple[str, ...]
    other_error: tuple[str, ...]
    same_error: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    well: tuple[str, ...]
    rest: tuple[str, ...]


KINDS = Difference.__struct_fields__


def kind(before: Outcome | None, after: Outcome | None) -> str:
    """In which list a node stands; it is a target of at least one of the two."""
    if before is None or after is None:
        return "new" if before is None else "gone"
    if before.status in BAD and after.status in BAD:
        same = (before.status, before.error) == (after.status, after.error)
        return "same_error" if same else "other_error"
    if before.status == GOOD and after.status in BAD:
        return "failing"
    if before.status in BAD and after.status == GOOD:
        return "recovered"
    return "well" if before.status == after.status == GOOD else "rest"


def compare(before: Mapping[str, Outcome], after: Mapping[str, Outcome]) -> Difference:
    """The nodes of both executions; `before` is the older one."""
    lists: dict[str, list[str]] = {name: [] for name in KINDS}
    for node_id in sorted(before.keys() | after.keys()):
        lists[kind(before.get(node_id), after.get(node_id))].append(node_id)
    return Difference(**{name: tuple(nodes) for name, nodes in lists.items()})


def changed_members(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The members of two definitions that differ, by name, with both values; null: it was not given."""
    return [
        {"member": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
