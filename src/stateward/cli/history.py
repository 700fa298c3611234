"""`stateward history`: what has run, and the whole of it as a file."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from stateward.cli.server import USAGE, Server, Where, fail
from stateward.cli.whereabouts import located

app = typer.Typer(no_args_is_help=True, help="The history of executions.")

ROWS = ("executions", "targets", "steps")
UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
SPAN = re.compile(r"(\d{1,6})([mhdw])")


@app.command()
@located
def export(
    where: Where,
    association: Annotated[
        str, typer.Option(envvar="STATEWARD_ASSOCIATION", help="Only of this association, by its id.")
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

    if rows not in ROWS:
        fail(f"--rows {rows!r}: use one of {', '.join(ROWS)}", USAGE)
    if form not in history_export.FORMATS:
        fail(f"--format {form!r}: use one of {', '.join(history_export.FORMATS)}", USAGE)
    if form == "parquet" and to is None and sys.stdout.isatty():
        fail("Parquet is not for a terminal: name a file with --to", USAGE)
    server = Server(where)
    now_ms = _now_ms(server)
    query = {"rows": rows, "output": "true" if output else "false"}
    wanted = {"association": association, "since": _instant(since, now_ms), "until": _instant(until, now_ms)}
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


def _now_ms(server: Server) -> int:
    """The server's time: its clock may be a virtual one."""
    from datetime import datetime

    from stateward.clock import wall_ms

    clock = server.own("/_stateward/clock")
    return int(datetime.fromisoformat(clock["now"]).timestamp() * 1000) if clock else wall_ms()


def _instant(text: str, now_ms: int) -> str:
    """`7d` as an instant; others go to the server as they are."""
    from datetime import UTC, datetime

    span = SPAN.fullmatch(text)
    if span is None:
        return text
    then = datetime.fromtimestamp((now_ms - int(span[1]) * UNITS_MS[span[2]]) / 1000, UTC)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")
