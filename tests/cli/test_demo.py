"""`stateward demo`: the whole way on this machine, and nothing left of it."""

import os
import re
import signal
from pathlib import Path

import pytest
import typer.testing

from programs import run, started
from stateward.cli.main import app


def processes_of(folder):
    """Ids of processes that have the folder in their command line or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in said and int(process.name) != os.getpid():
            found.append(process.name)
    return found


@pytest.fixture
def left(tmp_path):
    """What is still there of a demo that had this folder for its temporary files."""
    return lambda: processes_of(tmp_path) + [path.name for path in tmp_path.iterdir()]


def test_the_demo_shows_the_whole_way_and_leaves_nothing(tmp_path, left):
    other = {"STATEWARD_ACCOUNT_ID": "111122223333", "STATEWARD_HOST": "0.0.0.0", "HTTP_PROXY": "http://127.0.0.1:9"}
    ended = run("demo", timeout=60, TMPDIR=str(tmp_path), **other)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert left() == []
    said = ended.stdout
    for operation in (
        "create-activation",
        "create-document",
        "create-association",
        "start-associations-once",
        "describe-association-executions",
        "describe-association-execution-targets",
        "get-command-invocation",
    ):
        assert f"$ aws ssm {operation} " in said
    assert "--schedule-expression 'rate(30 minutes)'" in said
    assert len(re.findall(r"\{Success=1\}", said)) == 3, "the first run, and two rows of the history"
    latest = re.search(r"--execution-id (\S+)", said)[1]
    assert re.search(rf"^{latest} .*\{{Success=1\}}", said, re.MULTILINE), "ids are shown whole"
    assert "greet: Success, exit code 0\n    Hello, State Manager!\n" in said
    assert re.search(r"describe: Success, exit code 0\n    This is mi-[0-9a-f]{17}\n", said)


def test_a_broken_aws_configuration_is_said_and_nothing_left(tmp_path, left):
    ended = run("demo", timeout=60, TMPDIR=str(tmp_path), AWS_PROFILE="missing")
    assert ended.returncode == 1
    assert ended.stderr == "stateward: the demo failed: The config profile (missing) could not be found\n"
    assert left() == []


def test_no_temporary_folder_is_said(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    ended = typer.testing.CliRunner().invoke(app, ["demo"])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("stateward: the demo failed: [Errno 20] Not a directory: ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_demo_leaves_nothing(tmp_path, left, number):
    with started("demo", TMPDIR=str(tmp_path)) as demo:
        demo.line("A Stateward server is listening")
        demo.send(number)
        assert demo.wait() == 130
        assert demo.line("the demo was interrupted")
    assert left() == []
