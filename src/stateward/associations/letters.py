"""Statuses as single letters, and the letters of the last runs in one text: what lists and maps show at a glance."""

from __future__ import annotations

import re

from stateward import statuses

NO_TARGET = statuses.STATUSES["None"].letter
LETTERS = {name: one.letter for name, one in statuses.STATUSES.items() if one.letter != NO_TARGET}
STATUSES = {letter: status for status, letter in LETTERS.items()}
FINAL = frozenset("SFTCK")
BAD = frozenset("FTC")
KEPT = 12
_DIGITS = "0123456789"
_RUN = re.compile(r"(\d+)([A-Z])")


def of(status: str) -> str:
    """The letter of a target's or an execution's status."""
    return LETTERS[status]


def noted(recent: str, number: int, letter: str) -> str:
    """`recent` after run `number` has this letter: the last twelve runs by number, oldest first, like `41T42P`.

    A run that is older than all that are kept leaves it as it is.
    """
    token = f"{number}{letter}"
    newest_number, _ = newest(recent)
    if newest_number == number:
        return recent[:-1] + letter
    if newest_number < number:
        there = _RUN.findall(recent)
        return recent[len("".join(there[0])) :] + token if len(there) >= KEPT else recent + token
    by_number = dict(runs(recent))
    if number < min(by_number) and len(by_number) >= KEPT:
        return recent
    by_number[number] = letter
    return "".join(f"{one}{by_number[one]}" for one in sorted(by_number)[-KEPT:])


def runs(recent: str) -> list[tuple[int, str]]:
    """(number, letter) of the runs in `recent`, oldest first."""
    return [(int(number), letter) for number, letter in _RUN.findall(recent)]


def newest(recent: str) -> tuple[int, str]:
    """(number, letter) of the newest run in `recent`; (0, "") where there is none."""
    if not recent:
        return 0, ""
    before = recent[:-1].rstrip(_DIGITS)
    return int(recent[len(before) : -1]), recent[-1]


def shown(recent: str) -> str:
    """Only the letters, oldest first."""
    return "".join(letter for _, letter in _RUN.findall(recent))
