"""Filters of DescribeInstanceProperties (spec 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.nodes.listing import ALLOWED_VALUES, KEYS, AssociationView
from stateward.nodes.ping import ping_status
from stateward.nodes.store import NodeRow
from stateward.wire.comparison import operator_of, passes
from stateward.wire.errors import AwsError


class Seen(msgspec.Struct, frozen=True):
    """A node with what else filters and answers need of it."""

    row: NodeRow
    tags: dict[str, str]
    view: AssociationView | None


class Filter(msgspec.Struct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...]


def filters_of(request: Mapping[str, Any]) -> list[Filter]:
    """Both forms of filters as one.

    Raises ValidationException when both are given, InvalidFilterKey, InvalidInstancePropertyFilterValue.
    """
    plain, with_operator = request.get("InstancePropertyFilterList"), request.get("FiltersWithOperator")
    if plain and with_operator:
        raise AwsError(
            "ValidationException", "InstancePropertyFilterList and FiltersWithOperator can not both be given."
        )
    found = [Filter(one["key"], "equal", tuple(one["valueSet"])) for one in plain or ()]
    found += [Filter(one["Key"], operator_of(one.get("Operator")), tuple(one["Values"])) for one in with_operator or ()]
    for one in found:
        if one.key not in KEYS and one.key != "tag-key" and not one.key.startswith("tag:"):
            raise AwsError("InvalidFilterKey", f"{one.key}: use one of {', '.join(KEYS)}, tag-key or tag:<key>")
        allowed = ALLOWED_VALUES.get(one.key) if one.operator in ("equal", "notequal") else None
        wrong = [value for value in one.values if allowed is not None and value not in allowed]
        if allowed is not None and wrong:
            raise AwsError(
                "InvalidInstancePropertyFilterValue",
                f"{one.key} can not be {wrong[0]}: use one of {', '.join(allowed)}",
            )
    return found


def matches(seen: Seen, filters: Sequence[Filter], now_ms: int) -> bool:
    """Whether a node meets every filter."""
    return all(_meets(seen, one, now_ms) for one in filters)


def _meets(seen: Seen, one: Filter, now_ms: int) -> bool:
    if one.key != "tag-key":
        return passes(one.operator, _value(seen, one.key, now_ms), one.values)
    if one.operator == "notequal":
        return all(passes("notequal", key, one.values) for key in seen.tags)
    return any(passes(one.operator, key, one.values) for key in seen.tags)


def _value(seen: Seen, key: str, now_ms: int) -> str | None:
    row = seen.row
    if key.startswith("tag:"):
        return seen.tags.get(key.removeprefix("tag:"))
    values: dict[str, str | None] = {
        "InstanceIds": row.node_id,
        "AgentVersion": row.agent_version,
        "PingStatus": ping_status(bool(row.connected), row.last_ping_ms, now_ms),
        "PlatformTypes": row.platform_type,
        "ActivationIds": row.activation_id,
        "IamRole": row.iam_role,
        "ResourceType": "ManagedInstance" if row.node_id.startswith("mi-") else "EC2Instance",
        "AssociationStatus": None if seen.view is None else seen.view.status,
    }
    return values[key]
