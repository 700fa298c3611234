"""What a PutComplianceItems request may hold (spec 6.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.wire.errors import AwsError

ASSOCIATION = "Association"
RESOURCE_TYPE = "ManagedInstance"
CUSTOM = "Custom:"
TYPE = re.compile(r"Association|Patch|Custom:.+")
CUSTOM_TYPES_PER_NODE = 10
ITEM_BYTES = 64 * 1024
NODE_BYTES = 5 * 1024 * 1024


class Execution(msgspec.Struct, frozen=True):
    """What the items were found by: an instant in ms, and an id and a kind that may be empty."""

    execution_ms: int
    execution_id: str = ""
    execution_type: str = ""


class Item(msgspec.Struct, frozen=True):
    """One compliance item; `details` are JSON, `size_bytes` is what counts against the limits."""

    item_id: str
    title: str | None
    severity: str
    status: str
    details: str
    size_bytes: int


def item(item_id: str, title: str | None, severity: str, status: str, details: Mapping[str, str]) -> Item:
    text = msgspec.json.encode(details).decode()
    size = len(text.encode()) + len(item_id.encode()) + len((title or "").encode())
    return Item(item_id, title, severity, status, text, size)


def execution_of(summary: Mapping[str, Any]) -> Execution:
    return Execution(summary["ExecutionTime"], summary.get("ExecutionId", ""), summary.get("ExecutionType", ""))


def check_types(resource_type: str, compliance_type: str) -> None:
    """Raises InvalidResourceType, or InvalidItemContentException for a compliance type that there is not."""
    if resource_type != RESOURCE_TYPE:
        raise AwsError("InvalidResourceType", f"{resource_type} is no resource type here: use {RESOURCE_TYPE}")
    if not TYPE.fullmatch(compliance_type):
        raise AwsError(
            "InvalidItemContentException",
            f"{compliance_type} is no compliance type: use Association, Patch or Custom:<name>",
        )


def items_of(entries: Sequence[Mapping[str, Any]]) -> list[Item]:
    """The items, each with an id of its own. Raises InvalidItemContentException, ItemSizeLimitExceededException."""
    found: dict[str, Item] = {}
    for number, entry in enumerate(entries, 1):
        item_id = entry.get("Id", "")
        if not item_id:
            raise AwsError("InvalidItemContentException", f"Item {number} has no Id.")
        if item_id in found:
            raise AwsError("InvalidItemContentException", f"Id {item_id[:100]} is given twice.")
        one = item(item_id, entry.get("Title"), entry["Severity"], entry["Status"], entry.get("Details", {}))
        if one.size_bytes > ITEM_BYTES:
            raise AwsError(
                "ItemSizeLimitExceededException",
                f"Item {item_id[:100]} has {one.size_bytes} bytes, {ITEM_BYTES} are allowed.",
            )
        found[item_id] = one
    return list(found.values())
