"""What the agent says of a command: the content of `agent_job_reply` (node protocol 5.7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stateward.agent.machine import AGENT_NAME, Machine
from stateward.agent.output import SHORT_BYTES, STREAM_BYTES, STREAM_CUT, cut

# A websocket frame that the server takes; control characters grow sevenfold in JSON inside JSON.
MOST_BYTES = 240_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """A finished step; instants in ms."""

    name: str
    plugin: str
    status: str
    code: int
    started_ms: int
    ended_ms: int
    output: str = ""
    standard_output: str = ""
    standard_error: str = ""


def accepted(machine: Machine, now_ms: int) -> str:
    """The first reply to a job: in progress, no steps yet."""
    return _content(machine, "InProgress", None, None, "", now_ms)


def refused(machine: Machine, reason: str, now_ms: int) -> str:
    """The reply that follows a refusal: failed, without steps."""
    return _content(machine, "Failed", None, None, reason, now_ms)


def step_ended(
    machine: Machine, results: Sequence[StepResult], now_ms: int, document_status: str = "InProgress"
) -> str:
    """The reply after a step, the last of `results`: that step only, and how many have ended how."""
    return _fitting(machine, document_status, results, results[-1:], now_ms)


def ended(machine: Machine, document_status: str, results: Sequence[StepResult], now_ms: int) -> str:
    """The final reply; it repeats the step of a document that has only one."""
    return _fitting(machine, document_status, results, results if len(results) == 1 else (), now_ms)


def instant(ms: int) -> str:
    """An instant as replies have it, `2026-11-23T09:24:28.294Z`."""
    return (_EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def _fitting(
    machine: Machine, status: str, results: Sequence[StepResult], shown: Sequence[StepResult], now_ms: int
) -> str:
    counts = dict(sorted(Counter(result.status for result in results).items()))
    limit = STREAM_BYTES
    while True:
        steps = {result.name: _step(result, limit) for result in shown}
        content = _content(machine, status, counts, steps, "", now_ms)
        if len(msgspec.json.encode(content)) <= MOST_BYTES or limit < SHORT_BYTES:
            return content
        limit //= 2


def _content(
    machine: Machine,
    status: str,
    counts: dict[str, int] | None,
    steps: dict[str, Any] | None,
    trace: str,
    now_ms: int,
) -> str:
    agent = {
        "lang": "en-US",
        "name": AGENT_NAME,
        "os": machine.system,
        "osver": "1",
        "ver": machine.agent_version,
    }
    content = {
        "additionalInfo": {
            "agent": agent,
            "dateTime": instant(now_ms),
            "runId": "",
            "runtimeStatusCounts": counts,
        },
        "documentStatus": status,
        "documentTraceOutput": trace,
        "runtimeStatus": steps,
    }
    return msgspec.json.encode(content).decode()


def _step(result: StepResult, limit: int) -> dict[str, Any]:
    return {
        "status": result.status,
        "code": result.code,
        "name": result.plugin,
        "output": cut(result.output, min(limit, SHORT_BYTES), STREAM_CUT),
        "startDateTime": instant(result.started_ms),
        "endDateTime": instant(result.ended_ms),
        "outputS3BucketName": "",
        "outputS3KeyPrefix": "",
        "stepName": "",
        "standardOutput": cut(result.standard_output, limit, STREAM_CUT),
        "standardError": cut(result.standard_error, limit, STREAM_CUT),
    }
