"""Duty: strips of runs on many targets are made slice by slice after the run has closed (console 4)."""

from __future__ import annotations

from stateward.associations.strip_keeping import LongStrips
from stateward.engine.clockwork import Duty, Fired
from stateward.storage import Database


def duty() -> Duty:
    """The duty of one server; what it has read of the present strip is its own."""
    strips = LongStrips()

    async def run(db: Database, fired: Fired) -> bool:
        return await strips.go_on(db)

    return Duty("a strip", run)
