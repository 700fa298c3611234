"""What `stateward documents` shows of documents."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from stateward.cli import tables
from stateward.cli.presentation import Column, Listing, Look

LIST = Listing(
    columns=(
        Column("DOCUMENT", lambda row: row["Name"], "id"),
        Column("TYPE", lambda row: row.get("DocumentType", "")),
        Column("FORMAT", lambda row: row.get("DocumentFormat", "")),
        Column("VERSION", lambda row: row.get("DocumentVersion", ""), "id"),
        Column("OWNER", lambda row: row.get("Owner", "")),
        Column("PLATFORMS", lambda row: ", ".join(row.get("PlatformTypes", ()))),
        Column("CREATED", lambda row: row.get("CreatedDate"), "instant"),
        Column("SCHEMA", lambda row: row.get("SchemaVersion", ""), wide=True),
        Column("TARGET", lambda row: row.get("TargetType", ""), wide=True),
    ),
    name=lambda row: str(row["Name"]),
    none="there are no documents of yours; --all lists those of Amazon, too",
)
COLOURS = {"+": "Success", "-": "Failed", "@": "Skipped"}


def fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """For people, a line each."""
    return {
        "Document": found["Name"],
        "Type": " ".join(filter(None, (found.get("DocumentType"), found.get("DocumentFormat")))),
        "Version": f"{found.get('DocumentVersion', '')}, default {found.get('DefaultVersion', '')}",
        "Status": ("status", found.get("Status", "")),
        "Description": found.get("Description", ""),
        "Parameters": "\n".join(one["Name"] for one in found.get("Parameters", ())),
        "Owner": found.get("Owner", ""),
        "Created": ("instant", found.get("CreatedDate")),
    }


def difference(before: tuple[str, str], after: tuple[str, str]) -> list[str]:
    """The lines of a unified diff of two (label, content); none where they are the same."""
    return list(difflib.unified_diff(before[1].splitlines(), after[1].splitlines(), before[0], after[0], lineterm=""))


def show_difference(lines: Sequence[str], look: Look) -> None:
    for line in lines:
        text = tables.without_controls(line) if look.is_terminal else line
        colour = COLOURS.get(line[:1], "")
        typer.echo(look.painted(text, colour) if colour else text)
