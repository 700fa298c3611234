"""SendCommand, ListCommands, ListCommandInvocations, GetCommandInvocation, CancelCommand (spec 6.4, D14, D15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward import ids
from stateward.access.call import Answer, Call, Page, Request, refuse_members
from stateward.access.principals import Scope
from stateward.commands import cut_short, descriptions, ending, lifecycle, opening, references, store, store_history
from stateward.commands.output_location import Outputs
from stateward.commands.rows import CommandRow, InvocationRow, StepRow
from stateward.documents import library, schema
from stateward.documents.parameters import InvalidParameters
from stateward.documents.store import DocumentRow
from stateward.nodes import store as nodes
from stateward.nodes import targets as node_targets
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import parse_instant

NOT_BUILT = (
    "ServiceRoleArn",
    "NotificationConfig",
    "CloudWatchOutputConfig",
)
FAR_FUTURE = 2**62
ROWS_PER_LOOK = 200
STAGES = {
    "Executing": ("Pending", "InProgress", "Cancelling"),
    "Complete": ("Success", "Cancelled", "Failed", "TimedOut"),
}


async def send_command(call: Call, request: Request) -> Answer:
    """Run a document on nodes. Listed nodes are targets at once, others are resolved by the engine (D14)."""
    refuse_members(request, NOT_BUILT)
    instance_ids = list(dict.fromkeys(request.get("InstanceIds", ())))
    targets = request.get("Targets", ())
    if bool(instance_ids) == bool(targets):
        raise validation_error("Must specify either instanceIds or targets")
    try:
        node_targets.parse(targets)
    except node_targets.InvalidTarget as error:
        raise validation_error(str(error)) from error

    async def work(tx: Transaction) -> Answer:
        document = await library.find(tx, call.scope, request["DocumentName"], request.get("DocumentVersion"))
        if "DocumentHash" in request and request["DocumentHash"] != document.content_hash:
            raise AwsError("InvalidDocument", f"The hash of {document.name} is not the given DocumentHash.")
        await _require_nodes(tx, call.scope, instance_ids)
        new = await _composed(tx, call.scope, document, request, instance_ids)
        await lifecycle.open_command(tx, new)
        if instance_ids:
            await lifecycle.add_targets(tx, new.row.command_id, instance_ids)
            await lifecycle.start(tx, new.row.command_id)
        row = await store.command(tx, new.row.command_id)
        assert row is not None, "the command was written in this transaction"
        return Answer({"Command": descriptions.command(row, new.parameters)})

    return await call.write_once(work)


async def _composed(
    tx: Transaction, scope: Scope, document: DocumentRow, request: Request, instance_ids: Sequence[str]
) -> opening.NewCommand:
    given = request.get("Parameters", {})
    fetched = await references.fetch(tx, scope, opening.store_references(document, given))
    alarms = request.get("AlarmConfiguration", {})
    order = opening.Order(
        scope=scope,
        document=document,
        document_version=request.get("DocumentVersion", ""),
        parameters=given,
        instance_ids=instance_ids,
        targets=request.get("Targets", ()),
        max_concurrency=request.get("MaxConcurrency", "50"),
        max_errors=request.get("MaxErrors", "0"),
        timeout_s=request.get("TimeoutSeconds", opening.DEFAULT_TIMEOUT_S),
        comment=request.get("Comment", ""),
        output_bucket=request.get("OutputS3BucketName"),
        output_prefix=request.get("OutputS3KeyPrefix"),
        output_region=request.get("OutputS3Region"),
        store_values=fetched.values,
        alarm_name=alarms["Alarms"][0]["Name"] if alarms else None,
        ignore_alarm_failure=alarms.get("IgnorePollAlarmFailure", False),
    )
    try:
        return opening.compose(order, tx.now)
    except InvalidParameters as error:
        raise AwsError("InvalidParameters", str(error)) from error


async def list_commands(call: Call, request: Request) -> Answer:
    """Commands, newest first."""
    filters = _filters(request, ("InvokedAfter", "InvokedBefore", "Status", "ExecutionStage", "DocumentName"))
    page = call.page(request)
    key: list[Any] = page.key or [FAR_FUTURE, ""]
    found: list[CommandRow] = []
    async with call.reading() as tx:
        if "CommandId" in request:
            one = await store_history.command(tx, call.scope, request["CommandId"])
            found = [] if one is None or page.key else [one]
            if "InstanceId" in request and found:
                node = await store_history.invocation(tx, call.scope, found[0].command_id, request["InstanceId"])
                found = found if node is not None else []
            found = [row for row in found if _within(row, filters) and _status_fits(row, filters)]
        while "CommandId" not in request and len(found) <= page.size:
            rows = await store_history.commands_before(
                tx,
                call.scope,
                key,
                ROWS_PER_LOOK if filters else page.size + 1,
                node_id=request.get("InstanceId"),
                document=filters.get("DocumentName"),
                after_ms=_instant(filters.get("InvokedAfter")),
                before_ms=_instant(filters.get("InvokedBefore")),
            )
            found += [row for row in rows if _status_fits(row, filters)]
            if len(rows) < (ROWS_PER_LOOK if filters else page.size + 1):
                break
            key = [rows[-1].requested_ms, rows[-1].command_id]
        texts = await store_history.parameters(tx, [row.command_id for row in found])
    return page.answer(
        "Commands",
        found,
        lambda row: descriptions.command(row, texts[row.command_id]),
        lambda row: (row.requested_ms, row.command_id),
    )


async def cancel_command(call: Call, request: Request) -> Answer:
    """Stop a command, or its invocations on some nodes; best effort on nodes at work (D5)."""
    node_ids = request.get("InstanceIds", ())
    who = call.principal.name

    async def work(tx: Transaction) -> None:
        command = await store.lock_command(tx, request["CommandId"])
        if command is None or store.scope_of(command) != call.scope:
            raise AwsError("InvalidCommandId", f"Command {request['CommandId']} does not exist.")
        if not node_ids:
            await lifecycle.begin_ending(tx, command.command_id, "cancelled", who)
            return
        rows = await store.invocations_named(tx, command.command_id, node_ids)
        unknown = set(node_ids) - {row.resource_id for row in rows}
        if unknown:
            raise AwsError("InvalidInstanceId", f"The command has no such targets: {', '.join(sorted(unknown))}")
        ended = [(row, ending.ended(row, "cancelled", who, tx.now, ids.new_uuid())) for row in rows]
        await lifecycle.apply(tx, command, [(before, after) for before, after in ended if after is not None])

    await call.write(work)
    return Answer({})


class InvocationOperations:
    """What nodes did. `s3_endpoint` is where output is uploaded to, None for AWS."""

    def __init__(self, s3_endpoint: str | None) -> None:
        self._s3_endpoint = s3_endpoint

    async def list_command_invocations(self, call: Call, request: Request) -> Answer:
        """What each node did for the commands, newest command first; Details adds the steps."""
        filters = _filters(request, ("InvokedAfter", "InvokedBefore", "Status", "DocumentName"))
        page = call.page(request)
        details = bool(request.get("Details"))
        async with call.reading() as tx:
            found = await _invocations(tx, call.scope, page, request, filters)
            shown = found[: page.size]
            outputs = {row.command_id: await self._outputs(tx, row.command_id) for row in shown}
            names = await store_history.node_names(tx, [row.resource_id for row in shown])
            steps = (
                {(row.command_id, row.resource_id): await _steps(tx, row.command_id, row.resource_id) for row in shown}
                if details
                else {}
            )

        def describe(row: InvocationRow) -> dict[str, Any]:
            of = outputs[row.command_id]
            return descriptions.invocation(
                row, of, names.get(row.resource_id, ""), steps.get((row.command_id, row.resource_id))
            )

        return page.answer(
            "CommandInvocations", found, describe, lambda row: (row.requested_ms, row.command_id, row.resource_id)
        )

    async def get_command_invocation(self, call: Call, request: Request) -> Answer:
        """One step of one node's run; a document with several steps needs PluginName (D15)."""
        async with call.reading() as tx:
            row = await store_history.invocation(tx, call.scope, request["CommandId"], request["InstanceId"])
            of = await store_history.command(tx, call.scope, request["CommandId"])
            if row is None or of is None:
                raise AwsError(
                    "InvocationDoesNotExist",
                    "The command ID and instance ID you specified did not match any invocations.",
                )
            content = (await store.text(tx, of.command_id)).content
            steps = {step.step_name: step for step in await _steps(tx, of.command_id, row.resource_id)}
        outputs = Outputs(of, _actions(content), self._s3_endpoint)
        names = list(outputs.actions)
        wanted = request.get("PluginName")
        if wanted is None and len(names) > 1:
            raise AwsError(
                "InvalidPluginName", f"The document has several steps, name one as PluginName: {', '.join(names)}"
            )
        if wanted is not None and wanted not in names:
            raise AwsError("InvalidPluginName", f"The document has no step {wanted}; it has {', '.join(names)}")
        name = wanted or names[0]
        return Answer(descriptions.step_result(row, outputs, name, steps.get(name)))

    async def _outputs(self, tx: Snapshot, command_id: str) -> Outputs:
        of = await store.command(tx, command_id)
        assert of is not None, "an invocation hangs under its command"
        actions = {} if of.output_bucket is None else _actions((await store.text(tx, command_id)).content)
        return Outputs(of, actions, self._s3_endpoint)


