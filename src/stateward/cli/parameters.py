"""`stateward parameters`: Parameter Store, to look at; a secret is only shown to who asks for it."""

from __future__ import annotations

from typing import Annotated

import typer

from stateward.cli.declaring import command, group
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.server import Server, Where

app = group(
    "Parameter Store, to look at.",
    "stateward parameters list --path /app/",
    "stateward parameters show /app/retries",
)
SECURE, HIDDEN = "SecureString", "(secret: --reveal shows it)"

LIST = Listing(
    columns=(
        Column("PARAMETER", lambda row: row["Name"], "id"),
        Column("TYPE", lambda row: row["Type"], "id"),
        Column("VERSION", lambda row: row.get("Version", ""), "id"),
        Column("CHANGED", lambda row: row.get("LastModifiedDate"), "instant"),
        Column("DESCRIPTION", lambda row: row.get("Description", "")),
        Column("TIER", lambda row: row.get("Tier", ""), "id", wide=True),
    ),
    name=lambda row: str(row["Name"]),
    none="there are no such parameters",
)


@command(app, "list", "stateward parameters list --path /app/", "stateward parameters list -o name")
def list_parameters(
    where: Where,
    look: Look,
    path: Annotated[str, typer.Option("--path", help="Only those below this path, such as /app/.")] = "",
) -> None:
    """List parameters, never their values."""
    filters = [{"Key": "Path", "Option": "Recursive", "Values": [path.rstrip("/") or "/"]}] if path else []
    rows = Server(where).some(
        "describe_parameters",
        "Parameters",
        look.limit,
        MaxResults=50,
        **({"ParameterFilters": filters} if filters else {}),
    )
    look.show(LIST, rows)


@command(app, "show", "stateward parameters show /app/retries", "stateward parameters show /app/password --reveal")
def show(
    where: Where,
    look: Look,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, with :version or :label if another is meant.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Decrypt a SecureString.")] = False,
) -> None:
    """Show a parameter with its value; that of a SecureString only with --reveal."""
    told = dict(Server(where).call("get_parameter", Name=name, WithDecryption=reveal)["Parameter"])
    if told["Type"] == SECURE and not reveal:
        told["Value"] = HIDDEN
    fields = {
        "Parameter": told["Name"],
        "Type": told["Type"],
        "Version": told.get("Version"),
        "Changed": ("instant", told.get("LastModifiedDate")),
        "Value": told["Value"],
    }
    look.show_one(told, fields, told["Name"])
