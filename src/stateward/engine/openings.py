"""Duty: calendars that open let the nodes run that came while they were closed (spec 6.7, D36)."""

from __future__ import annotations

import msgspec

from stateward.associations import lifecycle, store, store_changes
from stateward.engine.clockwork import Duty, Fired
from stateward.engine.gate import CalendarGate
from stateward.storage import Database, Transaction


class Openings:
    """The duty; `gate` asks the calendars."""

    def __init__(self, gate: CalendarGate) -> None:
        self._gate = gate

    @property
    def duty(self) -> Duty:
        return Duty("a change calendar", self._run, store_changes.next_opening)

    async def _run(self, db: Database, fired: Fired) -> bool:
        async with db.reading() as tx:
            due = await store_changes.opening(tx, tx.now)
            if due is None:
                return False
            definition = (await store.current(tx, due)).members()
            now_ms = tx.now
        verdict = await self._gate.ask(due.scope, definition, now_ms)

        async def work(tx: Transaction) -> None:
            association = await store.lock(tx, due.association_id)
            if association is None or association.deleted_ms is not None:
                return
            if association.is_paused:  # its end asks again (D64)
                await store.save(tx, msgspec.structs.replace(association, opens_ms=None))
                return
            if not verdict.open and verdict.problem is None:
                await store.save(tx, msgspec.structs.replace(association, opens_ms=verdict.opens_ms))
                return
            waiting = await store_changes.waiting(tx, due.association_id)
            await store_changes.stop_waiting(tx, due.association_id)
            association = msgspec.structs.replace(association, opens_ms=None)
            await store.save(tx, association)
            if waiting:
                await lifecycle.open_execution(tx, association, f"calendar:{tx.now}", "calendar", waiting)

        await db.write(work)
        fired(f"the calendars of association {due.association_id}")
        return True
