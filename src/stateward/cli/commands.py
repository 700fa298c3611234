"""`stateward commands`: what commands do on their nodes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stateward.cli import completion
from stateward.cli.arguments import Document
from stateward.cli.declaring import command, group
from stateward.cli.definitions import Nodes as ChosenNodes
from stateward.cli.definitions import Parameters, Targets
from stateward.cli.presentation import Look
from stateward.cli.server import FAILED, INTERRUPTED, USAGE, Server, Where, fail

app = group(
    "Commands: of Run Command, and of associations.",
    "stateward commands send AWS-RunShellScript -n web-017 -p commands=uptime --tail",
    "stateward commands list --limit 10",
)

CommandId = Annotated[
    str, typer.Argument(metavar="COMMAND", help="The command's id, or the beginning of a recent one.")
]
Nodes = Annotated[
    list[str] | None,
    typer.Option("--node", envvar="STATEWARD_COMMAND_NODE", help="A node to follow; again for others.  [default: all]"),
]
StepName = Annotated[str, typer.Option("--step", envvar="STATEWARD_COMMAND_STEP", help="Only this step's output.")]


@command(
    app,
    "send",
    "stateward commands send AWS-RunShellScript -n web-017 -p commands=uptime --tail",
    "stateward commands send restart -t env=prod -p service=web --max-concurrency 10%",
)
def send(
    where: Where,
    look: Look,
    document: Document,
    target: Targets = None,
    node: ChosenNodes = None,
    parameter: Parameters = None,
    comment: Annotated[str, typer.Option("--comment", help="What for, kept with it.")] = "",
    max_concurrency: Annotated[
        str, typer.Option("--max-concurrency", help="How many nodes at a time: 10 or 10%.")
    ] = "",
    max_errors: Annotated[str, typer.Option("--max-errors", help="How many errors are allowed: 5 or 5%.")] = "",
    follow: Annotated[bool, typer.Option("--tail", help="Print what it prints, to its end.")] = False,
) -> None:
    """Run a document on nodes once, outside of any association."""
    from stateward.cli import command_page
    from stateward.cli.definitions import parameters_of, targets_of
    from stateward.cli.names import Names

    server = Server(where)
    targets = targets_of(Names(server), target, node)
    if not targets:
        fail("where? Give --node or --target; '*' is every node", USAGE)
    given: dict[str, Any] = {
        "Parameters": parameters_of(parameter),
        "Comment": comment,
        "MaxConcurrency": max_concurrency,
        "MaxErrors": max_errors,
    }
    server.announce(quiet=look.quiet)
    members = {member: value for member, value in given.items() if value}
    made = server.call("send_command", DocumentName=document, Targets=targets, **members)["Command"]
    if follow:
        look.say(made["CommandId"])
        _follow(server, made["CommandId"], [], "")
        return
    look.show(command_page.LIST, [made])


@command(app, "list", "stateward commands list --limit 10", "stateward commands list --node web-017 --status Failed")
def list_commands(
    where: Where,
    look: Look,
    node: Annotated[
        str, typer.Option("--node", "-n", help="Only on this node: id or name.", autocompletion=completion.nodes)
    ] = "",
    status: Annotated[str, typer.Option("--status", help="Only with this status, such as Failed or InProgress.")] = "",
) -> None:
    """List commands, newest first: of SendCommand, and those that carry executions of associations."""
    from stateward.cli import command_page
    from stateward.cli.names import Names

    server = Server(where)
    members: dict[str, Any] = {"Filters": [{"key": "Status", "value": status}]} if status else {}
    if node:
        members["InstanceId"] = Names(server).node(node)
    look.show(command_page.LIST, server.some("list_commands", "Commands", look.limit, MaxResults=50, **members))


@command(app, "show", "stateward commands show 4b51b2c0", "stateward commands show 4b51b2c0 -o json")
def show(where: Where, look: Look, command_id: CommandId) -> None:
    """Show a command, and how it stands on each of its nodes."""
    from stateward.cli import command_page

    server = Server(where)
    command_page.show(server, command_page.found(server, command_id), look)


@command(
    app,
    "output",
    "stateward commands output 4b51b2c0 web-017",
    "stateward commands output 4b51b2c0 web-017 --step greet",
)
def output(
    where: Where,
    look: Look,
    command_id: CommandId,
    node: Annotated[
        str, typer.Argument(metavar="NODE", help="The node: its id or its name.", autocompletion=completion.nodes)
    ],
    step: Annotated[str, typer.Option("--step", help="Only this step's output.")] = "",
) -> None:
    """Print what a command's steps printed on a node."""
    from stateward.cli import command_page, step_output
    from stateward.cli.names import Names

    server = Server(where)
    node_id = Names(server).node(node)
    step_output.show(server, command_page.found(server, command_id), node_id, look, step=step)


@command(app, "stop", "stateward commands stop 4b51b2c0", "stateward commands stop 4b51b2c0 --node web-017")
def stop(where: Where, look: Look, command_id: CommandId, node: ChosenNodes = None) -> None:
    """Cancel a command: what has not begun will not, what runs is told to stop."""
    from stateward.cli import command_page
    from stateward.cli.names import Names

    server = Server(where)
    found = command_page.found(server, command_id)
    names = Names(server)
    chosen = {"InstanceIds": [names.node(one) for one in node]} if node else {}
    server.announce(quiet=look.quiet)
    server.call("cancel_command", CommandId=found, **chosen)
    look.say(f"{found} is told to stop")


@command(
    app,
    "tail",
    "stateward commands tail 4b51b2c0-dfe4-470f-b832-e36312906c57",
    "stateward commands tail 4b51b2c0-dfe4-470f-b832-e36312906c57 --step greet",
    look=False,
)
def tail(where: Where, command_id: CommandId, node: Nodes = None, step: StepName = "") -> None:
    """Print what a command prints on its nodes, while it runs and to its end; Ctrl-C leaves it running."""
    from stateward.cli import command_page

    server = Server(where)
    _follow(server, command_page.found(server, command_id), list(dict.fromkeys(node or ())), step)


def _follow(server: Server, command_id: str, nodes: list[str], step: str) -> None:
    from stateward.cli.following import Tail, is_success

    following = Tail(server, command_id, step)
    try:
        status = following.run(nodes)
    except KeyboardInterrupt:
        fail(
            f"no longer followed; the command goes on, and `stateward commands tail {command_id}` shows it", INTERRUPTED
        )
    if not is_success(status):
        raise typer.Exit(FAILED)
