"""Writing events beside the change that they tell of, in its transaction (spec 6.6, D42)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from stateward import ids
from stateward.access.principals import Scope
from stateward.associations import store as associations
from stateward.associations.facts import NodeStatusChanged, OverviewChanged
from stateward.associations.rows import AssociationRow, Definition
from stateward.clock import Clock
from stateward.commands import store as commands
from stateward.commands.facts import OutputGivenUp
from stateward.events import messages, store
from stateward.events.facts import EventDue
from stateward.events.store import EventRow
from stateward.nodes.facts import CloneSuspected
from stateward.storage import Transaction


class Outbox:
    """The reactions that write events. `wake` is told the newest number; `with_nodes` is false
    where no sink is configured (D42)."""

    def __init__(self, clock: Clock, wake: Callable[[int], None], *, with_nodes: bool) -> None:
        self._clock = clock
        self._wake = wake
        self._with_nodes = with_nodes

    async def note_overviews(self, tx: Transaction, facts: list[OverviewChanged]) -> None:
        """An event for each association whose Status is another at the end than at the beginning; a new one is one."""
        stood: dict[str, str | None] = {}
        stands: dict[str, str] = {}
        for fact in facts:
            stood.setdefault(fact.after.association_id, None if fact.before is None else fact.before.overview_status)
            stands[fact.after.association_id] = fact.after.overview_status
        for association_id, status in stands.items():
            if stood[association_id] != status:
                tx.record(EventDue(association_id))

    async def note_node_statuses(self, tx: Transaction, facts: list[NodeStatusChanged]) -> None:
        """An event for each node on which an association's status is another; one that left has none."""
        if not self._with_nodes:
            return
        stood: dict[tuple[str, str], str | None] = {}
        newest: dict[tuple[str, str], NodeStatusChanged] = {}
        for fact in facts:
            row = fact.after or fact.before
            assert row is not None, "a fact tells of something"
            key = (row.association_id, row.node_id)
            stood.setdefault(key, None if fact.before is None else fact.before.status)
            newest[key] = fact
        for key, fact in newest.items():
            if fact.after is not None and fact.after.status != stood[key]:
                tx.record(EventDue(fact.after.association_id, fact.after))

    async def write(self, tx: Transaction, facts: list[EventDue]) -> None:
        """Write the events with the rows as they are now, and wake the sinks after the commit."""
        writing = _Writing(tx, self._clock.wall())
        for fact in facts:
            await writing.add(fact)
        await self._put(tx, writing.rows)

    async def write_outputs(self, tx: Transaction, facts: list[OutputGivenUp]) -> None:
        """An event for each output that could not be uploaded (D39)."""
        rows: list[EventRow] = []
        for fact in facts:
            command = await commands.command(tx, fact.command_id)
            if command is not None:
                event = messages.output_event(ids.new_uuid(), tx.now, command, fact.resource_id)
                scope = Scope(command.account_id, command.region)
                rows.append(_row("output", scope, event, tx.now, self._clock.wall()))
        await self._put(tx, rows)

    async def write_clones(self, tx: Transaction, facts: list[CloneSuspected]) -> None:
        """An event for each node that two machines seem to be (D56)."""
        await self._put(
            tx,
            [
                _row("node", fact.scope, messages.clone_event(ids.new_uuid(), tx.now, fact), tx.now, self._clock.wall())
                for fact in facts
            ],
        )

    async def _put(self, tx: Transaction, unnumbered: list[EventRow]) -> None:
        if not unnumbered:
            return
        first = await store.reserve(tx, len(unnumbered))
        rows = [msgspec.structs.replace(row, sequence=first + n) for n, row in enumerate(unnumbered)]
        await store.add(tx, rows)
        tx.after_commit(lambda: self._wake(rows[-1].sequence))


class _Writing:
    """One transaction's events; what several of them need is read once."""

    def __init__(self, tx: Transaction, wall_ms: int) -> None:
        self._tx = tx
        self._wall_ms = wall_ms
        self._associations: dict[str, tuple[AssociationRow, Definition] | None] = {}
        self._versions: dict[tuple[str, int], str | None] = {}
        self.rows: list[EventRow] = []

    async def add(self, fact: EventDue) -> None:
        found = await self._association(fact.association_id)
        if found is None:
            return
        association, definition = found
        event_id = ids.new_uuid()
        if fact.node is None:
            kind = "association"
            event = messages.association_event(event_id, self._tx.now, association, definition)
        else:
            kind = "instance"
            version = await self._document_version(fact.node.association_id, fact.node.number)
            event = messages.instance_event(event_id, self._tx.now, association, definition, fact.node, version)
        self.rows.append(_row(kind, association.scope, event, self._tx.now, self._wall_ms))

    async def _association(self, association_id: str) -> tuple[AssociationRow, Definition] | None:
        if association_id not in self._associations:
            row = await associations.lock(self._tx, association_id)
            found = None if row is None else (row, (await associations.current(self._tx, row)).members())
            self._associations[association_id] = found
        return self._associations[association_id]

    async def _document_version(self, association_id: str, number: int) -> str | None:
        """The document version that an execution runs, once it has found its targets."""
        key = (association_id, number)
        if key not in self._versions:
            execution = await associations.execution(self._tx, association_id, number)
            command = None
            if execution is not None and execution.command_id is not None:
                command = await commands.command(self._tx, execution.command_id)
            self._versions[key] = None if command is None else command.resolved_version
        return self._versions[key]


def _row(kind: str, scope: Scope, event: dict[str, Any], now_ms: int, wall_ms: int) -> EventRow:
    """An event before it has its number."""
    return EventRow(
        sequence=0,
        account_id=scope.account_id,
        region=scope.region,
        kind=kind,
        event_id=event["id"],
        created_ms=now_ms,
        created_wall_ms=wall_ms,
        body=msgspec.json.encode(event).decode(),
        association_id=event["detail"].get("association-id"),
        node_id=event["detail"].get("instance-id"),
    )
