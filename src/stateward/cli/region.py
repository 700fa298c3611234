"""What is drawn of a progress: lines for a terminal of a width, or one line for a log. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stateward.cli.progress import Group, Progress
from stateward.cli.runs import COUNTED, counted
from stateward.cli.tables import safe
from stateward.console.times import span

MOST_GROUPS = 10
LONGEST_BAR, SHORTEST_BAR = 60, 10
FULL, REST = "━", "─"

Paint = Callable[[str, str], str]
Sign = Callable[[str], str]


def head(progress: Progress) -> str:
    """`nightly-patch #413 · version 5 · 214 nodes, 50 at a time, stops at the 6th error`."""
    parts = [progress.execution.called]
    if progress.version:
        parts.append(f"version {progress.version}")
    nodes = f"{progress.targets:,} node{'s' if progress.targets != 1 else ''}"
    if progress.slots and progress.slots < progress.targets:
        nodes += f", {progress.slots} at a time"
    if progress.errors_allowed is not None and progress.errors_allowed < progress.targets:
        nodes += f", stops at the {ordinal(progress.errors_allowed + 1)} error"
    return " · ".join([*parts, nodes])


def region(progress: Progress, width: int, paint: Paint, sign: Sign) -> list[str]:
    """The bar with what is around it, then the failures in groups; no line is wider than the terminal."""
    return [_bar_line(progress, width, paint, sign), *failures(progress.groups, width, paint, sign)]


def failures(groups: Sequence[Group], width: int, paint: Paint, sign: Sign) -> list[str]:
    """`✕ 3 × restart exit 1: disk full     web-017 web-021 web-044`; ten groups, and how many more there are."""
    lines = []
    for group in groups[:MOST_GROUPS]:
        start = f"{sign('Failed')} {group.nodes} × "
        error, nodes = safe(group.error), safe(" ".join(group.first))
        if group.nodes > len(group.first):
            nodes += " …"
        room = max(10, width - len(start) - 1)
        error = cut(error, max(room - len(nodes) - 3, room // 2))
        text = cut(f"{error}   {nodes}", room)
        lines.append(f"{paint(start, 'Failed')}{text}")
    if len(groups) > MOST_GROUPS:
        lines.append(f"  and {len(groups) - MOST_GROUPS} more kinds of errors")
    return lines


def log_line(progress: Progress) -> str:
    """For what is no terminal."""
    state = counted(progress.counts) or progress.status
    share = f" ({progress.finished * 100 // progress.targets} %)" if progress.targets else ""
    took = f", {span(progress.elapsed_ms)}" if progress.elapsed_ms is not None else ""
    return f"{progress.execution.called}: {state}{share}{took}"


def result(progress: Progress) -> str:
    """`209 Success, 5 Failed, 3:52`, for behind the status."""
    parts = [counted(progress.counts) or progress.detailed_status or "no nodes"]
    return ", ".join([*parts, *([span(progress.elapsed_ms)] if progress.elapsed_ms is not None else [])])


def ordinal(number: int) -> str:
    """`6th`."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def cut(text: str, width: int) -> str:
    """At most so wide; what is cut ends with an ellipsis."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def _bar_line(progress: Progress, width: int, paint: Paint, sign: Sign) -> str:
    done = progress.counts.get("Success", 0)
    others = [(status, count) for status, _ in COUNTED[1:] if (count := progress.counts.get(status, 0))]
    order = ("InProgress", "Pending", "Failed", "TimedOut", "Cancelled", "Skipped")
    others.sort(key=lambda one: order.index(one[0]))
    first = f"{sign('Success')} {done:,} "
    share = f" {progress.finished * 100 // progress.targets if progress.targets else 0} %"
    behind = [f"{sign(status)} {count:,}" for status, count in others]
    times = _times(progress)
    room = (
        width - 1 - len(first) - len(share) - sum(len(text) + 3 for text in behind) - (len(times) + 3 if times else 0)
    )
    bar = _bar(progress, min(room, LONGEST_BAR), paint) if room >= SHORTEST_BAR else ""
    line = paint(first, "Success") + bar + share
    for (status, _), text in zip(others, behind, strict=True):
        line += "   " + paint(text, status)
    return line + (f"   {times}" if times and room >= 0 else "")


def _bar(progress: Progress, width: int, paint: Paint) -> str:
    """A stretch for each status in its colour, as long as its share; any node at all is one place."""
    total = max(progress.targets, 1)
    shown, used = "", 0
    for status in ("Success", "Failed", "TimedOut", "Cancelled", "Skipped", "InProgress"):
        count = progress.counts.get(status, 0)
        if count:
            length = min(max(1, round(count * width / total)), width - used)
            shown, used = shown + paint(FULL * length, status), used + length
    return shown + paint(REST * (width - used), "None")


def _times(progress: Progress) -> str:
    if progress.elapsed_ms is None:
        return ""
    left = f", about {span(progress.remaining_ms)} left" if progress.remaining_ms and not progress.is_over else ""
    return span(progress.elapsed_ms) + left
