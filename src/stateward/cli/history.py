"""`stateward history`: what has run, and the whole of it as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stateward.cli.arguments import Assoc, Since
from stateward.cli.completion import associations
from stateward.cli.declaring import command, group
from stateward.cli.presentation import Look
from stateward.cli.server import USAGE, Server, Where, fail

app = group(
    "The runs of an association: when, why, on how many nodes, and what became other.",
    "stateward history nightly-patch --since 7d --failed",
    "stateward history nightly-patch --map",
    by_default="show",
)

ROWS = ("executions", "targets", "steps")
NEWEST = 20


@command(
    app, "show", "stateward history nightly-patch --since 7d", "stateward history nightly-patch --failed --limit 5"
)
def show(
    where: Where,
    look: Look,
    association: Assoc,
    since: Since = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed or timed out.")] = False,
    as_map: Annotated[bool, typer.Option("--map", help="Nodes by runs, a sign for each.")] = False,
) -> None:
    """List an association's runs, newest first: 20 of them, or with --since all from then on."""
    from stateward.cli import history_page
    from stateward.cli.names import Names

    server = Server(where)
    found = Names(server).association(association)
    limit = look.limit or (0 if since else NEWEST)
    if as_map:
        history_page.show_map(server, found, look, limit)
    else:
        history_page.show(server, found, look, limit=limit, since=since, failed=failed)


@command(
    app,
    "export",
    "stateward history export --since 7d > executions.jsonl",
    "stateward history export --rows targets --format csv --to targets.csv",
    look=False,
)
def export(
    where: Where,
    association: Annotated[
        str,
        typer.Option(
            envvar="STATEWARD_ASSOCIATION", help="Only of this association: name or id.", autocompletion=associations
        ),
    ] = "",
    rows: Annotated[
        str, typer.Option(envvar="STATEWARD_ROWS", help="One row for each of: executions, targets or steps.")
    ] = "executions",
    form: Annotated[str, typer.Option("--format", envvar="STATEWARD_FORMAT", help="jsonl, csv or parquet.")] = "jsonl",
    since: Annotated[
        str, typer.Option(envvar="STATEWARD_SINCE", help="Executions from then on: 7d, 12h, or 2026-12-24T18:00:00Z.")
    ] = "",
    until: Annotated[str, typer.Option(envvar="STATEWARD_UNTIL", help="Executions before then, written alike.")] = "",
    output: Annotated[
        bool, typer.Option("--with-output", envvar="STATEWARD_WITH_OUTPUT", help="Steps with what they printed.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", envvar="STATEWARD_TO", help="The file.  [default: standard output]")
    ] = None,
) -> None:
    """Write executions, their targets or their steps, of any range, as JSON lines, CSV or Parquet."""
    from stateward.cli import history_export
    from stateward.cli.names import UUID, Names

    if output and rows != "steps":
        fail("--with-output goes with --rows steps: only steps print something", USAGE)
    if rows not in ROWS:
        fail(f"--rows {rows!r}: use one of {', '.join(ROWS)}", USAGE)
    if form not in history_export.FORMATS:
        fail(f"--format {form!r}: use one of {', '.join(history_export.FORMATS)}", USAGE)
    if form == "parquet" and to is None and sys.stdout.isatty():
        fail("Parquet is not for a terminal: name a file with --to", USAGE)
    server = Server(where)
    # An id goes as it is: the history of a deleted association is there still.
    of = Names(server).association(association).id if association and not UUID.fullmatch(association) else association
    query = {"rows": rows, "output": "true" if output else "false"}
    wanted = {
        "association": of,
        "since": _instant(server, since, "--since"),
        "until": _instant(server, until, "--until"),
    }
    query |= {name: value for name, value in wanted.items() if value}
    with server.stream("/_stateward/history", query) as answer:
        if answer is None:
            fail(f"{server.endpoint} has no history to export: this is not Stateward")
        try:
            if to is None:
                count = history_export.write(answer.iter_lines(), form, sys.stdout.buffer)
            else:
                count = _to_file(answer.iter_lines(), form, to)
        except (history_export.NoParquet, OSError) as error:
            fail(str(error))
    typer.echo(f"{count} rows", err=True)


def _to_file(lines: object, form: str, path: Path) -> int:
    """The file is there only when it is whole."""
    from stateward.cli import history_export

    fresh = path.with_name(f".{path.name}.part")
    try:
        with fresh.open("wb") as file:
            count = history_export.write(lines, form, file)  # type: ignore[arg-type]
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return count


def _instant(server: Server, text: str, option: str) -> str:
    """`7d` ago, or an instant, as the server reads it."""
    from stateward.cli.plain_forms import plain
    from stateward.cli.runs import since_of

    found = since_of(server, text, option)
    return "" if found is None else str(plain(found))
