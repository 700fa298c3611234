"""Filters of the compliance listings (spec 6.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.compliance.rows import ItemRow, SummaryRow
from stateward.compliance.summary import overall_severity, status_of
from stateward.compliance.upload import RESOURCE_TYPE
from stateward.wire.comparison import operator_of, passes
from stateward.wire.errors import AwsError
from stateward.wire.protocol import iso8601

DETAILS = (
    "DocumentName",
    "DocumentVersion",
    "Classification",
    "PatchBaselineId",
    "PatchSeverity",
    "PatchState",
    "PatchGroup",
    "InstalledTime",
)
COMMON = ("ComplianceType", "ResourceId", "ResourceType", "Status", "ExecutionTime", "ExecutionId", "ExecutionType")
ITEM_KEYS = (*COMMON, "Id", "Title", "Severity", *DETAILS)
SUMMARY_KEYS = (*COMMON, "OverallSeverity")


class Filter(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...]


def filters_of(entries: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[Filter]:
    """Raises InvalidFilter for a filter without key or values, and for a key that is not among `keys`."""
    found = []
    for entry in entries:
        if "Key" not in entry or "Values" not in entry:
            raise AwsError("InvalidFilter", "A filter needs Key and Values.")
        if entry["Key"] not in keys:
            raise AwsError("InvalidFilter", f"{entry['Key']} is no filter here: use one of {', '.join(keys)}")
        found.append(Filter(entry["Key"], operator_of(entry.get("Type")), tuple(entry["Values"])))
    return found


def item_passes(row: ItemRow, details: Mapping[str, str], filters: Sequence[Filter]) -> bool:
    """Whether an item meets every filter."""
    return all(passes(one.operator, _of_item(row, details, one.key), one.values) for one in filters)


def summary_passes(row: SummaryRow, filters: Sequence[Filter]) -> bool:
    """Whether what a node has of one type meets every filter."""
    return all(passes(one.operator, _of_summary(row, one.key), one.values) for one in filters)


def _of_item(row: ItemRow, details: Mapping[str, str], key: str) -> str | None:
    match key:
        case "Id":
            return row.item_id
        case "Title":
            return row.title
        case "Severity":
            return row.severity
        case "Status":
            return row.status
        case _ if key in DETAILS:
            return details.get(key)
        case _:
            return _common(row, key)


def _of_summary(row: SummaryRow, key: str) -> str | None:
    match key:
        case "Status":
            return status_of(row)
        case "OverallSeverity":
            return overall_severity(row)
        case _:
            return _common(row, key)


def _common(row: ItemRow | SummaryRow, key: str) -> str | None:
    match key:
        case "ComplianceType":
            return row.compliance_type
        case "ResourceId":
            return row.resource_id
        case "ResourceType":
            return RESOURCE_TYPE
        case "ExecutionTime":
            return iso8601(row.execution_ms)
        case "ExecutionId":
            return row.execution_id or None
        case "ExecutionType":
            return row.execution_type or None
        case _:
            raise ValueError(f"filter {key!r} has no value")
