"""Taking commands in: each once, five at a time, five more in the queue (node protocol 5.5, 5.6)."""

from __future__ import annotations

import asyncio
import shutil
import traceback
from collections import deque
from typing import Any

import msgspec
import structlog

from stateward.agent import reports
from stateward.agent.journal import Entry
from stateward.agent.messages import MalformedJob, SendJob, Work, read_work
from stateward.agent.runner import CommandRun
from stateward.agent.workshop import Workshop
from stateward.documents import parameters, schema
from stateward.documents.parameters import Declaration
from stateward.documents.schema import Document, InvalidDocumentContent, InvalidDocumentSchemaVersion

AT_ONCE = 5
QUEUED = 5
log = structlog.get_logger("stateward.agent")


class Answer(msgspec.Struct, frozen=True):
    """What a job is answered: the acknowledgement, and why when it is refused for good."""

    status_code: str
    text: str
    reason: str = ""


ACCEPTED = Answer("200", "Successful")
STOPPING = Answer("51401", "ClosedProcessor")
FULL = Answer("51402", "ProcessorBufferFull")
DUPLICATE = Answer("51405", "DuplicateCommand")


def invalid_document(reason: str) -> Answer:
    return Answer("51406", "InvalidDocument", reason)


def malformed(reason: str) -> Answer:
    return Answer("51408", "AgentJobMessageParseError", reason)


class Intake:
    """The commands of this agent that have not ended."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._offered: dict[str, CommandRun] = {}
        self._queue: deque[CommandRun] = deque()
        self._running: dict[str, tuple[CommandRun, asyncio.Task[None]]] = {}
        self._rebooting: list[str] = []
        self._stopping = False

    def take_up(self) -> None:
        """Go on with what a former agent process left (D27)."""
        self._sweep()
        for entry in self._shop.journal.unfinished():
            try:
                run = self._run_of(entry)
                run.take_up()
            except (MalformedJob, InvalidDocumentContent, InvalidDocumentSchemaVersion, OSError) as error:
                log.error("a command from before the restart cannot go on", command=entry.command_id, reason=str(error))
                self._give_up(entry, str(error))
                continue
            self._queue.append(run)
        self._fill()

    def offer(self, job: SendJob) -> Answer:
        """Take a job into the journal, or say why not; it starts with `begin`."""
        if self._stopping:
            return STOPPING
        if self._shop.journal.knows(job.command_id):
            return DUPLICATE
        entry = Entry(
            command_id=job.command_id,
            job_id=job.job_id,
            content=job.content,
            accepted_ms=self._shop.clock.now(),
        )
        try:
            run = self._run_of(entry)
        except (MalformedJob, InvalidDocumentSchemaVersion) as error:
            return malformed(str(error))
        except InvalidDocumentContent as error:
            return invalid_document(str(error))
        if len(self._running) + len(self._queue) + len(self._offered) >= AT_ONCE + QUEUED:
            return FULL
        try:
            self._shop.journal.save(entry)
        except OSError as error:
            return Answer("51499", "UnexpectedError", f"the journal cannot be written ({error})")
        self._offered[job.command_id] = run
        return ACCEPTED

    def begin(self, command_id: str) -> None:
        """Start a job that was taken, as soon as there is a place."""
        self._queue.append(self._offered.pop(command_id))
        self._fill()

    def cancel(self, command_id: str) -> None:
        """Stop a command, running or waiting; anything else is no matter."""
        waiting = next((run for run in self._queue if run.command_id == command_id), None)
        running = self._running.get(command_id)
        run = waiting or (running[0] if running else None)
        if run is None:
            log.info("asked to cancel a command that does not run here", command=command_id)
            return
        log.info("command is cancelled", command=command_id)
        run.cancel()
        if waiting is not None:
            # It only has to say so, which needs no place.
            self._queue.remove(waiting)
            self._start(waiting)

    async def stop(self) -> None:
        """End every running step and report it; what waits goes on with the next start."""
        self._stopping = True
        self._queue.clear()
        for run, _ in self._running.values():
            run.interruption.call("stop")
        await asyncio.gather(*(task for _, task in self._running.values()), return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing runs or waits."""
        while self._running:
            await asyncio.wait([task for _, task in self._running.values()])

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the commands that run."""
        return tuple(self._running)

    @property
    def waiting(self) -> int:
        """How many commands wait for a place."""
        return len(self._queue) + len(self._offered)

    @property
    def rebooting(self) -> tuple[str, ...]:
        """The ids of the commands that go on after the next boot."""
        return tuple(self._rebooting)

    def _fill(self) -> None:
        while self._queue and len(self._running) < AT_ONCE and not self._stopping:
            self._start(self._queue.popleft())

    def _start(self, run: CommandRun) -> None:
        task = asyncio.create_task(self._carry_out(run), name=f"command {run.command_id}")
        self._running[run.command_id] = (run, task)
        self._shop.changed.set()

    async def _carry_out(self, run: CommandRun) -> None:
        try:
            await run.run()
        except Exception:
            # Without the frames' variables, which hold parameter values.
            log.error("a command could not be carried out", command=run.command_id, trace=traceback.format_exc())
            try:
                run.close("Failed")
            except OSError as error:
                log.error("the journal cannot be written", command=run.command_id, reason=str(error))
        finally:
            del self._running[run.command_id]
            if run.waits_for_boot:
                self._rebooting.append(run.command_id)
            self._shop.changed.set()
            self._fill()
            await run.clear_away()

    def _sweep(self) -> None:
        wanted = {entry.command_id for entry in self._shop.journal.unfinished()}
        for folder in self._shop.runs.iterdir():
            if folder.name not in wanted:
                shutil.rmtree(folder, ignore_errors=True)

    def _run_of(self, entry: Entry) -> CommandRun:
        work = read_work(SendJob(entry.job_id, entry.command_id, entry.content))
        document = schema.parse_command(work.DocumentContent)
        given = given_values(document, work)
        return CommandRun(self._shop, entry, document, given)

    def _give_up(self, entry: Entry, reason: str) -> None:
        now_ms = self._shop.clock.now()
        self._shop.outbox.post(entry.job_id, reports.refused(self._shop.machine, reason, now_ms))
        try:
            self._shop.journal.end(entry, now_ms)
        except OSError as error:
            log.error("the journal cannot be written", command=entry.command_id, reason=str(error))


def given_values(document: Document, work: Work) -> dict[str, Any]:
    """The given parameters that the document declares. Raises MalformedJob for a value outside its pattern."""
    given = {
        name: value
        for name, value in (work.Parameters or {}).items()
        if name in document.parameters and value is not None
    }
    for name, value in given.items():
        declared = document.parameters[name]
        if not parameters.has_type(declared.type, value):
            raise MalformedJob(f'Parameter "{name}" is not of type {declared.type}.')
        if not _matches_pattern(declared, value):
            # The value may be a secret, and this text is logged.
            raise MalformedJob(f'Parameter "{name}" has a value that does not match its allowed pattern.')
    return given


def _matches_pattern(declared: Declaration, value: Any) -> bool:
    pattern = declared.allowed_pattern
    return pattern is None or not any(
        isinstance(item, str) and parameters.pattern_problem(pattern, item)
        for item in parameters.items_of(declared, value)
    )
