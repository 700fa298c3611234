"""Which nodes a DescribeInstanceInformation request means, and what it shows of them (spec 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.nodes.ping import ping_status
from stateward.nodes.store import NodeRow
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

KEYS = (
    "InstanceIds",
    "AgentVersion",
    "PingStatus",
    "PlatformTypes",
    "ActivationIds",
    "IamRole",
    "ResourceType",
    "AssociationStatus",
)
ALLOWED_VALUES = {
    "PingStatus": ("Online", "ConnectionLost", "Inactive"),
    "PlatformTypes": ("Windows", "Linux", "MacOS"),
    "ResourceType": ("ManagedInstance", "EC2Instance"),
    "AssociationStatus": ("Pending", "Success", "Failed"),
}


class AssociationView(msgspec.Struct, frozen=True):
    """What the associations say of a node (spec 4.4): worst status, counts, newest runs in ms."""

    status: str
    counts: dict[str, int]
    last_run_ms: int | None
    last_success_ms: int | None


class Filter(msgspec.Struct, frozen=True):
    key: str
    values: tuple[str, ...]


def filters_of(request: Mapping[str, Any]) -> list[Filter]:
    """Both forms of filters as one. Raises ValidationException, InvalidFilterKey, or
    InvalidInstanceInformationFilterValue."""
    new, old = request.get("Filters"), request.get("InstanceInformationFilterList")
    if new and old:
        raise AwsError("ValidationException", "Filters and InstanceInformationFilterList can not both be specified.")
    found = [Filter(item["Key"], tuple(item["Values"])) for item in new or ()]
    found += [Filter(item["key"], tuple(item["valueSet"])) for item in old or ()]
    for one in found:
        tag_filter = bool(new) and (one.key == "tag-key" or one.key.startswith("tag:"))
        if one.key not in KEYS and not tag_filter:
            raise AwsError("InvalidFilterKey", f"{one.key}: use one of {', '.join(KEYS)}, tag-key or tag:<key>")
        wrong = [value for value in one.values if value not in ALLOWED_VALUES.get(one.key, (value,))]
        if wrong:
            raise AwsError(
                "InvalidInstanceInformationFilterValue",
                f"{one.key} can not be {wrong[0]}: use one of {', '.join(ALLOWED_VALUES[one.key])}",
            )
    return found


def matches(
    row: NodeRow, tags: Mapping[str, str], view: AssociationView | None, filters: Sequence[Filter], now_ms: int
) -> bool:
    """Whether a node passes every filter; values of one filter are alternatives."""
    return all(_passes(row, tags, view, one, now_ms) for one in filters)


def describe(row: NodeRow, view: AssociationView | None, now_ms: int) -> dict[str, Any]:
    """One InstanceInformation; the association members only after the node's first run (D26)."""
    body: dict[str, Any] = {
        "InstanceId": row.node_id,
        "PingStatus": ping_status(bool(row.connected), row.last_ping_ms, now_ms),
        "ActivationId": row.activation_id,
        "IamRole": row.iam_role,
        "RegistrationDate": epoch_seconds(row.registered_ms),
        "ResourceType": _resource_type(row),
    }
    for member, value in (
        ("AgentVersion", row.agent_version),
        ("PlatformType", row.platform_type),
        ("PlatformName", row.platform_name),
        ("PlatformVersion", row.platform_version),
        ("Name", row.name),
        ("IPAddress", row.ip_address),
        ("ComputerName", row.computer_name),
    ):
        if value:
            body[member] = value
    if row.last_ping_ms is not None:
        body["LastPingDateTime"] = epoch_seconds(row.last_ping_ms)
    if view is not None:
        body["AssociationStatus"] = view.status
        body["AssociationOverview"] = {
            "DetailedStatus": view.status,
            "InstanceAssociationStatusAggregatedCount": view.counts,
        }
        if view.last_run_ms is not None:
            body["LastAssociationExecutionDate"] = epoch_seconds(view.last_run_ms)
        if view.last_success_ms is not None:
            body["LastSuccessfulAssociationExecutionDate"] = epoch_seconds(view.last_success_ms)
    return body


def _resource_type(row: NodeRow) -> str:
    return "ManagedInstance" if row.node_id.startswith("mi-") else "EC2Instance"


def _passes(row: NodeRow, tags: Mapping[str, str], view: AssociationView | None, one: Filter, now_ms: int) -> bool:
    if one.key.startswith("tag:"):
        return tags.get(one.key.removeprefix("tag:")) in one.values
    if one.key == "tag-key":
        return any(value in tags for value in one.values)
    actual = {
        "InstanceIds": row.node_id,
        "AgentVersion": row.agent_version,
        "PingStatus": ping_status(bool(row.connected), row.last_ping_ms, now_ms),
        "PlatformTypes": row.platform_type,
        "ActivationIds": row.activation_id,
        "IamRole": row.iam_role,
        "ResourceType": _resource_type(row),
        "AssociationStatus": None if view is None else view.status,
    }[one.key]
    return actual in one.values
