"""One node's part of a command, for the pages of commands and of executions: steps, times, output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from starlette.responses import Response

from stateward.commands import output_reading, store, store_history, store_output
from stateward.commands.output_reading import StreamView
from stateward.commands.rows import CommandRow, InvocationRow, StepRow
from stateward.commands.store_output import StreamKey
from stateward.console import output_view
from stateward.console.naming import names_of
from stateward.console.output_view import Hit, Window
from stateward.console.visit import Visit
from stateward.documents import schema
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

STREAMS = ("stdout", "stderr")
BAD = ("Failed", "TimedOut", "Cancelled")


class ShownStream(msgspec.Struct, frozen=True):
    """A stream's window, and where what was searched stands."""

    name: str
    window: Window
    hits: list[Hit]


class ShownRunStep(msgspec.Struct, frozen=True):
    """A step; `code` and the times are None until the node has told them."""

    number: int
    name: str
    status: str
    code: int | None
    started_ms: int | None
    ended_ms: int | None
    is_open: bool
    streams: list[ShownStream]

    @property
    def took_ms(self) -> int | None:
        return None if self.started_ms is None or self.ended_ms is None else self.ended_ms - self.started_ms


class Run(msgspec.Struct, frozen=True):
    """What a node did for a command."""

    command: CommandRow
    invocation: InvocationRow
    node_name: str
    steps: list[ShownRunStep]

    @property
    def failed(self) -> ShownRunStep | None:
        """The first step that did not succeed."""
        return next((step for step in self.steps if step.status in BAD), None)


async def read(tx: Snapshot, command: CommandRow, node_id: str, visit: Visit) -> Run:
    """The run as the address asks for it: `step`, `stream`, `line` and `find`. Raises InvocationDoesNotExist."""
    invocation = await store.invocation(tx, command.command_id, node_id)
    if invocation is None:
        raise AwsError("InvocationDoesNotExist", f"Command {command.command_id} has no target {node_id[:80]}.")
    names = _step_names((await store.text(tx, command.command_id)).content)
    reported = {row.step_name: row for row in await store_history.steps(tx, command.command_id, node_id)}
    states = await store_output.step_states(tx, command.command_id, node_id)
    views: dict[str, list[StreamView]] = {}
    for view in await output_reading.views(tx, command.command_id, node_id, states):
        views.setdefault(view.key.step_name, []).append(view)
    order = [*names, *(name for name in [*reported, *views] if name not in names)]
    wanted = visit.query("step") or step_to_open(order, reported, views)
    steps = [
        await _step(tx, visit, number, name, reported.get(name), views.get(name, []), invocation, wanted)
        for number, name in enumerate(dict.fromkeys(order), 1)
    ]
    return Run(command, invocation, (await names_of(tx, [node_id]))[node_id], steps)


async def _step(
    tx: Snapshot,
    visit: Visit,
    number: int,
    name: str,
    row: StepRow | None,
    views: Sequence[StreamView],
    invocation: InvocationRow,
    wanted: str,
) -> ShownRunStep:
    is_open = name == wanted
    streams: list[ShownStream] = []
    if is_open or visit.query("find"):
        texts = {view.key.stream: (await output_reading.whole(tx, view)).decode("utf-8", "replace") for view in views}
        streams = shown_streams(texts or _together(row), visit, is_open)
    return ShownRunStep(
        number,
        name,
        _status(row, views, invocation),
        None if row is None else row.code,
        None if row is None else row.started_ms,
        None if row is None else row.ended_ms,
        is_open or any(stream.hits for stream in streams),
        streams,
    )


def _status(row: StepRow | None, views: Sequence[StreamView], invocation: InvocationRow) -> str:
    if row is not None:
        return row.status
    if invocation.is_final:
        return "None"
    return "InProgress" if views else "Pending"


def step_to_open(order: Sequence[str], reported: Mapping[str, StepRow], printing: Collection[str]) -> str:
    """The first step that went wrong, else the one that prints, else the last with a report."""
    bad = next((name for name in order if name in reported and reported[name].status in BAD), None)
    running = next((name for name in order if name in printing and name not in reported), None)
    told = [name for name in order if name in reported]
    return bad or running or (told[-1] if told else "")


def shown_streams(texts: Mapping[str, str], visit: Visit, is_open: bool) -> list[ShownStream]:
    """The windows of a step's streams."""
    words = visit.query("find")
    found = []
    for name, text in texts.items():
        lines = output_view.lines_of(text)
        hits = output_view.hits(lines, words) if words else []
        line = _line(visit) if is_open and visit.query("stream", name) == name else None
        if line is None and hits:
            line = max(1, hits[0].line - output_view.AROUND)
        if lines:
            found.append(ShownStream(name, output_view.window(lines, line), hits))
    return found


def _together(row: StepRow | None) -> dict[str, str]:
    """What an agent tells of both streams together, where it tells of neither by itself."""
    return {} if row is None else {STREAMS[0]: row.output}


def _line(visit: Visit) -> int | None:
    text = visit.query("line")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _step_names(content: str) -> tuple[str, ...]:
    try:
        return schema.step_names(schema.parse_command(msgspec.json.decode(content)))
    except ValueError:
        return ()


async def download(visit: Visit, command: CommandRow, node_id: str) -> Response:
    """A stream as it is, as a file."""
    step, stream = visit.query("step"), visit.query("stream", STREAMS[0])
    if stream not in STREAMS:
        raise AwsError("NotFound", f"There is no stream {stream[:20]!r}: use {' or '.join(STREAMS)}.", 404)
    async with visit.reading() as tx:
        view = await output_reading.view(tx, StreamKey(command.command_id, node_id, step, stream))
        content = b"" if view is None else await output_reading.whole(tx, view)
    headers = {"content-disposition": f'attachment; filename="{_plain(node_id)}-{_plain(step)}-{stream}.txt"'}
    return Response(content, media_type="text/plain; charset=utf-8", headers=headers)


def _plain(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
