"""Commands: the list, one with its nodes, a node's steps, and a new one with its preview."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from stateward.commands import store_history
from stateward.commands.rows import FINAL, CommandRow
from stateward.console import matching, runs
from stateward.console.matching import Matched
from stateward.console.visit import Page, Visit
from stateward.wire.errors import AwsError, validation_error

MOST = 50
STATUSES = ("Pending", "InProgress", "Success", "Cancelled", "Failed", "TimedOut")
PARAMETER = "p:"
CARRIES_A_RUN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):[0-9a-f-]{36}")
MANY = 100
"""More nodes than this: the number has to be typed."""


async def listing(visit: Visit) -> Response:
    node, status, document = visit.query("node"), visit.query("status"), visit.query("document")
    filters = [{"key": "Status", "value": status}] if status in STATUSES else []
    filters += [{"key": "DocumentName", "value": document}] if document else []
    found = await visit.ask(
        "ListCommands",
        InstanceId=node or None,
        Filters=filters or None,
        MaxResults=min(visit.size, MOST),
        NextToken=visit.query("page") or None,
    )
    return visit.page(
        "commands.html",
        "Commands",
        commands=found["Commands"],
        next_page=found.get("NextToken"),
        statuses=STATUSES,
        filtered=bool(filters or node),
        association_of=association_of,
    )


def association_of(comment: str) -> str | None:
    """The association whose run a command carries, as its comment tells: `<association>:<execution>`."""
    found = CARRIES_A_RUN.fullmatch(comment)
    return None if found is None else found[1]


async def one(visit: Visit) -> Response:
    """A command: its progress from the counters, and a page of its nodes."""
    command = await found_command(visit)
    status = visit.query("status")
    filters = [{"key": "Status", "value": status}] if status in STATUSES else None
    found = await visit.ask(
        "ListCommandInvocations",
        CommandId=command.command_id,
        Filters=filters,
        MaxResults=min(visit.size, MOST),
        NextToken=visit.query("page") or None,
    )
    asked = await visit.ask("ListCommands", CommandId=command.command_id)
    return visit.page(
        "command.html",
        f"{command.status} · {command.document_name}",
        command=command,
        asked=asked["Commands"][0],
        counts=counts_of(command),
        ended=command.status in FINAL,
        invocations=found["CommandInvocations"],
        next_page=found.get("NextToken"),
        targets=matching.text_of(asked["Commands"][0]["Targets"]),
        cancel=visit.command("CancelCommand", CommandId=command.command_id),
    )


def counts_of(command: CommandRow) -> list[tuple[str, int]]:
    """How many nodes have which status, worst first; none that nobody has."""
    counts = (
        ("Failed", command.n_failed),
        ("TimedOut", command.n_timed_out),
        ("Cancelled", command.n_cancelled),
        ("InProgress", command.n_in_progress),
        ("Pending", command.n_pending),
        ("Skipped", command.n_skipped),
        ("Success", command.n_success),
    )
    return [(status, count) for status, count in counts if count]


async def found_command(visit: Visit) -> CommandRow:
    command_id = visit.path("command_id")
    async with visit.reading() as tx:
        command = await store_history.command(tx, visit.scope, command_id)
    if command is None:
        raise AwsError("InvalidCommandId", f"Command {command_id[:80]} does not exist in this account and region.")
    return command


async def on_node(visit: Visit) -> Response:
    """What a node did for a command."""
    command, node_id = await found_command(visit), visit.path("node_id")
    async with visit.reading() as tx:
        run = await runs.read(tx, command, node_id, visit)
    above = [
        ("Commands", visit.url("commands")),
        (command.document_name, visit.url("commands", command.command_id)),
    ]
    return visit.page("run.html", f"{run.invocation.status} · {run.node_name}", run=run, above=above)


async def output(visit: Visit) -> Response:
    return await runs.download(visit, await found_command(visit), visit.path("node_id"))


async def cancel(visit: Visit) -> Response:
    command = await found_command(visit)
    await visit.ask("CancelCommand", CommandId=command.command_id)
    return visit.see(visit.url("commands", command.command_id), "Nodes that have not begun never will; others stop.")


async def new(visit: Visit, problem: AwsError | None = None) -> Response:
    """The form, and with `?preview=1` how many nodes it means now."""
    asked = visit.form if visit.form else _query(visit)
    document = _first(asked, "document")
    described: dict[str, Any] | None = None
    found: Matched | None = None
    try:
        if document:
            described = (await visit.ask("DescribeDocument", Name=document))["Document"]
            if described["DocumentType"] != "Command":
                raise validation_error(f"{document} is a {described['DocumentType']} document: only Commands are sent.")
        if _first(asked, "preview") and described is not None:
            found = await matching.matched(visit, matching.targets_in(_first(asked, "targets")))
    except AwsError as error:
        problem = error
    own = await visit.ask("ListDocuments", Filters=[{"Key": "DocumentType", "Values": ["Command"]}], MaxResults=MOST)
    return visit.page(
        "command_new.html",
        "Run a command",
        names=[one["Name"] for one in own["DocumentIdentifiers"]],
        document=document,
        described=described,
        given={name: values[0] for name, values in asked.items()},
        parameters=parameters_of(asked),
        targets=_first(asked, "targets") or _first(asked, "node"),
        found=found,
        many=MANY,
        command=_command(visit, asked) if found else None,
        problem=problem,
    )


async def send(visit: Visit) -> Response:
    """Send it to the nodes that were shown; another set comes back as a preview."""
    try:
        members = members_of(visit.form)
        found = await matching.matched(visit, members["Targets"])
        if found.digest != visit.field("previewed"):
            raise AwsError("NodesChanged", f"The nodes that match have changed: {found.count} now. Look again.", 409)
        if found.count > MANY and visit.field("count").strip() != str(found.count):
            raise validation_error(f"Type {found.count} to run on {found.count} nodes.")
        sent = await visit.ask("SendCommand", **members)
    except AwsError as error:
        visit.form["preview"] = ["1"]
        return await new(visit, error)
    return visit.see(visit.url("commands", sent["Command"]["CommandId"]), "The command is on its way.")


def members_of(asked: dict[str, list[str]]) -> dict[str, Any]:
    """SendCommand's members for what was filled in. Raises ValidationException for targets that are none."""
    members: dict[str, Any] = {
        "DocumentName": _first(asked, "document"),
        "Targets": matching.targets_in(_first(asked, "targets")),
        "Parameters": parameters_of(asked) or None,
        "MaxConcurrency": _first(asked, "concurrency").strip() or None,
        "MaxErrors": _first(asked, "errors").strip() or None,
        "Comment": _first(asked, "comment").strip() or None,
    }
    return {name: value for name, value in members.items() if value is not None}


def parameters_of(asked: dict[str, list[str]]) -> dict[str, list[str]]:
    """What was filled in for parameters; an empty field leaves the document's default. Lists are a value a line."""
    found: dict[str, list[str]] = {}
    for name, values in asked.items():
        text = values[0].replace("\r\n", "\n")
        if name.startswith(PARAMETER) and text.strip():
            listed = name.endswith("[]")
            found[name.removeprefix(PARAMETER).removesuffix("[]")] = text.splitlines() if listed else [text]
    return found


def _command(visit: Visit, asked: dict[str, list[str]]) -> Any:
    return visit.command("SendCommand", **members_of(asked))


def _query(visit: Visit) -> dict[str, list[str]]:
    params = visit.request.query_params
    return {name: params.getlist(name) for name in params}


def _first(asked: dict[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


PAGES = (
    Page("/commands", listing),
    Page("/commands/new", new, send),
    Page("/commands/{command_id}", one, cancel),
    Page("/commands/{command_id}/nodes/{node_id}", on_node),
    Page("/commands/{command_id}/nodes/{node_id}/output", output),
)
