"""Which associations and executions a listing means (spec 2.10, 2.12, 2.13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.associations.rows import AssociationRow, Definition
from stateward.wire.errors import validation_error
from stateward.wire.protocol import parse_instant

EARLIEST_MS = -(2**62)
LATEST_MS = 2**62


class AssociationFilter(msgspec.Struct, frozen=True):
    key: str
    value: str
    instant_ms: int | None


class ExecutionFilters(msgspec.Struct, frozen=True):
    """What is left of DescribeAssociationExecutions' filters: exact values, and an open interval of creation."""

    execution_id: str | None = None
    status: str | None = None
    after_ms: int = EARLIEST_MS
    before_ms: int = LATEST_MS
    contradictory: bool = False


def filters_of(request: Mapping[str, Any]) -> list[AssociationFilter]:
    """The filters of ListAssociations, all of which must hold. Raises ValidationException for bad dates."""
    found: list[AssociationFilter] = []
    for item in request.get("AssociationFilterList", ()):
        dated = item["key"] in ("LastExecutedBefore", "LastExecutedAfter")
        found.append(AssociationFilter(item["key"], item["value"], _instant(item["value"]) if dated else None))
    return found


def matches(row: AssociationRow, members: Definition, filters: Sequence[AssociationFilter]) -> bool:
    """Whether an association passes every filter."""
    return all(_passes(row, members, one) for one in filters)


def execution_filters(request: Mapping[str, Any]) -> ExecutionFilters:
    """The filters of DescribeAssociationExecutions joined by AND (EXE-06 to EXE-16).

    Raises ValidationException for an operator that the key does not take and for a date that cannot be read.
    """
    found = ExecutionFilters()
    for item in request.get("Filters", ()):
        key, value, kind = item["Key"], item["Value"], item["Type"]
        if key != "CreatedTime" and kind != "EQUAL":
            raise validation_error(f"Filter type {kind} is not supported for key {key}")
        if key == "CreatedTime":
            found = _narrowed(found, kind, _instant(value))
            continue
        member = "execution_id" if key == "ExecutionId" else "status"
        already = getattr(found, member)
        found = msgspec.structs.replace(
            found, **{member: value}, contradictory=found.contradictory or already not in (None, value)
        )
    return found


def target_filters(request: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """Equality filters of DescribeAssociationExecutionTargets by key, and whether they contradict each other."""
    found: dict[str, str] = {}
    contradictory = False
    for item in request.get("Filters", ()):
        contradictory = contradictory or found.get(item["Key"], item["Value"]) != item["Value"]
        found[item["Key"]] = item["Value"]
    return found, contradictory


def _narrowed(filters: ExecutionFilters, kind: str, instant_ms: int) -> ExecutionFilters:
    after_ms, before_ms = filters.after_ms, filters.before_ms
    if kind in ("GREATER_THAN", "EQUAL"):
        after_ms = max(after_ms, instant_ms if kind == "GREATER_THAN" else instant_ms - 1)
    if kind in ("LESS_THAN", "EQUAL"):
        before_ms = min(before_ms, instant_ms if kind == "LESS_THAN" else instant_ms + 1)
    return msgspec.structs.replace(filters, after_ms=after_ms, before_ms=before_ms)


def _instant(text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError:
        raise validation_error(f"Invalid date format: {text}") from None


def _passes(row: AssociationRow, members: Definition, one: AssociationFilter) -> bool:
    match one.key:
        case "AssociationId":
            return row.association_id == one.value
        case "Name":
            return row.name == one.value
        case "AssociationName":
            return row.association_name == one.value
        case "AssociationStatusName":
            return row.overview_status == one.value
        case "LastExecutedBefore":
            return row.last_execution_ms is not None and row.last_execution_ms < (one.instant_ms or 0)
        case "LastExecutedAfter":
            return row.last_execution_ms is not None and row.last_execution_ms > (one.instant_ms or 0)
        case "ResourceGroupName":
            return any(
                target.get("Key") == "resource-groups:Name" and one.value in target.get("Values", ())
                for target in members.get("Targets", ())
            )
        case _:
            # InstanceId finds associations made with InstanceId; lists and tags are not expanded (LST-02).
            return members.get("InstanceId") == one.value
