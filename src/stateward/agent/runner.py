"""Running one command: its document's steps in order, each journalled, each reported (node protocol 5.7)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import structlog

from stateward.agent import output, reports
from stateward.agent.interruption import Interruption
from stateward.agent.journal import Entry, Running
from stateward.agent.live_output import LiveStep
from stateward.agent.performing import Performer, joined
from stateward.agent.plugins.step import KILLED_CODE, RESTARTED, RESTARTED_CODE, StepEnd
from stateward.agent.processes import boot, end_group, start_reboot
from stateward.agent.reports import StepResult
from stateward.agent.workshop import Workshop
from stateward.documents import flow, parameters
from stateward.documents.schema import Document, Step

NO_REBOOT = "the step asks for a reboot (exit code {code}), which this agent only does with --reboot-command"
NOT_REBOOTED = "the agent was started again without the reboot that this step asked for (exit code {code})"
log = structlog.get_logger("stateward.agent")


class CommandRun:
    """One command from wherever its journal entry stands to its end."""

    def __init__(self, workshop: Workshop, entry: Entry, document: Document, given: Mapping[str, Any]) -> None:
        self.interruption = Interruption()
        self._shop = workshop
        self._entry = entry
        self._document = document
        self._values = parameters.effective_values(document.parameters, given)
        self._performer = Performer(workshop, entry.command_id, self.interruption, self._began)
        self._ended = False

    @property
    def waits_for_boot(self) -> bool:
        """Whether it goes on only after the system has booted."""
        return bool(self._entry.rebooting)

    @property
    def command_id(self) -> str:
        return self._entry.command_id

    def cancel(self) -> None:
        """End what runs, and nothing of the rest begins; remembered over a restart."""
        try:
            self._save(cancelled=True)
        except OSError as error:
            log.error("a cancel cannot be journalled", command=self.command_id, reason=str(error))
        self.interruption.call("cancel")

    def take_up(self) -> None:
        """After a restart: end what still runs of the interrupted step; say again what may not have arrived (D27)."""
        running, entry = self._entry.running, self._entry
        if entry.cancelled:
            self.interruption.call("cancel")
        for position in range(len(entry.results)):
            self._report(entry.results[: position + 1])
        if running is None:
            self._take_up_reboot()
            return
        survived = end_group(running.process_id, running.birth)
        log.info("a step was interrupted by a restart", command=entry.command_id, still_ran=survived)
        step = self._document.steps[len(entry.results)]
        end = StepEnd("Failed", RESTARTED_CODE, standard_error=RESTARTED)
        if entry.cancelled:
            end = StepEnd("Cancelled", KILLED_CODE)
        self._record(self._result(step, running.started_ms, end), "cancel" if entry.cancelled else "exit")

    async def run(self) -> None:
        """Go on to the end, or until the agent stops; then the journal knows where."""
        steps = self._document.steps
        while len(self._entry.results) < len(steps):
            ended = await self._end_of(steps[len(self._entry.results)])
            if ended is None:
                return
            if ended[0].status == flow.REBOOTING:
                self._reboot(ended[0])
                return
            self._record(*ended)
        self._finish()

    async def _end_of(self, step: Step) -> tuple[StepResult, str] | None:
        """The step's result and why the rest does not run, if so; None when the agent stops before it begins."""
        now_ms = self._shop.clock.now()
        leaving = self._leaving()
        if leaving is not None:
            rest = flow.remaining_steps(self._document.steps, len(self._entry.results), leaving)[0]
            if not rest.runs:
                return self._unrun(step, now_ms, rest.status, rest.exit_code, rest.reason), leaving
        if self.interruption.reason == "stop":
            return None
        number = len(self._entry.results) + 1
        live = self._live(step)
        end = await self._performer.perform(step, self._document, self._values, number, live)
        judged = self._judged(step, now_ms, self._with_earlier_output(end), leaving or "")
        if live is not None and judged[0].status != flow.REBOOTING:
            live.finish()
        return judged

    def _live(self, step: Step) -> LiveStep | None:
        # After a reboot nobody here knows at which byte its streams go on: the report has them whole.
        again = self._entry.earlier != ("", "")
        return None if again else self._shop.live.step(self._entry.job_id, step.name)

    def _with_earlier_output(self, end: StepEnd) -> StepEnd:
        """Outputs of a step accumulate over its reboots (node protocol 5.7)."""
        output, errors = self._entry.earlier
        return msgspec.structs.replace(
            end, standard_output=output + end.standard_output, standard_error=errors + end.standard_error
        )

    def _leaving(self) -> Literal["exit", "cancel"] | None:
        if self.interruption.reason == "cancel" or self._entry.leaving == "cancel":
            return "cancel"
        return "exit" if self._entry.leaving else None

    def _judged(self, step: Step, started_ms: int, end: StepEnd, leaving: str) -> tuple[StepResult, str]:
        if end.code == RESTARTED_CODE:
            return self._result(step, started_ms, end), "exit"
        outcome = flow.after_step(step, end.status, end.code)
        if outcome.document_override is not None and not self._shop.reboot_command:
            reason = NO_REBOOT.format(code=end.code)
            end = StepEnd("Failed", end.code, end.standard_output, joined(end.standard_error, reason))
            outcome = flow.after_step(step, "Failed", 1)
            outcome = msgspec.structs.replace(outcome, exit_code=end.code)
        if outcome.step_status == "Cancelled":
            leaving = "cancel"
        elif outcome.next == "exit":
            leaving = leaving or "exit"
        judged = self._result(step, started_ms, end, outcome.note)
        return msgspec.structs.replace(judged, status=outcome.step_status, code=outcome.exit_code), leaving

    def _began(self, process_id: int, birth: str) -> None:
        self._save(running=Running(process_id, birth, self._shop.clock.now()))

    def _unrun(self, step: Step, now_ms: int, status: str, code: int, reason: str) -> StepResult:
        return StepResult(
            name=step.name,
            plugin=step.action,
            status=status,
            code=code,
            started_ms=now_ms,
            ended_ms=now_ms,
            output=reason,
        )

    def _result(self, step: Step, started_ms: int, end: StepEnd, note: str = "") -> StepResult:
        standard_output, standard_error = end.standard_output, end.standard_error
        short = output.both(joined(standard_output, end.reason) if end.reason else standard_output, standard_error)
        if note:
            standard_output = joined(standard_output, note)
            standard_error = joined(standard_error, note) if standard_error else ""
        cut = (
            output.cut(text, output.STREAM_BYTES, output.STREAM_CUT, longer=longer)
            for text, longer in zip((standard_output, standard_error), end.overflowed, strict=True)
        )
        return StepResult(
            name=step.name,
            plugin=step.action,
            status=end.status,
            code=end.code,
            started_ms=started_ms,
            ended_ms=max(started_ms, self._shop.clock.now()),
            output=short,
            standard_output=next(cut),
            standard_error=next(cut),
        )

    def _record(self, result: StepResult, leaving: str) -> None:
        results = (*self._entry.results, result)
        self._save(results=results, leaving=leaving, running=None, earlier=("", ""))
        log.info("step ended", command=self.command_id, step=result.name, status=result.status, code=result.code)
        self._report(results)

    def _report(self, results: Sequence[StepResult]) -> None:
        content = reports.step_ended(self._shop.machine, results, self._shop.clock.now())
        self._shop.outbox.post(self._entry.job_id, content)

    def _reboot(self, result: StepResult) -> None:
        """Say that the command goes on after a boot, with this same step, and bring the boot about (spec 5.4)."""
        self._save(
            running=None,
            rebooting=boot(),
            earlier=(result.standard_output, result.standard_error),
            asked=(result.code, result.started_ms),
        )
        now_ms = self._shop.clock.now()
        results = (*self._entry.results, result)
        content = reports.step_ended(self._shop.machine, results, now_ms, flow.REBOOTING)
        self._shop.outbox.post(self._entry.job_id, content)
        log.warning("a step asks for a reboot", command=self.command_id, step=result.name)
        start_reboot(self._shop.reboot_command)

    def _take_up_reboot(self) -> None:
        """After the boot the step runs again; without one it has failed, and said what it had to say."""
        asked = self._entry.rebooting
        if not asked:
            return
        self._save(rebooting="")
        if asked == boot() and not self._entry.cancelled:
            code, started_ms = self._entry.asked
            step = self._document.steps[len(self._entry.results)]
            printed, errors = self._entry.earlier
            end = StepEnd("Failed", code, printed, joined(errors, NOT_REBOOTED.format(code=code)))
            self._record(self._result(step, started_ms, end), "exit")

    def _finish(self) -> None:
        status = flow.document_status(result.status for result in self._entry.results)
        self.close(status)
        log.info("command ended", command=self.command_id, status=status)

    def close(self, status: str) -> None:
        """Send the final reply and remember only that there was this command."""
        now_ms = self._shop.clock.now()
        content = reports.ended(self._shop.machine, status, self._entry.results, now_ms)
        self._shop.outbox.post(self._entry.job_id, content)
        self._shop.journal.end(self._entry, now_ms)
        self._ended = True

    async def clear_away(self) -> None:
        """Remove the files of a command that has ended."""
        if self._ended:
            await asyncio.to_thread(shutil.rmtree, self._performer.folder, ignore_errors=True)

    def _save(self, **changes: Any) -> None:
        entry = msgspec.structs.replace(self._entry, **changes)
        self._shop.journal.save(entry)
        self._entry = entry
