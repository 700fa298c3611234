"""Whether a step runs, what its end means for the rest, and what becomes of the document (node protocol 5.7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from stateward.documents.interpolation import as_text, interpolate
from stateward.documents.platforms import PLUGINS
from stateward.documents.schema import Step

LEAVE_WITH_SUCCESS = 168
LEAVE_WITH_FAILURE = 169
# 3010 is what Windows installers say; no Unix exit status reaches it.
REBOOT = (194, 3010)
REBOOTING = "SuccessAndReboot"

SKIPPED_EXIT_CODE = 0
NEVER_BEGAN_EXIT_CODE = 1


class Run(msgspec.Struct, frozen=True):
    """The step runs."""


class Skip(msgspec.Struct, frozen=True):
    """The step ends `Skipped`, exit code 0, with the reason as its output."""

    reason: str


class Fail(msgspec.Struct, frozen=True):
    """The step ends `Failed`, exit code 1, with the reason as its output; later steps go on (onFailure holds)."""

    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """What the end of a step means.

    `document_override` SuccessAndReboot: the document pauses here, reports that status, and this same step runs again
    after the boot. `note` is a line for the step's output where its flow inputs or exit code decided.
    """

    step_status: str
    exit_code: int
    next: Literal["continue", "exit"]
    document_override: str | None = None
    note: str = ""


class Remaining(msgspec.Struct, frozen=True):
    """A step after the end of the ordinary run: it runs, or ends at once with this status, code and reason."""

    step: Step
    runs: bool
    status: str = ""
    exit_code: int = 0
    reason: str = ""


def should_run(
    step: Step,
    document_schema: str,
    platform_type: str,
    values: Mapping[str, Any],
    available: Collection[str] | None = None,
) -> Run | Skip | Fail:
    """What to do with a step on a node of this platform (`Linux`, `MacOS`, `Windows`), given the effective values.

    Schema 2.2: an unmet precondition and a known plugin of another platform skip. Earlier schemas have no
    preconditions, and the wrong platform fails. Unknown plugins, and those not in `available`, fail (D51).
    """
    if document_schema == "2.2" and step.precondition is not None:
        decided = _precondition(step, platform_type, values)
        if decided is not None:
            return decided
    plugin = PLUGINS.get(step.action)
    if plugin is not None and platform_type not in plugin.platforms:
        reason = f"{step.action} does not run on {platform_type}. Step name: {step.name}"
        return Skip(f"Step skipped: {reason}") if document_schema == "2.2" else Fail(reason)
    if plugin is None or (available is not None and step.action not in available):
        return Fail(f"{step.action} is not available on this node")
    return Run()


def after_step(step: Step, status: str, exit_code: int) -> Outcome:
    """How a step that ended with this status and exit code is reported, and whether the rest runs (spec 5.4).

    onFailure holds for Failed and TimedOut; successAndExit reports Success with code 168, as the official agent does.
    """
    if status == "Cancelled":
        return Outcome(status, exit_code, "exit")
    if status in ("Success", "Failed"):
        if exit_code in REBOOT:
            return Outcome(REBOOTING, exit_code, "exit", document_override=REBOOTING)
        if exit_code == LEAVE_WITH_SUCCESS:
            note = f"Exit code {exit_code}: the step is marked as succeeded, further steps are skipped."
            return Outcome("Success", exit_code, "exit", note=note)
        if exit_code == LEAVE_WITH_FAILURE:
            note = f"Exit code {exit_code}: the step is marked as failed, further steps are skipped."
            return Outcome("Failed", exit_code, "exit", note=note)
    if status in ("Failed", "TimedOut") and step.on_failure:
        note = f"onFailure {step.on_failure}: further steps are skipped."
        if step.on_failure == "successAndExit":
            return Outcome("Success", LEAVE_WITH_SUCCESS, "exit", note=note)
        return Outcome(status, exit_code, "exit", note=note)
    if status == "Success" and step.on_success == "exit":
        return Outcome(status, exit_code, "exit", note="onSuccess exit: further steps are skipped.")
    return Outcome(status, exit_code, "continue")


def document_status(step_statuses: Iterable[str]) -> str:
    """The document's status: SuccessAndReboot > Failed > TimedOut > Cancelled > Success (all Success or Skipped).

    InProgress as long as a step has none of these, or there is no step.
    """
    found = set(step_statuses)
    for status in (REBOOTING, "Failed", "TimedOut", "Cancelled"):
        if status in found:
            return status
    return "Success" if found and found <= {"Success", "Skipped", "PassedAndReboot"} else "InProgress"


def remaining_steps(steps: Sequence[Step], ended: int, cause: Literal["exit", "cancel"]) -> tuple[Remaining, ...]:
    """What becomes of the steps after the first `ended` ones, when one of these left the document or it was cancelled.

    After an exit they are Skipped and a finallyStep at the end runs; after a cancel all are Cancelled with code 1.
    """
    rest = steps[ended:]
    if cause == "cancel":
        reason = "Step cancelled before it began."
        return tuple(Remaining(step, False, "Cancelled", NEVER_BEGAN_EXIT_CODE, reason) for step in rest)
    reason = "Step skipped: an earlier step left the document."
    return tuple(
        Remaining(step, True)
        if step.finally_step and step is steps[-1]
        else Remaining(step, False, "Skipped", SKIPPED_EXIT_CODE, reason)
        for step in rest
    )


def _precondition(step: Step, platform_type: str, values: Mapping[str, Any]) -> Skip | Fail | None:
    """Why a precondition keeps the step from running; None when it is met."""
    for operator, operands in (step.precondition or {}).items():
        if operator != "StringEquals":
            return Fail(f'Unknown precondition operator "{operator}": use StringEquals. Step name: {step.name}')
        if not isinstance(operands, list | tuple) or len(operands) != 2:
            return Fail(f"Precondition StringEquals needs two values. Step name: {step.name}")
        if not _equal(operands, platform_type, values):
            shown = ", ".join(str(one) for one in operands)
            return Skip(f'Step skipped: precondition "StringEquals": [{shown}] is not met. Step name: {step.name}')
    return None


def _equal(operands: Sequence[Any], platform_type: str, values: Mapping[str, Any]) -> bool:
    known = {"platformType": platform_type, **values}
    left, right = (platform_type if one == "platformType" else as_text(interpolate(one, known)) for one in operands)
    if "platformType" in operands or any("platformType" in str(one) for one in operands):
        return left.lower() == right.lower()
    return left == right
