"""The map of an association as a page shows it: which part, as a table of cells, as a picture, in a sentence. Pure.

What goes in is the answer of DescribeAssociationMap (associations/mapping.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from itertools import groupby
from typing import Any

import msgspec

from stateward.associations import letters
from stateward.console import png, times
from stateward.console.png import Rgb
from stateward.statuses import BY_LETTER, STATUSES

COLOUR = re.compile(r"--([A-Z][A-Za-z]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)")
PAGE = re.compile(r"--page: light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)")
THEMES = ("light", "dark")
SCALES = (16, 8, 4, 2)
PICTURE_PX = 960
TABLE_ROWS, TABLE_RUNS = 25, 60
BESIDE_PICTURE = 30
"""Where a picture shows all, the table shows so many runs, each with its letter."""
WIDTHS = (20, 30, 45, 60)
LABEL_EVERY = 3
"""A label above the columns needs the room of so many."""
TAIL = 4
UNITS = ("%-d %b", "%b %Y", "%Y")


class Cell(msgspec.Struct, frozen=True):
    """A cell of the table. `later`: a run on some nodes has changed it; `to` is the run, or from run to run."""

    letter: str
    name: str
    to: str
    later: bool


class Row(msgspec.Struct, frozen=True):
    """A node, or `count` nodes with the same letters, of which it is the first.

    `always`: no run ended otherwise; a run on some nodes that came later may have covered what was before.
    """

    node: str
    name: str
    count: int
    status: str
    streak: int
    error: str
    flapping: bool
    always: bool
    cells: list[Cell]


class Head(msgspec.Struct, frozen=True):
    """What stands above a column; `begins`: the first of its day or month."""

    number: int
    execution_id: str
    due_ms: int
    status: str
    version: int
    cause: str
    begins: bool
    new_version: bool


class Table(msgspec.Struct, frozen=True):
    """A window of 25 rows: `spans` are labels with how many columns they stand above, `first` its first row.

    `width` names the class that says how wide a column may be.
    """

    heads: list[Head]
    spans: list[tuple[str, int]]
    rows: list[Row]
    first: int
    total: int
    hidden_runs: int

    @property
    def width(self) -> int:
        return next((width for width in WIDTHS if len(self.heads) <= width), WIDTHS[-1])

    @property
    def is_all(self) -> bool:
        """Whether there is nothing that only a picture can show."""
        return not self.hidden_runs and len(self.rows) == self.total


def table(found: Mapping[str, Any], first: int = 0, zone: tzinfo = UTC) -> Table:
    """The newest sixty runs, or thirty beside a picture, and the 25 rows from `first` on."""
    runs, lines, cells = found["runs"], found["rows"], found["cells"]
    width, total = len(runs), len(lines)
    first = min(first, max(0, total - 1)) // TABLE_ROWS * TABLE_ROWS
    is_small = total <= TABLE_ROWS and width <= TABLE_RUNS
    cut = max(0, width - (TABLE_RUNS if is_small else BESIDE_PICTURE))
    rows = [
        _row(lines[index], cells[index * width : (index + 1) * width], runs, cut)
        for index in range(first, min(total, first + TABLE_ROWS))
    ]
    labels = _labels([run["due"] for run in runs[cut:]], zone)
    spans = [(label, len(list(group))) for label, group in groupby(labels)]
    return Table(_heads(runs[cut:], labels), spans, rows, first, total, cut)


def named(found: dict[str, Any]) -> dict[str, Any]:
    """The same with a name for each row: nodes that share one are told apart by the end of their id."""
    names = Counter(line["name"] for line in found["rows"])
    rows = [{**line, "name": _name(line["name"], line["node"], names[line["name"]])} for line in found["rows"]]
    return {**found, "rows": rows}


def _name(name: str, node_id: str, times_used: int) -> str:
    if not name or name == node_id:
        return node_id
    return name if times_used == 1 else f"{name} …{node_id[-TAIL:]}"


def _labels(dues: Sequence[int], zone: tzinfo) -> list[str]:
    """The day, month or year of each column: the smallest of which few enough differ to be read."""
    found: list[str] = []
    for unit in UNITS:
        found = [times.at(due, zone).strftime(unit) for due in dues]
        if len(set(found)) * LABEL_EVERY <= len(dues):
            break
    return found


def _heads(runs: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> list[Head]:
    heads = []
    for index, run in enumerate(runs):
        before = runs[index - 1] if index else run
        begins = index > 0 and labels[index] != labels[index - 1]
        new = run["version"] != before["version"]
        heads.append(Head(run["n"], run["id"], run["due"], run["status"], run["version"], run["cause"], begins, new))
    return heads


def _row(line: Mapping[str, Any], cells: str, runs: Sequence[Mapping[str, Any]], cut: int) -> Row:
    return Row(
        node=line["node"],
        name=line["name"],
        count=line["count"],
        status=BY_LETTER[ended(cells)].name,
        streak=line["streak"],
        error=(line["error"] or "") if ended(cells) in letters.BAD else "",
        flapping=line["flapping"],
        always=set(cells) <= {ended(cells), letters.NO_TARGET},
        cells=[
            Cell(letter.upper(), BY_LETTER[letter.upper()].name, _to(run, letter), letter.islower())
            for letter, run in zip(cells[cut:], runs[cut:], strict=True)
        ],
    )


def ended(cells: str) -> str:
    """The newest letter that is an end, else the newest at all."""
    done = [letter for letter in cells.upper() if letter in letters.FINAL]
    return done[-1] if done else (cells[-1:].upper() or letters.NO_TARGET)


def _to(run: Mapping[str, Any], letter: str) -> str:
    return f"{run['n']}-{max(run['folded'])}" if letter.islower() and run["folded"] else str(run["n"])


def at(found: Mapping[str, Any], x: int, y: int) -> str | None:
    """What `?cell=` says of a cell: the run and the node, of several the first. None beside the map."""
    width = len(found["runs"])
    if not (0 <= x < width and 0 <= y < len(found["rows"])):
        return None
    letter, line = found["cells"][y * width + x], found["rows"][y]
    if letter == letters.NO_TARGET:
        return None
    return f"{_to(found['runs'][x], letter)}.{line['node']}"


def summary(found: Mapping[str, Any]) -> str:
    """The map in a sentence, for whoever cannot see it."""
    width, cells, lines = len(found["runs"]), found["cells"], found["rows"]
    if not width or not lines:
        return "no run yet"
    counts: dict[str, int] = {}
    for index, line in enumerate(lines):
        letter = cells[(index + 1) * width - 1].upper()
        counts[letter] = counts.get(letter, 0) + line["count"]
    said = [f"{counts[one.letter]:,} {one.name}" for one in STATUSES.values() if counts.get(one.letter)]
    said[-1] = said[-1].replace("None", "not targets")
    nodes, newest = sum(counts.values()), found["runs"][-1]
    where = f"#{newest['n']}{_after(newest['folded'])}"
    return f"{_counted(nodes, 'node')} over {_counted(width, 'run')}; in the newest, {where}: {', '.join(said)}"


def _after(folded: Sequence[int]) -> str:
    """The runs on some nodes that a column's letters are newer by."""
    if not folded:
        return ""
    which = f"#{folded[0]}" if len(folded) == 1 else f"#{folded[0]} to #{folded[-1]}"
    return f", after {which} on some nodes"


