"""What a definition must obey, in the order of spec 2.2; pure, with the document given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stateward.associations.cron import Cron
from stateward.associations.definition import BOTH_OR_NONE, NO_OP_TARGET
from stateward.associations.rows import Definition
from stateward.associations.schedule import InvalidSchedule, Rate, parse_for_association
from stateward.documents import library, parameters
from stateward.documents.parameters import InvalidParameters
from stateward.documents.store import DocumentRow
from stateward.nodes import targets
from stateward.wire.errors import AwsError, validation_error

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ALWAYS_ALLOWED = {"Automation": frozenset({"AutomationAssumeRole"})}
MODES = {"Command": "command", "Policy": "agent", "Automation": "automation"}
"""Document type → how a target-style association runs (D16, D24)."""


def mode_of(definition: Definition, document_type: str) -> str:
    """`command`, `agent` (legacy associations and Policy documents) or `automation`. Raises InvalidDocument (V3)."""
    mode = MODES.get(document_type)
    if mode is None:
        raise AwsError("InvalidDocument", f"Document type {document_type} is not supported")
    return "agent" if "InstanceId" in definition else mode


def check_form(definition: Definition, document: DocumentRow) -> None:
    """Which members go together (V6 to V8). Raises ValidationException."""
    has_targets = any(definition.get(member) for member in ("Targets", "TargetMaps", "TargetLocations"))
    if document.document_type == "Automation":
        simple = definition.get("Targets") == [NO_OP_TARGET]
        named = "AutomationTargetParameterName" in definition
        if named != bool(definition.get("Targets") or definition.get("TargetMaps")) and not simple:
            raise validation_error(BOTH_OR_NONE)
    elif not has_targets:
        raise validation_error("Must specify either instanceId or targets")
    if "InstanceId" in definition and not document.schema_version.startswith("1."):
        raise validation_error(
            f"Document schema version, {document.schema_version}, is not supported by association that is created "
            "with instance id"
        )


def check_details(definition: Definition, document: DocumentRow, now_ms: int) -> None:
    """Targets, parameters, schedule, output (V13 to V22, V24). Raises AwsError with the first that is broken."""
    check_targets(definition, document.document_type)
    check_parameters(definition, document)
    _check_schedule(definition, now_ms)
    _check_output(definition)
    if definition.get("TargetLocations") and document.document_type != "Automation":
        raise AwsError("InvalidTarget", "TargetLocations need an Automation document")
    if definition.get("TargetMaps") and document.document_type != "Automation":
        raise AwsError("InvalidTargetMaps", "TargetMaps need an Automation document")


def check_targets(definition: Definition, document_type: str) -> None:
    """Raises InvalidTarget (V13)."""
    try:
        targets.parse(definition.get("Targets", ()), automation=document_type == "Automation")
    except targets.InvalidTarget as error:
        raise AwsError("InvalidTarget", str(error)) from error


def check_parameters(definition: Definition, document: DocumentRow) -> None:
    """Raises InvalidParameters (V14 to V16)."""
    target_parameter = definition.get("AutomationTargetParameterName")
    try:
        parameters.check(
            library.declared_parameters(document),
            definition.get("Parameters", {}),
            always_allowed=ALWAYS_ALLOWED.get(document.document_type, frozenset()),
            may_be_missing=frozenset() if target_parameter is None else frozenset({target_parameter}),
        )
    except InvalidParameters as error:
        raise AwsError("InvalidParameters", str(error)) from error


def _check_schedule(definition: Mapping[str, Any], now_ms: int) -> None:
    expression = definition.get("ScheduleExpression")
    only_at_interval = definition.get("ApplyOnlyAtCronInterval", False)
    schedule = None
    if expression is not None:
        try:
            schedule = parse_for_association(expression, now_ms)
        except InvalidSchedule as error:
            raise AwsError("InvalidSchedule", f"The schedule expression {expression} is invalid.") from error
    if only_at_interval and schedule is None:
        raise validation_error("ApplyOnlyAtCronInterval requires a ScheduleExpression")
    if only_at_interval and isinstance(schedule, Rate):
        raise AwsError("InvalidSchedule", "ApplyOnlyAtCronInterval is not supported for rate expressions")
    if "ScheduleOffset" in definition and not (only_at_interval and isinstance(schedule, Cron)):
        raise validation_error("ScheduleOffset requires a cron ScheduleExpression and ApplyOnlyAtCronInterval")


def _check_output(definition: Definition) -> None:
    if "OutputLocation" not in definition:
        return
    location = definition["OutputLocation"].get("S3Location") or {}
    bucket = location.get("OutputS3BucketName")
    if bucket is None or not BUCKET.fullmatch(bucket) or ".." in bucket:
        raise AwsError("InvalidOutputLocation", "OutputLocation needs an S3Location with the name of a bucket.")
