"""`stateward credentials`: what AWS clients need, and the access keys of a data directory (D50)."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from stateward.config import Address, data_home

T = TypeVar("T")
app = typer.Typer(
    help="Print the administrator's access key for AWS clients; make, list and revoke keys.",
    invoke_without_command=True,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="STATEWARD_DATA_DIR",
        help="Folder of the database and keys.  [default: $XDG_DATA_HOME/stateward, as root /var/lib/stateward]",
        show_default=False,
    ),
]
Format = Annotated[str, typer.Option("--format", envvar="STATEWARD_CREDENTIALS_FORMAT", help="shell, profile or json.")]
Endpoint = Annotated[
    str,
    typer.Option(
        envvar="STATEWARD_ENDPOINT",
        help="The server's address, as clients reach it.  [default: where it last served from the folder]",
        show_default=False,
    ),
]
Region = Annotated[
    str,
    typer.Option(envvar="STATEWARD_REGION", help="Region to work in.  [default: the server's]", show_default=False),
]
Account = Annotated[
    str,
    typer.Option(
        envvar="STATEWARD_ACCOUNT_ID", help="Account of the key.  [default: the server's]", show_default=False
    ),
]


@app.callback(invoke_without_command=True)
def credentials(
    context: typer.Context,
    data_dir: DataDir = None,
    output: Format = "shell",
    endpoint: Endpoint = "",
    region: Region = "",
    account_id: Account = "",
) -> None:
    """Print the administrator's access key, with the address and region that AWS clients need."""
    if context.invoked_subcommand is not None:
        return
    from stateward.cli import credentials as printing

    folder = data_dir or data_home("stateward")
    known = Address.load(folder)
    key = _answer(printing.Keys(folder).administrator(account_id or known.account_id))
    _print(key, output, endpoint or known.endpoint, region or known.region)


@app.command()
def create(
    account: Annotated[
        str,
        typer.Option(envvar="STATEWARD_ACCOUNT_ID", help="Account of the new key.  [default: the server's]"),
    ] = "",
    data_dir: DataDir = None,
    output: Format = "shell",
    endpoint: Endpoint = "",
    region: Region = "",
) -> None:
    """Make an administrator's access key, of another account too, and print it; the server may be running."""
    from stateward.cli import credentials as printing

    folder = data_dir or data_home("stateward")
    known = Address.load(folder)
    key = _answer(printing.Keys(folder).create(account or known.account_id))
    _print(key, output, endpoint or known.endpoint, region or known.region)


@app.command("list")
def list_keys(data_dir: DataDir = None) -> None:
    """List the access keys: id, account, role and when each was made; no secrets."""
    from stateward.cli import credentials as printing
    from stateward.wire.protocol import iso8601

    for row in _answer(printing.Keys(data_dir or data_home("stateward")).listed()):
        typer.echo(f"{row.access_key_id}  {row.account_id}  {row.role}  {iso8601(row.created_ms)}")


@app.command()
def revoke(
    access_key_id: Annotated[str, typer.Argument(help="The key to forget.")],
    data_dir: DataDir = None,
) -> None:
    """Forget an access key; a running server knows it no more from its next request on."""
    from stateward.cli import credentials as printing

    _answer(printing.Keys(data_dir or data_home("stateward")).revoke(access_key_id))
    typer.echo(f"revoked {access_key_id}")


def _print(key: Any, output: str, endpoint: str, region: str) -> None:
    from stateward.cli import credentials as printing

    try:
        typer.echo(printing.formatted(key, output, endpoint, region))
    except printing.NoCredentials as error:
        _fail(str(error))


def _answer(asked: Coroutine[Any, Any, T]) -> T:
    from stateward.cli.credentials import NoCredentials
    from stateward.cli.loop import run_loop

    try:
        return run_loop(asked)
    except NoCredentials as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(f"stateward: {message}", err=True)
    raise typer.Exit(1)
