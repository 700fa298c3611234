"""`stateward agent status`, `install`, `update` and `pack`."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import hostile_web
import msgspec
import pytest
import structlog
from agent_bench import registered_agent
from agent_stub_server import CODE, NODE_ID, shell, stub_server
from typer.testing import CliRunner

from stateward.agent import identity, service, status, updating
from stateward.agent.identity import Registration
from stateward.agent.main import register
from stateward.cli.agent import app

PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(autouse=True)
def _own_logs():
    yield
    structlog.reset_defaults()


def invoke(*arguments, **environment):
    return CliRunner().invoke(app, list(arguments), env=environment)


def registered(folder, endpoint="https://one.test"):
    identity.prepare_key(folder)
    identity.save(folder, Registration(NODE_ID, "us-east-1", endpoint))
    return folder


# status


def test_no_node_is_exit_code_three(tmp_path):
    result = invoke("status", "--state-dir", str(tmp_path))
    assert result.exit_code == 3
    assert "no node is registered there" in result.stderr


def test_an_agent_that_does_not_run_is_exit_code_five(tmp_path):
    registered(tmp_path)
    (tmp_path / "replies").mkdir()
    (tmp_path / "replies" / "000000000001-x.json").touch()
    result = invoke("status", "--state-dir", str(tmp_path))
    assert result.exit_code == 5
    assert result.stdout.splitlines() == [
        f"Node        {NODE_ID}",
        "Server      https://one.test (us-east-1)",
        "Agent       not running",
        "Replies     1 not yet taken by the server",
    ]


def test_a_status_of_an_earlier_process_is_not_believed(tmp_path):
    registered(tmp_path)
    old = status.Status(
        node_id=NODE_ID,
        endpoint="x",
        region="x",
        agent_version="1",
        process_id=os.getpid(),
        birth="another birth",
        started_ms=0,
        way="ssmmessages",
    )
    (tmp_path / status.STATUS_FILE).write_bytes(msgspec.json.encode(old))
    assert invoke("status", "--state-dir", str(tmp_path)).exit_code == 5


def test_a_running_agent_tells_its_commands(tmp_path):
    fifo, state = tmp_path / "fifo", tmp_path / "state"
    os.mkfifo(fifo)

    async def work():
        async with asyncio.timeout(60), registered_agent(state) as server:
            command_id = await server.send_job(shell(f"cat {fifo}"))
            await server.ack()
            while True:
                text = await asyncio.to_thread(invoke, "status", "--state-dir", str(state))
                if command_id in text.stdout:
                    break
            told = await asyncio.to_thread(invoke, "status", "--state-dir", str(state), "-o", "json")
            await asyncio.to_thread(fifo.write_text, "")
            return command_id, text, told

    command_id, text, told = asyncio.run(work())
    assert text.exit_code == told.exit_code == 0, text.output
    assert "Connection  online, control channel since 20" in text.stdout
    assert f"Commands    1 running, 0 waiting: {command_id}" in text.stdout
    found = json.loads(told.stdout)
    assert (found["is_running"], found["way"], found["running"]) == (True, "ssmmessages", [command_id])
    assert os.stat(state / status.STATUS_FILE).st_mode & 0o777 == 0o600


# install


def test_a_unit_for_a_user_is_written_with_what_comes_next(tmp_path):
    result = invoke("install", "--user", "--state-dir", str(tmp_path / "a b"), XDG_CONFIG_HOME=str(tmp_path))
    assert result.exit_code == 0
    unit = (tmp_path / "systemd" / "user" / service.UNIT).read_text()
    assert f'agent run --state-dir "{tmp_path}/a b"\n' in unit
    assert "WantedBy=default.target" in unit
    told = result.stdout
    assert (
        told.index("agent register") < told.index("daemon-reload") < told.index("enable --now stateward-agent.service")
    )


def test_print_writes_nothing(tmp_path):
    result = invoke("install", "--print", "--state-dir", str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    assert "WantedBy=multi-user.target" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_words_of_a_unit_are_quoted():
    unit = service.unit_text(["/opt/100% $HOME/python"], Path("/var/x"), user=False)
    assert 'ExecStart="/opt/100%% $$HOME/python" agent run --state-dir /var/x\n' in unit
    with pytest.raises(ValueError, match="control character"):
        service.unit_text(["a\nExecStartPre=x"], Path("/var/x"), user=False)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_the_unit(tmp_path):
    path = tmp_path / service.UNIT
    path.write_text(service.unit_text([sys.executable, "-m", "stateward"], tmp_path, user=False))
    checked = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert str(path) not in checked.stderr
    assert service.UNIT not in checked.stderr


# pack and update


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "stateward-agent.pyz"
    result = invoke("pack", str(path))
    assert result.stdout == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n"
    return path


def run_packed(path, home, *arguments, **environment):
    """Run a zip-app with a Python that has none of our packages."""
    folder = home / "cache"
    return subprocess.run(
        [sys.executable, "-I", "-S", str(path), *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_CACHE_HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def own_zipapp(zipapp, tmp_path):
    """A copy whose cache is below the test's folder also for root."""
    path = tmp_path / "stateward-agent.pyz"
    with zipfile.ZipFile(zipapp) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "__main__.py":
                data = data.replace(b'"/var/cache"', repr(str(tmp_path / "cache")).encode())
            target.writestr(entry, data)
    (tmp_path / "cache").mkdir()
    return path


