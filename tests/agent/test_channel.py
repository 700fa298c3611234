import asyncio
import json
import os
from pathlib import Path

import pytest
from agent_bench import registered_agent, running_agent, steps_of
from agent_stub_server import CODE, NODE_ID, shell, stub_server
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from stateward import ids
from stateward.agent import channel, processes
from stateward.agent.identity import IdentityProblem
from stateward.agent.main import register, run_agent

RECORDINGS = Path(__file__).parents[1] / "fixtures" / "official-agent"


def with_agent(tmp_path, work):
    async def whole():
        async with asyncio.timeout(60), registered_agent(tmp_path / "state") as server:
            return await work(server)

    return asyncio.run(whole())


def test_the_node_announces_itself_before_it_opens_its_channel(tmp_path):
    async def work(server):
        return server.calls

    operations = [call if isinstance(call, str) else call[0] for call in with_agent(tmp_path, work)]
    assert operations == [
        "RegisterManagedInstance",
        "RequestManagedInstanceRoleToken",
        "UpdateInstanceInformation",
        "UpdateInstanceInformation",
        "CreateControlChannel",
    ]


def test_heartbeats_have_the_recorded_members(tmp_path):
    async def work(server):
        return [call[1] for call in server.calls if call[0] == "UpdateInstanceInformation"]

    short, full = with_agent(tmp_path, work)
    recorded = [json.loads((RECORDINGS / f"{name}.json").read_text()) for name in ("ping-startup", "ping-full")]
    assert set(short) == set(recorded[0]["request"]["body"])
    assert set(full) == set(recorded[1]["request"]["body"])
    assert short["AgentName"] == "stateward-agent"
    assert len(short["AgentVersion"].split(".")) == 4
    assert full["IPAddress"] == "127.0.0.1"


def test_a_command_is_acknowledged_then_reported(tmp_path):
    async def work(server):
        command_id = await server.send_job(shell("echo hello"))
        ack, payload = await server.next_frame("agent_job_ack")
        return ack, payload, await server.replies(command_id)

    ack, payload, replies = with_agent(tmp_path, work)
    recorded = json.loads((RECORDINGS / "command-one-step.json").read_text())["events"]
    first = next(event["frame"] for event in recorded if event["frame"]["messageType"] == "agent_job_ack")
    assert list(payload) == list(first["payload"])
    assert (payload["statusCode"], payload["errorMessage"]) == ("200", "Successful")
    assert ack.message_type == "agent_job_ack"
    assert [reply["documentStatus"] for reply in replies] == ["InProgress", "InProgress", "Success"]
    assert replies[0]["runtimeStatus"] is None
    assert replies[0]["additionalInfo"]["runtimeStatusCounts"] is None
    assert replies[0]["additionalInfo"]["agent"]["name"] == "stateward-agent"
    assert steps_of(replies)["run"]["standardOutput"] == "hello\n"


def test_steps_run_from_a_relative_state_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def work():
        async with asyncio.timeout(60), registered_agent(Path("state")) as server:
            return await server.replies(await server.send_job(shell("echo here")))

    assert steps_of(asyncio.run(work()))["run"]["standardOutput"] == "here\n"


def test_a_repeated_job_is_a_duplicate(tmp_path):
    mark = tmp_path / "mark"

    async def work(server):
        document = shell(f"echo run >> {mark}")
        command_id = await server.send_job(document)
        codes = [await server.ack()]
        await server.replies(command_id)
        await server.send_job(document, command_id=command_id)
        codes.append(await server.ack())
        return codes

    assert with_agent(tmp_path, work) == ["200", "51405"]
    assert mark.read_text() == "run\n"


