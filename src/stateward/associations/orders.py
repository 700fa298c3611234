"""What an execution asks of Run Command: its command, ready to be written (spec 6.4)."""

from __future__ import annotations

from stateward.associations import history
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.commands import opening, references
from stateward.documents.store import DocumentRow

HOUR_MS = 60 * 60 * 1000
EVERY_ERROR = "100%"
DEFAULT_CONCURRENCY = "50"


def order(
    association: AssociationRow,
    execution: ExecutionRow,
    definition: Definition,
    document: DocumentRow,
    fetched: references.Fetched,
) -> opening.Order:
    """The order for one execution of a definition with its document and what Parameter Store said."""
    alarms = definition.get("AlarmConfiguration", {})
    bounded = definition["ApplyOnlyAtCronInterval"] and "Duration" in definition
    location = definition.get("OutputLocation", {}).get("S3Location", {})
    return opening.Order(
        scope=association.scope,
        document=document,
        document_version=definition["DocumentVersion"],
        parameters=definition.get("Parameters", {}),
        instance_ids=(),
        targets=definition["Targets"],
        scope_nodes=history.scope_list(execution.scope_nodes),
        max_concurrency=definition.get("MaxConcurrency", DEFAULT_CONCURRENCY),
        max_errors=definition.get("MaxErrors", EVERY_ERROR),
        comment=f"{association.association_id}:{execution.execution_id}",
        association_id=association.association_id,
        execution_number=execution.number,
        kind=opening.ASSOCIATION if association.mode == "agent" else opening.COMMAND,
        store_values=fetched.values,
        alarm_name=alarms["Alarms"][0]["Name"] if alarms else None,
        ignore_alarm_failure=alarms.get("IgnorePollAlarmFailure", False),
        duration_ms=definition["Duration"] * HOUR_MS if bounded else None,
        output_bucket=location.get("OutputS3BucketName"),
        output_prefix=location.get("OutputS3KeyPrefix"),
        output_region=location.get("OutputS3Region"),
    )
