"""What `stateward nodes activate` prints: the activation, and the commands for each agent."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import typer

from stateward.cli.server import USAGE, Server, fail
from stateward.config import is_loopback
from stateward.joining import Joining, built_in_agent, official_agent_linux, official_agent_windows

AGENTS = {
    "all": (built_in_agent, official_agent_linux, official_agent_windows),
    "stateward": (built_in_agent,),
    "official": (official_agent_linux,),
    "windows": (official_agent_windows,),
}


class Manifest(msgspec.Struct):
    """What a server hands out (`/agent/manifest.json`)."""

    endpoint: str | None
    ca: str | None
    wheel: str
    zipapp: str
    zipapp_for: tuple[str, str]


NO_MANIFEST = Manifest(None, None, "stateward-py3-none-any.whl", "stateward-agent.pyz", ("cpython-3", "linux"))


def checked(node_endpoint: str) -> str:
    """What nodes are to write, before an activation is made for it; empty stays empty."""
    from stateward.agent.client import checked_endpoint

    try:
        return checked_endpoint(node_endpoint) if node_endpoint else ""
    except ValueError as error:
        fail(f"--node-{error}", USAGE)


def joining_of(server: Server, made: dict[str, Any], node_endpoint: str) -> Joining:
    """The commands' parts: the server says where nodes are to go and whom they are to trust."""
    raw = server.public("/agent/manifest.json")
    manifest = NO_MANIFEST if raw is None else msgspec.json.decode(raw, type=Manifest)
    from stateward.agent.reaching import is_in_clear

    endpoint = (node_endpoint or manifest.endpoint or server.endpoint).rstrip("/")
    ca = None
    if manifest.ca is not None and urlsplit(endpoint).scheme == "https":
        pem = server.public(f"/agent/{manifest.ca}")
        ca = None if pem is None else pem.decode("ascii")
    if is_in_clear(endpoint):
        typer.echo(
            f"stateward: {endpoint} is not secure: who can listen can register nodes, and who can change what is sent "
            "can run commands on them; serve with TLS",
            err=True,
        )
    if is_loopback(urlsplit(endpoint).hostname or ""):
        typer.echo(
            f"stateward: {endpoint} leads nowhere from other machines: serve with --host and --tls-name, or name the "
            "address of a proxy with --node-endpoint",
            err=True,
        )
    return Joining(
        endpoint=endpoint,
        region=server.region,
        activation_id=made["ActivationId"],
        activation_code=made["ActivationCode"],
        ca_pem=ca,
        wheel=manifest.wheel,
        zipapp=manifest.zipapp,
        zipapp_for=manifest.zipapp_for,
    )


def as_text(told: Joining, limit: int, until: datetime, agent: str) -> str:
    """For people: what it is, then one block of commands for each agent."""
    machines = "one machine" if limit == 1 else f"{limit} machines"
    head = (
        f"# Activation {told.activation_id}, for {machines}, until {until:%Y-%m-%d %H:%M} UTC. "
        "Its code registers nodes: keep it like a key.\n"
    )
    return "\n".join([head, *(block(told) for block in AGENTS[agent])])


def as_json(told: Joining, limit: int, until: datetime) -> dict[str, Any]:
    """For programs: the API's members, and the same commands."""
    return {
        "ActivationId": told.activation_id,
        "ActivationCode": told.activation_code,
        "RegistrationLimit": limit,
        "ExpirationDate": until,
        "Endpoint": told.endpoint,
        "Region": told.region,
        "CA": told.ca_pem,
        "Commands": {
            "stateward": built_in_agent(told),
            "official": official_agent_linux(told),
            "windows": official_agent_windows(told),
        },
    }
