"""The map of an association as a page shows it: a table window of links, and a picture of all as PNG. Pure."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stateward.associations import letters
from stateward.console.statuses import BY_LETTER

COLOUR = re.compile(r"--([A-Z][A-Za-z]+): light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)")
PAGE = re.compile(r"--page: light-dark\(#([0-9a-f]{6}), #([0-9a-f]{6})\)")
THEMES = ("light", "dark")
WINDOW = re.compile(r"(\d{1,3})\.(worst|name|newly)\.([01])\.(newly|bad|-)\.(\d{1,9})\.(\d{1,2})")
TABLE_ROWS, TABLE_RUNS = 25, 30
PICTURE_PX = 1_000
LARGEST_SCALE = 16
DAY_MS = 86_400_000

Rgb = tuple[int, int, int]


class Window(msgspec.Struct, frozen=True):
    """Which part of the map a picture shows; `before` 0: up to the newest run. `scale` pixels a cell."""

    runs: int
    sort: str
    fold: bool
    status: str | None
    before: int
    scale: int = 1

    @property
    def text(self) -> str:
        """As a part of an address: a browser appends the point that was clicked, so that there can be no query."""
        fold, status = int(self.fold), self.status or "-"
        return f"{self.runs}.{self.sort}.{fold}.{status}.{self.before}.{self.scale}"


class Cell(msgspec.Struct, frozen=True):
    """A cell of the table: `part` says that a partial run came later than the run of the column."""

    letter: str
    name: str
    run: int
    part: bool


class Row(msgspec.Struct, frozen=True):
    """A node, or `count` nodes with the same letters, of which it is the first."""

    node: str
    name: str
    count: int
    error: str
    streak: int
    flapping: bool
    cells: list[Cell]

    @property
    def is_folded(self) -> bool:
        return self.count > 1

    @property
    def last(self) -> str:
        """The name of the newest status."""
        return next((cell.name for cell in reversed(self.cells) if cell.name != "None"), "None")


class Head(msgspec.Struct, frozen=True):
    """The head of a column; `new_day` begins a day, `new_version` another version than the column before."""

    number: int
    due_ms: int
    status: str
    version: int
    cause: str
    new_day: bool
    new_version: bool


class Table(msgspec.Struct, frozen=True):
    heads: list[Head]
    rows: list[Row]
    hidden_rows: int
    hidden_runs: int


def window_of(text: str) -> Window | None:
    """The window of an address, None for what is none."""
    found = WINDOW.fullmatch(text)
    if found is None:
        return None
    status = None if found[4] == "-" else found[4]
    scale = min(max(1, int(found[6])), LARGEST_SCALE)
    return Window(min(max(1, int(found[1])), 500), found[2], found[3] == "1", status, int(found[5]), scale)


def table(found: Mapping[str, Any]) -> Table:
    """The newest thirty runs and the first twenty-five rows of DescribeAssociationMap's answer."""
    runs, lines, cells = found["runs"], found["rows"], found["cells"]
    width = len(runs)
    first = max(0, width - TABLE_RUNS)
    rows = [
        _row(line, cells[index * width + first : (index + 1) * width], runs[first:])
        for index, line in enumerate(lines[:TABLE_ROWS])
    ]
    return Table(_heads(runs[first:]), rows, max(0, len(lines) - TABLE_ROWS), first)


def _heads(runs: Sequence[Mapping[str, Any]]) -> list[Head]:
    heads = []
    for index, run in enumerate(runs):
        before = runs[index - 1] if index else run
        heads.append(
            Head(
                run["n"],
                run["due"],
                run["status"],
                run["version"],
                run["cause"],
                index > 0 and run["due"] // DAY_MS != before["due"] // DAY_MS,
                run["version"] != before["version"],
            )
        )
    return heads


def _row(line: Mapping[str, Any], cells: str, runs: Sequence[Mapping[str, Any]]) -> Row:
    return Row(
        line["node"],
        line["name"] or line["node"],
        line["count"],
        line["error"] or "",
        line["streak"],
        line["flapping"],
        [
            Cell(letter.upper(), BY_LETTER[letter.upper()].name, run["n"], letter.islower())
            for letter, run in zip(cells, runs, strict=True)
        ],
    )


def summary(found: Mapping[str, Any]) -> str:
    """The map in a sentence, for whoever cannot see it."""
    width, cells = len(found["runs"]), found["cells"]
    counts: dict[str, int] = {}
    total = 0
    for index, line in enumerate(found["rows"]):
        letter = cells[(index + 1) * width - 1].upper() if width else letters.NO_TARGET
        counts[BY_LETTER[letter].name] = counts.get(BY_LETTER[letter].name, 0) + line["count"]
        total += line["count"]
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "None")
    return f"{total} nodes over {width} runs; in the newest: {said or 'none'}"


def scale_for(runs: int) -> int:
    """The largest whole number of pixels a cell with which the picture fits, of 2, 4, 8 and 16."""
    return next((scale for scale in (16, 8, 4, 2) if runs * scale <= PICTURE_PX), 2)


def palette(style: str, theme: str) -> dict[str, Rgb]:
    """Letter → colour, from the style sheet, so that a picture and a table cannot differ."""
    side = THEMES.index(theme)
    colours = {name: _rgb((light, dark)[side]) for name, light, dark in COLOUR.findall(style)}
    page = PAGE.search(style)
    assert page is not None, "the style sheet says the page's colour"
    return {letter: colours[look.name] for letter, look in BY_LETTER.items()} | {".": _rgb(page[side + 1])}


def png(found: Mapping[str, Any], colours: Mapping[str, Rgb]) -> bytes:
    """A pixel a cell: palette, one byte a pixel, small whatever it shows."""
    width, height = max(1, len(found["runs"])), max(1, len(found["rows"]))
    order = list(colours)
    indexes = bytes(order.index(chr(code).upper()) if chr(code).upper() in colours else 0 for code in range(128))
    pixels = found["cells"].encode("ascii").translate(indexes + bytes(128)) or bytes([order.index(".")])
    raw = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(bytes(colours[letter]) for letter in order)),
            _chunk(b"IDAT", zlib.compress(raw, 6)),
            _chunk(b"IEND", b""),
        )
    )


def at(found: Mapping[str, Any], x: int, y: int) -> tuple[int, str] | None:
    """(run, node) of a cell, of several nodes the first; None beside the map."""
    if not (0 <= x < len(found["runs"]) and 0 <= y < len(found["rows"])):
        return None
    return found["runs"][x]["n"], found["rows"][y]["node"]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _rgb(text: str) -> Rgb:
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)
