"""`stateward documents`: what is run, in versions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stateward.cli.arguments import Document, Yes
from stateward.cli.declaring import command, group
from stateward.cli.presentation import Look, confirm
from stateward.cli.server import DIFFERENT, NOT_FOUND, USAGE, Server, Where, fail

app = group(
    "Documents: what is run on nodes, in versions.",
    "stateward documents list",
    "stateward documents create restart restart.yaml",
)

FORMATS = {".json": "JSON", ".yaml": "YAML", ".yml": "YAML", ".ics": "TEXT", ".txt": "TEXT"}
Content = Annotated[Path, typer.Argument(metavar="FILE", help="Its content: JSON or YAML; iCalendar for a calendar.")]
Version = Annotated[str, typer.Option("--document-version", help="Which version: a number, $DEFAULT or $LATEST.")]


@command(app, "list", "stateward documents list", "stateward documents list --all --limit 20")
def list_documents(
    where: Where,
    look: Look,
    everything: Annotated[bool, typer.Option("--all", help="Those of Amazon and those that are shared, too.")] = False,
) -> None:
    """List your documents."""
    from stateward.cli import document_page

    filters = {} if everything else {"Filters": [{"Key": "Owner", "Values": ["Self"]}]}
    rows = Server(where).some("list_documents", "DocumentIdentifiers", look.limit, MaxResults=50, **filters)
    look.show(document_page.LIST, rows)


@command(
    app, "show", "stateward documents show restart", "stateward documents show restart --document-version 2 > old.yaml"
)
def show(where: Where, look: Look, document: Document, document_version: Version = "$DEFAULT") -> None:
    """Print a document's content; -o wide what there is to say of it, too."""
    server = Server(where)
    found = _got(server, document, document_version)
    if look.is_plain or look.output == "name":
        look.show_one(found, {}, document)
        return
    if look.output == "wide":
        from stateward.cli import document_page

        described = server.call("describe_document", Name=document, DocumentVersion=found["DocumentVersion"])
        look.show_one(described["Document"], document_page.fields(described["Document"]), document)
        typer.echo()
    typer.echo(found["Content"], nl=not found["Content"].endswith("\n"))


@command(
    app,
    "create",
    "stateward documents create restart restart.yaml",
    "stateward documents create freeze freeze.ics --type ChangeCalendar",
)
def create(
    where: Where,
    look: Look,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    file: Content,
    kind: Annotated[
        str, typer.Option("--type", help="Command, Policy, Automation, ChangeCalendar and so on.")
    ] = "Command",
) -> None:
    """Make a document from a file."""
    from stateward.cli import document_page

    content, form = _read(file)
    server = Server(where)
    server.announce(quiet=look.quiet)
    made = server.call("create_document", Name=name, Content=content, DocumentType=kind, DocumentFormat=form)
    look.show_one(made["DocumentDescription"], document_page.fields(made["DocumentDescription"]), name)


@command(
    app,
    "update",
    "stateward documents update restart restart.yaml --default",
    "stateward documents diff restart restart.yaml",
)
def update(
    where: Where,
    look: Look,
    document: Document,
    file: Content,
    default: Annotated[bool, typer.Option("--default", help="Make it the version that runs.")] = False,
) -> None:
    """Make a new version from a file. It runs when it is the default, or is asked for by its number."""
    from stateward.cli import document_page

    content, form = _read(file)
    server = Server(where)
    _got(server, document, "$LATEST")
    server.announce(quiet=look.quiet)
    made = server.call(
        "update_document", Name=document, Content=content, DocumentFormat=form, DocumentVersion="$LATEST"
    )["DocumentDescription"]
    if default:
        server.call("update_document_default_version", Name=document, DocumentVersion=made["DocumentVersion"])
        made["DefaultVersion"] = made["DocumentVersion"]
    look.show_one(made, document_page.fields(made), document)


@command(app, "diff", "stateward documents diff restart", "stateward documents diff restart restart.yaml --exit-code")
def diff(
    where: Where,
    look: Look,
    document: Document,
    other: Annotated[
        str,
        typer.Argument(
            metavar="[OTHER]",
            help="A file, or a version as 2 or 2..5.  [default: $DEFAULT..$LATEST]",
            show_default=False,
        ),
    ] = "",
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 2 when there is a difference.")] = False,
) -> None:
    """Show what is different between two versions, or between the default version and a file."""
    from stateward.cli import document_page

    server = Server(where)
    lines = document_page.difference(*_sides(server, document, other))
    document_page.show_difference(lines, look)
    if exit_code and lines:
        raise typer.Exit(DIFFERENT)


@command(app, "default", "stateward documents default restart 3", "stateward documents default restart 2", look=True)
def default(
    where: Where,
    look: Look,
    document: Document,
    number: Annotated[str, typer.Argument(metavar="VERSION", help="The number of the version.")],
) -> None:
    """Make a version the one that runs. Associations that follow the default run at once."""
    server = Server(where)
    server.announce(quiet=look.quiet)
    told = server.call("update_document_default_version", Name=document, DocumentVersion=number)
    look.show_one(told["Description"], {"Document": document, "Default version": number}, document)


@command(app, "delete", "stateward documents delete restart", "stateward documents delete restart --yes")
def delete(where: Where, look: Look, document: Document, yes: Yes = False) -> None:
    """Delete a document with all its versions."""
    server = Server(where)
    _got(server, document, "$LATEST")
    confirm(f"Delete {document} on {server.endpoint}?", yes=yes, what="delete asks before it deletes")
    server.announce(quiet=look.quiet)
    server.call("delete_document", Name=document)
    look.say(f"{document} is deleted")


def _got(server: Server, name: str, version: str) -> dict[str, Any]:
    """A version's content; what is not there ends the program, with what may have been meant."""
    from stateward.cli.names import did_you_mean

    if version != "$LATEST":
        found = server.call("list_documents", Filters=[{"Key": "Name", "Values": [name]}])["DocumentIdentifiers"]
        if not any(row["Name"] == name for row in found) and ":" not in name:
            own = server.some("list_documents", "DocumentIdentifiers", 500, MaxResults=50)
            fail(f"there is no document {name!r}{did_you_mean(name, [row['Name'] for row in own])}", NOT_FOUND)
    told: dict[str, Any] = server.call("get_document", Name=name, DocumentVersion=version)
    return {key: value for key, value in told.items() if key != "ResponseMetadata"}


def _sides(server: Server, document: str, other: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """(label, content) of both."""
    old, dots, new = other.partition("..")
    if other and not dots and not other.isdecimal() and other not in ("$LATEST", "$DEFAULT"):
        content, _ = _read(Path(other))
        return _side(server, document, "$DEFAULT"), (other, content)
    if not dots:
        old, new = (other, "$DEFAULT") if other else ("$DEFAULT", "$LATEST")
    return _side(server, document, old or "1"), _side(server, document, new or "$LATEST")


def _side(server: Server, document: str, version: str) -> tuple[str, str]:
    found = _got(server, document, version)
    return f"{document} version {found['DocumentVersion']}", found["Content"]


def _read(path: Path) -> tuple[str, str]:
    """(content, format) of a file."""
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        fail(f"{path}: its name must end with {', '.join(FORMATS)}, which says the format", USAGE)
    try:
        return path.read_text(encoding="utf-8"), form
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: {error}", USAGE)
