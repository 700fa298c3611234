"""What `stateward agent status`, `install`, `update` and `pack` do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import typer

from stateward.cli.agent_process import ZIPAPP

NOT_FOUND, NOT_ALLOWED, NOT_REACHABLE, USAGE = 3, 4, 5, 64
_WAYS = {
    "ssmmessages": "online, control channel",
    "ec2messages": "online, long polls since there is no control channel,",
    "": "offline",
}


def show_status(state_dir: Path, output: str) -> None:
    """Print it; exit codes 0 connected, 3 not registered, 5 not running or not connected."""
    import msgspec

    from stateward.agent import identity
    from stateward.agent import status as statuses

    if output not in ("text", "json"):
        _fail(f"--output {output!r}: use text or json", USAGE)
    try:
        registration = identity.registered(state_dir)
    except identity.IdentityProblem as error:
        _fail(str(error))
    if registration is None:
        _fail(f"{state_dir}: no node is registered there", NOT_FOUND)
    found = statuses.read(state_dir)
    alive = found is not None and found.is_alive
    spooled = found.unsent_replies if found is not None and alive else _spooled(state_dir)
    if output == "json":
        told = msgspec.to_builtins(found) if found is not None and alive else msgspec.to_builtins(registration)
        typer.echo(msgspec.json.encode({**told, "is_running": alive, "unsent_replies": spooled}).decode())
    else:
        typer.echo(f"Node        {registration.node_id}")
        typer.echo(f"Server      {registration.endpoint} ({registration.region})")
        if found is None or not alive:
            typer.echo("Agent       not running")
        else:
            _show_process(found)
        typer.echo(f"Replies     {spooled} not yet taken by the server")
    if found is None or not alive or not found.way:
        raise typer.Exit(NOT_REACHABLE)


def _show_process(found: object) -> None:
    from stateward.agent.reports import instant
    from stateward.agent.status import Status

    assert isinstance(found, Status), "only a status is shown"
    typer.echo(f"Agent       {found.agent_version}, process {found.process_id} since {instant(found.started_ms)}")
    typer.echo(f"Connection  {_WAYS[found.way]} since {instant(found.since_ms)}")
    if found.refusal:
        typer.echo(f"Refused     {found.refusal}")
        typer.echo(
            "            The node was removed, or another machine is it now: stop this agent; to be a node again,"
        )
        typer.echo("            register in another --state-dir")
    commands = f": {', '.join(found.running)}" if found.running else ""
    typer.echo(f"Commands    {len(found.running)} running, {found.waiting} waiting{commands}")
    if found.rebooting:
        typer.echo(f"Reboot      {len(found.rebooting)} go on after the next boot: {', '.join(found.rebooting)}")


def install(state_dir: Path, *, user: bool, only_print: bool) -> None:
    """Write the unit; exit code 4 when this user may not."""
    from stateward.agent import identity, service

    try:
        text = service.unit_text(_program(), state_dir, user=user)
    except ValueError as error:
        _fail(str(error))
    if only_print:
        typer.echo(text, nl=False)
        return
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = service.unit_path(user=user, config_home=config_home)
    if not user and os.geteuid() != 0:
        _fail(f"{path}: only root can write there, use --user for this user alone", NOT_ALLOWED)
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text)
        beside.replace(path)
    except OSError as error:
        _fail(f"{path}: the unit cannot be written ({error.strerror})", NOT_ALLOWED)
    systemctl = "systemctl --user" if user else "systemctl"
    typer.echo(f"{path} is written. Next:")
    if identity.registered(state_dir) is None:
        typer.echo(f"  stateward agent register --endpoint … --activation-id … --state-dir {state_dir}")
    typer.echo(f"  {systemctl} daemon-reload")
    typer.echo(f"  {systemctl} enable --now {service.UNIT}")
    if user:
        typer.echo("  loginctl enable-linger      so that it runs while nobody is logged in")


def update(state_dir: Path, *, insecure: bool) -> None:
    """Replace the zip-app and restart the service that runs it."""
    from stateward.agent import identity, updating
    from stateward.cli.loop import run_loop

    zipapp = os.environ.get(ZIPAPP)
    if not zipapp:
        _fail("this agent is an installed package: update it as it was installed, as with `pip install -U stateward`")
    try:
        endpoint = identity.load(state_dir).registration.endpoint
        changed = updating.replace(Path(zipapp), run_loop(updating.fetch(endpoint, insecure=insecure)))
    except identity.NotRegistered as error:
        _fail(str(error), NOT_FOUND)
    except (identity.IdentityProblem, updating.UpdateFailed) as error:
        _fail(str(error))
    if not changed:
        typer.echo(f"{zipapp} is what the server hands out")
        return
    typer.echo(f"{zipapp} is replaced")
    _restart()


def pack(file: Path) -> None:
    """Make the zip-app, and print its SHA-256 as `sha256sum` does."""
    from stateward.agent import packing

    try:
        packed = packing.pack(file.absolute())
    except OSError as error:
        _fail(f"{file}: the zip-app cannot be written ({error})")
    typer.echo(f"{packed.sha256}  {file}")


def _restart() -> None:
    from stateward.agent.service import UNIT

    systemctl = shutil.which("systemctl")
    for scope in ([], ["--user"]):
        if systemctl is None:
            break
        asked = subprocess.run([systemctl, *scope, "is-active", "--quiet", UNIT], capture_output=True, check=False)
        if asked.returncode == 0:
            restarted = subprocess.run([systemctl, *scope, "restart", UNIT], check=False)
            typer.echo(f"{UNIT} is restarted" if restarted.returncode == 0 else f"{UNIT} could not be restarted")
            return
    typer.echo("restart the agent to run it")


def _program() -> list[str]:
    """How this program was started, as words for a unit."""
    zipapp = os.environ.get(ZIPAPP)
    if zipapp:
        return [sys.executable, zipapp]
    script = Path(sys.argv[0]).absolute()
    if script.name == "stateward" and os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", "stateward"]


def _spooled(state_dir: Path) -> int:
    return len(list((state_dir / "replies").glob("[0-9]*.json")))


def _fail(message: str, code: int = 1) -> NoReturn:
    typer.echo(f"stateward: {message}", err=True)
    raise typer.Exit(code)
