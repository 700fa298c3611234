"""What steps printed on a node, for executions and commands alike: by GetCommandInvocation, so on AWS as well."""

from __future__ import annotations

from typing import Any

import typer

from stateward.cli import tables
from stateward.cli.names import Execution
from stateward.cli.presentation import Look
from stateward.cli.server import FAILED, NOT_FOUND, Server, fail

BAD = ("Failed", "TimedOut", "Cancelled")


def found(server: Server, execution: Execution, node_id: str) -> tuple[str, str]:
    """Command id and node id of one target; without a node, the first that went wrong, else the first."""
    wanted = [{"Key": "ResourceId", "Value": node_id}] if node_id else []
    rows: list[dict[str, Any]] = []
    for status in ("",) if node_id else (*BAD, ""):
        filters = [*wanted, *([{"Key": "Status", "Value": status}] if status else [])]
        rows = server.some(
            "describe_association_execution_targets",
            "AssociationExecutionTargets",
            1,
            AssociationId=execution.association.id,
            ExecutionId=execution.id,
            **({"Filters": filters} if filters else {}),
        )
        if rows:
            break
    if not rows:
        what = f"{node_id} is no node of {execution.called}" if node_id else f"{execution.called} has no nodes"
        fail(what, NOT_FOUND)
    return _command(rows[0], execution), str(rows[0]["ResourceId"])


def show(server: Server, command_id: str, node_id: str, look: Look, *, step: str) -> None:
    """Each step with its status, then its output as it was, on the stream on which it was."""
    invocations = server.call("list_command_invocations", CommandId=command_id, InstanceId=node_id, Details=True)[
        "CommandInvocations"
    ]
    if not invocations:
        fail(f"command {command_id} has no node {node_id}", NOT_FOUND)
    names = [plugin["Name"] for plugin in invocations[0]["CommandPlugins"]]
    if step and step not in names:
        fail(f"there is no step {step!r} with a report: {', '.join(names) or 'none has one'}", NOT_FOUND)
    if not names:
        fail(f"{node_id} has not reported on any step: it is {invocations[0]['StatusDetails']}", FAILED)
    told = [_step(server, command_id, node_id, name) for name in names if step in ("", name)]
    if look.is_plain:
        look.show_plain(told)
        return
    for one in told:
        _print(one, look, named=not step)


def _step(server: Server, command_id: str, node_id: str, name: str) -> dict[str, Any]:
    answer = server.call("get_command_invocation", CommandId=command_id, InstanceId=node_id, PluginName=name)
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def _print(one: dict[str, Any], look: Look, *, named: bool) -> None:
    status = one["Status"]
    if named:
        head = f"{one['PluginName']}: {look.cell('status', status)}, exit code {one['ResponseCode']}"
        look.say(look.painted(head, status))
    for stream in ("StandardOutputContent", "StandardErrorContent"):
        text = one.get(stream) or ""
        if text:
            typer.echo(_shown(text, look), nl=not text.endswith("\n"), err=stream == "StandardErrorContent")


def _shown(text: str, look: Look) -> str:
    """Whole on a pipe; on a terminal a line cannot command it."""
    if not look.is_terminal:
        return text
    return "\n".join(tables.without_controls(line) for line in text.split("\n"))


def _command(row: dict[str, Any], execution: Execution) -> str:
    source = row.get("OutputSource", {}).get("OutputSourceId")
    if not source:
        fail(
            f"{execution.called} has printed nothing on {row['ResourceId']}: it is {row.get('DetailedStatus')}", FAILED
        )
    return str(source)
