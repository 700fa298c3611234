"""Compliance: types, then their nodes, then a node's items."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from stateward.console.visit import Page, Visit

MOST = 50
SEVERITIES = ("Critical", "High", "Medium", "Low", "Informational", "Unspecified")


async def show(visit: Visit) -> Response:
    """All types, `?type=` its nodes, `?node=` its items."""
    if visit.query("node"):
        return await _items(visit, visit.query("node"))
    if visit.query("type"):
        return await _nodes(visit, visit.query("type"))
    found = await visit.ask("ListComplianceSummaries", MaxResults=MOST, NextToken=visit.query("page") or None)
    return visit.page(
        "compliance.html",
        "Compliance",
        level="types",
        rows=[summary_of(one) for one in found["ComplianceSummaryItems"]],
        next_page=found.get("NextToken"),
    )


def summary_of(one: dict[str, Any]) -> dict[str, Any]:
    """How many are compliant, how many are not and how badly."""
    good, bad = one.get("CompliantSummary", {}), one.get("NonCompliantSummary", {})
    counts = bad.get("SeveritySummary", {})
    return {
        "type": one["ComplianceType"],
        "node": one.get("ResourceId", ""),
        "status": one.get("Status", ""),
        "compliant": good.get("CompliantCount", 0),
        "bad": bad.get("NonCompliantCount", 0),
        "severities": [(name, counts.get(f"{name}Count", 0)) for name in SEVERITIES if counts.get(f"{name}Count", 0)],
    }


async def _nodes(visit: Visit, kind: str) -> Response:
    filters = [{"Key": "ComplianceType", "Values": [kind], "Type": "EQUAL"}]
    found = await visit.ask(
        "ListResourceComplianceSummaries",
        Filters=filters,
        MaxResults=min(visit.size, MOST),
        NextToken=visit.query("page") or None,
    )
    rows = [summary_of(one) for one in found["ResourceComplianceSummaryItems"]]
    return visit.page("compliance.html", kind, level="nodes", rows=rows, next_page=found.get("NextToken"))


async def _items(visit: Visit, node_id: str) -> Response:
    found = await visit.ask(
        "ListComplianceItems",
        ResourceIds=[node_id],
        ResourceTypes=["ManagedInstance"],
        MaxResults=min(visit.size, MOST),
        NextToken=visit.query("page") or None,
    )
    return visit.page(
        "compliance.html",
        f"Compliance of {node_id}",
        level="items",
        rows=found["ComplianceItems"],
        next_page=found.get("NextToken"),
    )


PAGES = (Page("/compliance", show),)
