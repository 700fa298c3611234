"""Executions: progress, errors in groups, targets worst first; a target's steps; comparing, retrying, stopping."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import RedirectResponse, Response

from stateward.associations import execution_calls, rollup, store, store_runs
from stateward.associations.rows import AssociationRow, ExecutionRow
from stateward.commands import store as commands
from stateward.commands import store_errors, store_history
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.console import runs, words
from stateward.console.naming import names_of
from stateward.console.pages.commands import counts_of
from stateward.console.visit import Page, Visit
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError, validation_error

RETRYABLE = ("Failed", "TimedOut", "Cancelled", "Skipped")
WORST_FIRST = ("Failed", "TimedOut", "Cancelled", "InProgress", "Pending", "Skipped", "Success")
MANY = 100
GROUPS = (
    ("failing", "Success then, failing now"),
    ("other_error", "Another error"),
    ("same_error", "The same error"),
    ("recovered", "Failing then, Success now"),
    ("new", "New"),
    ("gone", "Gone"),
)
"""What CompareExecutions tells apart, worst first."""


class ShownExecution(msgspec.Struct, frozen=True):
    """An execution with what carries it, and its association."""

    association: AssociationRow
    row: ExecutionRow
    command: CommandRow | None

    @property
    def name(self) -> str:
        return words.name_of(self.association)

    @property
    def cause(self) -> str:
        return words.cause_of(self.row)

    @property
    def is_over(self) -> bool:
        return self.row.phase == "closed"


async def found(visit: Visit, tx: Snapshot) -> ShownExecution:
    """The execution of the address. Raises AssociationExecutionDoesNotExist."""
    row = await store_runs.named(tx, visit.scope, visit.path("execution_id"))
    association = None if row is None else await store.find(tx, visit.scope, row.association_id)
    if row is None or association is None or row.association_id != visit.path("association_id"):
        wanted = visit.path("execution_id")[:80]
        raise AwsError("AssociationExecutionDoesNotExist", f"There is no execution {wanted} of this association.")
    command = None if row.command_id is None else await commands.command(tx, row.command_id)
    return ShownExecution(association, row, command)


async def by_id(visit: Visit) -> Response:
    """An execution's id alone leads to its page."""
    async with visit.reading() as tx:
        row = await execution_calls.execution_of(tx, visit.scope, visit.path("execution_id"))
    return RedirectResponse(visit.url("associations", row.association_id, "executions", row.execution_id), 302)


