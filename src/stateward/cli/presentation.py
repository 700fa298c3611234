"""How answers are shown: one meaning of each option for every command (console 6).

Standard output is the answer. On a terminal a table with colours; on a pipe whole values between tabs; JSON keeps the
API's members.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from stateward.cli import colours, tables
from stateward.cli.bundles import bundle
from stateward.cli.server import USAGE, fail

FORMS = ("table", "wide", "json", "jsonl", "yaml", "name")


class Column(msgspec.Struct, frozen=True):
    """A column: its title, and its value of an item. `kind`: text, name, id, status (with sign and colour) or instant.

    Ids, statuses and instants are never cut. Where the terminal is too narrow for all columns, those with the highest
    `spare` go first; text and instants have 1 when nothing is said, the others 0: they stay.
    """

    title: str
    value: Callable[[Any], Any]
    kind: str = "text"
    wide: bool = False
    spare: int | None = None

    @property
    def goes(self) -> int:
        return int(self.kind in ("text", "instant")) if self.spare is None else self.spare


class Listing(msgspec.Struct, frozen=True):
    """How items of one sort are shown: their columns, what `-o name` prints of each, and what stands for none."""

    columns: tuple[Column, ...]
    name: Callable[[Any], str]
    none: str = ""


class Look(msgspec.Struct, frozen=True):
    """What the options say."""

    output: str = "table"
    query: str = ""
    limit: int = 0
    no_header: bool = False
    utc: bool = False
    color: str = "auto"
    quiet: bool = False

    def show(self, listing: Listing, items: Sequence[Any], plain: Sequence[Any] | None = None) -> None:
        """A list; `plain` are the items with the API's members, where they are not so already."""
        items = items[: self.limit] if self.limit else items
        plain = items if plain is None else plain[: self.limit] if self.limit else plain
        if self.is_plain:
            self.show_plain(list(plain))
        elif self.output == "name":
            for item in items:
                typer.echo(listing.name(item))
        else:
            self._show_rows(listing, items)

    def show_one(self, plain: Any, fields: Mapping[str, Any], name: str) -> None:
        """One thing: a line for each of its fields, or the API's members. A value may be (kind, value)."""
        if self.is_plain:
            self.show_plain(plain)
        elif self.output == "name":
            typer.echo(name)
        else:
            shown = {title: self._field(value) for title, value in fields.items()}
            tables.show_fields({title: text for title, text in shown.items() if text})

    def show_plain(self, value: Any) -> None:
        """A value for programs, after `--query`."""
        from stateward.cli import plain_forms

        value = plain_forms.plain(value)
        if self.query:
            try:
                value = plain_forms.searched(self.query, value)
            except ValueError as error:
                fail(f"--query {self.query!r}: {error}", USAGE)
        plain_forms.write(value, self.output)

    def say(self, text: str) -> None:
        """Something beside the answer, on standard error, unless -q was given."""
        if not self.quiet:
            typer.echo(text, err=True)

    def cell(self, kind: str, value: Any) -> str:
        """A value as text; a status with its sign, for a terminal."""
        if kind == "instant":
            return tables.instant(value, utc=self.utc) if self.is_terminal else tables.machine_instant(value)
        if kind == "status" and value and self.is_terminal:
            return colours.with_sign(str(value))
        return "" if value is None else str(value)

    @property
    def is_plain(self) -> bool:
        """Whether the answer is for programs, with the API's members."""
        return bool(self.query) or self.output in ("json", "jsonl", "yaml")

    @property
    def is_terminal(self) -> bool:
        """Whether people read it, and not a program."""
        return self.color == "always" or sys.stdout.isatty()

    @property
    def is_coloured(self) -> bool:
        return colours.wanted(self.color, terminal=self.is_terminal)

    def painted(self, text: str, status: str) -> str:
        """Text for standard output in the colour of a status."""
        return colours.painted(text, status) if self.is_coloured else text

    def _field(self, value: Any) -> str:
        kind, value = value if isinstance(value, tuple) else ("text", value)
        text = self.cell(kind, value)
        if kind == "status":
            return self.painted(text, str(value))
        return "\n".join(map(tables.without_controls, text.splitlines())) if self.is_terminal else text

    def _show_rows(self, listing: Listing, items: Sequence[Any]) -> None:
        columns = [column for column in listing.columns if not column.wide or self.output == "wide"]
        values = [[column.value(item) for column in columns] for item in items]
        shown = [[self.cell(one.kind, value) for one, value in zip(columns, row, strict=True)] for row in values]
        if not items and listing.none and self.is_terminal:
            self.say(listing.none)
            return
        if not self.is_terminal:
            tables.show_tabs([] if self.no_header else [column.title for column in columns], shown)
            return
        kinds = [column.kind for column in columns]

        def paint(row: int, at: int, text: str) -> str:
            return self.painted(text, str(values[row][at])) if kinds[at] == "status" else text

        tables.show_table(
            [] if self.no_header else [column.title for column in columns],
            shown,
            whole={number for number, kind in enumerate(kinds) if kind not in ("text", "name")},
            spare=[column.goes for column in columns],
            width=width(),
            paint=paint,
        )


def _output(value: str) -> str:
    if value not in FORMS:
        fail(f"--output {value!r}: use one of {', '.join(FORMS)}", USAGE)
    return value


def _color(ctx: typer.Context, value: str) -> str:
    if value not in colours.WHEN:
        fail(f"--color {value!r}: use one of {', '.join(colours.WHEN)}", USAGE)
    if value == "always":
        ctx.color = True  # else what prints takes colours out on a pipe
    return value


OPTIONS = {
    "output": Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            envvar="STATEWARD_OUTPUT",
            help=f"{', '.join(FORMS[:-1])} or {FORMS[-1]}.",
            callback=_output,
        ),
    ],
    "query": Annotated[
        str, typer.Option("--query", help="JMESPath expression over the JSON answer, as in the AWS CLI.")
    ],
    "limit": Annotated[int, typer.Option("--limit", min=0, help="Show at most so many; 0: all.")],
    "no_header": Annotated[bool, typer.Option("--no-header", help="Leave out the line with the titles.")],
    "utc": Annotated[bool, typer.Option("--utc", envvar="STATEWARD_UTC", help="Times in UTC, not in your zone.")],
    "color": Annotated[
        str, typer.Option("--color", envvar="STATEWARD_COLOR", help="auto, always or never.", callback=_color)
    ],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the answer.")],
}
DEFAULTS = dict(zip(OPTIONS, Look.__struct_defaults__, strict=True))

presented = bundle("look", Look, OPTIONS, DEFAULTS)
"""Give a command the options that say how its answer is shown; it takes them together, as `look`."""


def confirm(question: str, *, yes: bool, what: str) -> None:
    """Ask before something is taken away; without a terminal `--yes` must have been given."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{what}, and there is no terminal: give --yes", USAGE)
    typer.confirm(question, abort=True, err=True)


def width() -> int:
    """How wide the terminal is."""
    import shutil

    return int(os.environ.get("COLUMNS") or 0) or shutil.get_terminal_size().columns
