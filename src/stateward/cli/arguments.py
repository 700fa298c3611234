"""Arguments and options that mean the same in every command that has them."""

from __future__ import annotations

from typing import Annotated

import typer

from stateward.cli import completion
from stateward.cli.server import USAGE, fail

Assoc = Annotated[
    str,
    typer.Argument(
        metavar="ASSOC",
        help="The association: name, id, or the beginning of one.",
        autocompletion=completion.associations,
    ),
]
Assocs = Annotated[
    list[str],
    typer.Argument(
        metavar="ASSOC…",
        help="The associations: name, id, or the beginning of one.",
        autocompletion=completion.associations,
    ),
]
Exec = Annotated[
    str,
    typer.Argument(
        metavar="EXEC",
        help="The execution: id or its beginning, ASSOC/412, ASSOC/last, ASSOC/last~1.",
        autocompletion=completion.executions,
    ),
]
Node = Annotated[
    str, typer.Argument(metavar="NODE", help="The node: its id or its name.", autocompletion=completion.nodes)
]
Document = Annotated[
    str, typer.Argument(metavar="DOCUMENT", help="The document's name.", autocompletion=completion.documents)
]
Since = Annotated[str, typer.Option("--since", help="From then on: 7d, 12h, or an instant as 2026-12-24T18:00:00Z.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", envvar="STATEWARD_YES", help="Do not ask.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow it to its end; the exit code is the result's.")]
Timeout = Annotated[
    str, typer.Option("--timeout", help="With --watch: end with exit code 6 after so long, such as 90s or 10m.")
]


def tag_of(text: str) -> dict[str, str]:
    """`key=value` as the API has it; anything else ends the program."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        fail(f"--tag {text!r}: use key=value", USAGE)
    return {"Key": key, "Value": value}
