"""Commands and invocations as the API shows them: empty values are present as empty texts (spec 6.4, CMD-03)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stateward.commands.output_location import Outputs
from stateward.commands.rows import CommandRow, InvocationRow, StepRow
from stateward.wire.protocol import epoch_seconds, iso8601

STDOUT_CHARACTERS = 24_000
STDERR_CHARACTERS = 8_000
NO_CODE = -1


def _no_notification() -> dict[str, Any]:
    return {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""}


def _no_cloudwatch() -> dict[str, Any]:
    return {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}


def command(row: CommandRow, parameters: str) -> dict[str, Any]:
    """A Command; its alarm shows where one was given."""
    body: dict[str, Any] = {
        "CommandId": row.command_id,
        "DocumentName": row.document_name,
        "DocumentVersion": row.document_version,
        "Comment": row.comment,
        "ExpiresAfter": epoch_seconds(row.expires_after_ms),
        "Parameters": msgspec.json.decode(parameters),
        "InstanceIds": msgspec.json.decode(row.instance_ids),
        "Targets": msgspec.json.decode(row.targets),
        "RequestedDateTime": epoch_seconds(row.requested_ms),
        "Status": row.status,
        "StatusDetails": row.status_details,
        "OutputS3Region": row.output_region or "",
        "OutputS3BucketName": row.output_bucket or "",
        "OutputS3KeyPrefix": row.output_prefix or "",
        "MaxConcurrency": row.max_concurrency,
        "MaxErrors": row.max_errors,
        "TargetCount": row.target_count,
        "CompletedCount": row.finished,
        "ErrorCount": row.errors,
        "DeliveryTimedOutCount": row.n_undelivered,
        "ServiceRole": row.service_role,
        "NotificationConfig": _no_notification(),
        "CloudWatchOutputConfig": _no_cloudwatch(),
        "TimeoutSeconds": row.timeout_s,
    }
    if row.alarm_name is not None:
        body["AlarmConfiguration"] = {
            "Alarms": [{"Name": row.alarm_name}],
            "IgnorePollAlarmFailure": bool(row.ignore_alarm_failure),
        }
    if row.alarm_state is not None:
        body["TriggeredAlarms"] = [{"Name": row.alarm_name, "State": row.alarm_state}]
    return body


def invocation(row: InvocationRow, outputs: Outputs, node_name: str, steps: Sequence[StepRow] | None) -> dict[str, Any]:
    """A CommandInvocation; with CommandPlugins when `steps` is given (Details).

    It has addresses of its output itself when there is just one plugin.
    """
    of = outputs.command
    only = next(iter(outputs.actions)) if len(outputs.actions) == 1 else None
    status, details = shown_status(row.status, row.status_details)
    return {
        "CommandId": row.command_id,
        "InstanceId": row.resource_id,
        "InstanceName": node_name,
        "Comment": of.comment,
        "DocumentName": of.document_name,
        "DocumentVersion": of.document_version,
        "RequestedDateTime": epoch_seconds(of.requested_ms),
        "Status": status,
        "StatusDetails": details,
        "TraceOutput": "",
        "StandardOutputUrl": "" if only is None else outputs.url(row.resource_id, only, "stdout"),
        "StandardErrorUrl": "" if only is None else outputs.url(row.resource_id, only, "stderr"),
        "CommandPlugins": [_plugin(step, outputs) for step in steps or ()],
        "ServiceRole": of.service_role,
        "NotificationConfig": _no_notification(),
        "CloudWatchOutputConfig": _no_cloudwatch(),
    }


def step_result(row: InvocationRow, outputs: Outputs, step_name: str, step: StepRow | None) -> dict[str, Any]:
    """The answer of GetCommandInvocation; without a step, the invocation's own state."""
    of = outputs.command
    status, details = shown_status(row.status, row.status_details)
    if step is not None:
        status, details = _step_status(step)
    return {
        "CommandId": row.command_id,
        "InstanceId": row.resource_id,
        "Comment": of.comment,
        "DocumentName": of.document_name,
        "DocumentVersion": of.document_version,
        "PluginName": step_name,
        "ResponseCode": NO_CODE if step is None else step.code,
        "ExecutionStartDateTime": "" if step is None or step.started_ms is None else iso8601(step.started_ms),
        "ExecutionElapsedTime": "" if step is None else _elapsed(step),
        "ExecutionEndDateTime": "" if step is None or step.ended_ms is None else iso8601(step.ended_ms),
        "Status": status,
        "StatusDetails": details,
        "StandardOutputContent": "" if step is None else step.standard_output[:STDOUT_CHARACTERS],
        "StandardOutputUrl": "" if step is None else outputs.url(row.resource_id, step_name, "stdout"),
        "StandardErrorContent": "" if step is None else step.standard_error[:STDERR_CHARACTERS],
        "StandardErrorUrl": "" if step is None else outputs.url(row.resource_id, step_name, "stderr"),
        "CloudWatchOutputConfig": _no_cloudwatch(),
    }


def shown_status(status: str, details: str) -> tuple[str, str]:
    """Run Command knows no Skipped: such a row is a Success whose details say so (D65)."""
    return ("Success", "Skipped") if status == "Skipped" else (status, details)


def _step_status(step: StepRow) -> tuple[str, str]:
    if step.status in ("SuccessAndReboot", "PassedAndReboot"):
        return "InProgress", "InProgress"
    if step.status == "TimedOut":
        return "TimedOut", "ExecutionTimedOut"
    return shown_status(step.status, step.status)


def _plugin(step: StepRow, outputs: Outputs) -> dict[str, Any]:
    status, details = _step_status(step)
    of = outputs.command
    body: dict[str, Any] = {
        "Name": step.step_name,
        "Status": status,
        "StatusDetails": details,
        "ResponseCode": step.code,
        "Output": step.output,
        "StandardOutputUrl": outputs.url(step.resource_id, step.step_name, "stdout"),
        "StandardErrorUrl": outputs.url(step.resource_id, step.step_name, "stderr"),
        "OutputS3Region": of.output_region or "",
        "OutputS3BucketName": of.output_bucket or "",
        "OutputS3KeyPrefix": outputs.folder(step.resource_id, step.step_name),
    }
    if step.started_ms is not None:
        body["ResponseStartDateTime"] = epoch_seconds(step.started_ms)
    if step.ended_ms is not None:
        body["ResponseFinishDateTime"] = epoch_seconds(step.ended_ms)
    return body


def _elapsed(step: StepRow) -> str:
    if step.started_ms is None or step.ended_ms is None:
        return ""
    return f"PT{max(0, step.ended_ms - step.started_ms) / 1000:.3f}S"
