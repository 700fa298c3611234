"""The process that an agent is for weeks: what only the command line needs is left behind when it begins."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import NoReturn

import msgspec

from stateward.agent.sources import Sources

ZIPAPP = "STATEWARD_AGENT_ZIPAPP"
AS_PROCESS = "--process"
# Colours and a command line of its own, which would cost this process some megabytes.
_NOT_WANTED = ("rich", "click", "pygments")


class AgentOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `stateward agent run` was told; no secrets, since arguments are seen by every user of the machine."""

    state_dir: str
    reboot_command: str = ""
    sources: Sources = Sources()
    log_level: str = "info"
    log_format: str = "text"


def become(options: AgentOptions) -> NoReturn:
    """Replace this process, its number kept, by one that is nothing but the agent."""
    # A zip-app has been unpacked to where this module is. Else without the working folder in the search path.
    unpacked = str(Path(__file__).parents[2])
    program = [unpacked, AS_PROCESS] if os.environ.get(ZIPAPP) else ["-P", "-m", __name__]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *program, msgspec.json.encode(options).decode()])


def main(text: str) -> None:
    """Be the agent until told to stop."""
    for name in _NOT_WANTED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    from stateward.agent.identity import IdentityProblem
    from stateward.agent.main import run_agent
    from stateward.cli.logs import configure_logs

    options = msgspec.json.decode(text, type=AgentOptions)
    configure_logs(options.log_level, options.log_format)
    try:
        asyncio.run(run_agent(Path(options.state_dir), reboot_command=options.reboot_command, sources=options.sources))
    except IdentityProblem as error:
        sys.exit(f"stateward: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
