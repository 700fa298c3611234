"""What `stateward nodes list` and `show` tell of nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stateward.cli import tables
from stateward.cli.presentation import Column, Listing
from stateward.cli.server import NOT_FOUND, Server, fail

WELL = ("Success", "Skipped", "InProgress", "Pending")
NO_CHANNEL = "no channel, next try within an hour: its heartbeats come, commands wait until it is back"


def _platform(node: dict[str, Any]) -> str:
    return " ".join(filter(None, (node.get("PlatformName"), node.get("PlatformVersion"))))


def _counts(node: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = node.get("AssociationOverview", {}).get("InstanceAssociationStatusAggregatedCount", {})
    return found


def _overview(node: dict[str, Any]) -> str:
    return ", ".join(f"{count} {status}" for status, count in _counts(node).items())


def is_well(node: dict[str, Any]) -> bool:
    return node["PingStatus"] == "Online" and not any(
        count for status, count in _counts(node).items() if status not in WELL
    )


NODES = Listing(
    columns=(
        Column("NODE", lambda node: node["InstanceId"], "id"),
        Column("NAME", lambda node: node.get("Name") or node.get("ComputerName", ""), "name"),
        Column("PING", lambda node: node["PingStatus"], "status"),
        Column("LAST HEARD", lambda node: node.get("LastPingDateTime"), "instant", spare=2),
        Column("PLATFORM", _platform, spare=3),
        Column("AGENT", lambda node: node.get("AgentVersion", ""), spare=5),
        Column("ADDRESS", lambda node: node.get("IPAddress", ""), spare=4),
        Column("ASSOCIATIONS", _overview),
        Column("LAST RUN", lambda node: node.get("LastAssociationExecutionDate"), "instant", wide=True),
        Column("REGISTERED", lambda node: node.get("RegistrationDate"), "instant", wide=True),
    ),
    name=lambda node: str(node["InstanceId"]),
    none="there are no such nodes; `stateward nodes activate` prints the commands that make a machine one",
)


def look(server: Server, node_id: str) -> dict[str, Any]:
    """AWS's words and Stateward's own."""
    filters = [{"Key": "InstanceIds", "Values": [node_id]}]
    rows = server.call("describe_instance_information", Filters=filters)["InstanceInformationList"]
    if not rows:
        fail(f"managed node {node_id} does not exist at {server.endpoint} in {server.region}", NOT_FOUND)
    tags = server.call("list_tags_for_resource", ResourceType="ManagedInstance", ResourceId=node_id)["TagList"]
    status = server.call("get_connection_status", Target=node_id)["Status"]
    own = server.own(f"/_stateward/nodes/{node_id}")
    return {"Node": rows[0], "Tags": tags, "ConnectionStatus": status, "Stateward": own}


def fields(found: dict[str, Any]) -> dict[str, str]:
    """For people, a line each."""
    node = found["Node"]
    shown = {
        "Node": node["InstanceId"],
        "Name": node.get("Name", ""),
        "Connection": connection(
            node["PingStatus"], found["ConnectionStatus"], node.get("LastPingDateTime"), found["Stateward"] or {}
        ),
        "Machine": ", ".join(filter(None, (node.get("ComputerName"), node.get("IPAddress"), _platform(node)))),
        "Agent": node.get("AgentVersion", ""),
        "Tags": "\n".join(f"{tag['Key']}={tag['Value']}" for tag in found["Tags"]),
        "Registered": tables.instant(node.get("RegistrationDate")),
        "Activation": node.get("ActivationId", ""),
        "Role": node.get("IamRole", ""),
        "Associations": _overview(node),
        "Last run": tables.instant(node.get("LastAssociationExecutionDate")),
    }
    kept = {name: value for name, value in shown.items() if value}
    warnings = [_warning(node["InstanceId"], one) for one in (found["Stateward"] or {}).get("clones", ())]
    return {**kept, "Attention": "\n".join(warnings)} if warnings else kept


def connection(ping: str, status: str, last_heard: Any, own: dict[str, Any]) -> str:
    """Whether work reaches the node; a node that was refused a channel is not offline (node protocol 9.3)."""
    if status == "connected":
        return "connected"
    if own.get("connection") == "channel-closed":
        return f"channel closed at {tables.instant(last_heard)}, not heard of since; commands wait until it is back"
    if ping == "Online":
        return NO_CHANNEL
    return f"offline, last heard of {tables.instant(last_heard)}" if last_heard else "offline, never heard of"


def _warning(node_id: str, clone: dict[str, Any]) -> str:
    addresses = ", ".join(clone["addresses"]) or "an unknown address"
    first, last = (tables.instant(datetime.fromisoformat(clone[end])) for end in ("first", "last"))
    often = "once" if clone["times"] == 1 else f"{clone['times']} times"
    if clone["kind"] == "channels":
        return (
            f"Two machines take its channel from each other, {often}, last {last}, from "
            f"{addresses}: clones. Register one of them anew; until then the newest gets the work."
        )
    return (
        f"Another machine asked for its credentials and was refused, {often} since {first}, "
        f"last {last}, from {addresses}: a clone, or the node on other hardware.\n"
        f"If that machine is to be the node: stateward nodes accept-fingerprint {node_id}"
    )
