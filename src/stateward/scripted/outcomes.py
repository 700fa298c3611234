"""What a scripted node does with a document and when it says what: decisions without I/O (D45, D46, D27).

The flow of a document (preconditions, onFailure, finallyStep) is that of the built-in agent; unless a rule says
otherwise a step succeeds after its usual time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from stateward.documents import flow
from stateward.documents.platforms import PLUGINS
from stateward.documents.schema import Document, Step, execution_timeouts_s
from stateward.scripted import rules
from stateward.scripted.rules import Rule

OUTPUT_CHARACTERS, SHORT_OUTPUT_CHARACTERS = 24_000, 2_500
KILLED_CODE = 137
RESTARTED_CODE = -1
RESTARTED = "the agent was restarted while this step ran"
CANCELLED = "Step cancelled while it ran."
ERROR_TITLE = "\n----------ERROR-------\n"


class StepOutcome(msgspec.Struct, frozen=True):
    """A step that has ended, or will have; instants in ms."""

    name: str
    plugin: str
    status: str
    code: int
    started_ms: int
    ended_ms: int
    output: str
    standard_output: str
    standard_error: str


class Word(msgspec.Struct, frozen=True):
    """What a node says at an instant: how the document stands, and the steps that it tells of."""

    document_status: str
    steps: tuple[StepOutcome, ...]
    is_final: bool


class Task(msgspec.Struct, frozen=True):
    """A piece of work in a node's hands: the document, the effective parameter values, and the rule that holds.

    `usual`: how long a step takes that no rule is about. `chance`, from 0 to 1, picks from ranges of durations.
    """

    document: Document
    values: Mapping[str, Any]
    platform: str
    rule: Rule | None
    usual: str = rules.USUAL
    chance: float = 0.0

    @property
    def scripted(self) -> int:
        """The position of the step that the rule is about: the last, unless it names one."""
        steps = self.document.steps
        if self.rule is None or self.rule.step is None:
            return len(steps) - 1
        return next(number for number, step in enumerate(steps) if step.name == self.rule.step)


class Course(msgspec.Struct, frozen=True):
    """How a piece of work goes: its steps with their instants, and the document's status at the end of the last."""

    steps: tuple[StepOutcome, ...]
    status: str


def course(task: Task, began_ms: int) -> Course:
    """The whole course of a piece of work that begins now."""
    return _go_on(task, (), began_ms, leaving=False)


def cancelled(task: Task, planned: Course, now_ms: int) -> Course:
    """The course when the work is cancelled: what runs is killed, the rest never begins."""
    done, running = _until(planned, now_ms)
    if running is None:
        return planned
    steps = task.document.steps
    done = (*done, _told(steps[len(done)], "Cancelled", KILLED_CODE, running, now_ms, error=CANCELLED))
    rest = flow.remaining_steps(steps, len(done), "cancel")
    done += tuple(_told(one.step, one.status, one.exit_code, now_ms, now_ms, one.reason) for one in rest)
    return Course(done, "Cancelled")


def interrupted(task: Task, planned: Course, now_ms: int, resumes_ms: int) -> Course:
    """The course when the node reboots: what ran has failed, later steps do not run, a finallyStep does (D27)."""
    done, running = _until(planned, now_ms)
    if running is None:
        return planned
    step = task.document.steps[len(done)]
    failed = _told(step, "Failed", RESTARTED_CODE, running, resumes_ms, error=RESTARTED)
    return _go_on(task, (*done, failed), resumes_ms, leaving=True)


def words(planned: Course, after_ms: int = -1) -> list[tuple[int, Word]]:
    """What the node says when: a word at each instant after `after_ms` at which steps end, the last one final."""
    last_ms = planned.steps[-1].ended_ms
    told: dict[int, list[StepOutcome]] = {}
    for step in planned.steps:
        told.setdefault(step.ended_ms, []).append(step)
    said = [
        (at_ms, Word("InProgress", tuple(steps), False)) for at_ms, steps in told.items() if after_ms < at_ms < last_ms
    ]
    return [*said, (last_ms, Word(planned.status, planned.steps, True))]


