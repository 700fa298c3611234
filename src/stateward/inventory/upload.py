"""What a PutInventory request may hold (spec 6.8, 6.9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.inventory.rows import CustomTypeRow
from stateward.inventory.schemas import Types
from stateward.wire.errors import AwsError

CUSTOM_TYPES = 20
CUSTOM_ATTRIBUTES = 50
ITEM_BYTES = 1024 * 1024
NODE_BYTES = 5 * 1024 * 1024
CUSTOM_PREFIX = "Custom:"


class Item(msgspec.Struct, frozen=True):
    """One type's entries; `content` is their JSON, None when only the hash was sent."""

    type_name: str
    schema_version: str
    capture_time: str
    content_hash: str | None
    content: str | None
    attributes: frozenset[str]


def items_of(entries: Sequence[Mapping[str, Any]], types: Types) -> list[Item]:
    """The items, at most one a type; `types` are those of AWS. Raises the errors of PutInventory."""
    found: dict[str, Item] = {}
    for entry in entries:
        one = _item(entry)
        if one.type_name in found:
            raise AwsError("InvalidItemContentException", f"{one.type_name} is given twice.")
        if one.type_name.startswith(CUSTOM_PREFIX):
            _check_custom(one)
        else:
            _check_aws(one, types)
        found[one.type_name] = one
    return list(found.values())


def merged_type(one: Item, known: CustomTypeRow | None) -> CustomTypeRow:
    """The custom type with what this item adds to its attributes. Raises InvalidItemContentException."""
    names = set(msgspec.json.decode(known.attributes, type=list[str])) if known is not None else set()
    names |= one.attributes
    if len(names) > CUSTOM_ATTRIBUTES:
        raise AwsError(
            "InvalidItemContentException",
            f"{one.type_name} would have {len(names)} attributes, {CUSTOM_ATTRIBUTES} are allowed.",
        )
    version = one.schema_version
    if known is not None and version_order(known.version) > version_order(version):
        version = known.version
    attributes = msgspec.json.encode(sorted(names)).decode()
    return CustomTypeRow(one.type_name, version, attributes, None if known is None else known.disabled_version)


def is_ignored(one: Item, known: CustomTypeRow | None) -> bool:
    """A disabled version of a custom type, and all before it, are taken and not kept."""
    if known is None or known.disabled_version is None:
        return False
    return version_order(one.schema_version) <= version_order(known.disabled_version)


def version_order(version: str) -> tuple[int, int]:
    """`1.10` comes after `1.9`."""
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _item(entry: Mapping[str, Any]) -> Item:
    name = entry["TypeName"]
    if "Content" not in entry and not entry.get("ContentHash"):
        raise AwsError("InvalidItemContentException", f"{name} has neither Content nor ContentHash.")
    if entry.get("Context"):
        raise AwsError("UnsupportedInventoryItemContextException", f"{name} takes no Context.")
    content = None
    attributes: set[str] = set()
    if "Content" in entry:
        content = msgspec.json.encode(entry["Content"]).decode()
        attributes = set().union(*entry["Content"])
        size = len(content.encode())
        if size > ITEM_BYTES:
            raise AwsError("ItemSizeLimitExceededException", f"{name} has {size} bytes, {ITEM_BYTES} are allowed.")
    hash_given = entry.get("ContentHash") or None
    return Item(name, entry["SchemaVersion"], entry["CaptureTime"], hash_given, content, frozenset(attributes))


def _check_custom(one: Item) -> None:
    if one.type_name == CUSTOM_PREFIX:
        raise AwsError("InvalidTypeNameException", "A custom type needs a name: Custom:<name>")


def _check_aws(one: Item, types: Types) -> None:
    known = types.require(one.type_name)
    if known.derived:
        raise AwsError("InvalidTypeNameException", f"{one.type_name} is made by the server and can not be uploaded.")
    if known.read_with is not None:
        raise AwsError("InvalidTypeNameException", f"{one.type_name} can not be uploaded: use PutComplianceItems")
    if one.schema_version not in known.versions:
        raise AwsError(
            "UnsupportedInventorySchemaVersionException",
            f"{one.type_name} has no schema version {one.schema_version}: use one of {', '.join(known.versions)}",
        )