def _counted(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def scale_for(runs: int) -> int:
    """The largest whole number of pixels a cell with which the picture fits."""
    return next((scale for scale in SCALES if runs * scale <= PICTURE_PX), SCALES[-1])


def palette(style: str, theme: str) -> dict[str, Rgb]:
    """Letter → colour, from the style sheet, so that picture and table cannot differ."""
    side = THEMES.index(theme)
    colours = {name: _rgb((light, dark)[side]) for name, light, dark in COLOUR.findall(style)}
    page = PAGE.search(style)
    assert page is not None, "the style sheet says the page's colour"
    return {letter: colours[look.name] for letter, look in BY_LETTER.items()} | {
        letters.NO_TARGET: _rgb(page[side + 1])
    }


def picture(found: Mapping[str, Any], colours: Mapping[str, Rgb]) -> bytes:
    """A PNG with a pixel a cell."""
    order = list(colours)
    index_of = {ord(letter): order.index(letter.upper()) for one in order for letter in (one, one.lower())}
    table_of = bytes(index_of.get(code, order.index(letters.NO_TARGET)) for code in range(256))
    width, height = len(found["runs"]), len(found["rows"])
    if not width or not height:
        return png.encode(1, 1, bytes([order.index(letters.NO_TARGET)]), [colours[letter] for letter in order])
    pixels = found["cells"].encode("ascii").translate(table_of)
    return png.encode(width, height, pixels, [colours[letter] for letter in order])


def _rgb(text: str) -> Rgb:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)
