"""What a page shows of a step's output: a window of lines at the end, at a line, or at what is searched."""

from __future__ import annotations

import msgspec

MOST_LINES = 2_000
MOST_CHARACTERS = 256 * 1024
MOST_HITS = 200
AROUND = 20


class Window(msgspec.Struct, frozen=True):
    """Lines `first` to `last` of `total`, counted from one."""

    first: int
    lines: list[str]
    total: int

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1

    @property
    def before(self) -> int | None:
        """The line to ask for to see what stands before."""
        return max(1, self.first - MOST_LINES) if self.first > 1 else None

    @property
    def after(self) -> int | None:
        return self.last + 1 if self.last < self.total else None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Hit(msgspec.Struct, frozen=True):
    """A line that holds what was searched, in three parts."""

    line: int
    before: str
    found: str
    after: str


def lines_of(text: str) -> list[str]:
    """The lines; an end of line at the end begins no further one."""
    return text.removesuffix("\n").split("\n") if text else []


def window(lines: list[str], line: int | None = None) -> Window:
    """The window that begins at a line, or the last one."""
    if line is not None:
        first = min(max(1, line), max(1, len(lines)))
        return Window(first, _fitting(lines[first - 1 : first - 1 + MOST_LINES]), len(lines))
    shown = _fitting(lines[-MOST_LINES:][::-1])[::-1]
    return Window(len(lines) - len(shown) + 1, shown, len(lines))


def hits(lines: list[str], words: str) -> list[Hit]:
    """Where the words are found, whatever their case, at most two hundred times."""
    found: list[Hit] = []
    wanted = words.lower()
    for number, line in enumerate(lines, 1):
        at = line.lower().find(wanted)
        if at >= 0:
            end = at + len(words)
            found.append(Hit(number, line[max(0, at - 200) : at], line[at:end], line[end : end + 200]))
            if len(found) == MOST_HITS:
                break
    return found


def _fitting(lines: list[str]) -> list[str]:
    """As many lines as 256 KiB hold, and always one, which is cut where it is longer."""
    size = 0
    for index, line in enumerate(lines):
        size += len(line) + 1
        if size > MOST_CHARACTERS:
            return lines[:index] if index else [line[:MOST_CHARACTERS]]
    return lines
