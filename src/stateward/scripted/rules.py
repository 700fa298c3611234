"""The rules of a script: what a node's answer to a piece of work is to be (D45). No I/O, no clock, nothing of a server.

One language for simulated nodes, which live in a server, and for a fleet of nodes, which are a program of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from stateward.clock import duration_ms

Status = Literal["Success", "Failed", "TimedOut", "Skipped"]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
ExitCode = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Text = Annotated[str, msgspec.Meta(max_length=24_000)]

USUAL = "1s"
LONGEST_MS = 366 * 24 * 60 * 60 * 1000
EXIT_CODES = {"Failed": 1, "TimedOut": 137}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule as it is written; every member may be left out. The first six say when it holds, the rest what then."""

    nodes: Positive | list[Name] | None = None
    share: Share | None = None
    document: Name | None = None
    step: Name | None = None
    run: Positive | None = None
    times: Positive | None = None
    status: Status | None = None
    output: Text | None = None
    error: Text | None = None
    exit_code: ExitCode | None = None
    delay: str | None = None
    silent: bool = False

    @property
    def outcome(self) -> Status:
        """The status that it asks for: an exit code alone means a failure, unless it is 0."""
        return self.status or ("Failed" if self.exit_code else "Success")

    @property
    def code(self) -> int:
        return EXIT_CODES.get(self.outcome, 0) if self.exit_code is None else self.exit_code


class Numbered(msgspec.Struct, frozen=True):
    """A stored rule: later numbers are asked first.

    `used_by`: the commands that it has decided, all if it counts them, else one; empty if there was none.
    """

    number: int
    rule: Rule
    used_by: Collection[str] = frozenset()


class Run(msgspec.Struct, frozen=True):
    """What a rule may ask about a piece of work: its command, and which nodes are the first N of it."""

    command_id: str
    document_name: str
    step_names: Sequence[str]
    execution_number: int | None
    first_nodes: Mapping[int, Collection[str]]


def problem_with(rule: Rule) -> str | None:
    """What is wrong with members that can be read, and what would be right; None: nothing."""
    if rule.delay is not None and (problem := range_problem("delay", rule.delay)):
        return problem
    if rule.silent:
        answers = ("status", "output", "error", "exit_code", "delay")
        given = [name for name in answers if getattr(rule, name) is not None]
        if given:
            return f"a silent node never answers: leave out {', '.join(given)}, or silent"
    if rule.outcome in ("Failed", "TimedOut") and rule.code == 0:
        return f"exit_code 0 is a success: leave it out for the status {rule.outcome}"
    return None


def range_problem(member: str, text: str) -> str | None:
    """What is wrong with a duration, or a range of durations."""
    try:
        least_ms, most_ms = _ends(text)
    except ValueError as error:
        return f"{member}: {error}, or a range such as 1s..5s"
    if least_ms > most_ms:
        return f"{member} {text!r}: a range begins with the shorter duration"
    return f"{member} {text!r}: at most 366d" if most_ms > LONGEST_MS else None


def picked_ms(text: str, chance: float) -> int:
    """A duration, or the one that `chance`, from 0 to 1, picks from a range such as `1s..5s`."""
    least_ms, most_ms = _ends(text)
    return least_ms + round((most_ms - least_ms) * chance)


def draw(*parts: object) -> float:
    """A number from 0 to below 1 that looks random and is always the same for the same parts."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)


def decide(rules: Sequence[Numbered], run: Run, node_id: str, name: str | None = None) -> Numbered | None:
    """The rule that decides a node's answer: the newest that matches; None means Success. Lists may say its `name`."""
    return next((one for one in reversed(rules) if _matches(one, run, node_id, name)), None)


def counts(rules: Sequence[Numbered]) -> set[int]:
    """Every N of «the first N nodes» in these rules."""
    return {one.rule.nodes for one in rules if isinstance(one.rule.nodes, int)}


def _ends(text: str) -> tuple[int, int]:
    first, dots, last = text.partition("..")
    least_ms = duration_ms(first)
    return least_ms, duration_ms(last) if dots else least_ms


def _matches(one: Numbered, run: Run, node_id: str, name: str | None) -> bool:
    rule = one.rule
    if rule.document is not None and rule.document.rsplit(":document/", 1)[-1] != run.document_name:
        return False
    if rule.step is not None and rule.step not in run.step_names:
        return False
    if rule.run is not None and rule.run != run.execution_number:
        return False
    if isinstance(rule.nodes, int) and node_id not in run.first_nodes[rule.nodes]:
        return False
    if isinstance(rule.nodes, list) and node_id not in rule.nodes and name not in rule.nodes:
        return False
    if rule.share is not None and draw(one.number, node_id, run.document_name, run.execution_number) >= rule.share:
        return False
    return rule.times is None or run.command_id in one.used_by or len(one.used_by) < rule.times
