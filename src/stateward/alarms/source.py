"""Where the states of alarms come from (spec 4.8, D37)."""

from __future__ import annotations

from typing import Protocol

OK = "OK"
UNKNOWN = "UNKNOWN"
STATES = frozenset({OK, "ALARM", UNKNOWN})


class AlarmSource(Protocol):
    """Says how an alarm stands."""

    async def state(self, name: str) -> str:
        """OK, ALARM or UNKNOWN; UNKNOWN too when the source lacks the name, or fails. Never raises, never blocks."""
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class NoAlarms:
    """Nothing is configured: every alarm counts as OK."""

    async def state(self, name: str) -> str:
        return OK

    async def close(self) -> None:
        """Nothing is open."""


def shown(name: str) -> str:
    """An alarm's name as a log may have it: short, and on one line."""
    return ascii(name[:100])
