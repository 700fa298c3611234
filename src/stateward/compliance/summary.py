"""Counting items by status and severity (spec 6.5, CMP-05)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stateward.compliance.rows import ItemRow, SummaryRow
from stateward.compliance.upload import RESOURCE_TYPE
from stateward.wire.protocol import epoch_seconds

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED")
COUNTERS = ("CriticalCount", "HighCount", "MediumCount", "LowCount", "InformationalCount", "UnspecifiedCount")
COMPLIANT, NON_COMPLIANT = "COMPLIANT", "NON_COMPLIANT"


def compliant_counts(row: SummaryRow) -> tuple[int, ...]:
    """In the order of SEVERITIES."""
    return (
        row.compliant_critical,
        row.compliant_high,
        row.compliant_medium,
        row.compliant_low,
        row.compliant_informational,
        row.compliant_unspecified,
    )


def other_counts(row: SummaryRow) -> tuple[int, ...]:
    """Those of what is not compliant, in the order of SEVERITIES."""
    return (
        row.other_critical,
        row.other_high,
        row.other_medium,
        row.other_low,
        row.other_informational,
        row.other_unspecified,
    )


def status_of(row: SummaryRow) -> str:
    """A node is compliant when all of its items are."""
    return NON_COMPLIANT if any(other_counts(row)) else COMPLIANT


def overall_severity(row: SummaryRow) -> str:
    """The highest severity among the items that are not compliant; where all are, among all (assumed)."""
    counts = other_counts(row) if any(other_counts(row)) else compliant_counts(row)
    return next((severity for severity, count in zip(SEVERITIES, counts, strict=True) if count), "UNSPECIFIED")


def describe_item(row: ItemRow, details: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "ComplianceType": row.compliance_type,
        "ResourceType": RESOURCE_TYPE,
        "ResourceId": row.resource_id,
        "Id": row.item_id,
        "Status": row.status,
        "Severity": row.severity,
        "ExecutionSummary": _execution(row),
        "Details": details,
    }
    if row.title is not None:
        body["Title"] = row.title
    return body


def describe_node(row: SummaryRow) -> dict[str, Any]:
    """One ResourceComplianceSummaryItem: here the counters count items."""
    return {
        "ComplianceType": row.compliance_type,
        "ResourceType": RESOURCE_TYPE,
        "ResourceId": row.resource_id,
        "Status": status_of(row),
        "OverallSeverity": overall_severity(row),
        "ExecutionSummary": _execution(row),
        **_both_summaries(compliant_counts(row), other_counts(row)),
    }


def describe_types(rows: Iterable[SummaryRow]) -> list[dict[str, Any]]:
    """ComplianceSummaryItems by type: here the counters count nodes, by their overall severity."""
    counts: dict[str, tuple[list[int], list[int]]] = {}
    for row in rows:
        compliant, other = counts.setdefault(row.compliance_type, ([0] * 6, [0] * 6))
        side = compliant if status_of(row) == COMPLIANT else other
        side[SEVERITIES.index(overall_severity(row))] += 1
    return [
        {"ComplianceType": compliance_type, **_both_summaries(*counts[compliance_type])}
        for compliance_type in sorted(counts)
    ]


def _both_summaries(compliant: Sequence[int], other: Sequence[int]) -> dict[str, Any]:
    return {
        "CompliantSummary": {"CompliantCount": sum(compliant), "SeveritySummary": _severities(compliant)},
        "NonCompliantSummary": {"NonCompliantCount": sum(other), "SeveritySummary": _severities(other)},
    }


def _severities(counts: Sequence[int]) -> dict[str, int]:
    return dict(zip(COUNTERS, counts, strict=True))


def _execution(row: ItemRow | SummaryRow) -> dict[str, Any]:
    summary: dict[str, Any] = {"ExecutionTime": epoch_seconds(row.execution_ms)}
    if row.execution_id:
        summary["ExecutionId"] = row.execution_id
    if row.execution_type:
        summary["ExecutionType"] = row.execution_type
    return summary
