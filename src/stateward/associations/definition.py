"""What may be asked of an association, checked in the order of spec 2.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateward.access.call import Request, refuse_members
from stateward.associations.rows import Definition
from stateward.associations.schedule import InvalidSchedule, Rate, parse_for_association
from stateward.commands.opening import check_parameters
from stateward.documents import library
from stateward.documents.parameters import InvalidParameters
from stateward.documents.store import DocumentRow
from stateward.nodes import targets
from stateward.wire.errors import AwsError, validation_error

MEMBERS = (
    "Name",
    "DocumentVersion",
    "Parameters",
    "Targets",
    "ScheduleExpression",
    "AssociationName",
    "MaxErrors",
    "MaxConcurrency",
    "ComplianceSeverity",
    "SyncCompliance",
    "ApplyOnlyAtCronInterval",
)
"""The members that are kept and take effect."""

NOT_BUILT = (
    "InstanceId",
    "OutputLocation",
    "AutomationTargetParameterName",
    "CalendarNames",
    "TargetLocations",
    "ScheduleOffset",
    "Duration",
    "TargetMaps",
    "AlarmConfiguration",
    "AssociationDispatchAssumeRole",
)
DEFAULT_DOCUMENT_VERSION = "$DEFAULT"


def taken(request: Request) -> Definition:
    """The definition in a create or update request. Raises ValidationException for members without effect (D66)."""
    refuse_members(request, NOT_BUILT)
    if request.get("SyncCompliance") == "MANUAL":
        raise validation_error("SyncCompliance MANUAL is not supported by this version of Stateward")
    definition = {member: request[member] for member in MEMBERS if member in request}
    definition.setdefault("DocumentVersion", DEFAULT_DOCUMENT_VERSION)
    definition.setdefault("ApplyOnlyAtCronInterval", False)
    return definition


def updated(before: Definition, request: Request) -> Definition:
    """The next version: what an update leaves out is cleared, but for Name and Targets (spec 2.5)."""
    definition = taken(request)
    for kept in ("Name", "Targets"):
        if kept not in definition and kept in before:
            definition[kept] = before[kept]
    return definition


def check(definition: Definition, document: DocumentRow, now_ms: int) -> None:
    """Every rule that needs the document (V6 to V20). Raises AwsError with the first that is broken."""
    if not definition.get("Targets"):
        raise validation_error("Must specify either instanceId or targets")
    try:
        targets.parse(definition["Targets"])
    except targets.InvalidTarget as error:
        raise AwsError("InvalidTarget", str(error)) from error
    try:
        check_parameters(library.parsed(document), definition.get("Parameters", {}))
    except InvalidParameters as error:
        raise AwsError("InvalidParameters", str(error)) from error
    _check_schedule(definition, now_ms)


def _check_schedule(definition: Mapping[str, Any], now_ms: int) -> None:
    expression = definition.get("ScheduleExpression")
    only_at_interval = definition.get("ApplyOnlyAtCronInterval", False)
    if expression is None:
        if only_at_interval:
            raise validation_error("ApplyOnlyAtCronInterval requires a ScheduleExpression")
        return
    try:
        schedule = parse_for_association(expression, now_ms)
    except InvalidSchedule as error:
        raise AwsError("InvalidSchedule", f"The schedule expression {expression} is invalid.") from error
    if only_at_interval and isinstance(schedule, Rate):
        raise AwsError("InvalidSchedule", "ApplyOnlyAtCronInterval is not supported for rate expressions")
