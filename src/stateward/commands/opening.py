"""Making a command out of a document, parameters and targets (spec 6.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward import ids
from stateward.access.principals import Scope
from stateward.commands.rows import CommandRow
from stateward.documents import interpolation, parameters, schema
from stateward.documents.parameters import InvalidParameters
from stateward.documents.store import DocumentRow

DEFAULT_TIMEOUT_S = 3600
KIND = "command"


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
    output_bucket: str | None = None
    output_prefix: str | None = None
    output_region: str | None = None


class NewCommand(msgspec.Struct, frozen=True):
    """A command's row and its long texts, ready to be written."""

    row: CommandRow
    content: str
    parameters: str


def check_parameters(document: schema.Document, given: Mapping[str, Sequence[str]]) -> None:
    """Raises InvalidParameters with the spec's texts (2.2 V14 to V17)."""
    for name, values in given.items():
        if any(reference.startswith("ssm:") for value in values for reference in interpolation.references(value)):
            raise InvalidParameters(
                f'Parameter "{name}" refers to Parameter Store, which is not supported by this version of Stateward'
            )
    parameters.check(document.parameters, given)


def compose(order: Order, now_ms: int) -> NewCommand:
    """The command that carries out an order. Raises InvalidParameters.

    ExpiresAfter is shown as the delivery time plus the longest step; the timer allows the sum of the steps (D2).
    """
    raw = schema.load(order.document.content, order.document.document_format)
    document = schema.parse_command(raw)
    check_parameters(document, order.parameters)
    values = parameters.effective_values(
        document.parameters, parameters.typed_values(document.parameters, order.parameters)
    )
    step_times_s = schema.execution_timeouts_s(document, values)
    row = CommandRow(
        command_id=ids.new_uuid(),
        account_id=order.scope.account_id,
        region=order.scope.region,
        kind=KIND,
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
        output_bucket=order.output_bucket,
        output_prefix=order.output_prefix,
        output_region=order.output_region,
    )
    return NewCommand(row, _json(raw), _json(order.parameters))


def job_parameters(content: str, given: str) -> dict[str, Any]:
    """A stored command's parameters in the types that its document declares (node protocol 5.5)."""
    document = schema.parse_command(msgspec.json.decode(content))
    return parameters.typed_values(document.parameters, msgspec.json.decode(given))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
