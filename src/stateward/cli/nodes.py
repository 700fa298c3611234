"""`stateward nodes`: the managed nodes of a server, and how a machine becomes one."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stateward.cli import tables
from stateward.cli.server import NOT_FOUND, USAGE, Server, Where, fail
from stateward.cli.whereabouts import located

if TYPE_CHECKING:
    from datetime import datetime

app = typer.Typer(no_args_is_help=True, help="Managed nodes: list them, look at one, make a machine one.")

UNITS_S = {"m": 60, "h": 3600, "d": 86400}
COLUMNS = ("NODE", "NAME", "PING", "LAST HEARD", "PLATFORM", "AGENT", "ADDRESS", "ASSOCIATIONS")

Output = Annotated[str, typer.Option("--output", "-o", envvar="STATEWARD_OUTPUT", help="table, json or name.")]
NodeId = Annotated[str, typer.Argument(metavar="NODE", help="The node's id, mi-….")]


@app.command()
@located
def activate(
    where: Where,
    name: Annotated[str, typer.Option(envvar="STATEWARD_NODE_NAME", help="Name of the nodes in lists.")] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option(envvar="STATEWARD_NODE_TAG", help="A tag of the nodes, key=value; again for others."),
    ] = None,
    limit: Annotated[int, typer.Option(envvar="STATEWARD_NODE_LIMIT", min=1, help="How many machines may use it.")] = 1,
    expires: Annotated[
        str, typer.Option(envvar="STATEWARD_NODE_EXPIRES", help="For how long: minutes, hours or days, at most 30d.")
    ] = "24h",
    role: Annotated[
        str, typer.Option(envvar="STATEWARD_NODE_ROLE", help="Role name, which is only kept and shown.")
    ] = "stateward",
    node_endpoint: Annotated[
        str,
        typer.Option(
            "--node-endpoint",
            envvar="STATEWARD_NODE_ENDPOINT",
            help="The server's address as the nodes write it.  [default: the server's own word]",
            show_default=False,
        ),
    ] = "",
    agent: Annotated[
        str, typer.Option(envvar="STATEWARD_NODE_AGENT", help="stateward, official, windows or all.")
    ] = "all",
    output: Output = "table",
) -> None:
    """Make an activation, and print the commands that make a machine a node with it."""
    from stateward.cli import activation

    _check_output(output)
    if agent not in activation.AGENTS:
        fail(f"--agent {agent!r}: use one of {', '.join(activation.AGENTS)}", USAGE)
    tags = [_tag(text) for text in tag or []]
    until = _until(expires)
    server = Server(where)
    server.announce()
    optional: dict[str, Any] = {"DefaultInstanceName": name, "Tags": tags}
    made = server.call(
        "create_activation",
        IamRole=role,
        RegistrationLimit=limit,
        ExpirationDate=until,
        **{member: value for member, value in optional.items() if value},
    )
    told = activation.joining_of(server, made, node_endpoint)
    if output == "json":
        tables.show_json(activation.as_json(told, limit, until))
    elif output == "name":
        typer.echo(told.activation_id)
    else:
        typer.echo(activation.as_text(told, limit, until, agent))


@app.command("list")
@located
def list_nodes(
    where: Where,
    output: Output = "table",
) -> None:
    """List the managed nodes."""
    _check_output(output)
    server = Server(where)
    nodes = server.pages("describe_instance_information", "InstanceInformationList", MaxResults=50)
    if output == "json":
        tables.show_json(nodes)
    elif output == "name":
        for node in nodes:
            typer.echo(node["InstanceId"])
    else:
        tables.show(COLUMNS, [_row(node) for node in nodes])


@app.command()
@located
def show(
    where: Where,
    node: NodeId,
    output: Output = "table",
) -> None:
    """Show a node: whether work reaches it, and whether another machine passes for it."""
    from stateward.cli import node_page

    _check_output(output)
    server = Server(where)
    found = node_page.look(server, node)
    if output == "json":
        tables.show_json(found)
    elif output == "name":
        typer.echo(node)
    else:
        tables.show_fields(node_page.fields(found))


@app.command()
@located
def deregister(
    where: Where,
    node: NodeId,
    yes: Annotated[bool, typer.Option("--yes", envvar="STATEWARD_YES", help="Do not ask.")] = False,
) -> None:
    """Remove a node: its open work ends, and nothing that it signs is believed any more."""
    server = Server(where)
    if not yes:
        if not sys.stdin.isatty():
            fail("deregister asks before it removes a node, and there is no terminal: give --yes", USAGE)
        typer.confirm(f"Remove {node} from {server.endpoint}?", abort=True, err=True)
    server.announce()
    server.call("deregister_managed_instance", InstanceId=node)
    typer.echo(f"{node} is removed")


@app.command("accept-fingerprint")
@located
def accept_fingerprint(
    where: Where,
    node: NodeId,
) -> None:
    """Let the machine that was refused be the node: after new hardware, or of two clones."""
    server = Server(where)
    known = server.own(f"/_stateward/nodes/{node}") or {"clones": []}
    refused = next((one for one in known["clones"] if one["kind"] == "fingerprint"), None)
    if refused is None:
        fail(f"no other machine has asked for the credentials of {node}", NOT_FOUND)
    server.announce()
    server.own(f"/_stateward/nodes/{node}/accept-fingerprint", {"fingerprint": refused["fingerprint"]})
    typer.echo(f"the machine at {', '.join(refused['addresses'])} is {node} now; no other one is")


@app.command("rotate-key")
@located
def rotate_key(
    where: Where,
    node: NodeId,
) -> None:
    """Have a node's official agent change its key, with its next token."""
    server = Server(where)
    server.announce()
    if server.own(f"/_stateward/nodes/{node}/rotate-key", {}) is None:
        fail(f"{server.endpoint} cannot ask nodes for another key")
    typer.echo(f"{node} is asked with its next token, within half an hour, while its channel is open")


def _row(node: dict[str, Any]) -> tuple[str, ...]:
    platform = " ".join(filter(None, (node.get("PlatformName"), node.get("PlatformVersion"))))
    counts = node.get("AssociationOverview", {}).get("InstanceAssociationStatusAggregatedCount", {})
    return (
        node["InstanceId"],
        node.get("Name") or node.get("ComputerName", ""),
        node["PingStatus"],
        tables.instant(node.get("LastPingDateTime")),
        platform,
        node.get("AgentVersion", ""),
        node.get("IPAddress", ""),
        ", ".join(f"{count} {status}" for status, count in counts.items()),
    )


def _check_output(output: str) -> None:
    if output not in tables.OUTPUTS:
        fail(f"--output {output!r}: use one of {', '.join(tables.OUTPUTS)}", USAGE)


def _tag(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        fail(f"--tag {text!r}: use key=value", USAGE)
    return {"Key": key, "Value": value}


def _until(text: str) -> datetime:
    from datetime import UTC, datetime

    from stateward.clock import wall_ms

    found = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    seconds = int(found[1]) * UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= 30 * UNITS_S["d"]:
        fail(f"--expires {text!r}: write minutes, hours or days, such as 90m, 24h or 7d, at most 30d", USAGE)
    return datetime.fromtimestamp(wall_ms() // 1000 + seconds, UTC)
