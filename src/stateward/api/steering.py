"""`/_stateward/clock`: turning the virtual clock, answered when everything due has been done (design 4, D47)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stateward.api.administrators import Door
from stateward.clock import ClockBusy, ClockStuck, VirtualClock, monotonic_s
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import iso8601, parse_instant

UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
DURATION = re.compile(r"(\d{1,9})(ms|[smhdw])")
NODE_WAIT_S = 60.0
LONGEST_MS = 100 * 366 * UNITS_MS["d"]
FIRED_SHOWN = 1_000

InHand = Callable[[], Awaitable[list[str]]]


class Turn(msgspec.Struct, forbid_unknown_fields=True):
    """A request to turn the clock: `advance` by a duration or `to` an instant."""

    advance: str | None = None
    to: str | None = None
    wait_for_nodes: str | None = None


def duration_ms(text: str) -> int:
    """`90s`, `30m`, `2h`, `30d`, `1w`, or several joined (`1h30m`). Raises ValidationException."""
    parts = DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise validation_error(
            f"duration {text!r}: write a number and a unit (ms, s, m, h, d, w), such as 30d or 1h30m"
        )
    return sum(int(number) * (1 if unit == "ms" else UNITS_MS[unit]) for number, unit in parts)


class ClockRoutes:
    """The hand on the virtual clock. `in_hand` names what connected nodes are still working on."""

    def __init__(
        self,
        clock: VirtualClock,
        door: Door,
        in_hand: InHand,
        engine_state: Callable[[], tuple[list[tuple[int, str]], tuple[int, str] | None]],
        keep_time: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._door = door
        self._in_hand = in_hand
        self._engine_state = engine_state
        self._keep_time = keep_time
        self._given_up: set[str] = set()

    async def handle(self, request: Request) -> Response:
        """GET: the time and what is due next. POST: turn the clock."""
        try:
            _, body = await self._door.enter(request, "turn the clock")
            return JSONResponse(await self._turn(body) if request.method == "POST" else self._time())
        except AwsError as error:
            return JSONResponse({"error": error.code, "message": error.message}, error.status)

    async def _turn(self, body: bytes) -> dict[str, Any]:
        try:
            turn = msgspec.json.decode(body, type=Turn)
        except msgspec.DecodeError as error:
            raise validation_error(f'{error}; write {{"advance": "30d"}} or {{"to": "…Z"}}') from None
        if (turn.advance is None) == (turn.to is None):
            raise validation_error('write either {"advance": "30d"} or {"to": "2026-12-24T18:00:00Z"}')
        wait_s = NODE_WAIT_S if turn.wait_for_nodes is None else duration_ms(turn.wait_for_nodes) / 1000
        try:
            with self._clock.advancing():
                return await self._advance(self._goal(turn), wait_s)
        except ClockBusy as error:
            raise AwsError("Conflict", str(error), 409) from error
        except ClockStuck as error:
            raise AwsError("InternalServerError", str(error), 500) from error

    def _goal(self, turn: Turn) -> int:
        now_ms = self._clock.now()
        if turn.advance is not None:
            goal = now_ms + duration_ms(turn.advance)
        else:
            try:
                goal = parse_instant(turn.to or "")
            except ValueError as error:
                raise validation_error(
                    f"to {turn.to!r}: {error}; write an instant such as 2026-12-24T18:00:00Z"
                ) from None
        if not now_ms <= goal <= now_ms + LONGEST_MS:
            raise validation_error(f"the clock stands at {iso8601(now_ms)} and turns forward only, at most 100 years")
        return goal

    async def _advance(self, goal_ms: int, wait_s: float) -> dict[str, Any]:
        fired, _ = self._engine_state()
        fired.clear()
        unfinished = await self._settle(wait_s)
        try:
            await self._clock.advance(goal_ms, lambda: self._settle(wait_s))
        finally:
            await self._keep_time()
        unfinished = await self._settle(wait_s) or unfinished
        answer = self._time() | {
            "fired": [{"at": iso8601(at_ms), "what": what} for at_ms, what in fired[:FIRED_SHOWN]],
            "fired_count": len(fired),
        }
        if unfinished:
            answer["unfinished"] = unfinished
        return answer

    async def _settle(self, wait_s: float) -> list[str]:
        """Wait until nobody holds the clock and no connected node has work in hand that was not given up on."""
        give_up = monotonic_s() + wait_s
        while True:
            await self._clock.settled()
            at_work = await self._in_hand()
            fresh = [work for work in at_work if work not in self._given_up]
            if not fresh:
                self._given_up &= set(at_work)
                return at_work
            if monotonic_s() >= give_up:
                self._given_up |= set(fresh)
                return at_work
            await asyncio.sleep(0.005)

    def _time(self) -> dict[str, Any]:
        _, due = self._engine_state()
        answer: dict[str, Any] = {"now": iso8601(self._clock.now())}
        if due is not None:
            answer["next"] = {"at": iso8601(due[0]), "what": due[1]}
        return answer
