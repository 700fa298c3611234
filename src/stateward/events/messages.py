"""The two events of State Manager as EventBridge shows them (spec 6.6), and two of our own in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from stateward.access.principals import Scope
from stateward.associations import rollup
from stateward.associations.definition import DEFAULT_DOCUMENT_VERSION
from stateward.associations.rows import AssociationRow, Definition, NodeStatusRow
from stateward.commands.rows import CommandRow
from stateward.documents import library
from stateward.nodes.facts import CloneSuspected

ASSOCIATION_EVENT = "EC2 State Manager Association State Change"
INSTANCE_EVENT = "EC2 State Manager Instance Association State Change"
OUTPUT_EVENT = "Stateward Output Upload Failed"
"""AWS has no event of this kind: there the node uploads, and nobody is told (D39)."""

CLONE_EVENT = "Stateward Node Clone Suspected"
OWN_SOURCE = "stateward"

UNSET = "Optional.empty"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def association_event(event_id: str, now_ms: int, row: AssociationRow, definition: Definition) -> dict[str, Any]:
    """The status of an association changed; `now_ms` is domain time."""
    detail = {
        "association-id": row.association_id,
        "document-name": definition["Name"],
        "association-version": str(row.version),
        "document-version": _given_version(definition),
        "targets": _targets(definition),
        "creation-date": instant(row.created_ms),
        "last-successful-execution-date": _instant(row.last_success_ms),
        "last-execution-date": _instant(row.last_execution_ms),
        "last-updated-date": instant(row.updated_ms),
        "status": row.overview_status,
        "association-status-aggregated-count": _text(rollup.counts_of(row)),
        "schedule-expression": definition.get("ScheduleExpression"),
        "association-cwe-version": "1.0",
    }
    return _envelope(ASSOCIATION_EVENT, event_id, now_ms, row.scope, [_document_arn(row.scope, definition)], detail)


def instance_event(
    event_id: str,
    now_ms: int,
    row: AssociationRow,
    definition: Definition,
    node: NodeStatusRow,
    document_version: str | None,
) -> dict[str, Any]:
    """The status of an association changed on a node; `document_version` is the number that runs there, if any does."""
    detail = {
        "association-id": row.association_id,
        "instance-id": node.node_id,
        "document-name": definition["Name"],
        "document-version": document_version or _given_version(definition),
        "targets": _targets(definition),
        "creation-date": instant(row.created_ms),
        "last-successful-execution-date": _instant(node.last_success_ms),
        "last-execution-date": _instant(node.last_run_ms),
        "status": node.status,
        "detailed-status": node.detailed_status,
        "error-code": "",
        "execution-summary": "",
        "output-url": "",
        "instance-association-cwe-version": "1",
    }
    arns = [_node_arn(row.scope, node.node_id), _document_arn(row.scope, definition)]
    return _envelope(INSTANCE_EVENT, event_id, now_ms, row.scope, arns, detail)


def output_event(event_id: str, now_ms: int, command: CommandRow, node_id: str) -> dict[str, Any]:
    """The output of a command on a node could not be uploaded for a day; the command's status stays."""
    scope = Scope(command.account_id, command.region)
    detail = {
        "association-id": command.association_id,
        "command-id": command.command_id,
        "instance-id": node_id,
        "document-name": command.document_name,
    }
    return _envelope(OUTPUT_EVENT, event_id, now_ms, scope, [_node_arn(scope, node_id)], detail)


def clone_event(event_id: str, now_ms: int, fact: CloneSuspected) -> dict[str, Any]:
    """Two machines seem to pass for one node (D56)."""
    detail = {"instance-id": fact.node_id, "reason": fact.kind, "addresses": _text(list(fact.addresses))}
    return _envelope(CLONE_EVENT, event_id, now_ms, fact.scope, [_node_arn(fact.scope, fact.node_id)], detail)


@lru_cache(maxsize=512)  # the events of one run tell of few different instants
def instant(ms: int) -> str:
    """An instant in UTC; milliseconds only where there are some, as AWS writes it."""
    text = (EPOCH + timedelta(milliseconds=ms)).replace(tzinfo=None)
    return text.isoformat(timespec="milliseconds" if ms % 1000 else "seconds") + "Z"


def _instant(ms: int | None) -> str | None:
    return None if ms is None else instant(ms)


def _envelope(
    kind: str, event_id: str, now_ms: int, scope: Scope, resources: list[str], detail: Mapping[str, str | None]
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": kind,
        "source": OWN_SOURCE if kind in (OUTPUT_EVENT, CLONE_EVENT) else "aws.ssm",
        "account": scope.account_id,
        "time": instant(now_ms // 1000 * 1000),
        "region": scope.region,
        "resources": resources,
        "detail": {name: value for name, value in detail.items() if value is not None},
    }


def _given_version(definition: Definition) -> str:
    version: str = definition.get("DocumentVersion", DEFAULT_DOCUMENT_VERSION)
    return UNSET if version == DEFAULT_DOCUMENT_VERSION else version


def _targets(definition: Definition) -> str:
    """The targets with their members in lower case; keys stay as the caller spelt them."""
    return _text([{name.lower(): value for name, value in target.items()} for target in definition.get("Targets", ())])


def _document_arn(scope: Scope, definition: Definition) -> str:
    name: str = definition["Name"]
    if name.startswith("arn:"):
        return name
    owner = "" if name.lower().startswith(library.RESERVED) else scope.account_id
    return f"arn:aws:ssm:{scope.region}:{owner}:document/{name}"


def _node_arn(scope: Scope, node_id: str) -> str:
    if node_id.startswith("i-"):
        return f"arn:aws:ec2:{scope.region}:{scope.account_id}:instance/{node_id}"
    return f"arn:aws:ssm:{scope.region}:{scope.account_id}:managed-instance/{node_id}"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
