"""Which inventory types there are, and which attributes their entries have (spec 6.9).

Types of `AWS:` are data of ours beside this module; custom types are what was uploaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec

from stateward.inventory.rows import CustomTypeRow
from stateward.wire.errors import AwsError

AWS, CUSTOM = "AWS", "Custom"


class InventoryType(msgspec.Struct, frozen=True):
    """One type. `derived`: made of what the server knows of nodes; `read_with`: kept by another room's operation."""

    name: str
    versions: list[str]
    attributes: dict[str, str]
    display_name: str | None = None
    aggregated: list[str] = []
    derived: bool = False
    read_with: str | None = None
    sub_types: dict[str, list[str]] = {}


class Types:
    """The types of AWS, and the custom ones of one account and region."""

    def __init__(self, known: Mapping[str, InventoryType]) -> None:
        self._known = known

    @classmethod
    def load(cls) -> Types:
        """Those of AWS, from the file."""
        text = resources.files("stateward.inventory").joinpath("types.json").read_bytes()
        return cls({one.name: one for one in msgspec.json.decode(text, type=list[InventoryType])})

    def with_custom(self, rows: Sequence[CustomTypeRow]) -> Types:
        """These and the custom types, all attributes of which are text and can be counted."""
        custom = {row.type_name: _custom_type(row) for row in rows}
        return Types({**self._known, **custom})

    def find(self, name: str) -> InventoryType | None:
        return self._known.get(name)

    def require(self, name: str) -> InventoryType:
        """Raises InvalidTypeNameException."""
        found = self._known.get(name)
        if found is None:
            raise AwsError(
                "InvalidTypeNameException",
                f"Inventory type {name} does not exist: GetInventorySchema lists those that do.",
            )
        return found

    def named(self, given: str) -> list[InventoryType]:
        """By name: those that `given` means, which is a type, `AWS`, `Custom`, or nothing for all."""
        if given in ("", AWS, CUSTOM):
            return [self._known[name] for name in sorted(self._known) if name.startswith(given)]
        return [self.require(given)]


def schemas_of(types: Sequence[InventoryType], *, aggregated: bool, sub_types: bool) -> list[dict[str, Any]]:
    """InventoryItemSchemas: whole ones, those attributes that can be counted, or those of the sub types."""
    if sub_types:
        return [
            {"TypeName": name, "Version": one.versions[-1], "Attributes": _attributes(one, one.sub_types[name])}
            for one in types
            for name in sorted(one.sub_types)
        ]
    if aggregated:
        return [_schema(one, one.aggregated) for one in types if one.aggregated]
    return [_schema(one, list(one.attributes)) for one in types if one.attributes]


def _schema(one: InventoryType, names: Sequence[str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "TypeName": one.name,
        "Version": one.versions[-1],
        "Attributes": _attributes(one, names),
    }
    if one.display_name is not None:
        body["DisplayName"] = one.display_name
    return body


def _attributes(one: InventoryType, names: Sequence[str]) -> list[dict[str, str]]:
    return [{"Name": name, "DataType": one.attributes[name]} for name in names]


def _custom_type(row: CustomTypeRow) -> InventoryType:
    names = msgspec.json.decode(row.attributes, type=list[str])
    return InventoryType(row.type_name, [row.version], dict.fromkeys(names, "STRING"), aggregated=names)
