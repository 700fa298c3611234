"""What a plugin gets and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from stateward.agent.interruption import Interruption
from stateward.agent.live_output import LiveStep
from stateward.agent.machine import Machine
from stateward.agent.processes import Drains
from stateward.agent.sources import Sources
from stateward.agent.stored_document import StoredDocument
from stateward.clock import Clock
from stateward.documents.schema import Document

RESTARTED = "the agent was restarted while this step ran"
RESTARTED_CODE = -1
KILLED_CODE = 137
# A step that has no process of its own: after a restart there is nothing to be ended.
NO_PROCESS = (0, "")


class StepFailed(Exception):
    """The step cannot be done; the text says why, and what would be right."""


class ServerCalls(Protocol):
    """What plugins ask of the server; every method raises CallFailed."""

    async def get_document(self, name: str, version: str) -> StoredDocument:
        """A document that the node's account sees; an empty version is the default one."""

    async def put_inventory(self, items: list[dict[str, Any]]) -> None:
        """Store inventory of this node."""

    async def get_secret(self, name: str) -> str:
        """The value of a SecureString."""


class StepEnd(msgspec.Struct, frozen=True):
    """How a plugin ended. `reason` stands in the step's short output only, as of a step that was skipped."""

    status: str
    code: int
    standard_output: str = ""
    standard_error: str = ""
    overflowed: tuple[bool, bool] = (False, False)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSetting:
    """Where and how a step runs.

    `own_folder` is for the plugin's own files, `folder` where the step works unless told otherwise, `state_dir` what
    lives longer than the command. `began` notes the process group (leader, birth) durably before anything of the step
    happens, and raises OSError if it cannot. `live` takes what is shown while the step runs. `run_inside` runs a
    document as part of this step.
    """

    own_folder: Path
    folder: Path
    state_dir: Path
    environment: Mapping[str, str]
    timeout_s: int
    interruption: Interruption
    drains: Drains
    began: Callable[[int, str], None]
    machine: Machine
    server: ServerCalls
    sources: Sources
    region: str
    clock: Clock
    live: LiveStep | None
    run_inside: Callable[[Document, Mapping[str, Any]], Awaitable[StepEnd]]


Plugin = Callable[[Mapping[str, Any], StepSetting], Awaitable[StepEnd]]


def failed(reason: str) -> StepEnd:
    """A step that failed without a process that could have said why."""
    return StepEnd("Failed", 1, standard_error=reason)
