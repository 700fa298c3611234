"""Why an association does, or does not, run on a node: facts in, reasons out (console 5).

Pure. The first reason decides, the others hold too; each says what happens next. Whatever the engine decides with is
used here as well: `targets.matches`, `rate_control.release`, `standing.missed`, the calendars' verdict.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from stateward.associations import standing
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow, NodeStatusRow
from stateward.commands import rate_control
from stateward.commands.rows import CommandRow, InvocationRow
from stateward.nodes import ping, targets
from stateward.nodes.targets import Groups
from stateward.wire.protocol import iso8601

DAY_MS = 24 * 60 * 60 * 1000
STARTS_THAT_FAIL = {
    "InvalidDocument": "document-missing",
    "InvalidDocumentVersion": "document-version",
    "InvalidParameters": "parameter-bad",
    "InvalidTarget": "group-missing",
}


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason: its code and sentence, since when it holds and until when if that is known, and what helps."""

    code: str
    sentence: str
    since_ms: int | None = None
    until_ms: int | None = None
    remedy: str | None = None
    link: str | None = None


class Gate(Protocol):
    """What the calendars say now."""

    @property
    def open(self) -> bool: ...
    @property
    def opens_ms(self) -> int | None: ...
    @property
    def problem(self) -> str | None: ...


