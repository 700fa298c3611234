"""The map, nodes × runs: turning strips into rows, folding partial runs and equal rows, order, filters.

Pure. A column is a run over all targets; runs on some nodes only fold into the one before them, as small letters: the
cell shows the node's last status, and that it came later. `.` is a node that was no target.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from stateward.associations import letters

MOST_LETTERS = 8_000_000
FLAPS = 3
FLAP_RUNS = 20
SORTS = ("worst", "name", "newly")
FILTERS = ("newly", "bad")
_TARGETS = re.compile(rb"[^.]+")
_NOT_ENDED = ".PI"


class Run(msgspec.Struct, frozen=True):
    """A run with its letters by slot; `cells` may end before the last slot. `is_full`: over all targets."""

    number: int
    is_full: bool
    cells: str


class Node(msgspec.Struct, frozen=True):
    """A row before it has letters, in the order of the read model (worst first)."""

    node_id: str
    name: str
    slot: int
    error: str | None = None
    streak: int = 0
    since_ms: int = 0


class Line(msgspec.Struct, frozen=True):
    """A row of the map: one node, or `count` nodes with the same letters, of which `node` is the first.

    `since` is the run from which on the node has stood as it does now, among the runs shown.
    """

    node: Node
    cells: str
    count: int
    since: int | None
    flapping: bool


class Column(msgspec.Struct, frozen=True):
    """A run of the map, and the numbers of the partial runs that were folded into it."""

    number: int
    folded: tuple[int, ...]


class HeatMap(msgspec.Struct, frozen=True):
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


def heat_map(
    runs: Iterable[Run],
    nodes: Sequence[Node],
    *,
    most_rows: int,
    sort: str = "worst",
    fold: bool = True,
    opened: Collection[str] = (),
    keep: str | None = None,
    own_partials: bool = False,
) -> HeatMap:
    """The map of these runs, oldest first, and nodes.

    Rows like those of `opened` nodes stay apart. `keep` is a filter: `newly` (bad now, well in the run before) or
    `bad` (all but Success). `own_partials` gives partial runs columns of their own. Rows are ordered, filtered, folded,
    and then cut to `most_rows`.
    """
    columns, strips = _columns(sorted(runs, key=lambda run: run.number), own_partials=own_partials)
    numbers = [column.number for column in columns]
    rows = list(zip(nodes, transposed(strips, [node.slot for node in nodes]), strict=True))
    if keep is not None:
        wanted = _KEEPS[keep]
        rows = [row for row in rows if wanted(row[1])]
    rows = ordered(rows, sort)
    lines = folded(rows, numbers, opened) if fold else [_line([row], numbers) for row in rows]
    return HeatMap(tuple(columns), tuple(lines[:most_rows]))


def transposed(strips: Sequence[bytes], slots: Sequence[int]) -> list[str]:
    """The letters of each of these slots, one a strip; where a strip is too short the node was no target."""
    if not strips:
        return [""] * len(slots)
    width = max((max(slots, default=0) + 1, *map(len, strips)))
    # One text with all strips side by side: every row of the map is a stride through it.
    text = b"".join(strip.ljust(width, b".") for strip in strips).decode("ascii")
    return [text[slot::width] for slot in slots]


def ordered(rows: list[tuple[Node, str]], sort: str) -> list[tuple[Node, str]]:
    """Rows in another order than worst first, which they have; equal ones stay in that."""
    if sort == "name":
        return sorted(rows, key=lambda row: (row[0].name, row[0].node_id))
    if sort == "newly":
        return sorted(rows, key=lambda row: not newly_bad(row[1]))
    return rows


def folded(rows: Sequence[tuple[Node, str]], numbers: Sequence[int], opened: Collection[str] = ()) -> list[Line]:
    """Rows with equal letters, and equal errors where they end badly, become one, in the place of the first.

    A group with an `opened` node is not folded; its rows stand together all the same.
    """
    groups: dict[tuple[str, str | None], list[tuple[Node, str]]] = {}
    for row in rows:
        node, cells = row
        key = (cells, node.error if node.error and last_ended(cells) in letters.BAD else None)
        groups.setdefault(key, []).append(row)
    lines: list[Line] = []
    for group in groups.values():
        apart = any(node.node_id in opened for node, _ in group)
        lines += [_line([row], numbers) for row in group] if apart else [_line(group, numbers)]
    return lines


def last_ended(cells: str) -> str:
    """The newest letter of a run that has ended, as a capital; `.` when there is none."""
    return next((letter for letter in reversed(cells.upper()) if letter not in _NOT_ENDED), letters.NO_TARGET)


def newly_bad(cells: str) -> bool:
    """The newest run that ended was bad, and the one before it was not."""
    ended = [letter for letter in cells.upper() if letter not in _NOT_ENDED]
    return bool(ended) and ended[-1] in letters.BAD and (len(ended) < 2 or ended[-2] not in letters.BAD)


def is_flapping(cells: str) -> bool:
    """Three changes or more in the last twenty runs that ended."""
    ended = [letter for letter in cells.upper()[-FLAP_RUNS:] if letter not in _NOT_ENDED]
    return sum(one != other for one, other in pairwise(ended)) >= FLAPS


def most_runs(wanted: int, slots: int) -> int:
    """How many runs a map of so many slots may have: it is at most eight million letters."""
    return max(1, min(wanted, MOST_LETTERS // max(1, slots)))


_KEEPS: Mapping[str, Callable[[str], bool]] = {
    "newly": newly_bad,
    "bad": lambda cells: last_ended(cells) != "S",
}


def _columns(runs: Sequence[Run], *, own_partials: bool) -> tuple[list[Column], list[bytes]]:
    columns: list[Column] = []
    strips: list[bytearray] = []
    has_full = any(run.is_full for run in runs)
    for run in runs:
        cells = run.cells.encode("ascii")
        if run.is_full or own_partials or not has_full:
            columns.append(Column(run.number, ()))
            strips.append(bytearray(cells))
        elif columns:  # before the first run over all targets it belongs to a column that is not shown
            columns[-1] = Column(columns[-1].number, (*columns[-1].folded, run.number))
            _lay_over(strips[-1], cells)
    return columns, [bytes(strip) for strip in strips]


def _lay_over(strip: bytearray, cells: bytes) -> None:
    strip.extend(b"." * (len(cells) - len(strip)))
    for piece in _TARGETS.finditer(cells):
        strip[piece.start() : piece.end()] = piece.group().lower()


def _line(group: Sequence[tuple[Node, str]], numbers: Sequence[int]) -> Line:
    node, cells = group[0]
    return Line(node, cells, len(group), _since(cells, numbers), is_flapping(cells))


def _since(cells: str, numbers: Sequence[int]) -> int | None:
    """The first of the newest runs that all ended alike; runs in which the node was no target do not break them."""
    now, since = last_ended(cells), None
    if now == letters.NO_TARGET:
        return None
    for number, letter in zip(reversed(numbers), reversed(cells.upper()), strict=True):
        if letter in _NOT_ENDED:
            continue
        if letter != now:
            break
        since = number
    return since
