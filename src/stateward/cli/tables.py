"""Tables on a terminal, whole values between tabs on a pipe, one thing as lines (console 6)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import typer

GAP = "  "
LEAST = 12


def show_tabs(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """For programs: whole values, tabs between them."""
    for row in (titles, *rows) if titles else rows:
        typer.echo("\t".join(" ".join(value.split()) for value in row))


def show_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    whole: AbstractSet[int],
    spare: Sequence[int],
    width: int,
    paint: Callable[[int, int, str], str],
) -> None:
    """For people: columns in `whole` are never cut, the widest of the others are, where the terminal is narrow.

    Where that is not enough, columns are left out: those with the highest `spare` first, none with 0.
    `paint(row, column, text)` colours a value.
    """
    from rich.cells import set_cell_size

    lines = [[safe(value) for value in row] for row in rows]
    widths = _widths([*([list(titles)] if titles else []), *lines], whole, spare, width)
    if titles:
        typer.echo(GAP.join(f"{titles[at]:<{size}}" for at, size in widths.items()).rstrip())
    for number, line in enumerate(lines):
        cells = [paint(number, at, set_cell_size(_cut(line[at], size), size)) for at, size in widths.items()]
        typer.echo(GAP.join(cells).rstrip())


def _widths(
    lines: Sequence[Sequence[str]], whole: AbstractSet[int], spare: Sequence[int], width: int
) -> dict[int, int]:
    """Column → how wide: as its widest value, then narrower, the widest first, and without some, until all fit."""
    from rich.cells import cell_len

    if not lines:
        return {}
    widths = {at: max(cell_len(line[at]) for line in lines) for at in range(len(lines[0]))}
    least = {at: size if at in whole else min(size, LEAST) for at, size in widths.items()}
    while _across(least) > width and any(spare[at] for at in least):
        del least[max(least, key=lambda at: (spare[at], at))]
    widths = {at: widths[at] for at in least}
    while _across(widths) > width and widths != least:
        widest = max(widths, key=lambda at: widths[at] if widths[at] > least[at] else -1)
        widths[widest] -= 1
    return widths


def _across(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def show_fields(fields: Mapping[str, str]) -> None:
    """One thing, a line for each of its fields."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        lines = value.splitlines() or [""]
        typer.echo(f"{name:<{width}}  {lines[0]}")
        for line in lines[1:]:
            typer.echo(f"{'':<{width}}  {line}")


def show_json(value: Any) -> None:
    """The API's members, instants as text."""
    typer.echo(json.dumps(value, indent=2, default=_text))


def instant(value: Any, *, utc: bool = False) -> str:
    """An instant as people read it, in their zone or in UTC; the zone is always written."""
    found = _datetime(value)
    return "" if found is None else found.astimezone(UTC if utc else None).strftime("%Y-%m-%d %H:%M:%S %Z")


def machine_instant(value: Any) -> str:
    """An instant for programs: `2026-12-24T18:00:00Z`."""
    found = _datetime(value)
    return "" if found is None else found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def safe(text: str) -> str:
    """Text in one line and without control characters: what a node says must not command a terminal."""
    return without_controls(" ".join(text.split()))


def without_controls(text: str) -> str:
    """The text with a sign in place of each character that is none to print; tabs stay."""
    return "".join(sign if sign.isprintable() or sign == "\t" else "\ufffd" for sign in text)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _datetime(value: Any) -> datetime | None:
    if isinstance(value, str) and value:
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else None
