"""Templates to HTML: whatever a template shows is escaped, and control characters in it are signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import unquote

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from stateward import statuses
from stateward.associations import letters
from stateward.console import times
from stateward.console.assets import Assets
from stateward.console.untrusted import ansi, signs
from stateward.wire.protocol import parse_instant

FORM = Markup('<svg class="form" width="12" height="12" aria-hidden="true"><use href="#form-{}"/></svg>')
BADGE = Markup('<span class="status {0}">{1}<span class="word">{2}</span></span>')
TIME = Markup('<time datetime="{}" title="{}"><span class="ago">{}</span><span class="exact">{}</span></time>')
CELL_PX = 12
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")


class Renderer:
    """The templates of the package, and what they may call."""

    def __init__(self, assets: Assets, navigation: Sequence[Any] = ()) -> None:
        self.style_sheet = assets.text("style.css")
        self._environment = Environment(
            loader=PackageLoader("stateward.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=shown,
            auto_reload=False,
        )
        self._environment.filters.update(
            ansi=ansi,
            instants=instants,
            span=times.span,
            roughly=times.roughly,
            json=as_json,
            thousands=thousands,
            plural=plural,
        )
        self._environment.globals.update(
            asset=assets.url,
            badge=badge,
            form=form,
            strip=strip,
            strip_of=letters.shown,
            instant=instant,
            moment=moment,
            wall=wall,
            minute=minute,
            instant_of=instant_of,
            both_zones=both_zones,
            day_text=day_text,
            look_of=statuses.look_of,
            navigation=navigation,
            clock_text=times.to_the_minute,
            unquoted=unquote,
            has_search=True,
        )
        # Macros are globals, so that a block can be rendered by itself.
        self._environment.globals["parts"] = self._environment.get_template("parts.html").module

    def page(self, template: str, /, **context: Any) -> str:
        return self._environment.get_template(template).render(**context)

    def fragment(self, template: str, block_name: str, /, **context: Any) -> str | None:
        """One block of a page's template by itself; None where it has no such block."""
        found = self._environment.get_template(template)
        block = found.blocks.get(block_name)
        return None if block is None else "".join(block(found.new_context(context)))


def shown(value: Any) -> Any:
    """What an expression of a template becomes: nothing for None, signs for what cannot be seen."""
    if value is None:
        return ""
    return signs(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def badge(status: str, word: str | None = None) -> Markup:
    """A status as form and word, in its colour."""
    look = statuses.look_of(status)
    return BADGE.format(look.name, form(status), signs(word or status))


def form(status: str) -> Markup:
    """The sign of a status alone; the word stands beside it."""
    return FORM.format(statuses.look_of(status).name)


def strip(letters: str, runs: str = "runs") -> Markup:
    """The latest runs as cells, oldest first, with the same in words for who cannot see them."""
    looks = [statuses.BY_LETTER.get(letter, statuses.STATUSES["None"]) for letter in letters]
    cells = Markup("").join(
        Markup('<use href="#form-{0}" class="{0}" x="{1}" width="12" height="12"/>').format(look.name, index * CELL_PX)
        for index, look in enumerate(looks)
    )
    words = ", ".join(look.name for look in reversed(looks)) or "none yet"
    return Markup(
        '<svg class="strip" width="{0}" height="12" viewBox="0 0 {0} 12" role="img" aria-label="Last {1}, newest '
        'first: {2}">{3}</svg>'
    ).format(max(1, len(looks)) * CELL_PX, runs, words, cells)


@pass_context
def instant(context: Context, ms: int | float | None, never: str = "never") -> Markup | str:
    """An instant in the reader's zone: how long ago, with the exact time behind it. Takes ms."""
    if ms is None:
        return never
    zone: tzinfo = context["zone"]
    whole = round(ms)
    exact = times.exact(whole, zone)
    return TIME.format(times.machine(whole), exact, times.ago(whole, context["now_ms"], zone), exact)


@pass_context
def moment(context: Context, seconds: float | None, never: str = "never") -> Markup | str:
    """An instant of the API, in seconds."""
    return instant(context, None if seconds is None else seconds * 1000, never)


@pass_context
def wall(context: Context, text: str | None) -> Markup | str:
    """An instant of protocol time as text in UTC; the virtual clock says nothing of it, so it is always written out."""
    if text is None:
        return "never"
    ms = parse_instant(text)
    exact = times.to_the_minute(ms, context["zone"])
    return TIME.format(times.machine(ms), times.exact(ms, context["zone"]), exact, times.exact(ms, context["zone"]))


@pass_context
def instant_of(context: Context, text: str) -> Markup | str:
    """An instant of domain time as text in UTC."""
    return instant(context, parse_instant(text))


@pass_context
def instants(context: Context, sentence: str) -> Markup:
    """A sentence in which instants of UTC stand as people write them, in the reader's zone."""
    parts: list[Markup | str] = []
    position = 0
    for found in INSTANT.finditer(sentence):
        ms = parse_instant(found[0])
        exact = times.exact(ms, context["zone"])
        parts.append(signs(sentence[position : found.start()]))
        words = times.to_the_minute(ms, context["zone"])
        parts.append(Markup('<time datetime="{}" title="{}">{}</time>').format(times.machine(ms), exact, words))
        position = found.end()
    return Markup("").join([*parts, signs(sentence[position:])])


@pass_context
def both_zones(context: Context, ms: int) -> Markup:
    """A due time: schedules are UTC, so that stands first, with the reader's time where it is another."""
    zone: tzinfo = context["zone"]
    local = times.at(ms, zone)
    here = "" if zone is UTC else f" ({local:%H:%M} {times.zone_letters(local)})"
    near = times.ago(ms, context["now_ms"]) if abs(ms - context["now_ms"]) < times.DAY_MS else ""
    return Markup('<time datetime="{}" title="{}">{}{}{}</time>').format(
        times.machine(ms), times.exact(ms, zone), times.to_the_minute(ms), here, f" {near}" if near else ""
    )


@pass_context
def minute(context: Context, ms: int) -> str:
    """An instant to the minute, as text for titles."""
    return times.to_the_minute(ms, context["zone"])


def day_text(ms: int) -> str:
    """The day in UTC, `2027-02-01`."""
    return f"{times.at(ms):%Y-%m-%d}"


def as_json(value: Any) -> str:
    """A value for people: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def thousands(number: int) -> str:
    return f"{number:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """`1 node`, `12 nodes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
