"""The clock that a test turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from stateward.testing.control import Control, KitError, StateManagerFailed, duration


class Clock:
    """The time of one server. It stands still until it is turned; each turn ends when all that became due is done.

    Connected nodes are waited for: simulated ones need no real time, a real one has `node_patience_s`.
    """

    def __init__(self, control: Control, after_turn: Callable[[], object]) -> None:
        self._control = control
        self._after_turn = after_turn
        self.node_patience_s = 60.0

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromisoformat(self._control.ask("clock")["now"])

    @property
    def next(self) -> datetime | None:
        """When something is due next, in UTC; None: nothing is. Waits first until all that is due now has been done."""
        due = self._turn(advance="0s").get("next")
        return None if due is None else datetime.fromisoformat(due["at"])

    def advance(
        self,
        by: timedelta | str | None = None,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> None:
        """Turn forward by a timedelta, by a text such as "1h30m", or by what the keywords add up to.

        Raises KitError for a turn that is none, StateManagerFailed when nodes have not ended their work in time.
        """
        words = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if by is None and not words:
            raise KitError("by how much? Write advance(days=30), or settle() to wait for what is due now")
        if by is not None and words:
            raise KitError("write either advance(timedelta(…)) or advance(days=…), not both")
        if words < timedelta(0) or (isinstance(by, timedelta) and by < timedelta(0)):
            raise KitError("the clock turns forward only")
        self._turn(advance=duration(words if by is None else by))

    def to(self, instant: datetime | str) -> None:
        """Turn to an instant: a datetime with its time zone, or a text such as "2030-01-06T02:00:00Z"."""
        if isinstance(instant, datetime):
            if instant.tzinfo is None:
                raise KitError(f"{instant!r} has no time zone; write datetime(…, tzinfo=UTC)")
            instant = instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._turn(to=instant)

    def settle(self) -> None:
        """Wait until all that is due now has been done; time does not move."""
        self._turn(advance="0s")

    def _turn(self, **wish: str) -> dict[str, Any]:
        patience = duration(timedelta(seconds=self.node_patience_s))
        answer: dict[str, Any] = self._control.tell("clock", {**wish, "wait_for_nodes": patience})
        self._after_turn()
        if "unfinished" in answer:
            raise StateManagerFailed(
                f"nodes have not ended their work within {self.node_patience_s:g} s of real time: "
                + ", ".join(answer["unfinished"])
            )
        return answer
