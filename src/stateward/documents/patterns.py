"""allowedPattern: a document's regular expressions, compiled and matched at a bounded cost (spec 5.2)."""

from __future__ import annotations

import functools
import re
from typing import Any

import regex

from stateward import clock

MAX_LENGTH = 4096
MAX_NESTING = 50
# Counted repetitions are written out while compiling: (a{1000}){1000} takes seconds and gigabytes.
MAX_REPETITIONS = 5000
# What one match may take.
TIMEOUT_S = 0.05
# `regex` counts what the whole process uses: in a busy one a match may see so many times its own.
MOST_SHARES = 16

_COUNT = re.compile(r"\{([0-9]*)(?:,[0-9]*)?\}")
_UNSAFE_FLAGS = re.compile(r"\(\?[a-zA-Z0-9-]*[xV]")


class UnusablePattern(ValueError):
    """A regular expression that cannot be used; the message says why."""


@functools.lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """The pattern for full matches; `\\w`, `\\d` and `\\s` are ASCII as in Java. Raises UnusablePattern."""
    if len(pattern) > MAX_LENGTH:
        raise UnusablePattern(f"{len(pattern)} characters long: use at most {MAX_LENGTH}")
    if _UNSAFE_FLAGS.search(pattern):
        raise UnusablePattern("the flags x and V are not supported")
    if _written_out(pattern) > MAX_REPETITIONS + len(pattern):
        raise UnusablePattern(f"its counted repetitions make more than {MAX_REPETITIONS} characters")
    flags = 0 if "\\p" in pattern.lower() else regex.ASCII
    try:
        return regex.compile(pattern, flags)
    except (regex.error, ValueError, OverflowError) as error:
        raise UnusablePattern(f"not a regular expression: {error}") from error


def matches(pattern: str, value: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Whether the whole value matches; raises TimeoutError when finding out takes `timeout_s` of processor time."""
    usable, shares = compiled(pattern), 1
    while True:
        begun = clock.thread_s()
        try:
            return usable.fullmatch(value, timeout=shares * timeout_s) is not None
        except TimeoutError:
            # Only what this thread has used is the pattern's doing.
            if clock.thread_s() - begun >= timeout_s or shares == MOST_SHARES:
                raise
            shares *= 2


def _written_out(pattern: str) -> int:
    """How many atoms a pattern has when its counted repetitions are written out; never much too few."""
    sizes, last, at = [0], 0, 0
    while at < len(pattern):
        character = pattern[at]
        count = _COUNT.match(pattern, at) if character == "{" else None
        if count is not None:
            sizes[-1] += last * max(int(count[1][:9] or 0) - 1, 0)
            last *= max(int(count[1][:9] or 0), 1)
            at = count.end()
            continue
        if character == "(":
            sizes.append(0)
            if len(sizes) > MAX_NESTING:
                raise UnusablePattern(f"groups nested more than {MAX_NESTING} levels deep")
            last = 0
            at += 2 if pattern.startswith("(?", at) else 1
            continue
        if character == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif character not in "?*+|":
            last = 1
            sizes[-1] += 1
        at = _end_of_class(pattern, at) if character == "[" else at + (2 if character == "\\" else 1)
    return sum(sizes)


def _end_of_class(pattern: str, start: int) -> int:
    at = start + 2 if pattern.startswith("[^", start) else start + 1
    if pattern.startswith("]", at):
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern.startswith("[:", at) and ":]" in pattern[at:]:
            at = pattern.index(":]", at) + 2
        else:
            at += 2 if pattern[at] == "\\" else 1
    return at + 1
