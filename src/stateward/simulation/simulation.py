"""The simulated fleet at work: two duties of the engine, so that one pass does everything in a fixed order (design 4).

Nodes call what the gateway calls, below the socket. The engine's hold on the clock covers each hand-over until the
nodes' answers are planned; what they will say is the engine's next due time like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stateward.access.principals import Scope
from stateward.clock import Clock
from stateward.commands import delivery, results
from stateward.commands.delivery import HandedOver
from stateward.commands.facts import InvocationChanged, NodeFreed
from stateward.commands.results import Reply
from stateward.commands.rows import InvocationRow
from stateward.commands.store_delivery import NEVER_MS
from stateward.engine.clockwork import Duty, Fired
from stateward.nodes import registration
from stateward.nodes.facts import NodeRemoved
from stateward.scripted import rules
from stateward.scripted.outcomes import Task
from stateward.simulation import fleet, requests, script, store
from stateward.simulation.requests import FleetRequest
from stateward.simulation.script import Order
from stateward.simulation.work import Hands, Work
from stateward.storage import Database, Snapshot, Transaction
from stateward.tags import store as tags

AT_ONCE = 500


class Simulation:
    """The fleet of one server. `answers` and `hand_over` are its duties, `note_…` its reactions.

    `usual` is how long a step takes unless a rule says otherwise.
    """

    def __init__(self, db: Database, clock: Clock, usual: str) -> None:
        self._db = db
        self._clock = clock
        self._usual = usual
        self._hands = Hands()
        self._hinted: set[str] = set()

    @property
    def answers(self) -> Duty:
        """Before all that is due at an instant: a report that comes at that instant is in time."""
        return Duty("a simulated node", self._answer, self._next_due)

    @property
    def hand_over(self) -> Duty:
        """After the releases: nodes take what has become theirs."""
        return Duty("work for a simulated node", self._hand_over)

    async def start(self) -> None:
        """Take up what the last process left: the fleet, and the work in its hands, from when it was begun."""
        async with self._db.reading() as tx:
            rows = await store.every_node(tx)
        self._hands.enter(rows)
        present = [row for row in rows if not row.offline]
        for start in range(0, len(present), AT_ONCE):
            part = present[start : start + AT_ONCE]

            async def connect(tx: Transaction, part: Sequence[store.FleetNodeRow] = part) -> None:
                await fleet.take_up(tx, part)

            await self._db.write(connect)

        async def take_up(tx: Transaction) -> list[Order]:
            return await script.orders(tx, await store.at_work(tx))

        if rows:
            self._begin(await self._db.write(take_up))
            self._hinted.update(row.node_id for row in present)

    async def note_changes(self, tx: Transaction, facts: list[InvocationChanged]) -> None:
        """Look at nodes for which something became deliverable."""
        self._hint_after(tx, delivery.concerned(facts))
        over = [fact.after for fact in facts if fact.after.is_final and fact.after.busy_until_ms is None]
        tx.after_commit(lambda: self._forget(over))

    async def note_freed(self, tx: Transaction, facts: list[NodeFreed]) -> None:
        self._hint_after(tx, {fact.node_id for fact in facts})

    async def note_removals(self, tx: Transaction, facts: list[NodeRemoved]) -> None:
        """A deregistered node is no part of the fleet any more."""
        gone = [fact for fact in facts if fact.node_id in self._hands]
        await fleet.forget(tx, gone)
        tx.after_commit(lambda: self._hands.leave(fact.node_id for fact in gone))

    async def change(self, scope: Scope, who: str, request: FleetRequest) -> dict[str, Any]:
        """Carry out a request, or nothing of it. Raises ValidationException."""

        async def work(tx: Transaction) -> dict[str, Any]:
            if request.add is not None:
                return await self._add(tx, scope, request)
            if request.script is not None or request.scripts is not None:
                return await self._rewrite(tx, scope, request)
            fleet_rows = await store.nodes(tx, scope)
            node_ids = requests.chosen(getattr(request, request.wish), [row.node_id for row in fleet_rows])
            if request.remove is not None:
                await fleet.remove(tx, scope, node_ids, who, self._clock.wall())
            elif request.online is not None:
                away = {row.node_id for row in fleet_rows if row.offline}
                await self._bring_back(tx, [(scope, one) for one in node_ids if one in away])
            elif request.offline is not None:
                back_ms = None if request.away_ms is None else tx.now + request.away_ms
                await fleet.take_away(tx, node_ids, back_ms)
                tx.after_commit(lambda: self._hands.take_away(node_ids, back_ms))
            else:
                requests.check_reboot(node_ids, {row.node_id for row in fleet_rows if row.offline})
                await self._reboot(tx, scope, node_ids, request.away_ms)
            return {"nodes": node_ids}

        return await self._db.write(work)

    async def describe(self, scope: Scope) -> dict[str, Any]:
        """The fleet and the script of an account and region."""
        async with self._db.reading() as tx:
            rows = await store.nodes(tx, scope)
            script_rows = await script.read(tx, scope)
            unknown = await script.unknown_names(tx, scope, script_rows)
            tagged = await tags.tags_of_type(tx, scope, registration.TAG_TYPE)
        return requests.description(rows, tagged, script_rows, unknown)

    async def _add(self, tx: Transaction, scope: Scope, request: FleetRequest) -> dict[str, Any]:
        assert request.add is not None, "asked for by the caller"
        platform = request.platform or "Linux"
        node_ids = await fleet.add(tx, scope, request.add, platform, request.name, requests.tags_of(request))
        added = set(node_ids)
        rows = [row for row in await store.nodes(tx, scope) if row.node_id in added]
        tx.after_commit(lambda: self._hands.enter(rows))
        return {"nodes": node_ids}

    async def _rewrite(self, tx: Transaction, scope: Scope, request: FleetRequest) -> dict[str, Any]:
        if request.scripts is not None:
            await store.clear_rules(tx, scope)
        added = request.scripts or [] if request.script is None else [request.script]
        await script.add(tx, scope, added, ahead=bool(request.ahead))
        rows = await script.read(tx, scope)
        return {"rules": requests.described_rules(rows, await script.unknown_names(tx, scope, rows))}

    async def _bring_back(self, tx: Transaction, rows: Sequence[tuple[Scope, str]]) -> None:
        await fleet.bring_back(tx, rows)
        node_ids, now_ms = [one for _, one in rows], tx.now
        tx.after_commit(lambda: self._hands.bring_back(node_ids, now_ms))
        self._hint_after(tx, set(node_ids))

    async def _reboot(self, tx: Transaction, scope: Scope, node_ids: Sequence[str], away_ms: int | None) -> None:
        now_ms, resumes_ms = tx.now, tx.now + (away_ms or 0)
        back_ms = None if away_ms is None else resumes_ms
        await fleet.take_away(tx, node_ids, back_ms)
        tx.after_commit(lambda: self._hands.take_away(node_ids, back_ms))
        tx.after_commit(lambda: self._hands.reboot(node_ids, now_ms, resumes_ms))
        if away_ms is None:
            await self._bring_back(tx, [(scope, one) for one in node_ids])

    async def _answer(self, db: Database, fired: Fired) -> bool:
        """Nodes come back whose time has come, then all say what they have to say now, in one write."""
        now_ms = self._clock.now()
        returning = self._hands.returning(now_ms)[:AT_ONCE]
        if returning:

            async def bring_back(tx: Transaction) -> None:
                await self._bring_back(tx, returning)

            await db.write(bring_back)
            for _, node_id in returning:
                fired(f"the return of simulated node {node_id}")
        answers = self._hands.due(now_ms, AT_ONCE)
        if not answers:
            return bool(returning)
        replies = [Reply(one.work.node_id, one.work.command_id, one.report) for one in answers]

        async def report(tx: Transaction) -> list[bool]:
            return await results.store_replies(tx, replies, self._clock.wall())

        try:
            await db.write(report)
        except BaseException:
            self._hands.say_again(answers)
            raise
        self._hands.said(answers)
        return True

    async def _next_due(self, tx: Snapshot) -> int | None:
        return self._hands.next_due()

    async def _hand_over(self, db: Database, fired: Fired) -> bool:
        """Hinted nodes take, and acknowledge, what the database has for them; the script says what becomes of it."""
        node_ids = self._hands.online(self._hinted)[:AT_ONCE]
        if not node_ids:
            self._hinted.clear()  # the others have no channel, or are none of ours
            return False

        async with db.reading() as tx:
            found = await delivery.waiting(tx, node_ids, self._clock.wall(), AT_ONCE)
        if not found.full:
            self._hinted.difference_update(node_ids)
        if not found.jobs and not found.cancels:
            return bool(self._hinted)

        async def take(tx: Transaction) -> tuple[HandedOver, list[Order]]:
            handed = await delivery.hand_over(tx, found, self._clock.wall())
            return handed, await script.orders(tx, handed.jobs)

        try:
            handed, orders = await db.write(take)
        except BaseException:
            self._hinted.update(node_ids)
            raise
        self._begin(orders)
        for row in handed.cancels:
            self._hands.cancel(row.resource_id, row.command_id, self._clock.now())
        return True

    def _begin(self, orders: Sequence[Order]) -> None:
        now_ms = self._clock.now()
        for order in orders:
            for row, rule in order.rows:
                chance = rules.draw(row.resource_id, row.execution_number)
                platform = self._hands.platform(row.resource_id)
                task = Task(order.document, order.values, platform, rule, self._usual, chance)
                began_ms = now_ms if row.acknowledged_ms is None else row.acknowledged_ms
                self._hands.begin(Work(row.resource_id, row.command_id, task, began_ms))
                if row.cancel_until_wall_ms == NEVER_MS:
                    self._hands.cancel(row.resource_id, row.command_id, now_ms)

    def _forget(self, rows: Sequence[InvocationRow]) -> None:
        for row in rows:
            self._hands.forget(row.resource_id, row.command_id)

    def _hint_after(self, tx: Transaction, node_ids: set[str]) -> None:
        ours = {node_id for node_id in node_ids if node_id in self._hands}
        if ours:
            tx.after_commit(lambda: self._hinted.update(ours))
