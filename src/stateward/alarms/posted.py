"""Alarms that a test sets beside the virtual clock (D37)."""

from __future__ import annotations

from collections.abc import Mapping

from stateward.alarms.source import UNKNOWN, AlarmSource, NoAlarms


class PostedAlarms:
    """States set by hand, in front of another source. Once any is set, this is a source: other names are UNKNOWN."""

    def __init__(self, behind: AlarmSource) -> None:
        self._behind = behind
        self._states: dict[str, str] = {}

    @property
    def states(self) -> Mapping[str, str]:
        """What was set, by name."""
        return dict(sorted(self._states.items()))

    def set(self, states: Mapping[str, str | None]) -> None:
        """Set states; None takes one away again."""
        for name, state in states.items():
            if state is None:
                self._states.pop(name, None)
            else:
                self._states[name] = state

    async def state(self, name: str) -> str:
        if name in self._states:
            return self._states[name]
        if self._states and isinstance(self._behind, NoAlarms):
            return UNKNOWN
        return await self._behind.state(name)

    async def close(self) -> None:
        await self._behind.close()
