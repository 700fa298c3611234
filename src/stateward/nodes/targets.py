"""Which nodes a list of Targets means (spec 1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

EVERY_NODE = "*"
NODE_ID = re.compile(r"(i-(\w{8}|\w{17}))|(mi-\w{17})", re.ASCII)
UNSUPPORTED = "Unsupported Target Type"


class InvalidTarget(ValueError):
    """A target that cannot be used; the text is the caller's."""


class Target(msgspec.Struct, frozen=True):
    """One condition; `kind` is ids, every, tag or tag-key."""

    kind: str
    key: str
    values: tuple[str, ...]


def parse(targets: Sequence[Mapping[str, Any]]) -> tuple[Target, ...]:
    """The conditions, all of which a node must meet. Raises InvalidTarget for keys that do not exist here."""
    return tuple(_one(target.get("Key", ""), tuple(target.get("Values", ()))) for target in targets)


def matches(targets: Sequence[Target], node_id: str, tags: Mapping[str, str]) -> bool:
    """Whether a node meets every condition; within a condition one value is enough."""
    return bool(targets) and all(_meets(target, node_id, tags) for target in targets)


def named_nodes(targets: Sequence[Target]) -> tuple[str, ...] | None:
    """The only ids that can match, where a condition lists ids; None when it takes a look at all nodes."""
    listed = [set(target.values) for target in targets if target.kind == "ids"]
    return tuple(sorted(set.intersection(*listed))) if listed else None


def _one(key: str, values: tuple[str, ...]) -> Target:
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
        raise InvalidTarget("Targets of the type resource-groups are not supported by this version of Stateward")
    raise InvalidTarget(UNSUPPORTED)


def _meets(target: Target, node_id: str, tags: Mapping[str, str]) -> bool:
    match target.kind:
        case "every":
            return True
        case "ids":
            return node_id in target.values
        case "tag":
            return target.key in tags and (not target.values or tags[target.key] in target.values)
        case _:
            return any(key in tags for key in target.values)
