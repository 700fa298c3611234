"""Duties: opened executions become commands, and commands get their targets (spec 4.2, D6)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from stateward.access.principals import Scope
from stateward.associations import history, lifecycle, orders, store
from stateward.associations.facts import ExecutionChanged
from stateward.associations.rows import AssociationRow, Definition, ExecutionRow
from stateward.commands import lifecycle as commands
from stateward.commands import opening, references
from stateward.commands import store as command_store
from stateward.commands.rows import CommandRow
from stateward.documents import library
from stateward.documents.parameters import InvalidParameters
from stateward.engine.clockwork import Duty, Fired
from stateward.engine.gate import CalendarGate, Verdict
from stateward.nodes import ping, targets
from stateward.nodes import store as nodes
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Database, Snapshot, Transaction
from stateward.wire.errors import AwsError

SLICE = commands.SLICE
SIDE_BY_SIDE = 16
FEW = 50
"""So many nodes are looked at and released in the write that gives an execution its command."""

Place = tuple[int, int, str]
"""How well a node can be reached, when the association last ran there, its id: the order of release (D6)."""

AUTOMATION_LATER = "AutomationNotAvailable"
log = structlog.get_logger("stateward.engine")


class Resolution:
    """The two duties; `gate` asks calendars, `groups` are those of resource-groups targets."""

    def __init__(self, gate: CalendarGate, groups: ResourceGroups) -> None:
        self._gate = gate
        self._groups = groups

    @property
    def duties(self) -> list[Duty]:
        return [
            Duty("an execution", self._resolve_executions),
            Duty("the targets of a command", self._resolve_targets),
        ]

    async def _resolve_executions(self, db: Database, fired: Fired) -> bool:
        """The oldest opened executions, side by side: their writes share a commit."""
        async with db.reading() as tx:
            opened = await store.opened(tx, SIDE_BY_SIDE)
            definitions = [await _definition(tx, execution) for execution in opened]
            now_ms = tx.now
        await asyncio.gather(
            *(
                self._resolve_execution(db, execution, definition, now_ms)
                for execution, definition in zip(opened, definitions, strict=True)
            )
        )
        return bool(opened)

    async def _resolve_execution(
        self, db: Database, execution: ExecutionRow, definition: Definition, now_ms: int
    ) -> None:
        """Give an opened execution its command, or close it with the reason why it cannot start."""
        scope = Scope(execution.account_id, execution.region)
        verdict = await self._gate.ask(scope, definition, now_ms)

        async def work(tx: Transaction) -> None:
            await self._resolve(tx, execution.association_id, execution.number, definition, verdict)

        async def give_up(tx: Transaction) -> None:
            row = await store.execution(tx, execution.association_id, execution.number)
            if row is not None and row.phase == "opened":
                await lifecycle.fail_start(tx, row, "InternalServerError")

        try:
            await db.write(work)
        except Exception:
            # One execution that cannot be resolved must not hold up every other.
            log.exception("an execution could not be resolved", association=execution.association_id)
            await db.write(give_up)

    async def _resolve(
        self, tx: Transaction, association_id: str, number: int, definition: Definition, verdict: Verdict
    ) -> None:
        association = await store.lock(tx, association_id)
        execution = await store.execution(tx, association_id, number)
        if association is None or execution is None or execution.phase != "opened":
            return
        if not verdict.open and verdict.problem is None:
            await lifecycle.skip(tx, execution)
            return
        try:
            if verdict.problem is not None:
                raise AwsError(verdict.problem, "a change calendar cannot be read")
            if association.mode == "automation":
                raise AwsError(AUTOMATION_LATER, "Automation documents do not run yet")
            new, fetched = await self._composed(tx, association, execution, definition)
        except (AwsError, InvalidParameters, targets.InvalidTarget) as error:
            reason = error.code if isinstance(error, AwsError) else type(error).__name__
            log.warning("an execution cannot start", association=association_id, reason=reason, detail=str(error))
            await lifecycle.fail_start(tx, execution, reason)
            return
        await commands.open_command(tx, new)
        carried = msgspec.structs.replace(
            execution,
            phase="running",
            command_id=new.row.command_id,
            resolved_with=msgspec.json.encode(fetched.versions).decode() if fetched.versions else None,
        )
        await store.save_execution(tx, execution, carried)
        tx.record(ExecutionChanged(execution, carried))
        await self._resolve_few(tx, new.row)

    async def _composed(
        self, tx: Transaction, association: AssociationRow, execution: ExecutionRow, definition: Definition
    ) -> tuple[opening.NewCommand, references.Fetched]:
        document = await library.find(tx, association.scope, definition["Name"], definition["DocumentVersion"])
        targets.expanded(targets.parse(definition["Targets"]), self._groups.current)
        given = definition.get("Parameters", {})
        fetched = await references.fetch(tx, association.scope, opening.store_references(document, given))
        return opening.compose(orders.order(association, execution, definition, document, fetched), tx.now), fetched

    async def _resolve_few(self, tx: Transaction, command: CommandRow) -> None:
        """Where few nodes may be targets, they are found and released at once; else `_resolve_targets` does it."""
        wanted, named, tag_key = self._wanted(command)
        scope = Scope(command.account_id, command.region)
        rows = await nodes.candidates(tx, scope, "", FEW + 1, named=named, tag_key=tag_key)
        if len(rows) > FEW:
            return
        ran = {} if command.association_id is None or not rows else await self._ran(tx, command.association_id, rows)
        tagged = await nodes.tags_of(tx, scope, [row.node_id for row in rows]) if rows else {}
        await commands.add_targets(tx, command.command_id, _in_order(_found(wanted, rows, tagged, ran, tx.now)))
        await self._begin(tx, command)
        if command.alarm_name is None:  # alarms are asked outside of transactions
            await commands.release(tx, command.command_id)

    async def _ran(self, tx: Snapshot, association_id: str, rows: Sequence[nodes.Candidate]) -> dict[str, int]:
        known = await store.node_statuses(tx, association_id, [row.node_id for row in rows])
        return {node_id: row.last_run_ms or 0 for node_id, row in known.items()}

    async def _resolve_targets(self, db: Database, fired: Fired) -> bool:
        """Give the oldest resolving commands their targets, side by side."""
        async with db.reading() as tx:
            resolving = await command_store.resolving(tx, SIDE_BY_SIDE)
        await asyncio.gather(*(self._resolve_command(db, command) for command in resolving))
        return bool(resolving)

    async def _resolve_command(self, db: Database, command: CommandRow) -> None:
        """In slices, in the order of their release."""
        node_ids = await self._candidates(db, command)
        for start in range(0, max(1, len(node_ids)), SLICE):
            part, is_last = node_ids[start : start + SLICE], start + SLICE >= len(node_ids)

            async def add(tx: Transaction, part: Sequence[str] = part, is_last: bool = is_last) -> bool:
                taken = await commands.add_targets(tx, command.command_id, part)
                if taken and is_last:
                    await self._begin(tx, command)
                return taken

            if not await db.write(add):
                return

    async def _begin(self, tx: Transaction, command: CommandRow) -> None:
        """All targets are there."""
        await commands.start(tx, command.command_id)
        if command.association_id is not None and command.execution_number is not None:
            execution = await store.execution(tx, command.association_id, command.execution_number)
            if execution is not None:
                await lifecycle.resolved(tx, execution, command.command_id)

    def _wanted(self, command: CommandRow) -> tuple[Sequence[targets.Target], tuple[str, ...] | None, str | None]:
        """A command's targets, and by what they can be looked up: nodes named, a tag's key, or neither."""
        try:
            wanted = targets.expanded(targets.parse(msgspec.json.decode(command.targets)), self._groups.current)
        except targets.InvalidTarget:
            return [], (), None  # a group that vanished since the command was made has no members
        named = targets.named_nodes(wanted)
        limited = history.scope_list(command.scope_nodes)
        if limited is not None:
            named = tuple(sorted(set(limited) & set(named if named is not None else limited)))
        return wanted, named, next((target.key for target in wanted if target.kind == "tag"), None)

    async def _candidates(self, db: Database, command: CommandRow) -> list[str]:
        scope = Scope(command.account_id, command.region)
        wanted, named, tag_key = self._wanted(command)
        last_runs: Mapping[str, int] = {}
        if command.association_id is not None:
            async with db.reading() as tx:
                last_runs = await store.last_runs(tx, command.association_id)
        found: list[Place] = []
        after = ""
        while True:
            async with db.reading() as tx:
                rows = await nodes.candidates(tx, scope, after, SLICE, named=named, tag_key=tag_key)
                tagged = await nodes.tags_of(tx, scope, [row.node_id for row in rows])
                now_ms = tx.now
            found += _found(wanted, rows, tagged, last_runs, now_ms)
            if len(rows) < SLICE:
                return _in_order(found)
            after = rows[-1].node_id
            await asyncio.sleep(0)  # a large fleet is looked through in pieces, other work goes on in between


async def _definition(tx: Snapshot, execution: ExecutionRow) -> Definition:
    version = await store.version(tx, execution.association_id, execution.association_version)
    assert version is not None, "an execution belongs to a version that exists"
    return version.members()


def _found(
    wanted: Sequence[targets.Target],
    rows: Sequence[nodes.Candidate],
    tagged: Mapping[str, Mapping[str, str]],
    last_runs: Mapping[str, int],
    now_ms: int,
) -> list[Place]:
    """Those of these nodes that are targets, each with its place in the order of release."""
    return [
        (ping.reach(bool(row.connected), row.last_ping_ms, now_ms), last_runs.get(row.node_id, 0), row.node_id)
        for row in rows
        if targets.matches(wanted, row.node_id, tagged.get(row.node_id, {}))
    ]


def _in_order(found: Sequence[Place]) -> list[str]:
    return [node_id for _, _, node_id in sorted(found)]
