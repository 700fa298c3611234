"""What a node does for a command as server-sent events, while it happens (D58)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stateward.clock import monotonic_s
from stateward.commands import merging, output_reading, output_window, store, store_output
from stateward.commands.output_news import OutputNews
from stateward.commands.output_reading import STREAMS, StreamView, Window
from stateward.commands.rows import InvocationRow
from stateward.commands.store_output import StepState
from stateward.storage import Database, Snapshot
from stateward.wire.errors import validation_error

HEARTBEAT_S = 15.0
POLL_S = 2.0
PATIENCE_S = 2.0
WINDOW_BYTES = 32 * 1024
WINDOWS_A_LOOK = 8
RETRY = b"retry: 1000\n\n"
HEARTBEAT = b": still there\n\n"
_CURSOR = re.compile(r"[0-9]{1,4}(,[0-9]{1,4}[oe][0-9]{1,16})*")


@dataclass
class Cursor:
    """How far a reader has come: so many steps wholly, and of later ones so many bytes by (number, stream)."""

    done: int = 0
    offsets: dict[tuple[int, str], int] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Cursor:
        """A Last-Event-ID. Raises AwsError."""
        if not text:
            return cls()
        if not _CURSOR.fullmatch(text):
            raise validation_error(f"Last-Event-ID {text[:40]!r}: send the id of the last event as it came")
        done, *rest = text.split(",")
        cursor = cls(int(done))
        for one in rest:
            number, stream, offset = re.split(r"([oe])", one)
            cursor.offsets[int(number), "stdout" if stream == "o" else "stderr"] = int(offset)
        return cursor

    def text(self) -> str:
        """What `read` takes."""
        later = sorted(item for item in self.offsets.items() if item[0][0] >= self.done)
        return ",".join([str(self.done), *(f"{step}{stream[3]}{offset}" for (step, stream), offset in later)])


class Follower:
    """Follows one invocation from a cursor on.

    `steps` are those to be followed, in the document's order; `is_live` says whether the node is there and sends live
    output, `is_awaited` whether it may be on its way back to a server that has just started. It ends with these steps,
    or `to_the_end` with the invocation. Each event carries the cursor behind it as its id.
    """

    def __init__(
        self,
        db: Database,
        news: OutputNews,
        row: InvocationRow,
        steps: Sequence[str],
        cursor: Cursor,
        is_live: Callable[[], bool],
        is_awaited: Callable[[], bool],
        *,
        to_the_end: bool,
    ) -> None:
        self._db = db
        self._news = news
        self._row = row
        self._steps = steps
        self._cursor = cursor
        self._is_live = is_live
        self._is_awaited = is_awaited
        self._was_live = False
        self._to_the_end = to_the_end
        self._more = False
        self._ended = False
        self._seen: tuple[InvocationRow, dict[str, StepState]] | None = None
        self._quiet_since_s = monotonic_s()

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The events as they stand on the wire, and a comment when there has been none for 15 seconds."""
        yield RETRY
        said_s = monotonic_s()
        with self._news.watching(self._row.command_id, self._row.resource_id) as woken:
            while not self._ended:
                woken.clear()
                events = await self._look()
                if events:
                    yield b"".join(events)
                    said_s = monotonic_s()
                elif monotonic_s() - said_s >= HEARTBEAT_S:
                    yield HEARTBEAT
                    said_s = monotonic_s()
                if not self._more and not self._ended:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), POLL_S)

    async def _look(self) -> list[bytes]:
        async with self._db.reading() as tx:
            row = await store.invocation(tx, self._row.command_id, self._row.resource_id)
            if row is None:  # past its time, and forgotten
                self._ended = True
                return []
            reported = await store_output.step_states(tx, row.command_id, row.resource_id)
            states = {name: state for name, state in reported.items() if state.status not in merging.REBOOTS}
            if (row, states) != self._seen:
                self._seen, self._quiet_since_s = (row, states), monotonic_s()
            patient = self._is_patient()
            events = await self._output(tx, row, states, patient=patient)
        if events:
            self._quiet_since_s = monotonic_s()
        return events

    def _is_patient(self) -> bool:
        """Whether more live output may come before a report has to be believed."""
        is_live = self._is_live()
        if is_live and not self._was_live:
            self._quiet_since_s = monotonic_s()  # what it printed meanwhile is on its way
        self._was_live = is_live
        return self._is_awaited() or (is_live and monotonic_s() - self._quiet_since_s < PATIENCE_S)

    async def _output(
        self, tx: Snapshot, row: InvocationRow, states: Mapping[str, StepState], *, patient: bool
    ) -> list[bytes]:
        found = await output_reading.views(tx, row.command_id, row.resource_id, states, patient=patient)
        views = {(view.key.step_name, view.key.stream): view for view in found}
        events: list[bytes] = []
        self._more = False
        for number in range(self._cursor.done, len(self._steps)):
            name = self._steps[number]
            over = name in states or row.is_final
            complete = over
            for stream in STREAMS:
                view = views.get((name, stream))
                if view is not None:
                    flush = over and not patient
                    read = await self._stream(tx, number, view, events, flush=flush)
                    complete = complete and read and (view.kept.ended or flush)
            if complete and number == self._cursor.done:
                self._step_done(states.get(name), events)
        if self._cursor.done == len(self._steps) and (row.is_final or not self._to_the_end):
            cause = {} if row.ended_by is None else {"ended_by": row.ended_by}
            events.append(self._event("end", {"status": row.status, "details": row.status_details, **cause}))
            self._ended = True
        return events

    async def _stream(self, tx: Snapshot, number: int, view: StreamView, events: list[bytes], *, flush: bool) -> bool:
        """Add what is new of a stream; False when that does not go into one look."""
        place = (number, view.key.stream)
        while (at := self._cursor.offsets.get(place, 0)) < view.kept.length:
            if len(events) >= WINDOWS_A_LOOK:
                self._more = True
                return False
            window = await output_reading.read(tx, view, at, WINDOW_BYTES)
            whole = flush or window.ended or window.next == view.kept.head != view.kept.length
            data = window.data if whole else window.data[: output_window.whole_characters(window.data)]
            if not data and not window.left_out:
                return True
            self._cursor.offsets[place] = window.offset + len(data)
            events.append(self._event("output", _shown(view, window, data)))
        return True

    def _step_done(self, state: StepState | None, events: list[bytes]) -> None:
        self._cursor.done += 1
        if state is not None:
            told = {"step": state.step_name, "status": state.status, "code": state.code}
            events.append(self._event("step", told))

    def _event(self, kind: str, data: dict[str, Any]) -> bytes:
        return f"id: {self._cursor.text()}\nevent: {kind}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _shown(view: StreamView, window: Window, data: bytes) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "step": view.key.step_name,
        "stream": view.key.stream,
        "offset": window.offset,
        "text": data.decode(errors="replace"),
    }
    return {**shown, "left_out": window.left_out} if window.left_out else shown
