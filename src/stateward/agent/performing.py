"""Steps and the plugins that do them, also those of documents inside of other documents (spec 5.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from stateward.agent.durable import private_folder
from stateward.agent.interruption import Interruption
from stateward.agent.live_output import LiveStep
from stateward.agent.plugins import table
from stateward.agent.plugins.step import KILLED_CODE, RESTARTED, RESTARTED_CODE, StepEnd, StepSetting, failed
from stateward.agent.workshop import Workshop
from stateward.documents import flow, interpolation, schema
from stateward.documents.schema import Document, Step

LANGUAGE = "C.UTF-8"
# The command's own document, and two inside of it.
MOST_NESTED = 3
_FAILED_INSIDE = {"Success": 0, "Cancelled": KILLED_CODE, "TimedOut": KILLED_CODE}
log = structlog.get_logger("stateward.agent")


class Performer:
    """Does the steps of one command. All of them share a working folder."""

    def __init__(
        self,
        workshop: Workshop,
        command_id: str,
        interruption: Interruption,
        began: Callable[[int, str], None],
    ) -> None:
        self._shop = workshop
        self._command_id = command_id
        self._interruption = interruption
        self._began = began
        self._live: LiveStep | None = None
        self.folder = workshop.runs / command_id

    async def perform(
        self, step: Step, document: Document, values: Mapping[str, Any], number: int, live: LiveStep | None
    ) -> StepEnd:
        """Do the step of this number in the command's own document, if it runs on this node at all."""
        self._live = live
        return await self._step(step, document, values, private_folder(self.folder) / str(number), 1)

    async def _step(
        self, step: Step, document: Document, values: Mapping[str, Any], own_folder: Path, depth: int
    ) -> StepEnd:
        shop = self._shop
        available = table.available(shop.search_path)
        decision = flow.should_run(step, document.schema_version, shop.machine.platform_type, values, available)
        if isinstance(decision, flow.Skip):
            return StepEnd("Skipped", flow.SKIPPED_EXIT_CODE, reason=decision.reason)
        if isinstance(decision, flow.Fail):
            return failed(decision.reason)
        try:
            private_folder(own_folder)
            private_folder(self.folder / "work")
        except OSError as error:
            return failed(f"failed to run commands: {error}")
        log.info("step begins", command=self._command_id, step=step.name, plugin=step.action)
        ends: list[StepEnd] = []
        for inputs in step.input_sets:
            if ends and self._interruption.reason:
                ends.append(self._broken_off())
                break
            setting = self._setting(inputs, document, values, own_folder, depth)
            ready = interpolation.step_inputs(step.action, inputs, document.parameters, values)
            ends.append(await table.PLUGINS[step.action](ready, setting))
        return together(ends)

    def _setting(
        self,
        inputs: Mapping[str, Any],
        document: Document,
        values: Mapping[str, Any],
        own_folder: Path,
        depth: int,
    ) -> StepSetting:
        shop = self._shop

        async def run_inside(inner: Document, inner_values: Mapping[str, Any]) -> StepEnd:
            return await self._document(inner, inner_values, own_folder, depth + 1)

        return StepSetting(
            own_folder=own_folder,
            folder=self.folder / "work",
            state_dir=shop.state_dir,
            environment=self._environment(document, values),
            timeout_s=schema.timeout_s(inputs, values),
            interruption=self._interruption,
            drains=shop.drains,
            began=self._began,
            machine=shop.machine,
            server=shop.server,
            sources=shop.sources,
            region=shop.registration.region,
            clock=shop.clock,
            live=self._live,
            run_inside=run_inside,
        )

    def _environment(self, document: Document, values: Mapping[str, Any]) -> dict[str, str]:
        """A step's environment (D28): nothing of the agent's own."""
        shop = self._shop
        return {
            **interpolation.environment(document.parameters, values),
            "PATH": shop.search_path,
            "HOME": shop.machine.home,
            "LANG": LANGUAGE,
            "AWS_SSM_INSTANCE_ID": shop.registration.node_id,
            "AWS_SSM_REGION_NAME": shop.registration.region,
            "AWS_SSM_PLATFORM_NAME": shop.machine.platform_name,
            "AWS_SSM_PLATFORM_VERSION": shop.machine.platform_version,
            "SSM_COMMAND_ID": self._command_id,
        }

    async def _document(self, document: Document, values: Mapping[str, Any], own_folder: Path, depth: int) -> StepEnd:
        """Run a document inside of a step: its outputs are joined, a failure has code 1 (node protocol 5.7)."""
        if depth > MOST_NESTED:
            return failed(f"more than {MOST_NESTED} documents inside each other: call them one after another instead")
        ends: list[StepEnd] = []
        leaving = False
        for number, step in enumerate(document.steps, 1):
            if leaving and not (step.finally_step and step is document.steps[-1]):
                continue
            if self._interruption.reason:
                ends.append(self._broken_off())
                break
            end = await self._step(step, document, values, own_folder / str(number), depth)
            outcome = flow.after_step(step, end.status, end.code)
            if outcome.document_override is not None:
                # The reboot is of the step outside: it runs again after the boot, as a whole.
                return _joined([*ends, end], end.status, end.code)
            ends.append(msgspec.structs.replace(end, status=outcome.step_status))
            leaving = leaving or outcome.next == "exit"
        if any(end.code == RESTARTED_CODE for end in ends):
            return _joined(ends, "Failed", RESTARTED_CODE)
        status = flow.document_status(end.status for end in ends)
        return _joined(ends, status, _FAILED_INSIDE.get(status, 1))

    def _broken_off(self) -> StepEnd:
        """The end of what did not begin, since the command was interrupted."""
        if self._interruption.reason == "stop":
            return StepEnd("Failed", RESTARTED_CODE, standard_error=RESTARTED)
        return StepEnd("Cancelled", flow.NEVER_BEGAN_EXIT_CODE)


def together(ends: Sequence[StepEnd]) -> StepEnd:
    """Several property sets of one plugin are one step; the worst end is its end (recorded: outputs are joined)."""
    if len(ends) == 1:
        return ends[0]
    status = flow.document_status(end.status for end in ends)
    worst = next((end for end in ends if end.status == status), ends[-1])
    return _joined(ends, status, worst.code, "\n")


def joined(text: str, more: str) -> str:
    """A text and a line more."""
    return f"{text}\n{more}" if text else more


def _joined(ends: Sequence[StepEnd], status: str, code: int, between: str = "") -> StepEnd:
    return StepEnd(
        status,
        code,
        between.join(end.standard_output for end in ends if end.standard_output),
        between.join(end.standard_error for end in ends if end.standard_error),
        (any(end.overflowed[0] for end in ends), any(end.overflowed[1] for end in ends)),
        "\n".join(end.reason for end in ends if end.reason),
    )
