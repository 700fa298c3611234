"""`stateward calendars`: change calendars, which open and close the runs of associations."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stateward.cli.declaring import command, group
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.server import Server, Where

app = group(
    "Change calendars: when associations may run.",
    "stateward calendars list",
    "stateward calendars show freeze --at 2026-12-24T18:00:00Z",
)
Calendar = Annotated[str, typer.Argument(metavar="CALENDAR", help="Its name, or its ARN.")]


@command(app, "list", "stateward calendars list", "stateward calendars list -o name")
def list_calendars(where: Where, look: Look) -> None:
    """List your calendars with their state now, and when it changes."""
    server = Server(where)
    filters = [{"Key": "DocumentType", "Values": ["ChangeCalendar"]}, {"Key": "Owner", "Values": ["Self"]}]
    rows = server.some("list_documents", "DocumentIdentifiers", look.limit, MaxResults=50, Filters=filters)
    states = {row["Name"]: _state(server, row["Name"], "") for row in rows} if look.output != "name" else {}
    listing = Listing(
        columns=(
            Column("CALENDAR", lambda row: row["Name"], "id"),
            Column("STATE", lambda row: states[row["Name"]]["State"], "status"),
            Column("UNTIL", lambda row: states[row["Name"]].get("NextTransitionTime", ""), "instant"),
            Column("VERSION", lambda row: row.get("DocumentVersion", ""), "id", wide=True),
        ),
        name=lambda row: str(row["Name"]),
        none="there are no calendars; `stateward documents create freeze freeze.ics --type ChangeCalendar` makes one",
    )
    look.show(listing, rows, [{**row, **states.get(row["Name"], {})} for row in rows])


@command(app, "show", "stateward calendars show freeze", "stateward calendars show freeze --at 2026-12-24T18:00:00Z")
def show(
    where: Where,
    look: Look,
    calendar: Calendar,
    at: Annotated[str, typer.Option("--at", help="At an instant, such as 2026-12-24T18:00:00Z.  [default: now]")] = "",
) -> None:
    """Show whether a calendar is open or closed, and until when."""
    told = _state(Server(where), calendar, at)
    fields = {
        "Calendar": calendar,
        "State": ("status", told["State"]),
        "At": ("instant", told["AtTime"]),
        "Until": ("instant", told.get("NextTransitionTime")),
    }
    look.show_one(told, fields, told["State"])


def _state(server: Server, name: str, at: str) -> dict[str, Any]:
    members = {"AtTime": at} if at else {}
    told: dict[str, Any] = server.call("get_calendar_state", CalendarNames=[name], **members)
    return {key: value for key, value in told.items() if key != "ResponseMetadata"}
