"""`stateward plan`, `apply`, `export` and `schemas`: a folder of files that says what a server is to have (D57)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stateward.cli import tables
from stateward.cli.server import FAILED, USAGE, Server, Where, fail
from stateward.cli.whereabouts import located

if TYPE_CHECKING:
    from stateward.folder.changes import Change
    from stateward.folder.planning import Plan

DIFFERENT = 2
APPLY = "/_stateward/apply"

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder.", file_okay=False)]
Delete = Annotated[
    bool,
    typer.Option(
        "--delete", envvar="STATEWARD_DELETE", help="Delete what the folder has made and has no file for any more."
    ),
]
Adopt = Annotated[
    bool,
    typer.Option("--adopt", envvar="STATEWARD_ADOPT", help="Take over what is there already and fits a file."),
]
Output = Annotated[str, typer.Option("--output", "-o", envvar="STATEWARD_OUTPUT", help="table or json.")]


@located
def plan(where: Where, folder: Folder, delete: Delete = False, adopt: Adopt = False, output: Output = "table") -> None:
    """Show what `apply` would change, without changing it. Exit code 2: something."""
    if output not in ("table", "json"):
        fail(f"--output {output!r}: use table or json", USAGE)
    server = Server(where)
    planned = _plan(server, folder)
    effects = _effects(server, planned)
    if output == "json":
        from stateward.folder import showing

        tables.show_json(showing.as_json(planned, effects))
    else:
        _show(planned, effects, delete=delete, adopt=adopt)
    _refuse_problems(planned)
    _rehearse(server, planned.chosen(delete=delete, adopt=adopt))
    if planned.differs:
        raise typer.Exit(DIFFERENT)


@located
def apply(
    where: Where,
    folder: Folder,
    delete: Delete = False,
    adopt: Adopt = False,
    plan: Annotated[
        str,
        typer.Option(envvar="STATEWARD_PLAN", help="Only do the plan with this hash, as `plan` has shown it."),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", envvar="STATEWARD_YES", help="Do not ask.")] = False,
) -> None:
    """Make the server have what the folder says: all of it or nothing; on AWS one after another."""
    server = Server(where)
    planned = _plan(server, folder)
    if plan and plan != planned.hash:
        fail(f"the plan is {planned.hash} now, not {plan}: folder or server have changed, look at `stateward plan`")
    _show(planned, _effects(server, planned), delete=delete, adopt=adopt)
    from stateward.folder import showing

    _refuse_problems(planned)
    changes = planned.chosen(delete=delete, adopt=adopt)
    if not changes:
        left = showing.left_over(planned)
        typer.echo(f"nothing is done: {left}" if left else "nothing to do", err=True)
        if planned.differs:
            raise typer.Exit(DIFFERENT)
        return
    if not yes:
        if not sys.stdin.isatty():
            fail("apply asks before it changes anything, and there is no terminal: give --yes", USAGE)
        typer.confirm(f"Make {len(changes)} changes on {server.endpoint}?", abort=True, err=True)
    server.announce()
    if _is_stateward(server):
        _apply_together(server, changes)
    else:
        _apply_in_turn(server, changes)


@located
def export(where: Where, folder: Folder) -> None:
    """Write a folder from what a server, or AWS, has. Reads only."""
    from stateward.folder import exporting, files, schemas

    server = Server(where)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = exporting.export(server, files.folder_name(folder))
        paths = exporting.write(made, folder, schemas.schemas())
    except (OSError, files.FolderProblem) as error:
        fail(str(error))
    for path in paths:
        typer.echo(path)
    for line in made.left_out:
        typer.echo(f"left out: {line}", err=True)


def schemas(folder: Folder) -> None:
    """Write the JSON Schemas of a folder's files into FOLDER/.schemas, for editors."""
    from stateward.folder.schemas import schemas as made

    target = folder / ".schemas"
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in made().items():
            (target / f"{name}.json").write_text(text, encoding="utf-8")
            typer.echo(f"{target / name}.json")
    except OSError as error:
        fail(str(error))


def add_to(app: typer.Typer) -> None:
    """Make these commands of the program."""
    for command in (plan, apply, export, schemas):
        app.command()(command)


def _plan(server: Server, folder: Path) -> Plan:
    from stateward.folder import files, planning, remote

    try:
        wanted, name = files.read(folder), files.folder_name(folder)
    except files.FolderProblem as error:
        fail(str(error))
    return planning.plan(wanted, remote.read(server, wanted, name), name)


def _effects(server: Server, planned: Plan) -> list[list[str]]:
    from stateward.folder import effects

    now_ms = server.now_ms()
    return [effects.of(change, server, now_ms) for change in planned.changes]


def _show(planned: Plan, effects: list[list[str]], *, delete: bool, adopt: bool) -> None:
    from stateward.folder import showing

    coloured = sys.stdout.isatty()
    for text, colour in showing.lines(planned, effects):
        typer.secho(text, fg=colour if coloured and colour else None)
    summary = showing.summary(planned, delete=delete, adopt=adopt)
    typer.echo(f"{summary}   [plan {planned.hash}]" if planned.changes else summary)


def _refuse_problems(planned: Plan) -> None:
    for problem in planned.problems:
        typer.echo(f"stateward: {problem}", err=True)
    if planned.problems:
        raise typer.Exit(FAILED)


def _rehearse(server: Server, changes: list[Change]) -> None:
    """On Stateward, let the server say what it would refuse; nothing of it happens."""
    from stateward.folder import planning

    if changes and _is_stateward(server):
        server.own(APPLY, msgspec.to_builtins(planning.wish(changes, rehearse=True)))


def _apply_together(server: Server, changes: list[Change]) -> None:
    from stateward.folder import planning

    server.own(APPLY, msgspec.to_builtins(planning.wish(changes)))
    typer.echo(_made(changes))


def _apply_in_turn(server: Server, changes: list[Change]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    from stateward.folder import applying

    def perform(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return getattr(server.ssm, applying.method_name(operation))(**request)  # type: ignore[no-any-return]
        except ClientError as error:
            told = error.response["Error"]
            raise applying.Refused(told["Code"], told["Message"]) from error
        except BotoCoreError as error:
            raise applying.Refused(type(error).__name__, str(error)) from error

    typer.echo("this server has no transaction: changes are made one after another", err=True)
    try:
        applying.one_by_one(changes, perform, lambda change: typer.echo(f"done    {change.kind} {change.name}"))
    except applying.Stopped as stop:
        typer.echo(f"failed  {stop.failed.kind} {stop.failed.name}: {stop}")
        for change in stop.left:
            typer.echo(f"left    {change.kind} {change.name}")
        fail(f"stopped after {len(stop.done)} of {len(changes)} changes; another apply goes on from there")
    typer.echo(_made(changes))


def _made(changes: list[Change]) -> str:
    return "1 change is made" if len(changes) == 1 else f"{len(changes)} changes are made"


def _is_stateward(server: Server) -> bool:
    return server.own(APPLY, {"rehearse": True}) is not None
