"""The server's unit, as far as it can be looked at without starting it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from stateward.cli.main import app

UNIT = Path(__file__).parent.parent.parent / "contrib" / "systemd" / "stateward.service"
TEXT = UNIT.read_text(encoding="utf-8")


def settings(name):
    return re.findall(rf"^{name}=(.*)$", TEXT, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there to look at the unit")
def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    program = settings("ExecStart")[0].split()[0]
    unit = tmp_path / UNIT.name
    unit.write_text(TEXT.replace(program, sys.executable), encoding="utf-8")
    looked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    about_it = [line for line in looked.stderr.splitlines() if UNIT.name in line]
    assert about_it == []


def test_its_command_and_its_variables_are_the_servers():
    assert settings("ExecStart")[0].split()[1:] == ["serve"]
    options = typer.main.get_command(app).commands["serve"].params
    known = {name for one in options for name in ([one.envvar] if isinstance(one.envvar, str) else one.envvar or [])}
    assert set(re.findall(r"STATEWARD_\w+", TEXT)) <= known


def test_it_may_write_its_data_and_nothing_else():
    assert settings("StateDirectory") == ["stateward"]
    assert settings("Environment") == ["STATEWARD_DATA_DIR=/var/lib/stateward"]
    assert settings("DynamicUser") == settings("NoNewPrivileges") == ["yes"]
    assert settings("ProtectSystem") == ["strict"]
