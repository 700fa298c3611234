"""One node's part of a command, for the pages of commands and of executions: steps, times, output."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from stateward.commands import store, store_history
from stateward.commands.rows import CommandRow, InvocationRow, StepRow
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
    node_name = (await names_of(tx, [node_id]))[node_id]
    return Run(command, invocation, node_name, shown_steps(names, reported, invocation, visit))


def shown_steps(
    names: Sequence[str], reported: dict[str, StepRow], invocation: InvocationRow, visit: Visit
) -> list[ShownRunStep]:
    """Every step of the document, with what was reported; open is the one asked for, else the one that failed."""
    wanted = visit.query("step") or step_to_open(names, reported)
    order = [*names, *(name for name in reported if name not in names)]
    found = []
    for number, name in enumerate(order, 1):
        row = reported.get(name)
        is_open = name == wanted
        streams = [] if row is None or not (is_open or visit.query("find")) else _streams(row, visit, is_open)
        found.append(
            ShownRunStep(
                number,
                name,
                _status_without_report(invocation) if row is None else row.status,
                None if row is None else row.code,
                None if row is None else row.started_ms,
                None if row is None else row.ended_ms,
                is_open or any(stream.hits for stream in streams),
                streams,
            )
        )
    return found


def step_to_open(names: Sequence[str], reported: dict[str, StepRow]) -> str:
    """The first step that went wrong, else the one that runs, else the last with a report."""
    told = [reported[name] for name in names if name in reported]
    bad = next((row for row in told if row.status in BAD), None)
    running = next((row for row in told if row.status == "InProgress"), None)
    chosen = bad or running or (told[-1] if told else None)
    return "" if chosen is None else chosen.step_name


def _status_without_report(invocation: InvocationRow) -> str:
    return "None" if invocation.is_final else "Pending"


def _streams(row: StepRow, visit: Visit, is_open: bool) -> list[ShownStream]:
    words = visit.query("find")
    found = []
    for name, text in zip(STREAMS, texts_of(row), strict=True):
        lines = output_view.lines_of(text)
        hits = output_view.hits(lines, words) if words else []
        line = _line(visit) if is_open and visit.query("stream", name) == name else None
        if line is None and hits:
            line = max(1, hits[0].line - output_view.AROUND)
        if lines:
            found.append(ShownStream(name, output_view.window(lines, line), hits))
    return found


def texts_of(row: StepRow) -> tuple[str, str]:
    """Standard output and error; what an agent tells of both together stands in for them where it tells no other."""
    return (row.standard_output or (row.output if not row.standard_error else ""), row.standard_error)


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
    async with visit.reading() as tx:
        rows = {row.step_name: row for row in await store_history.steps(tx, command.command_id, node_id)}
    row = rows.get(step)
    if row is None or stream not in STREAMS:
        raise AwsError("NotFound", f"There is no {stream[:20]} of step {step[:80]!r}.", 404)
    text = texts_of(row)[STREAMS.index(stream)]
    headers = {"content-disposition": f'attachment; filename="{node_id}-{_plain(step)}-{stream}.txt"'}
    return Response(text.encode("utf-8", "replace"), media_type="text/plain; charset=utf-8", headers=headers)


def _plain(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
