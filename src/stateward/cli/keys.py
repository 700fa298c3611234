"""`stateward credentials`: what AWS clients need, and the access keys of a server (D50, D62)."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import typer

from stateward.cli.declaring import command
from stateward.cli.presentation import Column, Listing, Look
from stateward.cli.server import Server, Where, fail, is_named
from stateward.cli.whereabouts import located
from stateward.config import Address, data_home

T = TypeVar("T")
KEYS = Listing(
    columns=(
        Column("ACCESS KEY", lambda key: key["access_key"], "id"),
        Column("ROLE", lambda key: key["role"], "id"),
        Column("ACCOUNT", lambda key: key["account"], "id"),
        Column("CREATED", lambda key: key["created"], "instant"),
        Column("LAST USED", lambda key: key["last_used"], "instant"),
    ),
    name=lambda key: str(key["access_key"]),
)
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
@located
def create(
    where: Where,
    role: Annotated[
        str, typer.Option(envvar="STATEWARD_KEY_ROLE", help="reader, operator (root on every node) or administrator.")
    ],
    account: Annotated[
        str,
        typer.Option(envvar="STATEWARD_ACCOUNT_ID", help="Account of the new key.  [default: the server's]"),
    ] = "",
    output: Format = "shell",
) -> None:
    """Make an access key and print it: on the server that is named, or in a data directory."""
    from stateward.cli import credentials as printing

    if is_named(where):
        server = Server(where)
        server.announce()
        members = {"role": role, **({"account": account} if account else {})}
        made = _told(server, server.own("/_stateward/keys", members))
        _print(printing.Key(made["access_key"], made["secret_access_key"]), output, server.endpoint, server.region)
        return
    folder = where.data_dir or data_home("stateward")
    known = Address.load(folder)
    key = _answer(printing.Keys(folder).create(account or known.account_id, role))
    _print(key, output, known.endpoint, where.region or known.region)


@command(app, "list", "stateward credentials list", "stateward credentials list -o name")
def list_keys(where: Where, look: Look) -> None:
    """List the access keys: id, role, account, when each was made and last used; no secrets."""
    look.show(KEYS, _listed(where))


@app.command()
@located
def revoke(where: Where, access_key_id: Annotated[str, typer.Argument(help="The key to forget.")]) -> None:
    """Forget an access key; a running server knows it no more from its next request on."""
    from stateward.cli import credentials as printing

    if is_named(where):
        server = Server(where)
        server.announce()
        _told(server, server.own(f"/_stateward/keys/{quote(access_key_id, safe='')}/revoke", {}))
    else:
        _answer(printing.Keys(where.data_dir or data_home("stateward")).revoke(access_key_id))
    typer.echo(f"revoked {access_key_id}")


def _listed(where: Where) -> list[dict[str, Any]]:
    """The keys with the members of the route's answer."""
    from stateward.cli import credentials as printing
    from stateward.wire.protocol import iso8601

    if is_named(where):
        server = Server(where)
        found: list[dict[str, Any]] = _told(server, server.own("/_stateward/keys"))["keys"]
        return found
    return [
        {
            "access_key": row.access_key_id,
            "account": row.account_id,
            "role": row.role,
            "created": iso8601(row.created_ms),
            "last_used": None if row.last_used_ms is None else iso8601(row.last_used_ms),
        }
        for row in _answer(printing.Keys(where.data_dir or data_home("stateward")).listed())
    ]


def _told(server: Server, answer: Any) -> Any:
    if answer is None:
        fail(f"{server.endpoint} keeps no access keys of Stateward's: it is another server, or an older one")
    return answer


def _print(key: Any, output: str, endpoint: str, region: str) -> None:
    from stateward.cli import credentials as printing

    try:
        typer.echo(printing.formatted(key, output, endpoint, region))
    except printing.NoCredentials as error:
        fail(str(error))


def _answer(asked: Coroutine[Any, Any, T]) -> T:
    from stateward.cli.credentials import NoCredentials
    from stateward.cli.loop import run_loop

    try:
        return run_loop(asked)
    except NoCredentials as error:
        fail(str(error))