def test_a_cancel_is_answered_as_recorded(tmp_path):
    async def work(server):
        command_id = await server.send_job(shell("sleep 300"))
        await server.ack()
        cancel_id = await server.cancel(command_id)
        _, ack = await server.next_frame("agent_job_ack")
        topics = []
        while True:
            _, payload = await server.next_frame("agent_job_reply")
            content = json.loads(payload["content"])
            topics.append((payload["topic"], cancel_id in payload["jobId"], content["documentStatus"]))
            if content["documentStatus"] == "Cancelled":
                return cancel_id in ack["jobId"], ack["statusCode"], topics

    of_the_cancel, code, topics = with_agent(tmp_path, work)
    assert of_the_cancel
    assert code == "200"
    assert ("aws.ssm.cancelCommand", True, "InProgress") in topics
    assert topics[-1] == ("aws.ssm.sendCommand", False, "Cancelled")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"not json", id="not JSON"),
        pytest.param({"JobId": f"aws.ssm.x.{NODE_ID}", "Topic": "aws.ssm.other", "Content": "{}"}, id="topic"),
        pytest.param({"JobId": "aws.ssm.x.mi-1", "Topic": "aws.ssm.sendCommand", "Content": "{}"}, id="another node"),
        pytest.param(
            {"JobId": f"aws.ssm.../../x.{NODE_ID}", "Topic": "aws.ssm.sendCommand", "Content": "{}"}, id="a path"
        ),
        pytest.param({"JobId": f"aws.ssm.x.{NODE_ID}", "Topic": "aws.ssm.sendCommand", "Content": "x"}, id="content"),
        pytest.param({"JobId": f"aws.ssm.x.{NODE_ID}", "Topic": "aws.ssm.cancelCommand", "Content": "{}"}, id="cancel"),
    ],
)
def test_a_job_that_cannot_be_understood_is_refused_and_the_agent_goes_on(tmp_path, payload):
    async def work(server):
        await server.send("agent_job", payload)
        code = await server.ack()
        _, reply = await server.next_frame("agent_job_reply")
        command_id = await server.send_job(shell("true"))
        await server.replies(command_id)
        return code, json.loads(reply["content"])

    code, content = with_agent(tmp_path, work)
    assert code == "51408"
    assert content["documentStatus"] == "Failed"
    assert content["runtimeStatus"] is None


def test_odd_frames_are_ignored(tmp_path):
    async def work(server):
        await server._send({"type": "websocket.send", "text": "hello"})
        await server._send({"type": "websocket.send", "bytes": b"short"})
        await server.send("no_such_type", {})
        await server.send("agent_job_reply_ack", b"not json")
        command_id = await server.send_job(shell("true"))
        return await server.replies(command_id)

    assert with_agent(tmp_path, work)[-1]["documentStatus"] == "Success"


def test_unacknowledged_replies_come_again_after_a_reconnect(tmp_path):
    async def work(server):
        server.acknowledging = False
        command_id = await server.send_job(shell("true"))
        first = [await server.next_frame("agent_job_reply") for _ in range(3)]
        await server.hang_up()
        await server.opened.get()
        again = [await server.next_frame("agent_job_reply") for _ in range(2)]
        for message, _ in again:
            await server.acknowledge(message)
        await server.hang_up()
        await server.opened.get()
        server.acknowledging = True
        other = await server.send_job(shell("true"))
        rest = await server.replies(other)
        return command_id, [m.message_id for m, _ in first], [m.message_id for m, _ in again], rest

    command_id, first, again, rest = with_agent(tmp_path, work)
    assert again == first[1:]
    assert len(rest) == 3
    assert command_id


@pytest.fixture
def pauses(monkeypatch):
    """The bounds between which each pause was chosen at random; all are cut short."""
    chosen = []
    for module in ("channel", "backoff"):
        monkeypatch.setattr(f"stateward.agent.{module}.jitter", lambda low, high: chosen.append((low, high)) or 0.0)
    return chosen


@pytest.mark.parametrize("code", [1001, 1012])
def test_a_server_that_restarts_again_and_again_is_met_as_soon_each_time(tmp_path, pauses, code):
    async def work(server):
        for _ in range(5):
            await server.hang_up(code)
            await server.opened.get()

    with_agent(tmp_path, work)
    assert pauses[:5] == [(0.0, 2.5)] * 5


