import asyncio
import subprocess
import sys

import pytest
import structlog
from agent_stub_server import CODE, NODE_ID, stub_server
from typer.testing import CliRunner

from stateward.agent import identity
from stateward.agent.identity import Registration
from stateward.cli.agent import app


@pytest.fixture(autouse=True)
def _own_logs():
    """The command line sets up logging for the whole process."""
    yield
    structlog.reset_defaults()


def invoke(*arguments, **environment):
    return CliRunner().invoke(app, list(arguments), env=environment)


def test_register_prints_the_node_id_and_nothing_else(tmp_path):
    async def work():
        async with stub_server() as server:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "stateward", "agent", "register", "--endpoint", server.url),
                *("--activation-id", "a" * 36, "--state-dir", str(tmp_path)),
                env={"STATEWARD_ACTIVATION_CODE": CODE, "PATH": "/usr/bin:/bin"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            return process.returncode, *await process.communicate()

    _, stdout, stderr = asyncio.run(work())
    assert stdout.decode() == f"{NODE_ID}\n"
    assert stderr == b""
    assert identity.load(tmp_path).node_id == NODE_ID


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["run"], "no node is registered there", id="run before register"),
        pytest.param(["join", "--endpoint", "host"], "use https://host:port", id="join without scheme"),
        pytest.param(["join", "--endpoint", "http://127.0.0.1:1", "--tag", "x"], "use key=value", id="bad tag"),
        pytest.param(["run", "--log-level", "loud"], "--log-level 'loud'", id="bad log level"),
        pytest.param(
            ["register", "--endpoint", "x", "--activation-id", "a", "--activation-code", "b"],
            "use https://host:port",
            id="register without scheme",
        ),
        pytest.param(
            ["register", "--endpoint", "http://10.1.2.3:8390", "--activation-id", "a", "--activation-code", "b"],
            "http://10.1.2.3:8390 is not secure: anybody on the way could read the activation's code",
            id="register in clear",
        ),
        pytest.param(["join", "--endpoint", "http://host.test:1"], "use https or --insecure", id="join in clear"),
    ],
)
def test_an_error_is_one_line_and_exit_code_one(tmp_path, arguments, told):
    result = invoke(*arguments, "--state-dir", str(tmp_path))
    assert result.exit_code == 1
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_relative_state_folder_belongs_to_where_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("run", "--state-dir", "node-one")
    assert f"{tmp_path}/node-one: no node is registered there" in result.stderr


def test_join_keeps_to_the_server_that_the_node_belongs_to(tmp_path):
    identity.prepare_key(tmp_path)
    identity.save(tmp_path, Registration(NODE_ID, "us-east-1", "https://one.test"))
    result = invoke("join", "--endpoint", "https://two.test", "--state-dir", str(tmp_path))
    assert result.exit_code == 1
    assert f"already registered as {NODE_ID} at https://one.test" in result.stderr


def test_the_agent_never_loads_botocore():
    code = "import sys, stateward.agent.main, stateward.cli.agent; print([m for m in sys.modules if 'boto' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
