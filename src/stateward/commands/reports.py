"""What a node says of a command, read with suspicion (node protocol 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stateward.wire.protocol import parse_instant

DOCUMENT_STATUSES = frozenset(
    {"InProgress", "Success", "Failed", "TimedOut", "Cancelled", "SuccessAndReboot", "Skipped"}
)
STEP_STATUSES = frozenset(
    {"Success", "Failed", "TimedOut", "Cancelled", "Skipped", "SuccessAndReboot", "PassedAndReboot", "InProgress"}
)
OUTPUT_CHARACTERS = 24_000
SHORT_OUTPUT_CHARACTERS = 2_500
MOST_STEPS = 1_000


class MalformedReport(ValueError):
    """The node's words cannot be understood; the text says why."""


class StepReport(msgspec.Struct, frozen=True):
    """One finished step; instants in ms."""

    name: str
    plugin: str
    status: str
    code: int
    started_ms: int | None
    ended_ms: int | None
    output: str
    standard_output: str
    standard_error: str


class Report(msgspec.Struct, frozen=True):
    """One reply: the document's status, the steps it tells of, and how many steps there are (final replies)."""

    document_status: str
    steps: tuple[StepReport, ...]
    steps_counted: int

    @property
    def is_final(self) -> bool:
        return self.document_status not in ("InProgress", "SuccessAndReboot")


class _Step(msgspec.Struct):
    status: str = ""
    code: int = 0
    name: str = ""
    output: str = ""
    startDateTime: str = ""
    endDateTime: str = ""
    standardOutput: str = ""
    standardError: str = ""


class _Reply(msgspec.Struct):
    documentStatus: str = ""
    runtimeStatus: dict[str, _Step] | None = None
    additionalInfo: dict[str, Any] | None = None


def parse(content: str | bytes) -> Report:
    """Read the content of an `agent_job_reply`. Raises MalformedReport."""
    try:
        reply = msgspec.json.decode(content, type=_Reply)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MalformedReport(f"the reply cannot be read: {error}") from None
    if reply.documentStatus not in DOCUMENT_STATUSES:
        raise MalformedReport(f"document status {reply.documentStatus[:40]!r} is not known")
    told = reply.runtimeStatus or {}
    if len(told) > MOST_STEPS:
        raise MalformedReport(f"a reply with {len(told)} steps")
    steps = tuple(_step(name, step) for name, step in told.items() if step.status != "InProgress")
    return Report(reply.documentStatus, steps, _counted(reply.additionalInfo or {}))


def _step(name: str, told: _Step) -> StepReport:
    if told.status not in STEP_STATUSES:
        raise MalformedReport(f"step {name[:80]!r} has the unknown status {told.status[:40]!r}")
    return StepReport(
        name=name,
        plugin=told.name[:128],
        status=told.status,
        code=max(-(2**31), min(told.code, 2**31 - 1)),
        started_ms=_instant(told.startDateTime),
        ended_ms=_instant(told.endDateTime),
        output=_text(told.output, SHORT_OUTPUT_CHARACTERS),
        standard_output=_text(told.standardOutput, OUTPUT_CHARACTERS),
        standard_error=_text(told.standardError, OUTPUT_CHARACTERS),
    )


def _text(told: str, limit: int) -> str:
    # NUL cannot be stored everywhere.
    return told[:limit].replace("\x00", "\ufffd")


def _instant(told: str) -> int | None:
    try:
        return parse_instant(told) if told else None
    except ValueError:
        return None


def _counted(info: Mapping[str, Any]) -> int:
    counts = info.get("runtimeStatusCounts")
    if not isinstance(counts, dict):
        return 0
    return min(MOST_STEPS, sum(n for n in counts.values() if isinstance(n, int) and 0 < n <= MOST_STEPS))
