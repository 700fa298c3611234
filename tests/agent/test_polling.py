"""The long poll in place of the control channel (node protocol 6)."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest
from agent_bench import running_agent, steps_of
from agent_stub_server import CODE, NODE_ID, shell, stub_server

from stateward import ids
from stateward.agent import channel, link, outbox, polling
from stateward.agent.main import register


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    """The first failure is enough, and pauses are short."""
    monkeypatch.setattr(channel, "FALL_BACK_AFTER", 1)
    monkeypatch.setattr(channel, "Backoff", ShortBackoff)


class ShortBackoff:
    def next_s(self):
        return 0.05

    def reset(self):
        pass


@asynccontextmanager
async def polling_agent(state_dir):
    async with asyncio.timeout(60), stub_server() as server:
        server.no_channel = True
        await register(state_dir, server.url, "a" * 36, CODE)
        async with running_agent(state_dir):
            yield server


def content(document):
    return {"Parameters": {}, "DocumentContent": document}


def with_agent(tmp_path, work):
    async def whole():
        async with polling_agent(tmp_path / "state") as server:
            return await work(server)

    return asyncio.run(whole())


def test_a_command_comes_by_a_message_agt_02(tmp_path):
    async def work(server):
        command_id = server.offer(ids.new_uuid(), content(shell("echo hello")))
        replies = await server.replies(command_id)
        await server.called("AcknowledgeMessage", MessageId=f"aws.ssm.{command_id}.{NODE_ID}")
        return replies, await server.called("GetMessages")

    replies, asked = with_agent(tmp_path, work)
    assert [reply["documentStatus"] for reply in replies] == ["InProgress", "InProgress", "Success"]
    assert {reply["additionalInfo"]["ableToOpenMGSConnection"] for reply in replies} == {False}
    assert steps_of(replies)["run"]["standardOutput"] == "hello\n"
    assert (asked["Destination"], asked["VisibilityTimeoutInSeconds"]) == (NODE_ID, 10)


def test_a_message_that_comes_again_is_acknowledged_and_not_run(tmp_path):
    mark = tmp_path / "mark"

    async def work(server):
        command_id = ids.new_uuid()
        for _ in range(2):
            server.offer(command_id, content(shell(f"echo run >> {mark}")))
        await server.replies(command_id)
        await server.called("AcknowledgeMessage", count=2)

    with_agent(tmp_path, work)
    assert mark.read_text() == "run\n"


def test_a_cancel_comes_by_a_message(tmp_path):
    async def work(server):
        command_id = server.offer(ids.new_uuid(), content(shell("sleep 300")))
        await server.called("AcknowledgeMessage")
        cancel = {"CancelMessageId": f"aws.ssm.{command_id}.{NODE_ID}"}
        server.offer(ids.new_uuid(), cancel, topic="aws.ssm.cancelCommand.us-east-1")
        return await server.replies(command_id)

    assert with_agent(tmp_path, work)[-1]["documentStatus"] == "Cancelled"


@pytest.mark.parametrize(
    ("told", "topic"),
    [
        pytest.param("{}", "aws.ssm.somethingElse", id="unknown topic"),
        pytest.param("no JSON", "aws.ssm.cancelCommand.us-east-1", id="a cancel that is no JSON"),
    ],
)
def test_what_cannot_be_understood_is_given_back(tmp_path, told, topic):
    async def work(server):
        command_id = server.offer(ids.new_uuid(), told, topic=topic)
        return await server.called("FailMessage", MessageId=f"aws.ssm.{command_id}.{NODE_ID}")

    assert with_agent(tmp_path, work)["FailureType"] == "InternalHandlerException"


def test_a_bad_document_is_answered_and_not_acknowledged(tmp_path):
    async def work(server):
        command_id = server.offer(ids.new_uuid(), content({"schemaVersion": "9"}))
        replies = await server.replies(command_id)
        return replies, [call for call in server.calls if call[0] == "AcknowledgeMessage"]

    replies, acknowledged = with_agent(tmp_path, work)
    assert replies[-1]["documentStatus"] == "Failed"
    assert "schemaVersion '9'" in replies[-1]["documentTraceOutput"]
    assert acknowledged == []


def test_polling_goes_on_after_errors_and_replies_are_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "RESEND_MS", 100)
    monkeypatch.setattr(polling, "Backoff", ShortBackoff)

    async def work(server):
        server.refusals["GetMessages"] = [(500, "InternalServerError"), (429, "ThrottlingException")]
        server.refusals["SendReply"] = [(500, "InternalServerError")] * 3
        return await server.replies(server.offer(ids.new_uuid(), content(shell("echo hello"))))

    replies = with_agent(tmp_path, work)
    assert replies[-1]["documentStatus"] == "Success"


def test_a_reply_that_did_not_arrive_is_sent_again_after_the_pause(tmp_path, monkeypatch):
    monkeypatch.setattr(polling, "Backoff", ShortBackoff)

    async def work(server):
        server.refusals["SendReply"] = [(500, "InternalServerError")] * 3
        async with asyncio.timeout(outbox.RESEND_MS / 1000 / 2):
            return await server.replies(server.offer(ids.new_uuid(), content(shell("echo hello"))))

    assert with_agent(tmp_path, work)[-1]["documentStatus"] == "Success"


def test_the_channel_takes_over_and_polling_ends(tmp_path):
    async def work(server):
        await server.replies(server.offer(ids.new_uuid(), content(shell("echo polled"))))
        server.no_channel = False
        await server.opened.get()
        replies = await server.replies(await server.send_job(shell("echo by the channel")))
        server.offer(ids.new_uuid(), content(shell("echo never")))
        await server.replies(await server.send_job(shell("echo again")))
        return replies, server.offered.qsize()

    replies, left = with_agent(tmp_path, work)
    assert steps_of(replies)["run"]["standardOutput"] == "by the channel\n"
    assert "ableToOpenMGSConnection" not in replies[-1]["additionalInfo"]
    assert left == 1


def test_results_of_a_lost_channel_go_out_by_messages(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def work():
        async with asyncio.timeout(60), stub_server() as server:
            await register(tmp_path / "state", server.url, "a" * 36, CODE)
            async with running_agent(tmp_path / "state"):
                await server.opened.get()
                command_id = await server.send_job(shell(f"cat {fifo}"))
                assert await server.ack() == "200"
                server.no_channel = True
                await server.hang_up()
                await asyncio.to_thread(fifo.write_text, "done\n")
                return await server.replies(command_id)

    replies = asyncio.run(work())
    assert steps_of(replies)["run"]["standardOutput"] == "done\n"
    assert replies[-1]["additionalInfo"]["ableToOpenMGSConnection"] is False


def test_heartbeats_say_which_way_there_is():
    class Part:
        def watch(self, watcher):
            pass

        is_open = False
        answered = asyncio.Event()

    part = Part()
    way = link.Link(part, part, asyncio.Event())
    assert way.way == ""
    part.answered.set()
    assert way.way == "ec2messages"
    part.is_open = True
    assert way.way == "ssmmessages"
