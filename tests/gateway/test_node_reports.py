"""What nodes say, true or not: results count from the right node, nonsense harms nobody else (node protocol 5.7)."""

import json
import struct
import uuid

import pytest
from raw_channels import channel_of, end

from stateward.gateway import channels

POLICY = 1008
DONE = ("Success", "Success", {"only": ("Success", 0)})
HEADER = struct.Struct(">I32sIQqQ16s32sII")


@pytest.fixture
def working(node, send):
    """A node at work: (its channel, the command)."""
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id)
        channel.barrier()
        yield channel, command_id


def header(length=116, kind=b"agent_job_reply", created=1, size=0, version=1):
    return HEADER.pack(length, kind.ljust(32), version, created, 0, 0, b"i" * 16, b"d" * 32, 0, size)


NONSENSE = {
    "empty": b"",
    "one byte": b"\x00",
    "a header cut short": header()[:100],
    "a length of its own": header(length=2**32 - 1),
    "a payload that is not there": header(size=1000),
    "no JSON": header(size=3) + b"{{{",
    "no bytes of text": header(size=2) + b"\xff\xfe",
    "deep": header(size=20_000) + b"[" * 20_000,
    "another schema": header(version=99, size=2) + b"{}",
    "an acknowledgement of nothing": header(kind=b"agent_job_ack", size=2) + b"{}",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_harms_nobody(working, nodes, send, invocation, what):
    channel, command_id = working
    other = nodes.one(online=False)
    with channel_of(other) as others:
        channel.say(NONSENSE[what])
        theirs = send(other)
        assert others.job()[0] == theirs
        others.acknowledge(theirs)
        others.finish(theirs, only="Success")
    channel.finish(command_id, only="Success")
    assert invocation(command_id) == invocation(theirs) == DONE


@pytest.mark.parametrize("kind", ["agent_telemetry", "agent_update_result", "channel_closed", "no-such-thing"])
def test_messages_of_other_types_are_ignored(working, invocation, kind):
    channel, command_id = working
    channel.send(kind, {"what": "ever"})
    channel.say("a text frame")
    assert channel.barrier() == []
    channel.finish(command_id, only="Success")
    assert invocation(command_id) == DONE


def test_a_node_that_says_nothing_but_nonsense_is_closed(working, node, send):
    channel, _ = working
    for _ in range(channels.MOST_NONSENSE):
        channel.say(b"nonsense")
    assert channel.closed() == POLICY
    with channel_of(node) as again:
        command_id = send(node)
        assert again.job()[0] == command_id


UNREADABLE = {
    "no JSON": "{{{",
    "a list": "[]",
    "no status": "{}",
    "an unknown status": json.dumps({"documentStatus": "Sucess"}),
    "an unknown step status": json.dumps(end(only="Sucess")),
    "a code that is a text": json.dumps(end(only={"status": "Success", "code": "0"})),
    "too many steps": json.dumps(end(**{f"step-{n}": {"status": "Success"} for n in range(1001)})),
    "deep": "[" * 20_000,
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_unreadable_report_is_acknowledged_and_changes_nothing(working, invocation, what):
    channel, command_id = working
    channel.stored(channel.report(command_id, UNREADABLE[what]))
    assert invocation(command_id) == ("InProgress", "InProgress", {})
    channel.finish(command_id, only="Success")
    assert invocation(command_id) == DONE


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"status": "Failed", "code": 2**100}, ("Failed", 2**31 - 1)),
        ({"status": "Failed", "code": -(2**40)}, ("Failed", -(2**31))),
        ({"status": "Success", "startDateTime": "yesterday", "endDateTime": "9" * 500}, ("Success", 0)),
        ({"status": "Success", "standardOutput": "a\x00b", "output": "\x00", "name": "x" * 500}, ("Success", 0)),
    ],
)
def test_strange_values_of_a_step_are_tamed(ssm, working, invocation, told, seen):
    channel, command_id = working
    status = told["status"]
    channel.finish(command_id, status, only=told)
    assert invocation(command_id) == (status, status, {"only": seen})
    answer = ssm.get_command_invocation(CommandId=command_id, InstanceId=channel.node_id)
    assert answer["StandardOutputContent"] == told.get("standardOutput", "").replace("\x00", "\ufffd")


