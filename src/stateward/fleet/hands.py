"""A scripted node's commands: taken in as an agent does, ended as the script says, with its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from stateward.agent import reports
from stateward.agent.intake import ACCEPTED, DUPLICATE, STOPPING, Answer, invalid_document, malformed
from stateward.agent.machine import Machine
from stateward.agent.messages import MalformedJob, SendJob
from stateward.agent.outbox import Outbox
from stateward.agent.reports import StepResult
from stateward.clock import Clock
from stateward.documents.schema import InvalidDocumentContent, InvalidDocumentSchemaVersion
from stateward.fleet.director import Part
from stateward.scripted import outcomes
from stateward.scripted.outcomes import Course, StepOutcome

REMEMBERED_MS = 30 * 60 * 1000
"""A server sends no command again later than 25 minutes after the first time (node protocol 5.6)."""


class Tally(msgspec.Struct):
    """What a fleet has done: commands taken, ended, and ended otherwise than well."""

    taken: int = 0
    ended: int = 0
    unwell: int = 0

    @property
    def running(self) -> int:
        return self.taken - self.ended


class _Work:
    """A command in the hands of a node; `told` counts the steps that it has reported."""

    __slots__ = ("course", "job_id", "part", "speaking", "told")

    def __init__(self, job_id: str, part: Part) -> None:
        self.job_id = job_id
        self.part = part
        self.course: Course | None = None
        self.speaking: asyncio.Task[None] | None = None
        self.told = 0


class Hands:
    """The commands of one node, each taken once. `cut` breaks the node's channel off."""

    def __init__(
        self,
        part_of: Callable[[SendJob], Part],
        outbox: Outbox,
        machine: Machine,
        clock: Clock,
        tally: Tally,
        cut: Callable[[], None],
    ) -> None:
        self._part_of = part_of
        self._outbox = outbox
        self._machine = machine
        self._clock = clock
        self._tally = tally
        self._cut = cut
        self._known: dict[str, int] = {}
        self._works: dict[str, _Work] = {}
        self._stopping = False

    def offer(self, job: SendJob) -> Answer:
        """Take a command, or say why not; it starts with `begin`."""
        if self._stopping:
            return STOPPING
        if job.command_id in self._known:
            return DUPLICATE
        try:
            part = self._part_of(job)
        except (MalformedJob, InvalidDocumentSchemaVersion) as error:
            return malformed(str(error))
        except InvalidDocumentContent as error:
            return invalid_document(str(error))
        self._remember(job.command_id)
        self._works[job.command_id] = _Work(job.job_id, part)
        return ACCEPTED

    def begin(self, command_id: str) -> None:
        """Go by the script from now on."""
        work = self._works[command_id]
        self._tally.taken += 1
        rule = work.part.rule
        if rule is not None and rule.drop:
            # What was written to the socket in this turn of the loop is still sent.
            asyncio.get_running_loop().call_soon(self._cut)
        if work.part.is_silent:
            del self._works[command_id]
        else:
            self._go(command_id, work, outcomes.course(work.part.task, self._clock.now()))

    def cancel(self, command_id: str) -> None:
        """End what runs; a node that never answers does not hear it either."""
        work = self._works.get(command_id)
        if work is not None and work.course is not None:
            # What it has told already stays told: the steps until now are the same.
            self._go(command_id, work, outcomes.cancelled(work.part.task, work.course, self._clock.now()))

    def stop(self) -> None:
        """Say at once how everything ends that has not: what runs is interrupted, as when an agent ends (D27)."""
        self._stopping = True
        now_ms = self._clock.now()
        for command_id, work in list(self._works.items()):
            if work.speaking is not None:
                work.speaking.cancel()
            if work.course is not None:
                # A finallyStep still runs, and takes no time.
                hurried = msgspec.structs.replace(work.part.task, rule=None, usual="0s")
                course = outcomes.interrupted(hurried, work.course, now_ms, now_ms)
                self._tell(command_id, work, course, course.steps[-1].ended_ms)

    def _remember(self, command_id: str) -> None:
        now_ms = self._clock.wall()
        self._known = {key: at_ms for key, at_ms in self._known.items() if at_ms > now_ms - REMEMBERED_MS}
        self._known[command_id] = now_ms

    def _go(self, command_id: str, work: _Work, course: Course) -> None:
        if work.speaking is not None:
            work.speaking.cancel()
        work.course = course
        work.speaking = asyncio.create_task(self._speak(command_id, work, course), name=f"command {command_id}")

    async def _speak(self, command_id: str, work: _Work, course: Course) -> None:
        """Report each step when it ends, or so much later as the script wants it."""
        for at_ms in sorted({step.ended_ms for step in course.steps}):
            await asyncio.sleep(max(0, at_ms + work.part.late_ms - self._clock.now()) / 1000)
            self._tell(command_id, work, course, at_ms)

    def _tell(self, command_id: str, work: _Work, course: Course, until_ms: int) -> None:
        results = [_result(step) for step in course.steps if step.ended_ms <= until_ms]
        now_ms = self._clock.now()
        for position in range(work.told, len(results)):
            self._post(work, reports.step_ended(self._machine, results[: position + 1], now_ms))
        work.told = max(work.told, len(results))
        if len(results) == len(course.steps):
            self._post(work, reports.ended(self._machine, course.status, results, now_ms))
            del self._works[command_id]
            self._tally.ended += 1
            self._tally.unwell += course.status not in ("Success", "Skipped")

    def _post(self, work: _Work, content: str) -> None:
        rule = work.part.rule
        for _ in range(2 if rule is not None and rule.twice else 1):
            self._outbox.post(work.job_id, content)


def _result(step: StepOutcome) -> StepResult:
    return StepResult(**msgspec.structs.asdict(step))
