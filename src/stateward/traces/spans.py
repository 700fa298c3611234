"""An execution as a trace: itself the root span, a span for each target, one for each step (OTLP over JSON).

Ids are made of the execution's own, so that what is sent twice is the same trace: the trace's id is the execution's
without hyphens. Times are domain time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from stateward.associations.store_export import ExecutionLine, StepLine, TargetLine

INTERNAL = 1
OK, ERROR = 1, 2
BAD = ("Failed", "TimedOut")
SCOPE = {"name": "stateward"}

Span = dict[str, Any]


def request(spans: Iterable[Span], resource: Mapping[str, str]) -> dict[str, Any]:
    """An ExportTraceServiceRequest; `resource` says who speaks (service.name and its companions)."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [{"scope": SCOPE, "spans": list(spans)}],
            }
        ]
    }


def of_execution(row: ExecutionLine) -> Span:
    """The root span."""
    name = row.association_name or row.document_name or row.association_id
    return _span(
        row.execution_id,
        _id(row.execution_id),
        "",
        f"association {name}",
        (row.created_ms, row.ended_ms or row.created_ms),
        row.status,
        row.detailed_status,
        {
            "stateward.association.id": row.association_id,
            "stateward.association.name": row.association_name,
            "stateward.association.version": row.association_version,
            "stateward.execution.id": row.execution_id,
            "stateward.execution.number": row.number,
            "stateward.execution.cause": row.cause.partition(":")[0],
            "stateward.execution.started_by": row.started_by,
            "stateward.execution.parent": row.parent_id,
            "stateward.document.name": row.document_name,
            "stateward.document.version": row.document_version,
            "stateward.command.id": row.command_id,
            "stateward.targets": row.target_count,
            "stateward.targets.success": row.success,
            "stateward.targets.failed": row.failed,
            "stateward.targets.timed_out": row.timed_out,
            "stateward.targets.cancelled": row.cancelled,
            "stateward.targets.skipped": row.skipped,
        },
    )


def of_target(row: TargetLine, execution: ExecutionLine) -> Span:
    """A node's part, from its release to its end; one that was never released has no length."""
    ended_ms = row.ended_ms or execution.ended_ms or row.requested_ms
    return _span(
        row.execution_id,
        _id(row.execution_id, row.resource_id),
        _id(row.execution_id),
        row.resource_id,
        (row.released_ms or ended_ms, ended_ms),
        row.status,
        row.detailed_status,
        {
            "host.id": row.resource_id,
            "stateward.command.id": row.command_id,
            "stateward.ended_by": row.ended_by,
            "stateward.ended_by.who": row.ended_by_who,
        },
    )


def of_step(row: StepLine, execution: ExecutionLine) -> Span:
    """A step, by the node's own clock; one that did not run has no length."""
    ended_ms = row.ended_ms or row.started_ms or execution.ended_ms or execution.created_ms
    return _span(
        row.execution_id,
        _id(row.execution_id, row.resource_id, row.step_name),
        _id(row.execution_id, row.resource_id),
        row.step_name,
        (row.started_ms or ended_ms, ended_ms),
        row.status,
        row.status,
        {"host.id": row.resource_id, "stateward.plugin": row.plugin, "process.exit.code": row.code},
    )


def _span(
    execution_id: str,
    span_id: str,
    parent_id: str,
    name: str,
    times_ms: tuple[int, int],
    status: str,
    detail: str,
    attributes: Mapping[str, str | int | None],
) -> Span:
    failed = status in BAD
    return {
        "traceId": execution_id.replace("-", ""),
        "spanId": span_id,
        "parentSpanId": parent_id,
        "name": name,
        "kind": INTERNAL,
        "startTimeUnixNano": f"{times_ms[0]}000000",
        "endTimeUnixNano": f"{max(times_ms)}000000",
        "status": {"code": ERROR, "message": detail} if failed else {"code": OK},
        "attributes": _attributes({**attributes, "stateward.status": status, "stateward.detailed_status": detail}),
    }


def _id(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _attributes(given: Mapping[str, str | int | None]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for name, value in given.items()
        if value is not None
    ]