def test_output_is_cut_to_what_the_api_shows(ssm, working):
    channel, command_id = working
    told = {"status": "Success", "standardOutput": "o" * 60_000, "standardError": "e" * 60_000, "output": "s" * 60_000}
    channel.finish(command_id, only=told)
    answer = ssm.get_command_invocation(CommandId=command_id, InstanceId=channel.node_id)
    assert answer["StandardOutputContent"] == "o" * 24_000
    assert answer["StandardErrorContent"] == "e" * 8_000
    (row,) = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    assert row["CommandPlugins"][0]["Output"] == "s" * 2_500


def test_a_report_counts_from_the_node_that_has_the_command_only(nodes, working, invocation):
    channel, command_id = working
    other = nodes.one(online=False)
    with channel_of(other) as others:
        others.finish(command_id, "Failed", only={"status": "Failed", "code": 9})
        others.report(command_id, end("Failed", only="Failed"), node_id=channel.node_id)
        others.acknowledge(command_id, "51408")
        others.barrier()
    assert invocation(command_id) == ("InProgress", "InProgress", {})
    channel.finish(command_id, only="Success")
    assert invocation(command_id) == DONE


def test_a_report_about_another_nodes_job_id_is_not_acknowledged(nodes, working):
    channel, command_id = working
    other = nodes.one(online=False)
    with channel_of(other) as others:
        forged = others.report(command_id, end(only="Success"), node_id=channel.node_id)
        own = others.report(str(uuid.uuid4()), end(only="Success"))
        others.stored(own)  # the first acknowledgement that comes is not the forged one's
        assert forged != own


def test_each_of_several_nodes_reports_for_itself(nodes, send, invocation):
    one, two = nodes.add(2, online=False)
    command_id = send(one, two)
    with channel_of(one) as first, channel_of(two) as second:
        for channel in (first, second):
            channel.job()
            channel.acknowledge(command_id)
        first.finish(command_id, "Failed", only={"status": "Failed", "code": 3})
        assert invocation(command_id, two) == ("InProgress", "InProgress", {})
        second.finish(command_id, only="Success")
    assert invocation(command_id, one) == ("Failed", "Failed", {"only": ("Failed", 3)})
    assert invocation(command_id, two) == DONE


def test_a_report_on_what_was_not_handed_out_yet_changes_nothing(nodes, send, invocation):
    one, two = nodes.add(2, online=False)
    command_id = send(one, two, MaxConcurrency="1")
    with channel_of(one) as first, channel_of(two) as second:
        first.job()
        second.finish(command_id, only="Success")
        assert invocation(command_id, two) == ("Pending", "Pending", {})
        assert second.barrier() == []
        first.acknowledge(command_id)
        first.finish(command_id, only="Success")
        assert second.job()[0] == command_id


def test_steps_that_the_document_does_not_have_are_dropped(working, invocation):
    channel, command_id = working
    channel.finish(command_id, only="Success", invented="Failed")
    assert invocation(command_id) == DONE


def test_nothing_final_is_undone(working, invocation):
    channel, command_id = working
    channel.finish(command_id, only="Success")
    for late in (
        end("Failed", only={"status": "Failed", "code": 1}),
        end("InProgress"),
        end("Cancelled"),
        end("SuccessAndReboot", only="SuccessAndReboot"),
    ):
        channel.stored(channel.report(command_id, late))
        assert invocation(command_id) == DONE


def test_a_refusal_is_followed_by_a_report_that_changes_nothing(node, send, invocation):
    with channel_of(node) as channel:
        command_id = send(node)
        channel.job()
        channel.acknowledge(command_id, "51408")
        channel.finish(command_id, "Failed")
    assert invocation(command_id) == ("Failed", "Failed", {})


def test_an_end_without_its_step_is_closed_after_five_seconds_d7(server, monkeypatch, working, invocation):
    channel, command_id = working
    told = end("Success")
    told["additionalInfo"]["runtimeStatusCounts"] = {"Success": 1}
    channel.stored(channel.report(command_id, told))
    assert invocation(command_id) == ("InProgress", "InProgress", {})
    gateway = server.thread_server.gateway
    later_ms = server.thread_server.clock.wall() + 5_000
    monkeypatch.setattr(server.thread_server.clock, "wall", lambda: later_ms)
    server._thread.run(gateway._remind_once())
    assert invocation(command_id) == ("Success", "Success", {})
    monkeypatch.undo()
    channel.finish(command_id, only="Success")  # and what comes after that is filled in
    assert invocation(command_id) == DONE
