"""`/_stateward/clock`: turning the virtual clock, answered when everything due has been done (design 4, D47)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from stateward import clock
from stateward.access import roles
from stateward.api.administrators import Door, error_body, refusal
from stateward.clock import ClockBusy, ClockStuck, FiredLog, VirtualClock, monotonic_s
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import iso8601, parse_instant

NODE_WAIT_S = 60.0
LONGEST_MS = 100 * 366 * clock.UNITS_MS["d"]
LINES = "application/jsonl"

log = structlog.get_logger("stateward.api")
InHand = Callable[[], Awaitable[list[str]]]


class Turn(msgspec.Struct, forbid_unknown_fields=True):
    """A request to turn the clock: `advance` by a duration or `to` an instant."""

    advance: str | None = None
    to: str | None = None
    wait_for_nodes: str | None = None


def duration_ms(text: str) -> int:
    """A duration as requests write it (`1h30m`). Raises ValidationException."""
    try:
        return clock.duration_ms(text)
    except ValueError as error:
        raise validation_error(str(error)) from None


class ClockRoutes:
    """The hand on the virtual clock. `in_hand` names what connected nodes are still working on."""

    def __init__(
        self,
        clock: VirtualClock,
        door: Door,
        in_hand: InHand,
        engine_state: Callable[[], tuple[FiredLog, tuple[int, str] | None]],
        keep_time: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._door = door
        self._in_hand = in_hand
        self._engine_state = engine_state
        self._keep_time = keep_time
        self._given_up: set[str] = set()
        self._turning: asyncio.Task[None] | None = None

    async def handle(self, request: Request) -> Response:
        """GET: the time and what is due next. POST: turn the clock."""
        try:
            needed = roles.READER if request.method == "GET" else roles.ADMINISTRATOR
            _, body = await self._door.enter(request, "turning the clock", needed)
            if request.method == "GET":
                return JSONResponse(self._time())
            with self._reserved():
                goal_ms, wait_s = self._wish(body)  # while another turns, not even nonsense is looked at
            if LINES in request.headers.get("accept", ""):
                return self._stream(goal_ms, wait_s)
            with self._reserved():
                return JSONResponse(await self._advance([goal_ms], wait_s, _say_nothing, asyncio.Event()))
        except AwsError as error:
            return refusal(error)

    async def turn(self, body: bytes) -> dict[str, Any]:
        """Turn the clock as a request's body says; the answer when all that was due has been done. Raises AwsError."""
        with self._reserved():
            goal_ms, wait_s = self._wish(body)
            return await self._advance([goal_ms], wait_s, _say_nothing, asyncio.Event())

    def time(self) -> dict[str, Any]:
        """`{"now", "next": {"at", "what"}}`."""
        return self._time()

    def _wish(self, body: bytes) -> tuple[int, float]:
        """Where to turn to, in ms, and how long to wait for nodes, in seconds."""
        try:
            turn = msgspec.json.decode(body, type=Turn)
        except msgspec.DecodeError as error:
            raise validation_error(f'{error}; write {{"advance": "30d"}} or {{"to": "…Z"}}') from None
        if (turn.advance is None) == (turn.to is None):
            raise validation_error('write either {"advance": "30d"} or {"to": "2026-12-24T18:00:00Z"}')
        wait_s = NODE_WAIT_S if turn.wait_for_nodes is None else duration_ms(turn.wait_for_nodes) / 1000
        return self._goal(turn), wait_s

    @contextmanager
    def _reserved(self) -> Iterator[None]:
        try:
            with self._clock.advancing():
                yield
        except ClockBusy as error:
            raise AwsError("Conflict", str(error), 409) from error
        except ClockStuck as error:
            raise AwsError("InternalServerError", str(error), 500) from error

    def _stream(self, goal_ms: int, wait_s: float) -> Response:
        """A line for each day that has passed, then the answer; whoever closes the connection stops the clock."""
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        stopped = asyncio.Event()
        reserved = ExitStack()
        reserved.enter_context(self._reserved())  # a refusal comes before the answer begins

        async def turn() -> None:
            try:
                with reserved:
                    stops = [*_ends_of_days(self._clock.now(), goal_ms), goal_ms]
                    lines.put_nowait(await self._advance(stops, wait_s, lines.put_nowait, stopped))
            except _Stopped:
                pass
            except AwsError as error:
                lines.put_nowait(error_body(error))
            except Exception:
                log.exception("turning the clock failed")
                lines.put_nowait(error_body(AwsError("InternalServerError", "turning the clock failed", 500)))
            finally:
                lines.put_nowait(None)

        async def body() -> AsyncIterator[bytes]:
            try:
                while (line := await lines.get()) is not None:
                    yield msgspec.json.encode(line) + b"\n"
            finally:
                stopped.set()

        self._turning = asyncio.create_task(turn(), name="turning the clock")
        return StreamingResponse(body(), media_type=LINES)

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

    async def _advance(
        self, stops: Sequence[int], wait_s: float, say: Callable[[dict[str, Any]], None], stopped: asyncio.Event
    ) -> dict[str, Any]:
        """Turn to each of `stops` in order; `say` hears of all but the last. Raises _Stopped at the next instant."""

        async def settle() -> None:
            await self._settle(wait_s)
            if stopped.is_set():
                raise _Stopped

        fired, _ = self._engine_state()
        fired.clear()
        self._given_up.clear()  # each turn waits anew for what an earlier one did not want to wait for
        unfinished = await self._settle(wait_s)
        told = 0
        try:
            for stop_ms in stops:
                await self._clock.advance(stop_ms, settle)
                if stop_ms != stops[-1]:
                    now = iso8601(self._clock.now())
                    say({"date": now[:10], "fired_count": fired.count - told, "now": now})
                    told = fired.count
                    await settle()
        finally:
            await self._keep_time()
        unfinished = await self._settle(wait_s) or unfinished
        answer = self._time() | {
            "fired": [{"at": iso8601(at_ms), "what": what} for at_ms, what in fired.first],
            "fired_count": fired.count,
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


class _Stopped(Exception):
    """Whoever asked has gone."""


def _ends_of_days(now_ms: int, goal_ms: int) -> list[int]:
    """The last milliseconds of the days (UTC) that end before the goal."""
    day_ms = clock.UNITS_MS["d"]
    return list(range((now_ms // day_ms + 1) * day_ms - 1, goal_ms, day_ms))


def _say_nothing(line: dict[str, Any]) -> None:
    """An answer in one piece."""