class NodeFacts(msgspec.Struct, frozen=True):
    """A node as it is registered anywhere; `here`: in the account and region that asks."""

    node_id: str
    here: bool
    region: str
    removed_ms: int | None
    last_ping_ms: int | None
    first_online_ms: int | None
    connected: bool
    tags: Mapping[str, str]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the rule looks at. `execution` to `ahead` are of the newest run on the node, or else of the newest run.

    `ahead` is the run that has to end on the node first, `busy_until_ms` until when it may be at work for one that
    was superseded.
    """

    now_ms: int
    virtual_clock: bool
    association: AssociationRow
    definition: Definition
    gate: Gate
    groups: Groups
    node_id: str | None = None
    node: NodeFacts | None = None
    row: NodeStatusRow | None = None
    execution: ExecutionRow | None = None
    command: CommandRow | None = None
    invocation: InvocationRow | None = None
    ahead: InvocationRow | None = None
    busy_until_ms: int | None = None


def why(facts: Facts) -> list[Reason]:
    """Every reason that holds, the one that decides first; there is always one."""
    if facts.association.deleted_ms is not None:
        sentence = "The association was deleted; what nodes have begun they finish, and nothing runs any more."
        return [Reason(code="deleted", sentence=sentence, since_ms=facts.association.deleted_ms)]
    if facts.node_id is not None and (stranger := list(_no_target(facts))):
        return stranger
    return [*_under_way(facts), *_cannot(facts), *_outcome(facts), *_schedule(facts)]


def pending(
    invocation: InvocationRow,
    command: CommandRow,
    *,
    node: NodeFacts | None,
    now_ms: int,
    ahead: InvocationRow | None = None,
    busy_until_ms: int | None = None,
) -> Reason | None:
    """Why an unfinished target has not ended: the short form for lists, from rows that they have anyway."""
    if invocation.is_final:
        return None
    if invocation.status == "Cancelling":
        sentence = "It was told to stop; it is Cancelled on the node's report, or when the time for that is over."
        return Reason(code="waits-for-cancel", sentence=sentence, until_ms=invocation.cancel_due_ms)
    if invocation.status == "InProgress":
        sentence = "The node is at work on it."
        return Reason(code="running", sentence=sentence, since_ms=invocation.acknowledged_ms)
    if invocation.released_ms is None:
        return _waits_for_slot(invocation, command)
    if invocation.sent_ms is not None:
        sentence = "It was sent and the node has not answered; it is sent again for 25 minutes, then waits for a reply."
        return Reason(
            code="sent-no-answer", sentence=sentence, since_ms=invocation.sent_ms, until_ms=invocation.expires_ms
        )
    if node is not None and not node.connected:
        return _unreachable(node, invocation, now_ms)
    if ahead is not None:
        sentence = "Another association is at work on the node, and they run one at a time; this one is next."
        return Reason(
            code="other-association",
            sentence=sentence,
            since_ms=ahead.released_ms,
            link=f"/associations/{ahead.association_id}",
        )
    if busy_until_ms is not None and busy_until_ms > now_ms:
        sentence = "The run before was told to stop; this one follows on its report, or when the time for that is over."
        return Reason(code="waits-for-cancel", sentence=sentence, until_ms=busy_until_ms)
    return Reason(code="released", sentence="It is being handed to the node.", since_ms=invocation.released_ms)


def _no_target(facts: Facts) -> Iterator[Reason]:
    """Why the association cannot mean this node at all."""
    node = facts.node
    if node is None:
        yield Reason(
            code="unknown-node",
            sentence=f"There is no node {facts.node_id}; when it registers and matches, a run starts there.",
            remedy="stateward nodes list",
        )
    elif not node.here:
        yield Reason(
            code="other-scope",
            sentence=f"The node belongs to another account or region ({node.region}); this never runs there.",
        )
    elif node.removed_ms is not None:
        yield Reason(
            code="deregistered",
            sentence="The node was deregistered; it runs nothing until it registers again.",
            since_ms=node.removed_ms,
        )
    else:
        yield from _does_not_match(facts, node)


def _does_not_match(facts: Facts, node: NodeFacts) -> Iterator[Reason]:
    if facts.association.mode == "automation":
        yield Reason(code="not-on-nodes", sentence="An Automation document runs on the server, never on a node.")
        return
    try:
        wanted = targets.expanded(targets.parse(facts.definition.get("Targets", ())), facts.groups)
    except targets.InvalidTarget as error:
        yield Reason(code="group-missing", sentence=f"{error} Nothing runs until the groups file has it.")
        return
    if targets.matches(wanted, node.node_id, node.tags):
        return
    for target in wanted:
        if targets.matches((target,), node.node_id, node.tags):
            continue
        if target.kind == "ids":
            yield Reason(
                code="not-listed",
                sentence="The node is not among the ids that the association names; it runs when it is added.",
                remedy="aws ssm update-association --targets Key=InstanceIds,Values=…",
            )
        else:
            yield _tag_missing(target, node)


def _tag_missing(target: targets.Target, node: NodeFacts) -> Reason:
    tags = node.tags
    if target.kind == "tag":
        has = f"has {target.key}={tags[target.key]}" if target.key in tags else f"has no tag {target.key}"
        needs = f"{target.key}={' or '.join(target.values)}" if target.values else f"the tag {target.key}"
    else:
        has, needs = "has none of them", f"one of the tags {', '.join(target.values)}"
    return Reason(
        code="tag-missing",
        sentence=f"Needs {needs}, and the node {has}; it runs when it is tagged so.",
        remedy=_tagging(target, node.node_id),
    )


def _tagging(target: targets.Target, node_id: str) -> str:
    """A command that can be pasted: its words are quoted for a shell."""
    key, value = (target.key, next(iter(target.values), "")) if target.kind == "tag" else (target.values[0], "")
    return shlex.join(["stateward", "nodes", "tag", node_id, f"{key}={value}"])


def _under_way(facts: Facts) -> Iterator[Reason]:
    """What the newest run is waiting for, while it is not over."""
    execution, invocation, command = facts.execution, facts.invocation, facts.command
    if execution is None or execution.phase == "closed":
        return
    if invocation is not None and command is not None:
        found = pending(
            invocation,
            command,
            node=facts.node,
            now_ms=facts.now_ms,
            ahead=facts.ahead,
            busy_until_ms=facts.busy_until_ms,
        )
        if found is not None:
            yield found
    elif execution.phase == "waiting":
        yield Reason(
            code="slot",
            sentence="All slots of MaxConcurrency are in use by another run; this one opens when that has ended.",
            since_ms=execution.created_ms,
        )
    elif facts.node_id is None:
        yield Reason(
            code="running",
            sentence=f"Run {execution.number} is under way; it ends when every node has.",
            since_ms=execution.created_ms,
        )


def _waits_for_slot(invocation: InvocationRow, command: CommandRow) -> Reason:
    """Not released: by the same rule by which the engine releases."""
    plan = rate_control.release(command.progress)
    if plan.stop or command.phase != "running":
        sentence = "The run is being stopped or is still finding its targets; this node's turn is decided in a moment."
        return Reason(code="error-limit" if plan.stop else "resolving", sentence=sentence)
    ahead = max(0, invocation.position - command.released)
    sentence = f"All {command.concurrency_limit} slots are in use, {ahead} nodes are ahead; it goes when one is free."
    return Reason(code="slot", sentence=sentence, since_ms=invocation.requested_ms)


def _unreachable(node: NodeFacts, invocation: InvocationRow, now_ms: int) -> Reason:
    if node.first_online_ms is None:
        sentence = "The node registered and was never online; it gets the run when its agent connects."
        return Reason(code="never-online", sentence=sentence, until_ms=invocation.expires_ms)
    lost = ping.ping_status(node.connected, node.last_ping_ms, now_ms) != "Online"
    heard = "never" if node.last_ping_ms is None else iso8601(node.last_ping_ms)
    sentence = (
        f"No word from the node since {heard}; the run is delivered when it is back, and given up at the time-out."
        if lost
        else f"The node has no channel, last heard of {heard}; the run is delivered when it connects."
    )
    return Reason(
        code="offline",
        sentence=sentence,
        since_ms=node.last_ping_ms,
        until_ms=invocation.expires_ms,
        remedy="systemctl status amazon-ssm-agent (on the node)",
    )


def _cannot(facts: Facts) -> Iterator[Reason]:
    """What keeps runs from starting."""
    association, gate = facts.association, facts.gate
    if association.paused_ms is not None:
        yield Reason(
            code="paused",
            sentence=f"Paused by {association.paused_by}; {association.passed_count} due times passed, and nothing "
            "starts by itself until it is resumed.",
            since_ms=association.paused_ms,
            remedy="stateward associations resume",
        )
    if association.failed_start is not None:
        code = STARTS_THAT_FAIL.get(association.failed_start, "cannot-start")
        yield Reason(
            code=code,
            sentence=f"The newest run could not start: {association.failed_start}; the next one tries again.",
            since_ms=association.state_since_ms,
        )
    if gate.problem is not None:
        yield Reason(code="calendar-missing", sentence="A change calendar is not there or cannot be read; runs fail.")
    elif not gate.open:
        yield Reason(
            code="calendar-closed",
            sentence="A change calendar is closed; due runs are Skipped, and nodes that join run when it opens.",
            since_ms=association.held_since_ms,
            until_ms=gate.opens_ms,
        )
    if facts.node_id is None and _found_no_nodes(facts):
        yield Reason(
            code="no-target",
            sentence="No node matches the targets; a node that comes to match starts a run there.",
            remedy="stateward nodes list",
        )


def _found_no_nodes(facts: Facts) -> bool:
    association = facts.association
    counters = ("n_pending", "n_in_progress", "n_success", "n_failed", "n_timed_out", "n_cancelled", "n_skipped")
    return bool(association.resolved) and not any(getattr(association, name) for name in counters)


def _outcome(facts: Facts) -> Iterator[Reason]:
    """How the newest run on the node ended."""
    row, invocation = facts.row, facts.invocation
    if facts.node_id is None:
        return
    if row is None:
        if facts.execution is None or facts.execution.phase == "closed":
            yield Reason(code="joined-later", sentence=f"It matches and has not run there; {_first_run(facts)}.")
        return
    if standing.missed(row):
        cron_only = bool(facts.definition.get("ApplyOnlyAtCronInterval"))
        after = "it runs at the next time" if cron_only else "it runs once when the node is back"
        yield Reason(
            code="delivery-timeout" if cron_only else "catch-up-owed",
            sentence=f"Run {row.number} did not come through to the node in time; {after}.",
            since_ms=row.owed_since_ms,
        )
    elif invocation is not None and invocation.is_final:
        yield from _of_result(facts, row, invocation)
    if facts.execution is not None and facts.execution.association_version < facts.association.version:
        yield Reason(
            code="old-version",
            sentence=f"It last ran version {facts.execution.association_version}; from the next run on it is version "
            f"{facts.association.version}.",
        )


def _of_result(facts: Facts, row: NodeStatusRow, invocation: InvocationRow) -> Iterator[Reason]:
    by, since_ms = invocation.ended_by or "", invocation.ended_ms
    who = f" by {invocation.ended_by_who}" if invocation.ended_by_who else ""
    if row.status == "Success":
        return
    code, sentence = {
        "errors": ("error-limit", "More nodes failed than MaxErrors allows, so it was not started there"),
        "alarm": ("alarm", "An alarm stopped the run before it came to this node"),
        "duration": ("duration-over", "The run's Duration ended before it had ended there"),
        "superseded": ("superseded", "It was replaced by a later run"),
        "cancelled": ("cancelled-by", f"It was cancelled{who}"),
        "updated": ("cancelled-by", f"An update of the association cancelled it{who}"),
        "deleted": ("cancelled-by", f"It was cancelled when the association was deleted{who}"),
        "node_removed": ("undeliverable", "The node was deregistered before it had ended"),
    }.get(by, ("step-timeout" if row.detailed_status == "ExecutionTimedOut" else "failed", row.error_key or row.status))
    streak = f"; {row.streak} runs in a row" if row.streak > 1 else ""
    yield Reason(
        code=code,
        sentence=f"{sentence}{streak}; {_next_run(facts)}.",
        since_ms=row.since_ms if row.streak > 1 else since_ms,
        link=None if facts.execution is None else f"/executions/{facts.execution.execution_id}",
    )


def _schedule(facts: Facts) -> Iterator[Reason]:
    """When it runs next, as the schedule says; the last word when nothing is wrong."""
    association, expression = facts.association, facts.definition.get("ScheduleExpression")
    row = facts.row
    if row is not None and row.status == "Success":
        yield Reason(
            code="well",
            sentence=f"Success, nothing is wrong; {_next_run(facts)}.",
            since_ms=row.since_ms,
        )
    if expression is None:
        yield Reason(code="no-schedule", sentence="It runs when it is changed, by hand, or when a new node matches.")
        return
    due_ms = association.next_due_ms
    if due_ms is None:
        yield Reason(code="at-past", sentence=f"Its one time, {expression}, is past; it runs by hand or when changed.")
        return
    if not association.last_number:
        yield Reason(
            code="only-at-cron",
            sentence=f"ApplyOnlyAtCronInterval: it waits for its first time, {iso8601(due_ms)}.",
            since_ms=association.updated_ms,
            until_ms=due_ms,
        )
    yield Reason(code="next-at", sentence=f"Nothing is due; next at {iso8601(due_ms)}.", until_ms=due_ms)
    if facts.virtual_clock:
        yield Reason(
            code="clock-stands",
            sentence=f"The clock is virtual and stands at {iso8601(facts.now_ms)} until it is turned.",
            since_ms=facts.now_ms,
            remedy='POST /_stateward/clock {"advance": "1h"}',
        )


def _next_run(facts: Facts) -> str:
    due_ms = facts.association.next_due_ms
    return "it runs again by hand or when changed" if due_ms is None else f"next at {iso8601(due_ms)}"


def _first_run(facts: Facts) -> str:
    if facts.node is not None and facts.node.first_online_ms is None:
        return "it runs when the node is online for the first time"
    if facts.association.mode == "automation":
        return "Automation documents do not run for new nodes"
    return _next_run(facts)
