"""`stateward compliance`: whether nodes are as they should be."""

from __future__ import annotations

from typing import Annotated

import typer

from stateward.cli.arguments import Node
from stateward.cli.declaring import command, group
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.server import Server, Where

app = group(
    "Compliance: whether nodes are as they should be.",
    "stateward compliance list --not-compliant",
    "stateward compliance show web-017",
)


@command(app, "list", "stateward compliance list --not-compliant", "stateward compliance list -o name")
def list_nodes(
    where: Where,
    look: Look,
    not_compliant: Annotated[bool, typer.Option("--not-compliant", help="Only nodes that are not compliant.")] = False,
) -> None:
    """List nodes and kinds of compliance, with what is and what is not as it should be."""
    from stateward.cli.names import Names

    server = Server(where)
    filters = [{"Key": "Status", "Values": ["NON_COMPLIANT"], "Type": "EQUAL"}]
    rows = server.some(
        "list_resource_compliance_summaries",
        "ResourceComplianceSummaryItems",
        look.limit,
        MaxResults=50,
        **({"Filters": filters} if not_compliant else {}),
    )
    named = {} if look.is_plain else Names(server).node_names(row["ResourceId"] for row in rows)
    listing = Listing(
        columns=(
            Column("NODE", lambda row: row["ResourceId"], "id"),
            Column("NAME", lambda row: named[row["ResourceId"]], "name"),
            Column("KIND", lambda row: row["ComplianceType"], "id"),
            Column("STATUS", lambda row: row["Status"], "status"),
            Column("SEVERITY", lambda row: row.get("OverallSeverity", ""), "id"),
            Column("COMPLIANT", lambda row: row.get("CompliantSummary", {}).get("CompliantCount", ""), "id"),
            Column("NOT", lambda row: row.get("NonCompliantSummary", {}).get("NonCompliantCount", ""), "id"),
        ),
        name=lambda row: str(row["ResourceId"]),
        none="no node has told of its compliance",
    )
    look.show(listing, rows)


@command(app, "show", "stateward compliance show web-017", "stateward compliance show mi-080e837e38b7ad91a -o json")
def show(where: Where, look: Look, node: Node) -> None:
    """List what there is to say of one node."""
    from stateward.cli.names import Names

    server = Server(where)
    rows = server.some(
        "list_compliance_items",
        "ComplianceItems",
        look.limit,
        ResourceIds=[Names(server).node(node)],
        ResourceTypes=["ManagedInstance"],
        MaxResults=50,
    )
    listing = Listing(
        columns=(
            Column("KIND", lambda row: row["ComplianceType"], "id"),
            Column("STATUS", lambda row: row["Status"], "status"),
            Column("SEVERITY", lambda row: row.get("Severity", ""), "id"),
            Column("ITEM", lambda row: row.get("Title") or row.get("Id", "")),
            Column("ID", lambda row: row.get("Id", ""), wide=True),
            Column("SINCE", lambda row: row.get("ExecutionSummary", {}).get("ExecutionTime"), "instant"),
        ),
        name=lambda row: str(row.get("Id", "")),
        none="it has told nothing of its compliance",
    )
    look.show(listing, rows)
