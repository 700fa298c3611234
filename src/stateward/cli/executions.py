"""`stateward executions`: the runs of associations one by one, and what they did on their nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from stateward.cli import completion
from stateward.cli.arguments import Assoc, Exec, Since, Timeout
from stateward.cli.declaring import command, group
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.server import FAILED, Server, Where, fail

app = group(
    "Executions: the runs of associations, their nodes and what they printed.",
    "stateward executions list nightly-patch --limit 5",
    "stateward executions output nightly-patch/last web-017",
)

Execs = Annotated[
    list[str],
    typer.Argument(
        metavar="EXEC…",
        help="Executions: id or its beginning, ASSOC/412, ASSOC/last, ASSOC/last~1.",
        autocompletion=completion.executions,
    ),
]
Status = Annotated[
    str,
    typer.Option("--status", help="Only with this status: Success, Failed, TimedOut, Cancelled, InProgress, Pending."),
]

RUNS = Listing(
    columns=(
        Column("RUN", lambda run: run.word, "id"),
        Column("CREATED", lambda run: run.created, "instant"),
        Column("STATUS", lambda run: run.status, "status"),
        Column("DETAILS", lambda run: run.detailed_status, wide=True),
        Column("NODES", lambda run: run.nodes),
        Column("TOOK", lambda run: run.took, "id", wide=True),
        Column("EXECUTION", lambda run: run.id, "id"),
    ),
    name=lambda run: run.word,
    none="it has not run yet; `stateward why ASSOC` says why",
)


@command(
    app, "list", "stateward executions list nightly-patch", "stateward executions list web-config --since 1d -o name"
)
def list_executions(where: Where, look: Look, association: Assoc, since: Since = "") -> None:
    """List an association's executions, newest first."""
    from stateward.cli.names import Names
    from stateward.cli.runs import runs_of, since_of

    server = Server(where)
    found = Names(server).association(association)
    runs = runs_of(server, found, limit=look.limit, since=since_of(server, since))
    look.show(RUNS, runs, [run.plain for run in runs])


@command(app, "show", "stateward executions show nightly-patch/last", "stateward executions show 7f3c2a -o json")
def show(where: Where, look: Look, execution: Exec) -> None:
    """Show an execution: how far it is, how long it takes, its errors in groups."""
    from stateward.cli import execution_page
    from stateward.cli.names import Names
    from stateward.cli.progress import source

    server = Server(where)
    found = Names(server).execution(execution)
    execution_page.show(source(server, found).read(), look)


@command(
    app,
    "targets",
    "stateward executions targets nightly-patch/last --status Failed",
    "stateward executions targets nightly-patch/412 -o name",
)
def targets(where: Where, look: Look, execution: Exec, status: Status = "") -> None:
    """List an execution's nodes with how it ended on each."""
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    found = names.execution(execution)
    rows = server.some(
        "describe_association_execution_targets",
        "AssociationExecutionTargets",
        look.limit,
        AssociationId=found.association.id,
        ExecutionId=found.id,
        MaxResults=50,
        **({"Filters": [{"Key": "Status", "Value": status}]} if status else {}),
    )
    called = names.own_names(row["ResourceId"] for row in rows) if look.output in ("table", "wide") else {}
    listing = Listing(
        columns=(
            Column("NODE", lambda row: row["ResourceId"], "id"),
            Column("NAME", lambda row: called.get(row["ResourceId"], ""), "name"),
            Column("STATUS", lambda row: row["Status"], "status"),
            Column("DETAILS", lambda row: row.get("DetailedStatus", ""), spare=2),
            Column("LAST RUN", lambda row: row.get("LastExecutionDate"), "instant"),
            Column("COMMAND", lambda row: row.get("OutputSource", {}).get("OutputSourceId", ""), "id", wide=True),
        ),
        name=lambda row: row["ResourceId"],
        none=f"{found.called} has no such node",
    )
    look.show(listing, rows)


@command(
    app,
    "output",
    "stateward executions output nightly-patch/last web-017",
    "stateward executions output nightly-patch/412 web-017 --step restart",
)
def output(
    where: Where,
    look: Look,
    execution: Exec,
    node: Annotated[
        str,
        typer.Argument(
            metavar="[NODE]",
            help="The node: its id or its name.  [default: the first that failed]",
            show_default=False,
            autocompletion=completion.nodes,
        ),
    ] = "",
    step: Annotated[str, typer.Option("--step", help="Only this step's output.")] = "",
) -> None:
    """Print what an execution's steps printed on a node."""
    from stateward.cli import step_output
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    found = names.execution(execution)
    command_id, node_id = step_output.found(server, found, names.node(node) if node else "")
    if not node:
        look.say(f"{found.called} on {names.own_names([node_id])[node_id]} ({node_id})")
    step_output.show(server, command_id, node_id, look, step=step)


@command(
    app, "watch", "stateward executions watch nightly-patch/last", "stateward executions watch 7f3c2a --timeout 10m"
)
def watch(where: Where, look: Look, executions: Execs, timeout: Timeout = "") -> None:
    """Follow executions to their end; also for what is over already, the exit code is the result's."""
    from stateward.cli import watching
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    watching.watch(server, [names.execution(text) for text in executions], look, timeout)


@command(app, "stop", "stateward executions stop nightly-patch/last", "stateward executions stop 7f3c2a -q")
def stop(where: Where, look: Look, executions: Execs) -> None:
    """Stop executions: what has not begun is cancelled, what runs is told to stop."""
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    found = [names.execution(text) for text in executions]
    server.announce(quiet=look.quiet)
    for one in found:
        told = server.own(f"/_stateward/executions/{one.id}/stop", {})
        if told is None:
            fail(
                "AWS cannot stop an execution of an association; `stateward commands stop` stops a command of it",
                FAILED,
            )
        look.say(f"{one.called}: {told['cancelled']} cancelled, {told['told_to_stop']} told to stop")
