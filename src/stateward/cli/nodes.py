"""`stateward nodes`: the managed nodes of a server, and how a machine becomes one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stateward.cli import completion
from stateward.cli.arguments import Yes, tag_of
from stateward.cli.declaring import command, group
from stateward.cli.presentation import Column, Listing, Look, confirm
from stateward.cli.server import NOT_FOUND, USAGE, Server, Where, fail

if TYPE_CHECKING:
    from datetime import datetime

app = group(
    "Managed nodes: list them, look at one, make a machine one.",
    "stateward nodes list --not-well",
    "stateward nodes activate --name web --tag role=web --limit 20",
)

UNITS_S = {"m": 60, "h": 3600, "d": 86400}

NodeId = Annotated[
    str, typer.Argument(metavar="NODE", help="The node: its id, mi-…, or its name.", autocompletion=completion.nodes)
]


@command(
    app,
    "activate",
    "stateward nodes activate --name web --tag role=web",
    "stateward nodes activate --agent official --limit 20 --expires 7d",
)
def activate(
    where: Where,
    look: Look,
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
) -> None:
    """Make an activation, and print the commands that make a machine a node with it."""
    from stateward.cli import activation

    if agent not in activation.AGENTS:
        fail(f"--agent {agent!r}: use one of {', '.join(activation.AGENTS)}", USAGE)
    tags = [tag_of(text) for text in tag or []]
    node_endpoint = activation.checked(node_endpoint)
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
    if look.is_plain:
        look.show_plain(activation.as_json(told, limit, until))
    elif look.output == "name":
        typer.echo(told.activation_id)
    else:
        typer.echo(activation.as_text(told, limit, until, agent))


@command(app, "list", "stateward nodes list --not-well", "stateward nodes list -o name")
def list_nodes(
    where: Where,
    look: Look,
    not_well: Annotated[
        bool, typer.Option("--not-well", help="Only nodes that are not Online, or whose associations are not all well.")
    ] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Only nodes with this tag, key=value; again for others, too.")
    ] = None,
) -> None:
    """List the managed nodes."""
    from stateward.cli import node_page

    filters = [{"Key": f"tag:{one['Key']}", "Values": [one["Value"]]} for one in map(tag_of, tag or [])]
    server = Server(where)
    found = server.some(
        "describe_instance_information",
        "InstanceInformationList",
        0 if not_well else look.limit,
        MaxResults=50,
        **({"Filters": filters} if filters else {}),
    )
    look.show(node_page.NODES, [node for node in found if not not_well or not node_page.is_well(node)])


@command(app, "show", "stateward nodes show web-017", "stateward nodes show mi-080e837e38b7ad91a -o json")
def show(where: Where, look: Look, node: NodeId) -> None:
    """Show a node: whether work reaches it, and whether another machine passes for it."""
    from stateward.cli import node_page
    from stateward.cli.names import Names

    server = Server(where)
    node = Names(server).node(node)
    found = node_page.look(server, node)
    look.show_one(found, node_page.fields(found), node)


@command(app, "tag", "stateward nodes tag web-017 env=prod role=web", "stateward nodes tag web-017 --remove role")
def tag(
    where: Where,
    look: Look,
    node: NodeId,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE…]", help="Tags to set.", show_default=False)
    ] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="A tag to take away; again for others.")] = None,
) -> None:
    """Set or remove tags of a node, and list those that it has. Associations follow: what matches now, runs."""
    from stateward.cli.names import Names

    wanted = [tag_of(text) for text in tags or []]
    server = Server(where)
    named = {"ResourceType": "ManagedInstance", "ResourceId": Names(server).node(node)}
    if wanted or remove:
        server.announce(quiet=look.quiet)
    if wanted:
        server.call("add_tags_to_resource", Tags=wanted, **named)
    if remove:
        server.call("remove_tags_from_resource", TagKeys=remove, **named)
    found = server.call("list_tags_for_resource", **named)["TagList"]
    columns = (Column("KEY", lambda one: one["Key"]), Column("VALUE", lambda one: one["Value"]))
    look.show(Listing(columns, lambda one: f"{one['Key']}={one['Value']}", "it has no tags"), found)


@command(
    app,
    "deregister",
    "stateward nodes deregister web-017",
    "stateward nodes deregister mi-080e837e38b7ad91a --yes",
    look=False,
)
def deregister(where: Where, node: NodeId, yes: Yes = False) -> None:
    """Remove a node: its open work ends, and nothing that it signs is believed any more."""
    from stateward.cli.names import Names

    server = Server(where)
    node = Names(server).node(node)
    confirm(f"Remove {node} from {server.endpoint}?", yes=yes, what="deregister asks before it removes a node")
    server.announce()
    server.call("deregister_managed_instance", InstanceId=node)
    typer.echo(f"{node} is removed")


@command(
    app,
    "accept-fingerprint",
    "stateward nodes show web-017",
    "stateward nodes accept-fingerprint web-017",
    look=False,
)
def accept_fingerprint(where: Where, node: NodeId) -> None:
    """Let the machine that was refused be the node: after new hardware, or of two clones."""
    from stateward.cli.names import Names

    server = Server(where)
    node = Names(server).node(node)
    known = server.own(f"/_stateward/nodes/{node}") or {"clones": []}
    refused = next((one for one in known["clones"] if one["kind"] == "fingerprint"), None)
    if refused is None:
        fail(f"no other machine has asked for the credentials of {node}", NOT_FOUND)
    server.announce()
    server.own(f"/_stateward/nodes/{node}/accept-fingerprint", {"fingerprint": refused["fingerprint"]})
    typer.echo(f"the machine at {', '.join(refused['addresses'])} is {node} now; no other one is")


@command(
    app,
    "rotate-key",
    "stateward nodes rotate-key web-017",
    "stateward nodes rotate-key mi-080e837e38b7ad91a",
    look=False,
)
def rotate_key(where: Where, node: NodeId) -> None:
    """Have a node's official agent change its key, with its next token."""
    from stateward.cli.names import Names

    server = Server(where)
    node = Names(server).node(node)
    server.announce()
    if server.own(f"/_stateward/nodes/{node}/rotate-key", {}) is None:
        fail(f"{server.endpoint} cannot ask nodes for another key")
    typer.echo(f"{node} is asked with its next token, within half an hour, while its channel is open")


def _until(text: str) -> datetime:
    from datetime import UTC, datetime

    from stateward.clock import wall_ms

    found = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    seconds = int(found[1]) * UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= 30 * UNITS_S["d"]:
        fail(f"--expires {text!r}: write minutes, hours or days, such as 90m, 24h or 7d, at most 30d", USAGE)
    return datetime.fromtimestamp(wall_ms() // 1000 + seconds, UTC)
