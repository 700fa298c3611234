"""One view of what a step has printed: its live output, or what its report had of it (D58)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stateward.commands import output_window, store_output
from stateward.commands.output_window import Kept
from stateward.commands.store_output import StepState, StreamKey
from stateward.storage import Snapshot

STREAMS = ("stdout", "stderr")
LIVE, REPORT = "live", "report"
MOST_BYTES = 64 * 1024


class StreamView(msgspec.Struct, frozen=True):
    """A stream as it is shown; `source` is `live`, or `report` for what was told at the end of the step only."""

    key: StreamKey
    source: str
    kept: Kept


class Window(msgspec.Struct, frozen=True):
    """Bytes of a stream from `offset` on, behind `left_out` that are not there. `ended`: no byte is behind them."""

    offset: int
    data: bytes
    left_out: int
    length: int
    ended: bool

    @property
    def next(self) -> int:
        """The offset of the byte behind these."""
        return self.offset + len(self.data)


async def views(
    tx: Snapshot, command_id: str, node_id: str, states: Mapping[str, StepState], *, patient: bool = False
) -> list[StreamView]:
    """The streams of an invocation of which there is something, stdout before stderr; `states`: the reported steps.

    A report comes beside the live output and can overtake it: who is `patient` waits for the live output of a step
    that has been reported, and sees a stream that has not begun instead.
    """
    live = {(row.step_name, row.stream): row.kept for row in await store_output.streams(tx, command_id, node_id)}
    found = []
    for step in dict.fromkeys([*states, *(step for step, _ in live)]):
        for stream in STREAMS:
            key = StreamKey(command_id, node_id, step, stream)
            view = _chosen(key, live.get((step, stream)), _reported(states.get(step), stream), patient=patient)
            if view is not None:
                found.append(view)
    return found


async def view(tx: Snapshot, key: StreamKey) -> StreamView | None:
    """One stream, None when there is nothing of it."""
    state = (await store_output.step_states(tx, key.command_id, key.resource_id)).get(key.step_name)
    return _chosen(key, await store_output.stream(tx, key), _reported(state, key.stream), patient=False)


async def read(tx: Snapshot, of: StreamView, offset: int, most: int = MOST_BYTES) -> Window:
    """A window of a stream, `most` bytes at most; it never goes across what is left out."""
    span = output_window.span(of.kept, offset, most)
    if of.source == LIVE:
        data = await store_output.read(tx, of.key, span.start, span.stop)
    else:
        data = (await store_output.step_text(tx, of.key))[span.start : span.stop]
    ended = of.kept.ended and span.start + len(data) >= of.kept.length
    return Window(span.start, data, span.left_out, of.kept.length, ended)


async def whole(tx: Snapshot, of: StreamView) -> bytes:
    """All that is kept of a stream, with a sentence where something is left out."""
    kept = of.kept
    if of.source == REPORT:
        return await store_output.step_text(tx, of.key)
    if not kept.left_out:
        return await store_output.read(tx, of.key, 0, kept.length)
    head = await store_output.read(tx, of.key, 0, kept.head)
    return head + notice(kept.left_out) + await store_output.read(tx, of.key, kept.tail_from, kept.length)


def notice(left_out: int) -> bytes:
    """What stands where bytes are left out."""
    return f"\n---{left_out} bytes are left out here---\n".encode()


def _reported(state: StepState | None, stream: str) -> int | None:
    if state is None:
        return None
    return state.output_bytes if stream == "stdout" else state.error_bytes


def _chosen(key: StreamKey, live: Kept | None, reported: int | None, *, patient: bool) -> StreamView | None:
    """Live output is shown until a report tells more of a stream that has no end: cut off, or not here yet."""
    if live is not None and (live.ended or patient or (reported or 0) <= live.length):
        return StreamView(key, LIVE, live)
    if not reported:
        return None
    return StreamView(key, LIVE, Kept()) if patient else StreamView(key, REPORT, _all_of(reported))


def _all_of(size: int) -> Kept:
    return Kept(size, size, size, ended=True)
