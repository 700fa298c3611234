"""What PutParameter makes of the version that is there: what is left out keeps its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stateward.parameters import names, tiers
from stateward.parameters.store import MetadataRow
from stateward.parameters.vault import SECURE
from stateward.wire.errors import AwsError

DEFAULT_KEY = "alias/aws/ssm"


class Revision(msgspec.Struct, frozen=True):
    """The members of a version to be written; its value as the caller gave it."""

    parameter_type: str
    value: str
    key_id: str | None
    description: str | None
    allowed_pattern: str | None
    tier: str


def revise(current: MetadataRow | None, request: Mapping[str, Any], default_tier: str) -> Revision:
    """The next version. Raises ValidationException or HierarchyTypeMismatchException."""
    parameter_type = _type(current, request.get("Type"))
    value = request["Value"]
    return Revision(
        parameter_type=parameter_type,
        value=value,
        key_id=_key_id(current, parameter_type, request.get("KeyId")),
        description=_kept(request, "Description", current.description if current else None),
        allowed_pattern=_kept(request, "AllowedPattern", current.allowed_pattern if current else None),
        tier=tiers.tier_of(request.get("Tier"), current.tier if current else None, len(value.encode()), default_tier),
    )


def _type(current: MetadataRow | None, given: str | None) -> str:
    if current is None:
        if given is None:
            raise AwsError("ValidationException", "A parameter type is required when you create a parameter.")
        return given
    if given is None or given == current.parameter_type:
        return current.parameter_type
    # AWS changes the type of a single name, and refuses it in a hierarchy.
    if names.level_of(current.name) > 1:
        raise AwsError(
            "HierarchyTypeMismatchException",
            f"{current.name} is a {current.parameter_type} and cannot become a {given}: the type of a parameter in a "
            "hierarchy cannot be changed. Create a new, unique parameter.",
        )
    return given


def _key_id(current: MetadataRow | None, parameter_type: str, given: str | None) -> str | None:
    if parameter_type != SECURE:
        if given is not None:
            raise AwsError("ValidationException", "KeyId is required for SecureString type parameter only.")
        return None
    return given or (current.key_id if current else None) or DEFAULT_KEY


def _kept(request: Mapping[str, Any], member: str, before: str | None) -> str | None:
    """The member as given (empty: none), else what it was."""
    return (request[member] or None) if member in request else before
