"""Facts become topics: the reactions that tell watchers, after the commit, of what has changed (console 2).

`overview` is all associations and what runs, `association/<id>` and `execution/<id>` one of them; `nodes` is the fleet,
`node/<id>` one node; `commands` and `command/<id>` are what SendCommand made.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, get_args

from stateward.access.principals import Scope
from stateward.associations import store as associations
from stateward.associations.facts import ExecutionChanged, OverviewChanged, ScheduleChanged
from stateward.commands.facts import CommandChanged, InvocationChanged
from stateward.events.live import Live, Topic
from stateward.nodes.facts import CloneSuspected, FingerprintAccepted, NodeArrived, NodeConnected, NodeRemoved
from stateward.storage import Transaction
from stateward.tags.facts import TagsChanged

NODES = "ManagedInstance"
EXECUTIONS_KNOWN = 1_000
Reaction = Callable[[Transaction, list[Any]], Awaitable[None]]
NodeFact = NodeArrived | NodeConnected | NodeRemoved | CloneSuspected | FingerprintAccepted


class Topics:
    """The reactions."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._execution_ids: dict[str, str] = {}

    @property
    def reactions(self) -> list[tuple[type, Reaction]]:
        """Each fact with what tells of it."""
        return [
            (ExecutionChanged, self.note_executions),
            (OverviewChanged, self.note_overviews),
            (ScheduleChanged, self.note_schedules),
            (CommandChanged, self.note_commands),
            (InvocationChanged, self.note_invocations),
            *((fact, self.note_nodes) for fact in get_args(NodeFact)),
            (TagsChanged, self.note_tags),
        ]

    async def note_executions(self, tx: Transaction, facts: list[ExecutionChanged]) -> None:
        topics: set[Topic] = set()
        for row in (fact.after for fact in facts):
            scope = Scope(row.account_id, row.region)
            for topic in ("overview", f"association/{row.association_id}", f"execution/{row.execution_id}"):
                topics.add((scope, topic))
        self._tell(tx, topics)

    async def note_overviews(self, tx: Transaction, facts: list[OverviewChanged]) -> None:
        topics: set[Topic] = set()
        for row in (fact.after for fact in facts):
            topics |= {(row.scope, "overview"), (row.scope, f"association/{row.association_id}")}
        self._tell(tx, topics)

    async def note_schedules(self, tx: Transaction, facts: list[ScheduleChanged]) -> None:
        """Another time, another version, a pause."""
        topics: set[Topic] = set()
        for association_id in {fact.association_id for fact in facts}:
            row = await associations.lock(tx, association_id)
            if row is not None:
                topics |= {(row.scope, "overview"), (row.scope, f"association/{association_id}")}
        self._tell(tx, topics)

    async def note_commands(self, tx: Transaction, facts: list[CommandChanged]) -> None:
        """The counters of a run, or a command of its own."""
        topics: set[Topic] = set()
        for row in {fact.after.command_id: fact.after for fact in facts}.values():
            scope = Scope(row.account_id, row.region)
            if row.association_id is None or row.execution_number is None:
                topics |= {(scope, "commands"), (scope, f"command/{row.command_id}")}
                continue
            execution_id = await self._execution_id(tx, row.command_id, row.association_id, row.execution_number)
            for topic in ("overview", f"association/{row.association_id}", f"execution/{execution_id}"):
                topics.add((scope, topic))
        self._tell(tx, topics)

    async def note_invocations(self, tx: Transaction, facts: list[InvocationChanged]) -> None:
        rows = (fact.after for fact in facts)
        self._tell(tx, {(Scope(row.account_id, row.region), f"node/{row.resource_id}") for row in rows})

    async def note_nodes(self, tx: Transaction, facts: list[NodeFact]) -> None:
        topics: set[Topic] = set()
        for fact in facts:
            topics |= {(fact.scope, "nodes"), (fact.scope, f"node/{fact.node_id}")}
        self._tell(tx, topics)

    async def note_tags(self, tx: Transaction, facts: list[TagsChanged]) -> None:
        topics: set[Topic] = set()
        for fact in facts:
            if fact.resource_type == NODES:
                topics |= {(fact.scope, "nodes"), (fact.scope, f"node/{fact.resource_id}")}
        self._tell(tx, topics)

    def _tell(self, tx: Transaction, topics: set[Topic]) -> None:
        if topics:
            tx.after_commit(functools.partial(self._live.bump, topics))

    async def _execution_id(self, tx: Transaction, command_id: str, association_id: str, number: int) -> str:
        known = self._execution_ids.get(command_id)
        if known is not None:
            return known
        execution = await associations.execution(tx, association_id, number)
        if execution is None:
            return ""
        if len(self._execution_ids) >= EXECUTIONS_KNOWN:
            self._execution_ids.clear()
        self._execution_ids[command_id] = execution.execution_id
        return execution.execution_id
