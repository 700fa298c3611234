"""The agent as a process of its own, ended in the hardest way."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress

import pytest
from agent_bench import steps_of
from agent_stub_server import CODE, shell, steps, stub_server

from stateward.agent import processes
from stateward.agent.main import register

pytestmark = pytest.mark.slow


@asynccontextmanager
async def agent_process(state_dir):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stateward", "agent", "run", "--state-dir", str(state_dir), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def test_a_killed_agent_never_runs_a_command_twice(tmp_path):
    fifo, marks, state = tmp_path / "fifo", tmp_path / "marks", tmp_path / "state"
    os.mkfifo(fifo)
    document = steps(
        ("slow", [f"echo slow >> {marks}", f"echo $$ > {fifo}", "sleep 300"], {}),
        ("skipped", [f"echo skipped >> {marks}"], {}),
        ("finally", [f"echo finally >> {marks}"], {"finallyStep": True}),
    )

    async def work():
        async with asyncio.timeout(100), stub_server() as server:
            await register(state, server.url, "a" * 36, CODE)
            async with agent_process(state):
                await server.opened.get()
                command_id = await server.send_job(document)
                shell_id = int(await asyncio.to_thread(fifo.read_text))
            alive = processes.birth_of(shell_id) is not None
            async with agent_process(state):
                await server.opened.get()
                replies = await server.replies(command_id)
                await server.send_job(document, command_id=command_id)
                code = await server.ack()
            return alive, processes.birth_of(shell_id), replies, code

    alive, birth, replies, code = asyncio.run(work())
    assert alive
    assert birth is None
    assert code == "51405"
    assert marks.read_text().split() == ["slow", "finally"]
    found = {name: (step["status"], step["code"]) for name, step in steps_of(replies).items()}
    assert found == {"slow": ("Failed", -1), "skipped": ("Skipped", 0), "finally": ("Success", 0)}
    assert steps_of(replies)["slow"]["standardError"] == "the agent was restarted while this step ran"
    assert replies[-1]["documentStatus"] == "Failed"


@pytest.mark.parametrize("kills", range(3))
def test_commands_run_once_however_often_the_agent_is_killed(tmp_path, kills):
    marks, state = tmp_path / "marks", tmp_path / "state"

    async def work():
        commands = []
        async with asyncio.timeout(100), stub_server() as server:
            await register(state, server.url, "a" * 36, CODE)
            for n in range(kills + 1):
                async with agent_process(state):
                    await server.opened.get()
                    commands.append(await server.send_job(shell(f"echo run-{n} >> {marks}")))
                    if n < kills:
                        # Killed somewhere between the acknowledgement and the end of the command.
                        await server.ack()
                        continue
                    for command_id in commands[:-1]:
                        await server.send_job(shell(f"echo again >> {marks}"), command_id=command_id)
                        assert await server.ack() in ("200", "51405")
                    await server.replies(commands[-1])

    asyncio.run(work())
    lines = marks.read_text().split()
    assert len(lines) == len(set(lines))
    assert f"run-{kills}" in lines
    assert "again" not in lines


def test_sigterm_ends_the_agent_in_order(tmp_path):
    fifo, state = tmp_path / "fifo", tmp_path / "state"
    os.mkfifo(fifo)

    async def work():
        async with asyncio.timeout(100), stub_server() as server:
            await register(state, server.url, "a" * 36, CODE)
            async with agent_process(state) as process:
                await server.opened.get()
                command_id = await server.send_job(shell(f"echo $$ > {fifo}; sleep 300"), {"password": "hidden-value"})
                shell_id = int(await asyncio.to_thread(fifo.read_text))
                process.send_signal(signal.SIGTERM)
                _, log = await process.communicate()
            return process.returncode, shell_id, log.decode(), await server.replies(command_id)

    code, shell_id, log, replies = asyncio.run(work())
    assert code == 0
    assert processes.birth_of(shell_id) is None
    assert replies[-1]["documentStatus"] == "Failed"
    assert "command taken" in log
    for secret in (CODE, "s" * 40, "session", "channel-token", "hidden-value", "PRIVATE"):
        assert secret not in log
