"""What agents report of associations that they apply by themselves (node protocol 7.6, D53, D53a), in transactions.

No execution is named on the wire: a report belongs to the run that the node was told to make and has not ended.
"""

from __future__ import annotations

import msgspec
import structlog

from stateward.associations import lifecycle, orders, store, store_agents
from stateward.associations.facts import AgentReported, ExecutionChanged
from stateward.associations.rows import AssociationRow
from stateward.commands import delivery, ending, opening, references, store_delivery
from stateward.commands import lifecycle as commands
from stateward.commands.rows import REFRESH, InvocationRow
from stateward.documents import library
from stateward.documents.parameters import InvalidParameters
from stateward.nodes.facts import NodeRemoved
from stateward.storage import Transaction
from stateward.wire.errors import AwsError

FINAL = frozenset({"Success", "Failed", "TimedOut", "Skipped"})
STATUSES = frozenset({"Pending", "InProgress"}) | FINAL
NO_RUNS = frozenset({"ListAssocError", "InvalidExpression"})
"""Errors that come with every list: they end a run, and are none themselves."""

GIVEN_UP = frozenset({"delivery_timeout", "cancelled"})
log = structlog.get_logger("stateward.associations")


class NodeReport(msgspec.Struct, frozen=True):
    """A node's word on one of its associations; `execution_ms` is its own clock's."""

    node_id: str
    status: str
    execution_ms: int
    summary: str | None = None
    error_code: str | None = None
    output_url: str | None = None


async def take_in(
    tx: Transaction, association: AssociationRow, report: NodeReport, wall_ms: int, *, effective: bool
) -> None:
    """Apply a report to the run that it means, or to one of its own (`effective`: the association reaches the node).

    The same report again, after a lost answer, changes nothing.
    """
    if not await store_agents.note_report(tx, association, report.node_id, report.execution_ms):
        return
    run = await running(tx, report.node_id, association.association_id)
    if run is None:
        late = await _given_up(tx, association, report)
        if late is not None:
            _keep_words(tx, late, report)
            return
        if not effective or report.error_code in NO_RUNS or association.deleted_ms is not None:
            return
        run = await _open_run(tx, association, report, wall_ms)
        if run is None:
            return
    after = await commands.change_one(
        tx, run.command_id, run.resource_id, lambda before: _reported(before, report.status, tx.now)
    )
    if after is not None and after.is_final:
        await delivery.node_is_free(tx, run)
    _keep_words(tx, run, report)


async def keep_words(tx: Transaction, facts: list[AgentReported]) -> None:
    """Reaction: after the status has changed, the summary and the rest stand beside it."""
    for fact in facts:
        await store_agents.keep_words(
            tx, fact.association_id, fact.node_id, fact.number, fact.summary, fact.error_code, fact.output_url
        )


async def forget_removed_nodes(tx: Transaction, facts: list[NodeRemoved]) -> None:
    """Reaction: nobody repeats the last report of a node that is gone."""
    for fact in facts:
        await store_agents.forget_node(tx, fact.node_id)


async def running(tx: Transaction, node_id: str, association_id: str) -> InvocationRow | None:
    """The run of an association that the node's agent is at, as far as anybody knows."""
    return next(
        (row for row in await store_delivery.at_agent(tx, node_id) if row.association_id == association_id), None
    )


def _reported(before: InvocationRow, status: str, now_ms: int) -> InvocationRow | None:
    taken = delivery.taken(before, now_ms)
    if status in FINAL:
        return ending.reported(taken, status, now_ms)
    if status == "InProgress" and before.status == "Pending":
        return msgspec.structs.replace(taken, status="InProgress", status_details="InProgress")
    return taken


async def _given_up(tx: Transaction, association: AssociationRow, report: NodeReport) -> InvocationRow | None:
    """The run that this report comes too late for: its status stays (D2)."""
    if report.status == "Pending":
        return None  # the first word on a run
    latest = await store_delivery.latest_run(tx, report.node_id, association.association_id)
    return latest if latest is not None and latest.ended_by in GIVEN_UP else None


def _keep_words(tx: Transaction, run: InvocationRow, report: NodeReport) -> None:
    assert run.association_id is not None, "agents report on associations"
    assert run.execution_number is not None, "an association's invocation knows its execution"
    tx.record(
        AgentReported(
            run.association_id,
            run.resource_id,
            run.execution_number,
            report.summary,
            report.error_code,
            report.output_url,
        )
    )


async def _open_run(
    tx: Transaction, association: AssociationRow, report: NodeReport, wall_ms: int
) -> InvocationRow | None:
    """A run that the node began without being told to: it is under way already (D53a)."""
    cause = f"agent:{report.node_id}:{report.execution_ms}"
    association, execution = await lifecycle.open_execution(tx, association, cause, "agent", [report.node_id])
    if execution is None:
        return None
    definition = (await store.current(tx, association)).members()
    try:
        document = await library.find(tx, association.scope, definition["Name"], definition["DocumentVersion"])
        wanted = opening.store_references(document, definition.get("Parameters", {}))
        fetched = await references.fetch(tx, association.scope, wanted)
        new = opening.compose(orders.order(association, execution, definition, document, fetched), tx.now)
    except (AwsError, InvalidParameters) as error:
        reason = error.code if isinstance(error, AwsError) else type(error).__name__
        log.warning("a node runs what cannot be started", association=association.association_id, reason=reason)
        await lifecycle.fail_start(tx, execution, reason)
        return None
    command_id = new.row.command_id
    await commands.open_command(tx, new)
    carried = msgspec.structs.replace(execution, phase="running", command_id=command_id)
    await store.save_execution(tx, execution, carried)
    tx.record(ExecutionChanged(execution, carried))
    await commands.add_targets(tx, command_id, [report.node_id])
    await commands.start(tx, command_id)
    await lifecycle.resolved(tx, carried, command_id)
    await commands.release(tx, command_id)
    return await commands.change_one(tx, command_id, report.node_id, lambda row: _under_way(row, tx.now, wall_ms))


def _under_way(row: InvocationRow, now_ms: int, wall_ms: int) -> InvocationRow:
    return msgspec.structs.replace(
        row, carrier=REFRESH, sent_ms=now_ms, first_sent_wall_ms=wall_ms, acknowledged_ms=now_ms, sends=1
    )
