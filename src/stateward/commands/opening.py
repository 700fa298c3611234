"""Making a command out of a document, parameters and targets (spec 6.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward import ids
from stateward.access.principals import Scope
from stateward.commands import references
from stateward.commands.rows import CommandRow
from stateward.documents import interpolation, parameters, schema
from stateward.documents.store import DocumentRow

DEFAULT_TIMEOUT_S = 3600
REFRESH = "aws:refreshAssociation"
COMMAND, ASSOCIATION = "command", "association"
"""Kinds of commands: the first shows in Run Command operations (D16)."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be run; `targets` and `instance_ids` as the API has them."""

    scope: Scope
    document: DocumentRow
    document_version: str
    parameters: Mapping[str, Sequence[str]]
    instance_ids: Sequence[str]
    targets: Sequence[Mapping[str, Any]]
    max_concurrency: str
    max_errors: str
    scope_nodes: Sequence[str] | None = None
    timeout_s: int = DEFAULT_TIMEOUT_S
    comment: str = ""
    association_id: str | None = None
    execution_number: int | None = None
    kind: str = COMMAND
    store_values: Mapping[str, str] = {}
    alarm_name: str | None = None
    ignore_alarm_failure: bool = False
    duration_ms: int | None = None
    output_bucket: str | None = None
    output_prefix: str | None = None
    output_region: str | None = None


class NewCommand(msgspec.Struct, frozen=True):
    """A command's row and its long texts, ready to be written; `resolved_parameters` where they differ."""

    row: CommandRow
    content: str
    parameters: str
    resolved_parameters: str | None


def store_references(document: DocumentRow, given: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Every reference to Parameter Store in a document and in parameter values."""
    return references.within(schema.load(document.content, document.document_format)) | references.within(given)


def compose(order: Order, now_ms: int) -> NewCommand:
    """The command that carries out an order. Raises InvalidParameters.

    What comes from Parameter Store (`store_values`: reference → text) is put into document and parameters here, so
    that every node gets the same (D40). ExpiresAfter is shown as the delivery time plus the longest step; the timer
    allows the sum of the steps (D2).
    """
    fetched = {references.PREFIX + reference: text for reference, text in order.store_values.items()}
    loaded = schema.load(order.document.content, order.document.document_format)
    named = references.named(loaded, order.parameters)
    raw = interpolation.interpolate(loaded, fetched)
    document = schema.parse_command(raw)
    given = {
        name: [interpolation.interpolate_text(value, fetched) for value in values]
        for name, values in order.parameters.items()
    }
    parameters.check(document.parameters, given)
    values = parameters.effective_values(document.parameters, parameters.typed_values(document.parameters, given))
    step_times_s = schema.execution_timeouts_s(document, values)
    row = CommandRow(
        command_id=ids.ordered_uuid(),
        account_id=order.scope.account_id,
        region=order.scope.region,
        kind=order.kind,
        document_name=order.document.name,
        document_version=order.document_version,
        resolved_version=str(order.document.version),
        comment=order.comment,
        instance_ids=_json(list(order.instance_ids)),
        targets=_json(list(order.targets)),
        scope_nodes=None if order.scope_nodes is None else _json(list(order.scope_nodes)),
        service_role="",
        max_concurrency=order.max_concurrency,
        max_errors=order.max_errors,
        timeout_s=order.timeout_s,
        allowance_ms=(order.timeout_s + sum(step_times_s)) * 1000,
        requested_ms=now_ms,
        expires_after_ms=now_ms + (order.timeout_s + max(step_times_s)) * 1000,
        association_id=order.association_id,
        execution_number=order.execution_number,
        alarm_name=order.alarm_name,
        ignore_alarm_failure=int(order.ignore_alarm_failure),
        duration_ms=order.duration_ms,
        output_bucket=order.output_bucket,
        output_prefix=order.output_prefix,
        output_region=order.output_region,
        refreshes=_refreshed(document, values),
        store_references=_json(named) if named else None,
    )
    resolved = _json(given) if fetched else None
    return NewCommand(row, _json(raw), _json(order.parameters), resolved)


def job_parameters(content: str, given: str) -> dict[str, Any]:
    """A stored command's parameters in the types that its document declares (node protocol 5.5)."""
    document = schema.parse_command(msgspec.json.decode(content))
    return parameters.typed_values(document.parameters, msgspec.json.decode(given))


def _refreshed(document: schema.Document, values: Mapping[str, Any]) -> str | None:
    """The associations that steps of aws:refreshAssociation ask for, as a JSON list; empty stands for all (D31)."""
    asked = [
        interpolation.interpolate(step.inputs.get("associationIds", []), values)
        for step in document.steps
        if step.action == REFRESH
    ]
    if not asked:
        return None
    named = [[one for one in ids_of if isinstance(one, str) and one] for ids_of in asked if isinstance(ids_of, list)]
    everything = len(named) < len(asked) or not all(named)
    return _json([] if everything else sorted({one for ids_of in named for one in ids_of}))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
