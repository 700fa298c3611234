"""Which nodes a list of Targets means (spec 1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

EVERY_NODE = "*"
NODE_ID = re.compile(r"(i-(\w{8}|\w{17}))|(mi-\w{17})", re.ASCII)
UNSUPPORTED = "Unsupported Target Type"
GROUP_KEYS = 5
GROUP_VALUES = 5
AUTOMATION_KEYS = frozenset({"ParameterValues", "ResourceGroup", "AWS::EC2::Instance", "aws:NoOpAutomationTag"})

Groups = Mapping[str, Mapping[str, Sequence[str]]]
"""Group name → tag filters: tag key → values, one of which a member has; all keys must fit (D52)."""


class InvalidTarget(ValueError):
    """A target that cannot be used; the text is the caller's."""


class Target(msgspec.Struct, frozen=True):
    """One condition; `kind` is ids, every, tag, tag-key, group (to be expanded) or automation (never a node)."""

    kind: str
    key: str
    values: tuple[str, ...]


def parse(targets: Sequence[Mapping[str, Any]], *, automation: bool = False) -> tuple[Target, ...]:
    """The conditions, all of which a node must meet. Raises InvalidTarget for keys that do not exist here.

    `automation` lets in the keys that only Automation documents know.
    """
    return tuple(_one(target.get("Key", ""), tuple(target.get("Values", ())), automation) for target in targets)


def expanded(targets: Sequence[Target], groups: Groups) -> tuple[Target, ...]:
    """The conditions with each group replaced by its tag filters. Raises InvalidTarget for a group that cannot be."""
    found: list[Target] = []
    for target in targets:
        if target.kind != "group":
            found.append(target)
            continue
        filters = groups.get(target.values[0])
        if filters is None:
            raise InvalidTarget(f"The resource group {target.values[0]} does not exist.")
        if not filters or len(filters) > GROUP_KEYS or any(len(values) > GROUP_VALUES for values in filters.values()):
            raise InvalidTarget(
                f"The resource group {target.values[0]} must have 1 to {GROUP_KEYS} tag keys with at most "
                f"{GROUP_VALUES} values each."
            )
        found += [Target("tag", key, tuple(values)) for key, values in filters.items()]
    return tuple(found)


def matches(targets: Sequence[Target], node_id: str, tags: Mapping[str, str]) -> bool:
    """Whether a node meets every condition; within a condition one value is enough."""
    return bool(targets) and all(_meets(target, node_id, tags) for target in targets)


def named_nodes(targets: Sequence[Target]) -> tuple[str, ...] | None:
    """The only ids that can match, where a condition lists ids; None when it takes a look at all nodes."""
    listed = [set(target.values) for target in targets if target.kind == "ids"]
    return tuple(sorted(set.intersection(*listed))) if listed else None


def _one(key: str, values: tuple[str, ...], automation: bool) -> Target:
    if key.lower() == "instanceids":
        if EVERY_NODE in values:
            if values != (EVERY_NODE,):
                raise InvalidTarget("The value * of InstanceIds stands for every node: it must be the only value.")
            return Target("every", key, ())
        wrong = [value for value in values if not NODE_ID.fullmatch(value)]
        if wrong:
            raise InvalidTarget(f"InstanceIds has values that are no node ids: {', '.join(wrong[:5])}")
        return Target("ids", key, values)
    if key.startswith("tag:") and len(key) > len("tag:"):
        return Target("tag", key.removeprefix("tag:"), values)
    if key == "tag-key":
        return Target("tag-key", key, values)
    if key == "resource-groups:Name":
        if len(values) != 1:
            raise InvalidTarget("resource-groups:Name takes exactly one group.")
        return Target("group", key, values)
    if automation and key in AUTOMATION_KEYS:
        return Target("automation", key, values)
    raise InvalidTarget(UNSUPPORTED)


def _meets(target: Target, node_id: str, tags: Mapping[str, str]) -> bool:
    match target.kind:
        case "every":
            return True
        case "ids":
            return node_id in target.values
        case "tag":
            return target.key in tags and (not target.values or tags[target.key] in target.values)
        case "tag-key":
            return any(key in tags for key in target.values)
        case _:
            return False
