"""The options that say which server a command talks to, the same for every such command (console 6)."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from stateward.cli.server import Where

OPTIONS = {
    "endpoint_url": Annotated[
        str,
        typer.Option(
            "--endpoint-url",
            envvar="STATEWARD_ENDPOINT_URL",
            help="The server.  [default: as for the AWS CLI, else the server of this machine]",
            show_default=False,
        ),
    ],
    "region": Annotated[
        str, typer.Option(envvar="STATEWARD_REGION", help="Region to work in.  [default: as for the AWS CLI]")
    ],
    "profile": Annotated[str, typer.Option(envvar="STATEWARD_PROFILE", help="Profile of AWS's configuration.")],
    "ca_bundle": Annotated[
        str, typer.Option("--ca-bundle", envvar="STATEWARD_CA_BUNDLE", help="PEM file of the CAs to trust.")
    ],
    "data_dir": Annotated[
        Path | None,
        typer.Option(
            "--data-dir", envvar="STATEWARD_DATA_DIR", help="Folder of this machine's server.", show_default=False
        ),
    ],
    # No variable: one that was forgotten must not let a command run on AWS.
    "aws": Annotated[bool, typer.Option("--aws", help="Work on AWS itself, where no server is named.")],
}
DEFAULTS = dict(zip(OPTIONS, Where.__struct_defaults__, strict=True))


def located(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name its server, behind its own; it takes them together, as `where`."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != "where"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[name], annotation=option)
        for name, option in OPTIONS.items()
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        where = Where(*(given.pop(name) for name in OPTIONS))
        command(where=where, **given)

    run.__signature__ = signature.replace(parameters=own + added)  # type: ignore[attr-defined]
    return run