async def _steps(tx: Snapshot, command_id: str, node_id: str) -> list[StepRow]:
    return await cut_short.completed(tx, await store_history.steps(tx, command_id, node_id))


def _actions(content: str) -> dict[str, str]:
    """The plugin of each step of a command, in the document's order."""
    return {step.name: step.action for step in schema.parse_command(msgspec.json.decode(content)).steps}


async def _require_nodes(tx: Snapshot, scope: Scope, node_ids: Sequence[str]) -> None:
    unknown = [node_id for node_id in node_ids if await nodes.find(tx, scope, node_id) is None]
    if unknown:
        raise AwsError(
            "InvalidInstanceId",
            f"Instances [[{', '.join(unknown)}]] not in a valid state for account {scope.account_id}",
        )


async def _invocations(
    tx: Snapshot, scope: Scope, page: Page, request: Request, filters: Mapping[str, str]
) -> list[InvocationRow]:
    requested_ms, command_id, resource_id = page.key or (FAR_FUTURE, "", "")
    key = (int(requested_ms), str(command_id), str(resource_id))
    found: list[InvocationRow] = []
    limit = ROWS_PER_LOOK if filters else page.size + 1
    while len(found) <= page.size:
        rows = await _older_invocations(tx, scope, key, limit, request, filters.get("DocumentName"))
        found += [row for row in rows if _within(row, filters) and _status_fits(row, filters)]
        if len(rows) < limit:
            break
        key = (rows[-1].requested_ms, rows[-1].command_id, rows[-1].resource_id)
    return found


