"""The rules of a fleet script: what a simulated node's answer to a piece of work is to be (D45)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from stateward.api.steering import duration_ms
from stateward.wire.errors import validation_error

Status = Literal["Success", "Failed", "TimedOut", "Skipped"]
Positive = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
ExitCode = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
Text = Annotated[str, msgspec.Meta(max_length=24_000)]

USUAL_MS = 1_000
LONGEST_MS = 366 * 24 * 60 * 60 * 1000
EXIT_CODES = {"Failed": 1, "TimedOut": 137}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule as it is written; every member may be left out. The first five say when it holds, the rest what then."""

    nodes: Positive | list[Name] | None = None
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

    @property
    def delay_ms(self) -> int:
        """How long the scripted step takes."""
        return USUAL_MS if self.delay is None else duration_ms(self.delay)


class Numbered(msgspec.Struct, frozen=True):
    """A stored rule: later numbers are asked first. `used_by`: the commands that it has decided, if it counts them."""

    number: int
    rule: Rule
    used_by: frozenset[str] = frozenset()


class Run(msgspec.Struct, frozen=True):
    """What a rule may ask about a piece of work: its command, and the nodes of that in the order of their ids."""

    command_id: str
    document_name: str
    step_names: Sequence[str]
    execution_number: int | None
    first_nodes: Mapping[int, Collection[str]]


def check(rule: Rule) -> None:
    """Raises ValidationException for members that contradict each other."""
    if rule.delay is not None and duration_ms(rule.delay) > LONGEST_MS:
        raise validation_error(f"delay {rule.delay!r}: at most 366d")
    if rule.silent:
        answers = ("status", "output", "error", "exit_code", "delay")
        given = [name for name in answers if getattr(rule, name) is not None]
        if given:
            raise validation_error(f"a silent node never answers: leave out {', '.join(given)}, or silent")
    if rule.outcome in ("Failed", "TimedOut") and rule.code == 0:
        raise validation_error(f"exit_code 0 is a success: leave it out for the status {rule.outcome}")


def decide(rules: Sequence[Numbered], run: Run, node_id: str) -> Numbered | None:
    """The rule that decides a node's answer: the newest that matches; None means Success."""
    return next((one for one in reversed(rules) if _matches(one, run, node_id)), None)


def counts(rules: Sequence[Numbered]) -> set[int]:
    """Every N of «the first N nodes» in these rules."""
    return {one.rule.nodes for one in rules if isinstance(one.rule.nodes, int)}


def _matches(one: Numbered, run: Run, node_id: str) -> bool:
    rule = one.rule
    if rule.document is not None and rule.document.rsplit(":document/", 1)[-1] != run.document_name:
        return False
    if rule.step is not None and rule.step not in run.step_names:
        return False
    if rule.run is not None and rule.run != run.execution_number:
        return False
    if isinstance(rule.nodes, int) and node_id not in run.first_nodes[rule.nodes]:
        return False
    if isinstance(rule.nodes, list) and node_id not in rule.nodes:
        return False
    return rule.times is None or run.command_id in one.used_by or len(one.used_by) < rule.times
