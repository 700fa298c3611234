"""Versions of parameters as the API shows them (spec 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stateward.access.principals import Scope
from stateward.parameters import names
from stateward.parameters.names import Reference
from stateward.parameters.store import MetadataRow
from stateward.wire.protocol import epoch_seconds


def parameter(scope: Scope, row: MetadataRow, value: str, wanted: Reference | None = None) -> dict[str, Any]:
    """A version with its value, and the selector that it was asked for by."""
    body: dict[str, Any] = {
        "Name": row.name,
        "Type": row.parameter_type,
        "Value": value,
        "Version": row.version,
        "LastModifiedDate": epoch_seconds(row.modified_ms),
        "ARN": names.arn(scope, row.name),
        "DataType": row.data_type,
    }
    if wanted is not None and wanted.selector:
        body["Selector"] = f":{wanted.selector}"
    return body


def metadata(scope: Scope, row: MetadataRow) -> dict[str, Any]:
    """A version without its value."""
    return _about(row) | {"ARN": names.arn(scope, row.name)}


def past_version(row: MetadataRow, value: str, labels: Sequence[str]) -> dict[str, Any]:
    """An entry of a parameter's history."""
    return _about(row) | {"Value": value, "Labels": list(labels)}


def _about(row: MetadataRow) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Name": row.name,
        "Type": row.parameter_type,
        "LastModifiedDate": epoch_seconds(row.modified_ms),
        "LastModifiedUser": row.modified_by,
        "Version": row.version,
        "Tier": row.tier,
        "Policies": [],
        "DataType": row.data_type,
    }
    for member, value in (
        ("KeyId", row.key_id),
        ("Description", row.description),
        ("AllowedPattern", row.allowed_pattern),
    ):
        if value is not None:
            body[member] = value
    return body
