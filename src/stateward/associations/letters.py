"""Statuses as single letters, and the letters of the last runs in one text: what lists and maps show at a glance."""

from __future__ import annotations

import re

LETTERS = {
    "Success": "S",
    "Failed": "F",
    "TimedOut": "T",
    "Cancelled": "C",
    "Skipped": "K",
    "Pending": "P",
    "InProgress": "I",
}
STATUSES = {letter: status for status, letter in LETTERS.items()}
NO_TARGET = "."
FINAL = frozenset("SFTCK")
BAD = frozenset("FTC")
KEPT = 12
_RUN = re.compile(r"(\d+)([A-Z])")


def of(status: str) -> str:
    """The letter of a target's or an execution's status."""
    return LETTERS[status]


def noted(recent: str, number: int, letter: str) -> str:
    """`recent` after run `number` has this letter: the last twelve runs by number, oldest first, like `41T42P`.

    A run that is older than all that are kept leaves it as it is.
    """
    token = f"{number}{letter}"
    if recent[:-1].endswith(str(number)):
        known = runs(recent)
        if known[-1][0] == number:
            return recent[:-1] + letter
    by_number = dict(runs(recent))
    if not by_number:
        return token
    if number < min(by_number) and len(by_number) >= KEPT:
        return recent
    by_number[number] = letter
    return "".join(f"{one}{by_number[one]}" for one in sorted(by_number)[-KEPT:])


def runs(recent: str) -> list[tuple[int, str]]:
    """(number, letter) of the runs in `recent`, oldest first."""
    return [(int(number), letter) for number, letter in _RUN.findall(recent)]


def shown(recent: str) -> str:
    """Only the letters, oldest first."""
    return "".join(letter for _, letter in _RUN.findall(recent))


def bad_in_a_row(recent: str) -> int:
    """How many of the newest ended runs were bad, one after the other."""
    ended = [letter for _, letter in runs(recent) if letter in FINAL]
    count = 0
    for letter in reversed(ended):
        if letter not in BAD:
            break
        count += 1
    return count
