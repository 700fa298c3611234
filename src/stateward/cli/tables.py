"""Showing rows: a table on a terminal, whole values between tabs on a pipe, JSON when asked for (console 6)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

OUTPUTS = ("table", "json", "name")


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], *, whole: Sequence[int] = (0,)) -> None:
    """A table; columns in `whole` are never cut."""
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(_flat(value) for value in row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number in whole, overflow="fold" if number in whole else "ellipsis")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def show_fields(fields: Mapping[str, str]) -> None:
    """One thing, a line for each of its fields."""
    width = max(map(len, fields))
    for name, value in fields.items():
        lines = value.splitlines() or [""]
        typer.echo(f"{name:<{width}}  {lines[0]}")
        for line in lines[1:]:
            typer.echo(f"{'':<{width}}  {line}")


def show_json(value: Any) -> None:
    """The API's members, instants as text."""
    typer.echo(json.dumps(value, indent=2, default=_text))


def instant(value: Any) -> str:
    """An instant as people read it, in UTC."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if isinstance(value, datetime) else str(value or "")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _flat(value: str) -> str:
    return " ".join(value.split())
