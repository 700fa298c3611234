"""What `stateward commands` shows of commands, and how one is found."""

from __future__ import annotations

from typing import Any

import typer

from stateward.cli.definitions import shown_parameters, shown_targets
from stateward.cli.names import LEAST_PREFIX, UUID, Names
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.server import NOT_FOUND, USAGE, Server, fail

RECENT = 500
SHOWN = 50
LIST = Listing(
    columns=(
        Column("COMMAND", lambda row: row["CommandId"], "id"),
        Column("REQUESTED", lambda row: row.get("RequestedDateTime"), "instant"),
        Column("DOCUMENT", lambda row: row["DocumentName"]),
        Column("STATUS", lambda row: row["Status"], "status"),
        Column("NODES", lambda row: f"{row['CompletedCount']} of {row['TargetCount']}"),
        Column("ERRORS", lambda row: row.get("ErrorCount") or "", "id"),
        Column("COMMENT", lambda row: row.get("Comment", "")),
        Column("TARGETS", lambda row: shown_targets(row.get("Targets", ())), wide=True),
    ),
    name=lambda row: str(row["CommandId"]),
    none="there are no such commands; `stateward commands send --help` shows how to send one",
)


def found(server: Server, text: str) -> str:
    """The id that is meant: the whole one, or the beginning of one of the newest 500."""
    if UUID.fullmatch(text):
        return text
    if len(text) < LEAST_PREFIX:
        fail(f"{text!r} is no command: write its id, or the first {LEAST_PREFIX} signs of it or more", USAGE)
    rows = server.some("list_commands", "Commands", RECENT, MaxResults=50)
    fitting = [row["CommandId"] for row in rows if row["CommandId"].startswith(text.lower())]
    if len(fitting) > 1:
        fail(f"{text!r} means {len(fitting)} commands: {', '.join(fitting[:5])}", USAGE)
    if not fitting:
        fail(
            f"none of the newest {RECENT} commands begins with {text!r}; write the whole id of an older one", NOT_FOUND
        )
    return str(fitting[0])


def show(server: Server, command_id: str, look: Look) -> None:
    """The command, then its nodes."""
    rows = server.call("list_commands", CommandId=command_id)["Commands"]
    if not rows:
        fail(f"there is no command {command_id}", NOT_FOUND)
    nodes = server.some(
        "list_command_invocations", "CommandInvocations", look.limit or SHOWN, CommandId=command_id, MaxResults=50
    )
    if look.is_plain:
        look.show_plain({**rows[0], "Invocations": nodes})
        return
    row = rows[0]
    fields = {
        "Command": row["CommandId"],
        "Document": f"{row['DocumentName']} {row.get('DocumentVersion', '')}".strip(),
        "Parameters": shown_parameters(row.get("Parameters", {})),
        "Targets": shown_targets(row.get("Targets", ())),
        "Status": ("status", row["Status"]),
        "Details": row.get("StatusDetails", "") if row.get("StatusDetails") != row["Status"] else "",
        "Nodes": f"{row['CompletedCount']} of {row['TargetCount']}, {row['ErrorCount']} errors",
        "Requested": ("instant", row.get("RequestedDateTime")),
        "Comment": row.get("Comment", ""),
    }
    look.show_one(row, fields, command_id)
    if look.output != "name":
        typer.echo()
        _show_nodes(server, nodes, look)


def _show_nodes(server: Server, nodes: list[dict[str, Any]], look: Look) -> None:
    called = Names(server).node_names(row["InstanceId"] for row in nodes)
    listing = Listing(
        columns=(
            Column("NODE", lambda row: row["InstanceId"], "id"),
            Column("NAME", lambda row: called[row["InstanceId"]], "name"),
            Column("STATUS", lambda row: row["Status"], "status"),
            Column("DETAILS", lambda row: row.get("StatusDetails", "")),
        ),
        name=lambda row: str(row["InstanceId"]),
    )
    look.show(listing, nodes)
