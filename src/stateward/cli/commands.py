"""`stateward commands`: what commands do on their nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from stateward.cli.server import FAILED, Server, Where, fail
from stateward.cli.whereabouts import located

app = typer.Typer(no_args_is_help=True, help="Commands: of Run Command, and of associations.")

INTERRUPTED = 130

CommandId = Annotated[str, typer.Argument(metavar="COMMAND_ID", help="The command's id.")]
Nodes = Annotated[
    list[str] | None,
    typer.Option("--node", envvar="STATEWARD_COMMAND_NODE", help="A node to follow; again for others.  [default: all]"),
]
StepName = Annotated[str, typer.Option("--step", envvar="STATEWARD_COMMAND_STEP", help="Only this step's output.")]


@app.command()
@located
def tail(where: Where, command_id: CommandId, node: Nodes = None, step: StepName = "") -> None:
    """Print what a command prints on its nodes, while it runs and to its end; Ctrl-C leaves it running."""
    from stateward.cli.following import Tail, is_success

    following = Tail(Server(where), command_id, step)
    try:
        status = following.run(list(dict.fromkeys(node or ())))
    except KeyboardInterrupt:
        fail(
            f"no longer followed; the command goes on, and `stateward commands tail {command_id}` shows it", INTERRUPTED
        )
    if not is_success(status):
        raise typer.Exit(FAILED)
