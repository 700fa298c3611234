"""Inventory that no node uploads: what the server knows of it anyway (spec 6.9)."""

from __future__ import annotations

from collections.abc import Mapping

from stateward.inventory.filters import Entry, Held
from stateward.nodes.ping import ping_status
from stateward.nodes.store import NodeRow
from stateward.wire.protocol import iso8601

INSTANCE_INFORMATION = "AWS:InstanceInformation"
TAG = "AWS:Tag"
VERSION = "1.0"


def instance_information(row: NodeRow, now_ms: int) -> Held:
    """What the node's heartbeats told, as the one entry of AWS:InstanceInformation."""
    reachable = ping_status(bool(row.connected), row.last_ping_ms, now_ms)
    told = {
        "AgentType": row.agent_name,
        "AgentVersion": row.agent_version,
        "ComputerName": row.computer_name,
        "IamRole": row.iam_role,
        "InstanceId": row.node_id,
        "InstanceStatus": "Active" if reachable == "Online" else reachable,
        "IpAddress": row.ip_address,
        "PlatformName": row.platform_name,
        "PlatformType": row.platform_type,
        "PlatformVersion": row.platform_version,
        "ResourceType": "ManagedInstance" if row.node_id.startswith("mi-") else "EC2Instance",
    }
    heard_ms = row.registered_ms if row.last_ping_ms is None else row.last_ping_ms
    return Held(VERSION, capture_time(heard_ms), None, [{name: value for name, value in told.items() if value}])


def tags(tagged: Mapping[str, str], now_ms: int) -> Held:
    """A node's tags, an entry each."""
    entries: list[Entry] = [{"Key": key, "Value": tagged[key]} for key in sorted(tagged)]
    return Held(VERSION, capture_time(now_ms), None, entries)


def capture_time(ms: int) -> str:
    """An instant as inventory writes it, without fractions."""
    return iso8601(ms)[: len("2024-01-01T00:00:00")] + "Z"
