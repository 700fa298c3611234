"""Tables on a terminal, whole values between tabs on a pipe, one thing as lines (console 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import typer


def show_tabs(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """For programs: whole values, tabs between them."""
    for row in (titles, *rows) if titles else rows:
        typer.echo("\t".join(" ".join(value.split()) for value in row))


def show_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    whole: AbstractSet[int],
    styles: Sequence[Mapping[int, str]],
    coloured: bool,
) -> None:
    """For people: columns in `whole` are never cut, others where it is narrow. `styles`: colours by row and column."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    count = len(titles) or (len(rows[0]) if rows else 0)
    table = Table(box=None, pad_edge=False, show_header=bool(titles), header_style="bold", padding=(0, 2, 0, 0))
    for number in range(count):
        title = titles[number] if titles else ""
        table.add_column(title, no_wrap=True, overflow="fold" if number in whole else "ellipsis")
        if number in whole:
            table.columns[number].min_width = max((len(row[number]) for row in rows), default=0)
    for row, colours in zip(rows, styles, strict=True):
        table.add_row(*(Text(safe(value), style=colours.get(number, "")) for number, value in enumerate(row)))
    Console(highlight=False, markup=False, no_color=not coloured, force_terminal=coloured or None).print(table)


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
