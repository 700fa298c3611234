"""What `stateward associations` shows of associations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateward.cli.definitions import shown_parameters, shown_targets
from stateward.cli.names import association_name
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.runs import counted
from stateward.cli.server import Server

LIST = Listing(
    columns=(
        Column("ASSOCIATION", association_name, "name"),
        Column("STATUS", lambda row: row.get("Overview", {}).get("Status", ""), "status"),
        Column("NODES", lambda row: counted(row.get("Overview", {}).get("AssociationStatusAggregatedCount", {}))),
        Column("DOCUMENT", lambda row: row["Name"]),
        Column("TARGETS", lambda row: shown_targets(row.get("Targets", ()))),
        Column("SCHEDULE", lambda row: row.get("ScheduleExpression", "")),
        Column("LAST RUN", lambda row: row.get("LastExecutionDate"), "instant"),
        Column("VERSION", lambda row: row.get("AssociationVersion", ""), "id", wide=True),
        Column("DETAILS", lambda row: row.get("Overview", {}).get("DetailedStatus", ""), wide=True),
        Column("ID", lambda row: row["AssociationId"], "id"),
    ),
    name=lambda row: str(row.get("AssociationName") or row["AssociationId"]),
    none="there are no associations; `stateward associations create --help` shows how to make one",
)
VERSIONS = Listing(
    columns=(
        Column("VERSION", lambda row: row["AssociationVersion"], "id"),
        Column("CREATED", lambda row: row["CreatedDate"], "instant"),
        Column("NAME", lambda row: row.get("AssociationName", "")),
        Column("DOCUMENT", lambda row: f"{row['Name']} {row.get('DocumentVersion', '')}".strip()),
        Column("CHANGED", lambda row: row["changed"]),
    ),
    name=lambda row: str(row["AssociationVersion"]),
)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What a version is other in than the one before."""
    from stateward.folder.changes import difference
    from stateward.folder.resources import ASSOCIATION_MEMBERS

    found = (difference(name, before.get(name), after.get(name)) for name in ASSOCIATION_MEMBERS)
    return ", ".join(text for text in found if text) or "nothing"


def show(server: Server, found: Mapping[str, Any], look: Look) -> None:
    """One association, with its next times and its pause where the server tells of them."""
    upcoming = server.own(f"/_stateward/associations/{found['AssociationId']}/next", query={"count": "3"})
    overview = found.get("Overview", {})
    paused = (upcoming or {}).get("paused")
    fields = {
        "Association": association_name(dict(found)),
        "Id": found["AssociationId"],
        "Version": found.get("AssociationVersion"),
        "Status": ("status", overview.get("Status", "")),
        "Details": overview.get("DetailedStatus", ""),
        "Nodes": counted(overview.get("AssociationStatusAggregatedCount", {})),
        "Paused": _pause(paused, look) if paused else "",
        "Document": f"{found['Name']} {found.get('DocumentVersion', '')}".strip(),
        "Parameters": shown_parameters(found.get("Parameters", {})),
        "Targets": shown_targets(found.get("Targets", ())) or found.get("InstanceId", ""),
        "Schedule": _schedule(found),
        "Next": "\n".join(look.cell("instant", instant) for instant in (upcoming or {}).get("next", ())),
        "At a time": found.get("MaxConcurrency"),
        "Errors allowed": found.get("MaxErrors"),
        "Calendars": ", ".join(found.get("CalendarNames", ())),
        "Compliance": " ".join(filter(None, (found.get("ComplianceSeverity"), found.get("SyncCompliance")))),
        "Last run": ("instant", found.get("LastExecutionDate")),
        "Last success": ("instant", found.get("LastSuccessfulExecutionDate")),
        "Created": ("instant", found.get("Date")),
        "Changed": ("instant", found.get("LastUpdateAssociationDate")),
    }
    plain = {**found, **({"Stateward": upcoming} if upcoming else {})}
    look.show_one(plain, fields, str(found.get("AssociationName") or found["AssociationId"]))


def _schedule(found: Mapping[str, Any]) -> str:
    expression = str(found.get("ScheduleExpression") or "")
    if expression and found.get("ScheduleOffset"):
        expression += f", {found['ScheduleOffset']} days later"
    return f"{expression}, only then" if expression and found.get("ApplyOnlyAtCronInterval") else expression


def _pause(paused: Mapping[str, Any], look: Look) -> str:
    return f"since {look.cell('instant', paused['since'])} by {paused['by']}, {paused['passed']} due times have passed"
