"""The options that say which server a command talks to, the same for every such command (console 6)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stateward.cli.bundles import bundle
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

located = bundle("where", Where, OPTIONS, DEFAULTS)
"""Give a command the options that name its server; it takes them together, as `where`."""
