"""What a caller asks of an association: the members that are kept, and what an update does to them (spec 2.1, 2.5)."""

from __future__ import annotations

from typing import Any

from stateward.access.call import Request
from stateward.associations.rows import Definition
from stateward.wire.errors import AwsError, validation_error

MEMBERS = (
    "Name",
    "InstanceId",
    "DocumentVersion",
    "Parameters",
    "Targets",
    "ScheduleExpression",
    "OutputLocation",
    "AssociationName",
    "AutomationTargetParameterName",
    "MaxErrors",
    "MaxConcurrency",
    "ComplianceSeverity",
    "SyncCompliance",
    "ApplyOnlyAtCronInterval",
    "CalendarNames",
    "TargetLocations",
    "ScheduleOffset",
    "Duration",
    "TargetMaps",
    "AlarmConfiguration",
    "AssociationDispatchAssumeRole",
)
"""The members that are kept: those of CreateAssociation but Tags."""

TARGET_MEMBERS = ("Targets", "TargetMaps", "TargetLocations")
DEFAULT_DOCUMENT_VERSION = "$DEFAULT"
NO_OP_TARGET = {"Key": "aws:NoOpAutomationTag", "Values": ["AWS-NoOpAutomationTarget-Value"]}
"""What stands for «one run, no branches» of an Automation document (spec 1.2)."""

BOTH_OR_NONE = "Must specify both Automation Target Parameter Name and Targets"

LEGACY_REFUSES = (
    "AssociationName",
    "DocumentVersion",
    "MaxErrors",
    "MaxConcurrency",
    "OutputLocation",
    "ScheduleExpression",
)
"""What an association that was made with InstanceId cannot have (spec 2.2 V8b)."""


def taken(request: Request) -> Definition:
    """The definition in a create or batch request; an Automation's missing targets come later (`completed`)."""
    definition = {member: request[member] for member in MEMBERS if member in request}
    if "InstanceId" in definition:
        if "Targets" in definition:
            raise validation_error("InstanceId and Targets can not both be specified")
        for member in LEGACY_REFUSES:
            if member in definition:
                raise validation_error(f"{member} is not supported with instanceId")
        definition["Targets"] = instance_target(definition["InstanceId"])
    _refuse_two_kinds_of_targets(definition)
    return _with_defaults(definition)


def updated(before: Definition, request: Request) -> Definition:
    """The next version: what an update leaves out is cleared, but for Name and the targets (spec 2.5)."""
    definition = {member: request[member] for member in MEMBERS if member in request}
    if definition.get("Targets") == [NO_OP_TARGET] and "AutomationTargetParameterName" not in definition:
        # The service shows this target by itself and does not take it back (UPD-13).
        raise validation_error(BOTH_OR_NONE)
    if "Name" not in definition:
        definition["Name"] = before["Name"]
    if not any(member in definition for member in TARGET_MEMBERS):
        definition |= {member: before[member] for member in TARGET_MEMBERS if member in before}
    elif "Targets" not in definition and "TargetMaps" not in definition and "Targets" in before:
        definition["Targets"] = before["Targets"]
    if "InstanceId" in before:
        _check_legacy_update(before, definition)
        definition["InstanceId"] = before["InstanceId"]
    _refuse_two_kinds_of_targets(definition)
    return _with_defaults(definition)


def completed(definition: Definition, document_type: str) -> Definition:
    """An Automation without targets and without a target parameter runs once: its targets say so (V7b)."""
    has_targets = any(definition.get(member) for member in TARGET_MEMBERS)
    if document_type == "Automation" and not has_targets and "AutomationTargetParameterName" not in definition:
        return {**definition, "Targets": [NO_OP_TARGET]}
    return definition


def instance_target(instance_id: str) -> list[dict[str, Any]]:
    """How the target of a legacy association reads."""
    return [{"Key": "InstanceIds", "Values": [instance_id]}]


def _with_defaults(definition: Definition) -> Definition:
    definition.setdefault("DocumentVersion", DEFAULT_DOCUMENT_VERSION)
    definition.setdefault("ApplyOnlyAtCronInterval", False)
    return definition


def _refuse_two_kinds_of_targets(definition: Definition) -> None:
    if definition.get("Targets") and definition.get("TargetMaps"):
        raise AwsError("InvalidTargetMaps", "Targets and TargetMaps can not both be specified.")


def _check_legacy_update(before: Definition, definition: Definition) -> None:
    # Terraform sends the computed members back as they are.
    same = {"DocumentVersion": DEFAULT_DOCUMENT_VERSION, "Targets": before["Targets"]}
    for member in (*LEGACY_REFUSES, *TARGET_MEMBERS):
        if member in definition and definition[member] != same.get(member):
            raise AwsError("InvalidUpdate", f"{member} is not supported with instanceId")