def test_a_zipapp_needs_nothing_but_python(own_zipapp, tmp_path):
    state = registered(tmp_path / "state")
    ended = run_packed(own_zipapp, tmp_path, "agent", "status", "--state-dir", str(state))
    assert (ended.returncode, ended.stderr) == (5, "")
    assert NODE_ID in ended.stdout
    (folder,) = (tmp_path / "cache" / "stateward-agent").iterdir()
    assert os.stat(folder.parent).st_mode & 0o777 == 0o700


def test_a_zipapp_runs_commands(own_zipapp, tmp_path):
    async def work():
        async with asyncio.timeout(60), stub_server() as server:
            await register(tmp_path / "state", server.url, "a" * 36, CODE)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(own_zipapp), "agent", "run", "--state-dir", str(tmp_path / "state")),
                env={"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path / "cache")},
                stderr=subprocess.PIPE,
            )
            try:
                await server.opened.get()
                return await server.replies(await server.send_job(shell("echo packed")))
            finally:
                process.terminate()
                await process.communicate()

    assert asyncio.run(work())[-1]["documentStatus"] == "Success"


def test_a_cache_of_somebody_else_is_not_used(own_zipapp, tmp_path):
    folder = tmp_path / "cache" / "stateward-agent"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    ended = run_packed(own_zipapp, tmp_path, "agent", "--help")
    assert ended.returncode == 1
    assert "must be a folder that only this user can use" in ended.stderr


def test_a_zipapp_for_another_python_says_so(own_zipapp, tmp_path):
    other = tmp_path / "other.pyz"
    with zipfile.ZipFile(own_zipapp) as source, zipfile.ZipFile(other, "w") as target:
        text = source.read("__main__.py").decode().replace(sys.implementation.cache_tag, "cpython-399")
        target.writestr("__main__.py", text)
    ended = run_packed(other, tmp_path, "agent", "--help")
    assert ended.returncode == 1
    assert "made for cpython-399 on" in ended.stderr


def test_packing_twice_gives_the_same_bytes(tmp_path):
    for name in ("one.pyz", "two.pyz"):
        invoke("pack", str(tmp_path / name))
    assert (tmp_path / "one.pyz").read_bytes() == (tmp_path / "two.pyz").read_bytes()


@pytest.fixture
def web():
    with hostile_web.web_server() as server:
        yield server


def hand_out(web, data, digest=None):
    digest = hashlib.sha256(data).hexdigest() if digest is None else digest
    web.answers[updating.ROUTE] = hostile_web.content(data, **{updating.DIGEST_HEADER: digest})


def test_an_update_replaces_the_zipapp(own_zipapp, tmp_path, web):
    state = registered(tmp_path / "state", web.url)
    newer = own_zipapp.read_bytes()
    own_zipapp.write_bytes(newer + b"\0")
    hand_out(web, newer)
    ended = run_packed(own_zipapp, tmp_path, "agent", "update", "--state-dir", str(state))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [f"{own_zipapp} is replaced", "restart the agent to run it"]
    assert own_zipapp.read_bytes() == newer
    again = run_packed(own_zipapp, tmp_path, "agent", "update", "--state-dir", str(state))
    assert again.stdout == f"{own_zipapp} is what the server hands out\n"


def fetched(web, **options):
    return asyncio.run(updating.fetch(web.url, **options))


def test_a_server_without_an_agent_is_said(web):
    with pytest.raises(updating.UpdateFailed, match="hands out no agent"):
        fetched(web)


@pytest.mark.parametrize("digest", ["0" * 64, ""])
def test_a_download_with_another_digest_is_refused(web, digest):
    hand_out(web, b"something", digest)
    with pytest.raises(updating.UpdateFailed, match="what came has the SHA-256"):
        fetched(web)


def test_plain_http_over_a_network_is_refused():
    with pytest.raises(updating.UpdateFailed, match="is not secure"):
        asyncio.run(updating.fetch("http://stateward.test:8390"))


@pytest.mark.parametrize("data", [b"no zip", None])
def test_what_does_not_start_does_not_replace(tmp_path, data):
    program = tmp_path / "program.pyz"
    program.write_bytes(b"old")
    if data is None:
        with zipfile.ZipFile(tmp_path / "broken.pyz", "w") as file:
            file.writestr("__main__.py", "raise SystemExit('it is broken')")
        data = (tmp_path / "broken.pyz").read_bytes()
    with pytest.raises(updating.UpdateFailed, match=r"no zip-app|it is broken"):
        updating.replace(program, data)
    assert program.read_bytes() == b"old"
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_an_installed_package_is_not_updated(tmp_path):
    result = invoke("update", "--state-dir", str(registered(tmp_path)))
    assert result.exit_code == 1
    assert "pip install -U stateward" in result.stderr
