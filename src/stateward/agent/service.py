"""The agent as a service of systemd: the unit, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

UNIT = "stateward-agent.service"
SYSTEM_FOLDER = Path("/etc/systemd/system")
SYSTEM_SETTINGS = "/etc/default/stateward-agent"
USER_SETTINGS = "%h/.config/stateward-agent.env"


def unit_text(program: Sequence[str], state_dir: Path, *, user: bool) -> str:
    """The unit that runs `program agent run`. ValueError for a word that no unit can hold."""
    command = " ".join(_word(word) for word in (*program, "agent", "run", "--state-dir", str(state_dir)))
    settings, target = (USER_SETTINGS, "default.target") if user else (SYSTEM_SETTINGS, "multi-user.target")
    return f"""\
[Unit]
Description=Stateward node agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
# Options as STATEWARD_AGENT_... variables, and keys for S3 as AWS_... ones.
EnvironmentFile=-{settings}
ExecStart={command}
Restart=always
RestartSec=5
# The agent ends its steps itself; what these have started on purpose outlives it.
KillMode=process
TimeoutStopSec=30

[Install]
WantedBy={target}
"""


def unit_path(*, user: bool, config_home: Path) -> Path:
    """The file of the unit; `config_home` is the user's folder of configuration."""
    return (config_home / "systemd" / "user" if user else SYSTEM_FOLDER) / UNIT


def _word(word: str) -> str:
    """A word as systemd reads it back."""
    if any(ord(letter) < 32 for letter in word):
        raise ValueError(f"{word!r} cannot stand in a unit: it has a control character")
    word = word.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word}"' if not word or any(letter in " '\"\\;" for letter in word) else word
