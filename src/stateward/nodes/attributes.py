"""Nodes as ListNodes and ListNodesSummary know them: named attributes, filters over them, counts of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from stateward.nodes.ping import ping_status
from stateward.nodes.store import NodeRow
from stateward.wire.comparison import operator_of, passes
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

EVERY_STATUS = "All"
DEEPEST_CHAIN = 2
SHOWN = (
    "AgentType",
    "AgentVersion",
    "ComputerName",
    "InstanceStatus",
    "IpAddress",
    "ManagedStatus",
    "Name",
    "PlatformType",
    "PlatformName",
    "PlatformVersion",
    "ResourceType",
    "SourceType",
    "SourceId",
)


class Count(msgspec.Struct, frozen=True):
    """How many nodes have these values of the attributes of one chain of aggregators."""

    chain: int
    values: tuple[str, ...]
    nodes: int


def attributes_of(row: NodeRow, now_ms: int) -> dict[str, str]:
    """What is known of a node, by the names that the filters have."""
    reachable = ping_status(bool(row.connected), row.last_ping_ms, now_ms)
    managed = row.node_id.startswith("mi-")
    told = {
        "AgentType": row.agent_name,
        "AgentVersion": row.agent_version,
        "ComputerName": row.computer_name,
        "InstanceId": row.node_id,
        "InstanceStatus": "Active" if reachable == "Online" else reachable,
        "IpAddress": row.ip_address,
        "ManagedStatus": "Managed",
        "Name": row.name,
        "PlatformName": row.platform_name,
        "PlatformType": row.platform_type,
        "PlatformVersion": row.platform_version,
        "ResourceType": "ManagedInstance" if managed else "EC2Instance",
        "SourceType": "AWS::SSM::ManagedInstance" if managed else "AWS::EC2::Instance",
        "SourceId": row.node_id,
        "Region": row.region,
        "AccountId": row.account_id,
    }
    return {name: value for name, value in told.items() if value}


def matches(attributes: Mapping[str, str], filters: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a node meets every filter; `All` stands for every ManagedStatus."""
    for one in filters:
        operator = operator_of(one.get("Type"))
        if one["Key"] == "ManagedStatus" and EVERY_STATUS in one["Values"]:
            if operator == "notequal":
                return False
            continue
        if not passes(operator, attributes.get(one["Key"]), one["Values"]):
            return False
    return True


def describe(row: NodeRow, now_ms: int) -> dict[str, Any]:
    """One Node; CaptureTime is when it was last heard of."""
    attributes = attributes_of(row, now_ms)
    return {
        "CaptureTime": epoch_seconds(row.registered_ms if row.last_ping_ms is None else row.last_ping_ms),
        "Id": row.node_id,
        "Owner": {"AccountId": row.account_id},
        "Region": row.region,
        "NodeType": {"Instance": {name: attributes[name] for name in SHOWN if name in attributes}},
    }


def chains_of(aggregators: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The attributes of each way from an outermost aggregator to an innermost. Raises InvalidAggregatorException."""
    found: list[tuple[str, ...]] = []
    for one in aggregators:
        inner = chains_of(one.get("Aggregators", ()))
        found += [(one["AttributeName"], *names) for names in inner or [()]]
    for chain in found:
        if len(chain) > DEEPEST_CHAIN or len(set(chain)) < len(chain):
            raise AwsError(
                "InvalidAggregatorException",
                f"{' / '.join(chain)}: nest up to {DEEPEST_CHAIN} aggregators of different attributes.",
            )
    return found


def counts(nodes: Iterable[Mapping[str, str]], chains: Sequence[tuple[str, ...]]) -> list[Count]:
    """By chain and values; a node that lacks an attribute is not counted in its chains."""
    found: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for attributes in nodes:
        for number, chain in enumerate(chains):
            if all(name in attributes for name in chain):
                found[number, tuple(attributes[name] for name in chain)] += 1
    return [Count(number, values, found[number, values]) for number, values in sorted(found)]