def test_a_connection_that_brought_something_was_one(tmp_path, pauses):
    async def work(server):
        for _ in range(3):
            await server.replies(await server.send_job(shell("true")))
            await server.hang_up(1011)
            await server.opened.get()

    with_agent(tmp_path, work)
    assert pauses[:3] == [(0.0, 2.5)] * 3


def test_a_server_that_closes_every_connection_at_once_is_left_alone(tmp_path, pauses):
    async def work(server):
        for _ in range(4):
            await server.hang_up(1008)
            await server.opened.get()

    with_agent(tmp_path, work)
    assert pauses[:4] == [(0.1, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0)]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ConnectionClosedError(Close(1008, "another machine is the node now"), None),
            "another machine is the node now",
        ),
        (ConnectionClosedError(Close(1011, ""), None), "the server closed it: code 1011"),
        (ConnectionClosedError(None, None), "the connection was lost"),
        (OSError("no route"), "no route"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_why_there_is_no_channel_is_said_in_words(error, told):
    assert told in channel._reason(error)


def test_a_server_restart_loses_nothing(tmp_path):
    async def work(server):
        command_id = await server.send_job(shell(f"while [ ! -e {tmp_path}/go ]; do :; done; echo late"))
        await server.ack()
        await server.next_frame("agent_job_reply")
        await server.stop()
        (tmp_path / "go").touch()
        await server.start()
        await server.opened.get()
        return await server.replies(command_id)

    replies = with_agent(tmp_path, work)
    assert steps_of(replies)["run"]["standardOutput"] == "late\n"
    assert replies[-1]["documentStatus"] == "Success"


def test_replies_survive_a_restart_of_the_agent(tmp_path):
    async def work():
        async with asyncio.timeout(60), stub_server() as server:
            await register(tmp_path / "state", server.url, "a" * 36, CODE)
            server.acknowledging = False
            async with running_agent(tmp_path / "state"):
                await server.opened.get()
                command_id = await server.send_job(shell("true"))
                first = await server.replies(command_id)
            server.acknowledging = True
            async with running_agent(tmp_path / "state"):
                await server.opened.get()
                again = await server.replies(command_id)
                await server.send_job(shell("true"), command_id=command_id)
                return first, again, await server.ack()

    first, again, code = asyncio.run(work())
    assert again == first[1:]
    assert code == "51405"


def test_a_stopping_agent_reports_at_once(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def work():
        async with asyncio.timeout(60), stub_server() as server:
            await register(tmp_path / "state", server.url, "a" * 36, CODE)
            async with running_agent(tmp_path / "state"):
                await server.opened.get()
                command_id = await server.send_job(shell(f"echo $$ > {fifo}; sleep 300"))
                shell_id = int(await asyncio.to_thread(fifo.read_text))
            return shell_id, await server.replies(command_id)

    shell_id, replies = asyncio.run(work())
    assert processes.birth_of(shell_id) is None
    step = steps_of(replies)["run"]
    assert (step["status"], step["code"]) == ("Failed", -1)
    assert step["standardError"] == "the agent was restarted while this step ran"
    assert replies[-1]["documentStatus"] == "Failed"


def test_credentials_that_the_server_forgot_are_renewed(tmp_path):
    async def work():
        async with asyncio.timeout(60), stub_server() as server:
            await register(tmp_path / "state", server.url, "a" * 36, CODE)
            server.refusals["UpdateInstanceInformation"] = [(403, "InvalidSignatureException")]
            server.refusals["RequestManagedInstanceRoleToken"] = [(503, "ServiceUnavailable"), (400, "Nope")]
            async with running_agent(tmp_path / "state"):
                await server.opened.get()
            return [call[0] for call in server.calls if isinstance(call, tuple)]

    calls = asyncio.run(work())
    assert calls.count("RequestManagedInstanceRoleToken") >= 3
    assert calls.count("UpdateInstanceInformation") >= 3


def test_a_second_agent_on_the_same_folder_is_refused(tmp_path):
    async def work(server):
        with pytest.raises(IdentityProblem, match="another agent or fleet is using it"):
            await run_agent(tmp_path / "state")
        return ids.new_uuid()

    assert with_agent(tmp_path, work)
