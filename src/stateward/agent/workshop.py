"""What every command of an agent runs with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from stateward.agent.identity import Registration
from stateward.agent.journal import Journal
from stateward.agent.live_output import LiveOutput
from stateward.agent.machine import Machine
from stateward.agent.outbox import Outbox
from stateward.agent.plugins.step import ServerCalls
from stateward.agent.processes import Drains
from stateward.agent.sources import Sources
from stateward.clock import Clock

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The agent's parts that commands share; `runs` holds their folders, `changed` is set for the status file."""

    registration: Registration
    machine: Machine
    clock: Clock
    journal: Journal
    outbox: Outbox
    state_dir: Path
    server: ServerCalls
    drains: Drains
    live: LiveOutput
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    sources: Sources = field(default_factory=Sources)
    reboot_command: str = ""
    search_path: str = SEARCH_PATH

    @property
    def runs(self) -> Path:
        return self.state_dir / "runs"
