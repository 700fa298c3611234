"""`stateward local`: a server, and this machine as its node, until Ctrl-C."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from stateward.cli import credentials
from stateward.cli.loop import run_loop
from stateward.cli.processes import Child, ChildFailed, start_server, terminated_like_interrupted
from stateward.config import Address


class LocalFailed(Exception):
    """The server or the agent could not run; the text says why."""


def run_local(data_dir: Path, port: int) -> None:
    """Serve from `data_dir`, join with the agent's state beside it, and wait. Raises LocalFailed."""
    try:
        with terminated_like_interrupted():
            server, endpoint = start_server(data_dir, port)
            with server:
                _join(data_dir, endpoint)
    except KeyboardInterrupt:
        typer.echo("stopping")
    except (ChildFailed, credentials.NoCredentials) as error:
        raise LocalFailed(str(error)) from error


def _join(data_dir: Path, endpoint: str) -> None:
    address = Address.load(data_dir)
    key = run_loop(credentials.Keys(data_dir).administrator(address.account_id))
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": address.region,
        "AWS_DEFAULT_REGION": address.region,
    }
    environment.pop("AWS_SESSION_TOKEN", None)
    state = data_dir.parent / "stateward-agent"
    join = ["agent", "join", "--endpoint", endpoint, "--state-dir", str(state), "--name", os.uname().nodename]
    with Child("agent", join, environment) as agent:
        typer.echo(f"Stateward is listening on {endpoint}; this machine joins it as a node. Ctrl-C ends both.")
        typer.echo(f'In another terminal: eval "$(stateward credentials --data-dir {data_dir})"')
        agent.wait()
        agent.check_alive()
