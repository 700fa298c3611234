"""What changed between two texts, line by line, with three lines around each change."""

from __future__ import annotations

from difflib import SequenceMatcher

AROUND = 3
LONGEST_LINES = 5_000
Line = tuple[str, str]
"""A sign (`+`, `-`, a space) and the text."""


def lines(before: str, after: str) -> list[Line]:
    """Empty when both are equal."""
    old, new = before.splitlines()[:LONGEST_LINES], after.splitlines()[:LONGEST_LINES]
    found: list[Line] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(AROUND):
        if found:
            found.append((" ", "…"))
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                found += [(" ", line) for line in old[old_from:old_to]]
                continue
            found += [("-", line) for line in old[old_from:old_to]]
            found += [("+", line) for line in new[new_from:new_to]]
    return found
