"""`stateward tail`, `open`, `clock` and `completion`: what happens now, where it is seen, what time it is."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from stateward.cli import completion
from stateward.cli.declaring import command, group
from stateward.cli.presentation import Look
from stateward.cli.server import FAILED, USAGE, Server, Where, fail

clock_app = group(
    "The server's virtual clock (`stateward serve --clock virtual`).",
    "stateward clock show",
    "stateward clock advance 1h",
)
Subject = Annotated[
    str,
    typer.Argument(
        metavar="[ASSOC]",
        help="Only this association: name, id, or the beginning.",
        show_default=False,
        autocompletion=completion.associations,
    ),
]
Thing = Annotated[
    str,
    typer.Argument(
        metavar="[ASSOC|EXEC]",
        help="An association, or an execution as ASSOC/412 or ASSOC/last.  [default: the overview]",
        show_default=False,
        autocompletion=completion.associations,
    ),
]


def tail(
    where: Where,
    look: Look,
    association: Subject = "",
    since: Annotated[str, typer.Option("--since", help="Begin with what is that old, such as 10m.")] = "",
) -> None:
    """Print what happens, a line for each event as it comes, until Ctrl-C."""
    from stateward.cli.names import Names
    from stateward.cli.tailing import Events

    server = Server(where)
    subject = Names(server).association(association).id if association else ""
    events = Events(server, look, subject)
    try:
        events.follow(since)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def open_page(
    where: Where,
    look: Look,
    thing: Thing = "",
    show_only: Annotated[bool, typer.Option("--print", help="Only print the address.")] = False,
) -> None:
    """Open the console where this is to be seen; without a terminal only print the address."""
    import webbrowser

    from stateward.cli.names import Names

    server = Server(where)
    if server.public("/healthz") is None:
        fail(f"{server.endpoint} has no console of Stateward's", FAILED)
    address = f"{server.endpoint}/console/"
    if "/" in thing:
        address += f"e/{Names(server).execution(thing).id}"
    elif thing:
        address += f"a/{Names(server).association(thing).id}"
    typer.echo(address)
    if not show_only and sys.stdout.isatty():
        webbrowser.open(address)


@command(clock_app, "show", "stateward clock show", "stateward clock show -o json")
def show(where: Where, look: Look) -> None:
    """Show the time, and what is due next."""
    told = _clock(Server(where))
    following = told.get("next") or {}
    fields = {
        "Now": ("instant", told["now"]),
        "Next": ("instant", following.get("at")),
        "What": following.get("what", ""),
    }
    look.show_one(told, fields, told["now"])


@command(clock_app, "advance", "stateward clock advance 1h", "stateward clock advance 30d -o json")
def advance(
    where: Where,
    look: Look,
    duration: Annotated[str, typer.Argument(metavar="DURATION", help="How far: 90s, 30m, 2h, 30d, 1w, or 1h30m.")],
) -> None:
    """Turn the time ahead; the answer comes when everything that became due has been done."""
    from stateward.clock import duration_ms

    try:
        duration_ms(duration)
    except ValueError as error:
        fail(str(error), USAGE)
    server = Server(where)
    _clock(server)
    server.announce(quiet=look.quiet)
    told = server.own("/_stateward/clock", {"advance": duration}, patient=True)
    fields = {
        "Now": ("instant", told["now"]),
        "Fired": told["fired_count"],
        "Next": ("instant", (told.get("next") or {}).get("at")),
    }
    look.show_one(told, fields, told["now"])


def complete(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")]) -> None:
    """Print what a shell reads to complete `stateward …`."""
    try:
        typer.echo(completion.script(shell))
    except ValueError as error:
        fail(str(error), USAGE)


def _clock(server: Server) -> Any:
    told = server.own("/_stateward/clock")
    if told is None:
        fail(f"the clock of {server.endpoint} is the real one: only `stateward serve --clock virtual` has one to turn")
    return told


def add_to(app: typer.Typer) -> None:
    """Make these commands of the program."""
    command(app, "tail", "stateward tail", "stateward tail nightly-patch --since 10m")(tail)
    command(app, "open", "stateward open nightly-patch", "stateward open nightly-patch/last --print")(open_page)
    app.add_typer(clock_app, name="clock")
    command(
        app,
        "completion",
        "stateward completion bash > /etc/bash_completion.d/stateward",
        "source <(stateward completion zsh)",
        look=False,
        located_too=False,
    )(complete)
