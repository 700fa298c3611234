"""Carrying a plan out: at once and as a whole on Stateward, one operation after another on AWS (D57a)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from stateward.batch import Expectation, differences, filled
from stateward.folder.changes import Change

Perform = Callable[[str, dict[str, Any]], dict[str, Any]]
"""(operation, request) → answer. Raises Refused."""


class Refused(Exception):
    """An operation that the server did not do, with the code and text of the API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Stopped(Exception):
    """Some changes are made, one failed, the rest was not tried."""

    def __init__(self, done: Sequence[Change], failed: Change, left: Sequence[Change], reason: str) -> None:
        super().__init__(reason)
        self.done = done
        self.failed = failed
        self.left = left


def one_by_one(changes: Sequence[Change], perform: Perform, say: Callable[[Change], None]) -> None:
    """Make the changes in order; before each, look whether it still finds what the plan saw.

    Raises Stopped at the first failure. Another plan goes on from there, since what is done does not differ any more.
    """
    for number, change in enumerate(changes):
        try:
            _make(change, perform)
        except Refused as error:
            raise Stopped(changes[:number], change, changes[number + 1 :], str(error)) from error
        say(change)


def _make(change: Change, perform: Perform) -> None:
    for expectation in change.expect:
        _require(expectation, perform)
    answers: list[dict[str, Any]] = []
    for step in change.steps:
        answers.append(perform(step.operation, filled(step, answers)))


def _require(wanted: Expectation, perform: Perform) -> None:
    named = next(iter(wanted.request.values()), "")
    if any(differences(wanted.answer, perform(wanted.operation, wanted.request))):
        raise Refused("Conflict", f"{named} has changed meanwhile: plan again")


def method_name(operation: str) -> str:
    """boto3's name of an operation: `UpdateDocument` → `update_document`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
