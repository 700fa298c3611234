"""What a target failed of, in words that are the same for equal errors: errors are grouped by them.

The words are made once, when the result arrives. When in doubt there are two groups, not one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from stateward.commands.rows import InvocationRow

LINE_CHARACTERS = 200
SAMPLE_CHARACTERS = 500
OTHER = "other"
"""The group of everything after the first `MOST_GROUPS` different errors of a command."""

MOST_GROUPS = 50
_FAILING = frozenset({"Failed", "TimedOut"})

# In this order: what is read as a whole must not be taken apart by what comes after it.
_REPLACED = (
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\bm?i-[0-9a-zA-Z]{8,17}\b"), "<id>"),
    (re.compile(r"\b(?:\w+://|[A-Za-z]:\\|\\\\)[^\s'\"`,;:)\]}]+(?::\d+)?(?:[/\\][^\s'\"`,;)\]}]*)?"), "<path>"),
    (re.compile(r"(?<![\w<>])(?:\.{0,2}|~)/[^\s'\"`,;:)\]}]+"), "<path>"),
    (re.compile(r"\b(?:0x[0-9a-fA-F]+|(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{7,})\b"), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\x1b\[[0-9;]*[A-Za-z]")
_ADDED_BY_AGENTS = re.compile(r"failed to run commands: (?:exit status|signal) \d+")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class FailedStep(msgspec.Struct, frozen=True):
    """A step that did not succeed, as it was reported."""

    resource_id: str
    step_name: str
    position: int
    status: str
    code: int
    standard_error: str


class Failure(msgspec.Struct, frozen=True):
    """`key` is the same for equal errors; `sample` is the line itself; without a step both of them are None."""

    key: str
    step_name: str | None
    exit_code: int | None
    sample: str


def is_failure(row: InvocationRow) -> bool:
    """Whether a target's end is an error that is worth being grouped: what was called off is none."""
    return row.status in _FAILING


def failure(row: InvocationRow, steps: Sequence[FailedStep]) -> Failure:
    """Why a target ended Failed or TimedOut; `steps` are those of it that did not succeed, in any order."""
    if row.ended_by is None and steps:
        return _of_step(min(steps, key=lambda step: step.position))
    words = _without_step(row)
    return Failure(words, None, None, words)


def error_key(step_name: str, exit_code: int, standard_error: str, *, timed_out: bool = False) -> str:
    """`restart exit 1: disk full`: the step, how it ended, and the last line that it wrote to standard error."""
    end = "timed out" if timed_out else f"exit {exit_code}"
    line = normalised(last_line(standard_error))
    return f"{step_name} {end}: {line}" if line else f"{step_name} {end}"


def last_line(text: str) -> str:
    """The last line that is not empty, readable: no colours, no signs that steer a terminal.

    The line that agents add themselves only when there is no other: it says no more than the exit code.
    """
    lines = (" ".join(_UNPRINTABLE.sub(" ", line).split()) for line in reversed(_COLOURS.sub("", text).splitlines()))
    spoken = [line for line in lines if line]
    own_words = (line for line in spoken if not _ADDED_BY_AGENTS.fullmatch(line))
    return next(own_words, spoken[0] if spoken else "")[:SAMPLE_CHARACTERS]


def normalised(line: str) -> str:
    """A line without what differs from node to node: times, ids, paths, numbers."""
    for pattern, sign in _REPLACED:
        line = pattern.sub(sign, line)
    return line[:LINE_CHARACTERS]


def _of_step(step: FailedStep) -> Failure:
    key = error_key(step.step_name, step.code, step.standard_error, timed_out=step.status == "TimedOut")
    return Failure(key, step.step_name, step.code, last_line(step.standard_error))


def _without_step(row: InvocationRow) -> str:
    ended_by = row.ended_by or ""
    if ended_by.startswith("refused:"):
        return f"refused by the node ({ended_by.removeprefix('refused:')})"
    match ended_by, row.status_details:
        case "superseded", "DeliveryTimedOut":
            return "replaced by the next run before it was delivered"
        case "superseded", _:
            return "replaced by the next run while it ran"
        case "delivery_timeout", _:
            return "no result in time"
        case "node_removed", _:
            return "the node was deregistered"
        case _:
            return f"{row.status_details}, without a word on a step"
