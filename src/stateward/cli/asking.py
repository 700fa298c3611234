"""`stateward diff` and `stateward why`: what has changed between two runs, and why something runs or does not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stateward.cli import completion
from stateward.cli.arguments import Assoc, Exec
from stateward.cli.declaring import command
from stateward.cli.presentation import Look
from stateward.cli.server import DIFFERENT, FAILED, Server, Where, fail

OtherExec = Annotated[
    str, typer.Argument(metavar="EXEC", help="The later execution.", autocompletion=completion.executions)
]
MaybeNode = Annotated[
    str,
    typer.Argument(
        metavar="[NODE]", help="The node: its id or its name.", show_default=False, autocompletion=completion.nodes
    ),
]


def diff(
    where: Where,
    look: Look,
    before: Exec,
    after: OtherExec,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 2 when there is a difference, as `git diff` ends with 1.")
    ] = False,
) -> None:
    """Compare two executions of an association: which nodes fail now, which are well again, and what was changed."""
    from stateward.cli import difference
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    old, new = names.execution(before), names.execution(after)
    told = server.own(f"/_stateward/executions/{new.id}/compare", query={"with": old.id})
    if told is None:
        fail("AWS does not compare executions", FAILED)
    if look.is_plain:
        look.show_plain(told)
    else:
        difference.show(told, names, look)
    if exit_code and difference.differs(told):
        raise typer.Exit(DIFFERENT)


def why(where: Where, look: Look, association: Assoc, node: MaybeNode = "") -> None:
    """Say why an association runs, or does not, on a node or at all: every reason, the one that decides first."""
    from stateward.cli.names import Names

    server = Server(where)
    names = Names(server)
    query = {"association": names.association(association).id}
    if node:
        query["node"] = names.node(node)
    told = server.own("/_stateward/why", query=query)
    if told is None:
        fail("AWS does not say why; `stateward nodes show` and `stateward history` show what it has", FAILED)
    if look.is_plain:
        look.show_plain(told)
    elif look.output == "name":
        typer.echo(told["verdict"])
    else:
        _explain(told["reasons"], look)


def add_to(app: typer.Typer) -> None:
    """Make these commands of the program."""
    command(
        app,
        "diff",
        "stateward diff nightly-patch/last~1 nightly-patch/last",
        "stateward diff nightly-patch/411 nightly-patch/413 --exit-code",
    )(diff)
    command(app, "why", "stateward why nightly-patch web-031", "stateward why nightly-patch")(why)


def _explain(reasons: list[dict[str, Any]], look: Look) -> None:
    for number, reason in enumerate(reasons):
        times = [
            f"{word} {look.cell('instant', reason[member])}"
            for member, word in (("since", "since"), ("until", "until"))
            if reason.get(member)
        ]
        behind = f"  ({', '.join(times)})" if times and look.output == "wide" else ""
        typer.echo(f"{'' if number == 0 else '  '}{reason['code']}: {reason['sentence']}{behind}")
        if reason.get("remedy"):
            typer.echo(f"{'  ' if number == 0 else '    '}→ {reason['remedy']}")
