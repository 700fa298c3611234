"""Associations and executions as the API shows them: only what was set is echoed (spec 0, 1.1)."""

from __future__ import annotations

from typing import Any

import msgspec

from stateward.associations import rollup
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow, VersionRow
from stateward.commands.rows import InvocationRow
from stateward.commands.store_history import CarrierRow
from stateward.wire.protocol import epoch_seconds

LIST_MEMBERS = (
    "Name",
    "InstanceId",
    "DocumentVersion",
    "Targets",
    "ScheduleExpression",
    "AssociationName",
    "ScheduleOffset",
    "Duration",
    "TargetMaps",
)
NOT_IN_VERSIONS = frozenset({"InstanceId", "AlarmConfiguration", "AutomationTargetParameterName"})


def overview(row: AssociationRow) -> dict[str, Any]:
    """Status of the association; the counts are there once targets were resolved."""
    body: dict[str, Any] = {"Status": row.overview_status, "DetailedStatus": row.overview_detail}
    counts = rollup.counts_of(row)
    if row.resolved or counts:
        body["AssociationStatusAggregatedCount"] = counts
    return body


def association(
    row: AssociationRow, definition: Definition, version: int, *, just_changed: bool = False
) -> dict[str, Any]:
    """An AssociationDescription; a creation and an update answer Pending/Creating (spec 2.1, 2.5)."""
    shown = {"Status": "Pending", "DetailedStatus": "Creating"} if just_changed else overview(row)
    body: dict[str, Any] = {
        "AssociationId": row.association_id,
        "AssociationVersion": str(version),
        "Date": epoch_seconds(row.created_ms),
        "LastUpdateAssociationDate": epoch_seconds(row.updated_ms),
        "Overview": shown,
        **definition,
    }
    if row.legacy_status is not None:
        body["Status"] = msgspec.json.decode(row.legacy_status)
    if row.triggered_alarms is not None:
        body["TriggeredAlarms"] = msgspec.json.decode(row.triggered_alarms)
    _add_dates(body, row)
    return body


def version(row: VersionRow) -> dict[str, Any]:
    """An AssociationVersionInfo."""
    members = {name: value for name, value in row.members().items() if name not in NOT_IN_VERSIONS}
    return {
        "AssociationId": row.association_id,
        "AssociationVersion": str(row.version),
        "CreatedDate": epoch_seconds(row.created_ms),
        **members,
    }


def list_element(row: AssociationRow, definition: Definition) -> dict[str, Any]:
    """An Association of ListAssociations, which is smaller than the description."""
    body: dict[str, Any] = {
        "AssociationId": row.association_id,
        "AssociationVersion": str(row.version),
        "Overview": overview(row),
        **{member: definition[member] for member in LIST_MEMBERS if member in definition},
    }
    if row.last_execution_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(row.last_execution_ms)
    return body


def execution(row: ExecutionRow, carrier: CarrierRow | None, definition: Definition) -> dict[str, Any]:
    """An AssociationExecution (spec 2.12)."""
    body: dict[str, Any] = {
        "AssociationId": row.association_id,
        "AssociationVersion": str(row.association_version),
        "ExecutionId": row.execution_id,
        "Status": row.status,
        "DetailedStatus": row.detailed_status,
        "CreatedTime": epoch_seconds(row.created_ms),
    }
    counts = None if carrier is None else rollup.resource_count(rollup.counts_of(carrier))
    if counts is not None:
        body["ResourceCountByStatus"] = counts
    if row.last_execution_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(row.last_execution_ms)
    if "AlarmConfiguration" in definition:
        body["AlarmConfiguration"] = definition["AlarmConfiguration"]
    if carrier is not None and carrier.alarm_state is not None:
        body["TriggeredAlarms"] = [{"Name": carrier.alarm_name, "State": carrier.alarm_state}]
    return body


def execution_target(row: InvocationRow, of: ExecutionRow, *, shows_source: bool = True) -> dict[str, Any]:
    """An AssociationExecutionTarget; OutputSource once something was dispatched to it (spec 2.13, EXT-09).

    `shows_source` is false for agent mode, whose commands Run Command does not know (D16).
    """
    status = rollup.target_status(row.status)
    body: dict[str, Any] = {
        "AssociationId": of.association_id,
        "AssociationVersion": str(of.association_version),
        "ExecutionId": of.execution_id,
        "ResourceId": row.resource_id,
        "ResourceType": row.resource_type,
        "Status": status,
        "DetailedStatus": row.status_details if status == row.status else status,
    }
    if row.released_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(row.released_ms)
    if row.released_ms is not None and shows_source:
        body["OutputSource"] = {"OutputSourceId": row.command_id, "OutputSourceType": "RunCommand"}
    return body


def _add_dates(body: dict[str, Any], row: AssociationRow) -> None:
    if row.last_execution_ms is not None:
        body["LastExecutionDate"] = epoch_seconds(row.last_execution_ms)
    if row.last_success_ms is not None:
        body["LastSuccessfulExecutionDate"] = epoch_seconds(row.last_success_ms)
