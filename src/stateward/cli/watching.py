"""Following executions to their end: one region of standard error on a terminal, lines elsewhere (console 6)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

import typer

from stateward.cli import colours, region
from stateward.cli.names import Execution
from stateward.cli.presentation import Column, Listing, Look, width
from stateward.cli.progress import AwsSource, Lost, Progress, StatewardSource, source
from stateward.cli.server import FAILED, INTERRUPTED, NOT_REACHABLE, TOO_LATE, USAGE, Server, fail
from stateward.clock import duration_ms, monotonic_s

STATEWARD_PAUSE_S, AWS_PAUSE_S = 0.5, 2.0
LINE_EVERY_S = 10.0
GIVE_UP_S = 60.0


class Screen:
    """The region: drawn over itself, left standing at the end. Elsewhere a line when counts have changed."""

    def __init__(self, look: Look) -> None:
        self._quiet = look.quiet
        self._terminal = sys.stderr.isatty()
        self._coloured = colours.wanted(look.color, terminal=self._terminal)
        self._drawn: list[str] = []
        self._told: dict[str, tuple[float, dict[str, int]]] = {}
        self._failures: dict[str, set[str]] = {}
        self._heads: set[str] = set()

    def show(self, all_progress: Sequence[Progress], *, end: bool = False) -> None:
        """What it is now."""
        if self._quiet:
            return
        if self._terminal:
            self._draw(all_progress)
            self._drawn = [] if end else self._drawn
            return
        for progress in all_progress:
            self._tell(progress, end=end)

    def leave(self) -> None:
        """Let what is drawn stand; what follows comes below."""
        self._drawn = []

    def _draw(self, all_progress: Sequence[Progress]) -> None:
        columns = width()
        lines: list[str] = []
        for progress in all_progress:
            lines += [region.cut(region.head(progress), columns - 1)]
            lines += region.region(progress, columns, self._paint, colours.sign)
        if lines == self._drawn:
            return
        up = f"\x1b[{len(self._drawn)}A\r\x1b[J" if self._drawn else ""
        sys.stderr.write(up + "".join(f"{line}\n" for line in lines))
        sys.stderr.flush()
        self._drawn = lines

    def _tell(self, progress: Progress, *, end: bool) -> None:
        key, now_s = progress.execution.id, monotonic_s()
        if key not in self._heads and (progress.targets or progress.is_over):
            self._heads.add(key)
            typer.echo(region.head(progress), err=True)
        told_s, counts = self._told.get(key, (-LINE_EVERY_S, {}))
        if counts != progress.counts and (end or now_s - told_s >= LINE_EVERY_S):
            self._told[key] = now_s, progress.counts
            typer.echo(region.log_line(progress), err=True)
        seen = self._failures.setdefault(key, set())
        fresh = [group for group in progress.groups if group.error not in seen]
        for line in region.failures(fresh[: region.MOST_GROUPS - len(seen)], 1_000, self._paint, colours.sign):
            typer.echo(line, err=True)
        seen.update(group.error for group in fresh)

    def _paint(self, text: str, status: str) -> str:
        return colours.painted(text, status) if self._coloured else text


def deadline_of(timeout: str) -> float | None:
    """When it is too late, in monotonic seconds."""
    if not timeout:
        return None
    try:
        return monotonic_s() + duration_ms(timeout) / 1000
    except ValueError:
        fail(f"--timeout {timeout!r}: write seconds, minutes or hours, such as 90s, 10m or 2h", USAGE)


def watch(server: Server, executions: Sequence[Execution], look: Look, timeout: str = "") -> None:
    """Follow them to their end and say how they ended; ends the program with the result's exit code."""
    deadline_s = deadline_of(timeout)
    screen = Screen(look)
    words = " ".join(execution.word for execution in executions)
    try:
        ended = _to_the_end([source(server, one) for one in executions], screen, deadline_s, server, words)
    except KeyboardInterrupt:
        screen.leave()
        fail(
            f"no longer watched; it goes on. Watch again: stateward executions watch {words}   "
            f"stop it: stateward executions stop {words}",
            INTERRUPTED,
        )
    conclude(ended, look)
    if any(one.status != "Success" for one in ended):
        raise typer.Exit(FAILED)


def _to_the_end(
    sources: Sequence[StatewardSource | AwsSource],
    screen: Screen,
    deadline_s: float | None,
    server: Server,
    words: str,
) -> list[Progress]:
    pause = threading.Event()
    on_aws = any(isinstance(one, AwsSource) for one in sources)
    heard_s = monotonic_s()
    while True:
        try:
            told = [one.read() for one in sources]
            heard_s = monotonic_s()
            over = all(progress.is_over for progress in told)
            screen.show(told, end=over)
            if over:
                return told
        except Lost as error:
            if monotonic_s() - heard_s > GIVE_UP_S:
                screen.leave()
                fail(f"{server.endpoint} cannot be reached any more: {error}", NOT_REACHABLE)
        if deadline_s is not None and monotonic_s() >= deadline_s:
            screen.leave()
            fail(f"--timeout has passed; it goes on: stateward executions watch {words}", TOO_LATE)
        pause.wait(AWS_PAUSE_S if on_aws else STATEWARD_PAUSE_S)


def conclude(ended: Sequence[Progress], look: Look) -> None:
    """The answer: how they ended. For people a sentence each, with what can be done now."""
    if look.output != "table" or look.query or not look.is_terminal:
        look.show(RESULTS, ended, [one.plain for one in ended])
        return
    for one in ended:
        status = look.painted(look.cell("status", one.status), one.status)
        which = f"{one.execution.called}  " if len(ended) > 1 else ""
        retry = f"   retry: stateward retry {one.execution.word} --failed --watch" if one.counts.get("Failed") else ""
        typer.echo(f"{which}{status}  {region.result(one)}{retry}")


RESULTS = Listing(
    columns=(
        Column("RUN", lambda one: one.execution.word, "id"),
        Column("STATUS", lambda one: one.status, "status"),
        Column("NODES", region.result),
        Column("EXECUTION", lambda one: one.execution.id, "id"),
    ),
    name=lambda one: one.execution.word,
)