async def one(visit: Visit) -> Response:
    """An execution: progress, errors in groups, a page of its targets."""
    status, node, error = visit.query("status"), visit.query("node").strip(), visit.query("error")
    async with visit.reading() as tx:
        shown = await found(visit, tx)
        groups = [] if shown.command is None else await store_errors.groups(tx, shown.command.command_id)
        targets, after = await _targets(tx, visit, shown.command, status, node)
        if error:
            targets = [one for one in targets if one.error_key == error]
        names = await names_of(tx, [one.resource_id for one in targets] + [one.first_resource_id for one in groups])
        before = await store.execution(tx, shown.row.association_id, shown.row.number - 1)
        newer = await store.execution(tx, shown.row.association_id, shown.row.number + 1)
        usual = await store_runs.took(tx, shown.row.association_id, shown.row.number, 20)
    samples = {group.error_key: group for group in groups}
    return visit.page(
        "execution.html",
        title_of(shown),
        shown=shown,
        counts=[] if shown.command is None else counts_of(shown.command),
        groups=groups,
        targets=targets,
        samples=samples,
        names=names,
        next_page=after,
        before=before,
        newer=newer,
        usual_ms=sorted(usual)[len(usual) // 2] if usual else None,
        elapsed_ms=_elapsed_ms(shown.row, visit.now_ms),
        statuses=WORST_FIRST,
        filtered=bool(status or node or error),
    )


def title_of(shown: ShownExecution) -> str:
    """Status first, with the number that matters: `5 Failed · nightly-patch #412`."""
    failed = 0 if shown.command is None else shown.command.n_failed
    status = f"{failed} Failed" if failed else shown.row.status
    return f"{status} · {shown.name} #{shown.row.number}"


def _elapsed_ms(row: ExecutionRow, now_ms: int) -> int | None:
    if row.last_execution_ms is None:
        return None
    return (now_ms if row.ended_ms is None else row.ended_ms) - row.last_execution_ms


async def _targets(
    tx: Snapshot, visit: Visit, command: CommandRow | None, status: str, node: str
) -> tuple[list[InvocationRow], str | None]:
    """A page of targets, worst first and then by node, and the key of the next page."""
    if command is None:
        return [], None
    counts = rollup.counts_of(command)
    wanted = [one for one in WORST_FIRST if counts.get(one) and status in ("", one)]
    start, _, after = visit.query("page").partition(".")
    if start in wanted:
        wanted = wanted[wanted.index(start) :]
    found: list[InvocationRow] = []
    for one in wanted:
        left = visit.size + 1 - len(found)
        found += await store_history.targets_after(
            tx,
            command.command_id,
            after if one == start else "",
            left,
            status=one,
            resource_id=node or None,
            resource_type=None,
        )
        if len(found) > visit.size:
            last = found[visit.size - 1]
            return found[: visit.size], f"{rollup.target_status(last.status)}.{last.resource_id}"
    return found, None


async def target(visit: Visit) -> Response:
    """What one node did in an execution."""
    async with visit.reading() as tx:
        shown = await found(visit, tx)
        if shown.command is None:
            raise AwsError("InvocationDoesNotExist", "This run never came to its nodes.")
        run = await runs.read(tx, shown.command, visit.path("node_id"), visit)
        before = await store.execution(tx, shown.row.association_id, shown.row.number - 1)
    above = [
        ("Associations", visit.url("associations")),
        (shown.name, visit.url("associations", shown.association.association_id)),
        (f"#{shown.row.number}", address_of(visit, shown.row)),
    ]
    title = f"{run.invocation.status} · {run.node_name} · {shown.name} #{shown.row.number}"
    return visit.page("target.html", title, run=run, above=above, shown=shown, before=before)


async def by_number(visit: Visit) -> Response:
    """`/associations/{id}/runs/{number}/…`: the page of that run, or a page below it."""
    number, _, rest = visit.path("rest").partition("/")
    async with visit.reading() as tx:
        row = None
        if number.isascii() and number.isdecimal() and len(number) < 10:
            row = await store.execution(tx, visit.path("association_id"), int(number))
        if row is None or (row.account_id, row.region) != visit.scope:
            raise AwsError("AssociationExecutionDoesNotExist", f"There is no run #{number[:20]} of this association.")
    return RedirectResponse(address_of(visit, row, *filter(None, rest.split("/"))), 302)


async def output(visit: Visit) -> Response:
    async with visit.reading() as tx:
        shown = await found(visit, tx)
    if shown.command is None:
        raise AwsError("InvocationDoesNotExist", "This run never came to its nodes.")
    return await runs.download(visit, shown.command, visit.path("node_id"))


async def retry_preview(visit: Visit, problem: AwsError | None = None) -> Response:
    """Which nodes of this run would run again."""
    chosen = [one for one in (visit.fields("status") or visit.queries("status")) if one in RETRYABLE]
    async with visit.reading() as tx:
        shown = await found(visit, tx)
    counts = {} if shown.command is None else rollup.counts_of(shown.command)
    chosen = chosen or [one for one in ("Failed", "TimedOut") if counts.get(one)] or ["Failed"]
    preview: dict[str, Any] | None = None
    names: dict[str, str] = {}
    try:
        preview = await visit.ask("PreviewRetry", execution=shown.row.execution_id, status=chosen)
        async with visit.reading() as tx:
            names = await names_of(tx, preview["first"])
    except AwsError as error:
        problem = problem or error
    return visit.page(
        "retry.html",
        f"Retry nodes of {shown.name} #{shown.row.number}",
        shown=shown,
        counts=[(one, counts.get(one, 0)) for one in RETRYABLE],
        chosen=chosen,
        preview=preview,
        names=names,
        many=MANY,
        problem=problem,
    )


async def retry(visit: Visit) -> Response:
    """Run again on the set that was shown; its hash is the form's."""
    try:
        if len(visit.field("count_needed")) and visit.field("count").strip() != visit.field("count_needed"):
            raise validation_error(f"Type {visit.field('count_needed')} to run on so many nodes.")
        made = await visit.ask(
            "RetryExecution",
            execution=visit.path("execution_id"),
            status=visit.fields("status"),
            hash=visit.field("previewed"),
        )
    except AwsError as error:
        return await retry_preview(visit, error)
    return visit.see(
        visit.url("associations", made["association"], "executions", made["execution"]),
        f"Run #{made['number']} runs on {words.counted(made['nodes'], 'node')}.",
    )


async def compare(visit: Visit) -> Response:
    """What is different since another run of the association."""
    async with visit.reading() as tx:
        shown = await found(visit, tx)
    answer = await visit.ask("CompareExecutions", **{"execution": shown.row.execution_id, "with": visit.query("with")})
    listed = [one["node"] for group in answer["nodes"].values() for one in group]
    async with visit.reading() as tx:
        names = await names_of(tx, listed)
    title = f"{shown.name} #{shown.row.number} and #{answer['before']['number']}"
    return visit.page("compare.html", title, shown=shown, found=answer, names=names, groups=GROUPS)


async def stop_preview(visit: Visit) -> Response:
    async with visit.reading() as tx:
        shown = await found(visit, tx)
    left = 0 if shown.command is None else shown.command.target_count - shown.command.finished
    return visit.page("stop.html", f"Stop {shown.name} #{shown.row.number}", shown=shown, left=left)


async def stop(visit: Visit) -> Response:
    made = await visit.ask("StopExecution", execution=visit.path("execution_id"))
    notice = (
        f"{words.counted(made['cancelled'], 'node')} will not begin, "
        f"{words.counted(made['told_to_stop'], 'node')} were told to stop."
    )
    return visit.see(
        visit.url("associations", visit.path("association_id"), "executions", visit.path("execution_id")), notice
    )


def address_of(visit: Visit, row: ExecutionRow, *more: str) -> str:
    return visit.url("associations", row.association_id, "executions", row.execution_id, *more)


ONE = "/associations/{association_id}/executions/{execution_id}"
PAGES = (
    Page("/executions/{execution_id}", by_id),
    Page("/associations/{association_id}/runs/{rest:path}", by_number),
    Page(ONE, one),
    Page(f"{ONE}/compare", compare),
    Page(f"{ONE}/retry", retry_preview, retry),
    Page(f"{ONE}/stop", stop_preview, stop),
    Page(f"{ONE}/nodes/{{node_id}}", target),
    Page(f"{ONE}/nodes/{{node_id}}/output", output),
)