async def _older_invocations(
    tx: Snapshot, scope: Scope, key: tuple[int, str, str], limit: int, request: Request, document: str | None
) -> list[InvocationRow]:
    command_id, node_id = request.get("CommandId"), request.get("InstanceId")
    if command_id is None:
        if node_id is None:
            return await store_history.invocations_before(tx, scope, key, limit, document)
        return await store_history.invocations_of_node_before(tx, scope, key, limit, document, node_id)
    if node_id is None:
        return await store_history.invocations_of_command_before(tx, scope, key, limit, document, command_id)
    of = await store_history.command(tx, scope, command_id)
    one = await store_history.invocation(tx, scope, command_id, node_id)
    fits = of is not None and document in (None, of.document_name)
    return [one] if one is not None and fits and not key[1] else []


def _filters(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in request.get("Filters", ()):
        if item["key"] not in allowed:
            raise AwsError("InvalidFilterKey", f"{item['key']}: use one of {', '.join(allowed)}")
        found[item["key"]] = item["value"]
        if item["key"] in ("InvokedAfter", "InvokedBefore"):
            _instant(item["value"])
    return found


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError:
        raise validation_error(f"Invalid date format: {text}") from None


def _within(row: CommandRow | InvocationRow, filters: Mapping[str, str]) -> bool:
    after, before = _instant(filters.get("InvokedAfter")), _instant(filters.get("InvokedBefore"))
    if isinstance(row, CommandRow) and filters.get("DocumentName", row.document_name) != row.document_name:
        return False
    return (after is None or row.requested_ms > after) and (before is None or row.requested_ms < before)


def _status_fits(row: CommandRow | InvocationRow, filters: Mapping[str, str]) -> bool:
    status, details = descriptions.shown_status(row.status, row.status_details)
    stage = filters.get("ExecutionStage")
    if stage is not None and status not in STAGES.get(stage, ()):
        return False
    return filters.get("Status", status) in (status, details)
