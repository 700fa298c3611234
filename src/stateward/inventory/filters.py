"""Filters over inventory (spec 6.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.inventory.schemas import Types
from stateward.wire.comparison import operator_of, passes
from stateward.wire.errors import AwsError

TYPE_NAME = "TypeName"
Entry = Mapping[str, str]


class Held(msgspec.Struct, frozen=True):
    """What a node has of one type."""

    schema_version: str
    capture_time: str
    content_hash: str | None
    entries: Sequence[Entry]


Inventory = Mapping[str, Held]
"""What one node has: type → Held."""


class Filter(msgspec.Struct, frozen=True):
    """A condition on an attribute; `attribute` is None where it asks whether the node has one of the types `values`."""

    type_name: str
    attribute: str | None
    operator: str
    values: tuple[str, ...]


def filters_of(entries: Sequence[Mapping[str, Any]], types: Types, *, code: str, in_group: bool) -> list[Filter]:
    """Raises an error of this code for a key that names no attribute; Exists belongs into groups."""
    return [_one(entry, types, code=code, in_group=in_group) for entry in entries]


def split_attribute(key: str, types: Types, *, code: str) -> tuple[str, str]:
    """`AWS:Application.Name` → (AWS:Application, Name). Raises an error of this code."""
    type_name, dot, attribute = key.rpartition(".")
    known = types.find(type_name) if dot else None
    if known is None:
        raise AwsError(code, f"{key} names no attribute: write <type>.<attribute>, such as AWS:Application.Name")
    if known.read_with is not None:
        raise AwsError(code, f"{type_name} is not kept in the inventory: use {known.read_with}")
    if attribute not in known.attributes:
        raise AwsError(code, f"{type_name} has no attribute {attribute}: use one of {', '.join(known.attributes)}")
    return type_name, attribute


def types_of(filters: Sequence[Filter]) -> set[str]:
    """The types that these filters look at."""
    found: set[str] = set()
    for one in filters:
        found |= set(one.values) if one.attribute is None else {one.type_name}
    return found


def matches(inventory: Inventory, filters: Sequence[Filter]) -> bool:
    """Whether a node meets every filter.

    Conditions on the same type must meet in one entry (an application of this name *and* this version); NotEqual asks
    that the node has the type and no entry has the value.
    """
    asked_of_type: dict[str, list[Filter]] = {}
    for one in filters:
        if one.attribute is None:
            if not any(name in inventory and inventory[name].entries for name in one.values):
                return False
        else:
            asked_of_type.setdefault(one.type_name, []).append(one)
    return all(name in inventory and _meets(inventory[name].entries, asked) for name, asked in asked_of_type.items())


def entry_meets(entry: Entry, filters: Sequence[Filter]) -> bool:
    return all(passes(one.operator, entry.get(one.attribute or ""), one.values) for one in filters)


def _meets(entries: Sequence[Entry], asked: Sequence[Filter]) -> bool:
    never = [one for one in asked if one.operator == "notequal"]
    together = [one for one in asked if one.operator != "notequal"]
    if not entries or not all(entry_meets(entry, never) for entry in entries):
        return False
    return any(entry_meets(entry, together) for entry in entries)


def _one(entry: Mapping[str, Any], types: Types, *, code: str, in_group: bool) -> Filter:
    key, values, operator = entry["Key"], tuple(entry["Values"]), operator_of(entry.get("Type"))
    if operator == "exists" and not in_group:
        raise AwsError(code, f"{key}: Exists works in the groups of aggregators only")
    if key != TYPE_NAME:
        return Filter(*split_attribute(key, types, code=code), operator, values)
    if operator != "exists":
        raise AwsError(code, f"{TYPE_NAME} works with Exists in the groups of aggregators only")
    for name in values:
        known = types.find(name)
        if known is None or known.read_with is not None:
            raise AwsError(code, f"{name} is no type of the inventory")
    return Filter("", None, operator, values)