def _go_on(task: Task, done: tuple[StepOutcome, ...], now_ms: int, *, leaving: bool) -> Course:
    steps = task.document.steps
    for number in range(len(done), len(steps)):
        step = steps[number]
        if leaving and not flow.remaining_steps(steps, number, "exit")[0].runs:
            reason = flow.remaining_steps(steps, number, "exit")[0].reason
            told = _told(step, "Skipped", flow.SKIPPED_EXIT_CODE, now_ms, now_ms, reason)
            next_: Literal["continue", "exit"] = "exit"
        else:
            told, next_ = _end_of(task, number, now_ms)
        done, now_ms, leaving = (*done, told), told.ended_ms, leaving or next_ == "exit"
    status = flow.document_status(step.status for step in done)
    if status == "Success" and task.rule is not None and task.rule.outcome == "Skipped":
        status = done[task.scripted].status  # agents never say so of a document; a script may (D65)
    return Course(done, status)


def _end_of(task: Task, number: int, now_ms: int) -> tuple[StepOutcome, Literal["continue", "exit"]]:
    step = task.document.steps[number]
    if task.rule is not None and number == task.scripted:
        limit_ms = execution_timeouts_s(task.document, task.values)[number] * 1000
        delay_ms = rules.picked_ms(task.rule.delay or task.usual, task.chance)
        if delay_ms > limit_ms and task.rule.outcome != "Skipped":
            return _timed_out(step, task.rule, now_ms, limit_ms)
        return _scripted(step, task.rule, now_ms, delay_ms)
    decision = flow.should_run(step, task.document.schema_version, task.platform, task.values)
    if isinstance(decision, flow.Skip):
        told = _told(step, "Skipped", flow.SKIPPED_EXIT_CODE, now_ms, now_ms, decision.reason)
        return told, "continue"
    if isinstance(decision, flow.Fail) and step.action in PLUGINS:
        outcome = flow.after_step(step, "Failed", 1)
        told = _told(step, outcome.step_status, outcome.exit_code, now_ms, now_ms, error=decision.reason)
        return told, outcome.next
    outcome = flow.after_step(step, "Success", 0)
    return _told(step, "Success", 0, now_ms, now_ms + rules.picked_ms(task.usual, task.chance)), outcome.next


def _scripted(step: Step, rule: Rule, now_ms: int, delay_ms: int) -> tuple[StepOutcome, Literal["continue", "exit"]]:
    # A code that asks for a reboot is only a number here: `reboot` is a request of its own.
    reboots = rule.code in flow.REBOOT
    outcome = flow.after_step(step, rule.outcome, int(rule.outcome != "Success") if reboots else rule.code)
    code = rule.code if reboots else outcome.exit_code
    ended_ms = now_ms + delay_ms
    told = _told(step, outcome.step_status, code, now_ms, ended_ms, rule.output or "", rule.error or "")
    return told, outcome.next


def _timed_out(step: Step, rule: Rule, now_ms: int, limit_ms: int) -> tuple[StepOutcome, Literal["continue", "exit"]]:
    """As the agent does it: killed at its timeoutSeconds, with what it had said until then."""
    outcome = flow.after_step(step, "TimedOut", KILLED_CODE)
    ended_ms = now_ms + limit_ms
    told = _told(step, outcome.step_status, outcome.exit_code, now_ms, ended_ms, rule.output or "", rule.error or "")
    return told, outcome.next


def _until(planned: Course, now_ms: int) -> tuple[tuple[StepOutcome, ...], int | None]:
    """The steps that have ended by now, and since when the next one runs; None when there is none."""
    done = tuple(step for step in planned.steps if step.ended_ms <= now_ms)
    if len(done) == len(planned.steps):
        return done, None
    return done, planned.steps[len(done)].started_ms


def _told(
    step: Step, status: str, code: int, started_ms: int, ended_ms: int, output: str = "", error: str = ""
) -> StepOutcome:
    return StepOutcome(
        name=step.name,
        plugin=step.action,
        status=status,
        code=code,
        started_ms=started_ms,
        ended_ms=ended_ms,
        output=(output + (ERROR_TITLE + error if error else ""))[:SHORT_OUTPUT_CHARACTERS],
        standard_output=output[:OUTPUT_CHARACTERS],
        standard_error=error[:OUTPUT_CHARACTERS],
    )
