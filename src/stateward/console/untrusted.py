"""Text that nodes and callers wrote, made safe to look at: signs for what cannot be seen, colours for ANSI's."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
INVISIBLE = {0x00AD, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF, *range(0xFFF9, 0xFFFC)}
KEPT = {0x09, 0x0A}
SIGNS = (
    {code: chr(0x2400 + code) for code in range(0x20) if code not in KEPT}
    | {0x7F: "\u2421"}
    | {code: f"\u27e8U+{code:04X}\u27e9" for code in (*range(0x80, 0xA0), *sorted(BIDI | INVISIBLE))}
)
SURROGATES = re.compile("[\ud800-\udfff]")
ESCAPE = re.compile(r"\x1b\[([0-9;]{0,40})([A-Za-z])")
COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def signs(text: str) -> str:
    """Control, bidirectional and invisible characters as visible signs; tabs and line ends stay."""
    return SURROGATES.sub("\ufffd", text.replace("\r\n", "\n")).translate(SIGNS)


def ansi(text: str) -> Markup:
    """Escaped text in which ANSI's sixteen colours, bold and faint are spans; every other sequence is left out."""
    parts: list[Markup] = []
    classes: tuple[str, ...] = ()
    position = 0
    for found in ESCAPE.finditer(text):
        parts.append(_span(text[position : found.start()], classes))
        position = found.end()
        if found[2] == "m":
            classes = _after(classes, found[1])
    parts.append(_span(text[position:], classes))
    return Markup("").join(parts)


def _span(text: str, classes: tuple[str, ...]) -> Markup:
    if not text:
        return Markup("")
    shown = escape(signs(text))
    return Markup('<span class="{}">{}</span>').format(" ".join(classes), shown) if classes else shown


def _after(classes: tuple[str, ...], codes: str) -> tuple[str, ...]:
    """The classes after one SGR sequence; 256 and true colours are passed over with their arguments."""
    now = dict.fromkeys(classes)
    numbers = [int(code) if code else 0 for code in codes.split(";")]
    while numbers:
        code = numbers.pop(0)
        if code in (38, 48):
            del numbers[: 2 if numbers[:1] == [5] else 4]
        elif code == 0:
            now.clear()
        elif code in (1, 2):
            now["ansi-bold" if code == 1 else "ansi-faint"] = None
        elif code == 22:
            now = {name: None for name in now if name not in ("ansi-bold", "ansi-faint")}
        elif code == 39 or 30 <= code <= 37 or 90 <= code <= 97:
            now = {name: None for name in now if not name.startswith("ansi-fg")}
            if code != 39:
                now[f"ansi-fg-{'bright-' if code >= 90 else ''}{COLOURS[code % 10]}"] = None
    return tuple(now)
