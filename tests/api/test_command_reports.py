"""What nodes report of a command, in whatever order and however often (spec 6.4; D2, D7, D27, D65, CMD-01)."""

import json

import pytest

from command_calls import command, command_status, report, send, status, step, told_step, turn
from stateward.agent import messages


@pytest.fixture
def impatient(monkeypatch):
    """The server waits for a missing last step no time at all, and looks often. Ask for it before the server."""
    monkeypatch.setattr("stateward.commands.merging.LAST_STEP_WAIT_MS", 0)
    monkeypatch.setattr("stateward.gateway.channels.REMINDER_S", 0.02)


@pytest.fixture
def running(ssm, nodes, document):
    """A command of two steps that one node has begun: (command id, node, job)."""
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    (job,) = node.wait_for_jobs()
    node.wait_for_stored(1)
    return command_id, node, job


def output(ssm, command_id, node, name):
    found = step(ssm, command_id, node, name)
    return found["Status"], found["StandardOutputContent"]


def test_a_begun_command_is_in_progress(ssm, running):
    command_id, node, _ = running
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    assert command_status(ssm, command_id) == ("InProgress", "InProgress")
    assert output(ssm, command_id, node, "first") == ("InProgress", "")


def test_steps_show_while_the_document_goes_on(server, ssm, running):
    command_id, node, job = running
    job.report_step("first", output="one")
    node.wait_for_stored(2)
    assert output(ssm, command_id, node, "first") == ("Success", "one")
    assert output(ssm, command_id, node, "second") == ("InProgress", "")
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.report_step("second", output="two")
    node.wait_for_stored(3)
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.end("Success")
    server.settle()
    assert status(ssm, command_id, node) == ("Success", "Success")


def test_the_final_report_waits_for_the_last_step_d7(server, ssm, running):
    command_id, node, job = running
    job.report_step("first", output="one")
    job.end("Failed", {"Success": 1, "Failed": 1})
    node.wait_for_stored(3)
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.report_step("second", "Failed", output="two", error="no")
    node.wait_for_stored(4)
    assert status(ssm, command_id, node) == ("Failed", "Failed")
    assert output(ssm, command_id, node, "second") == ("Failed", "two")
    assert command(ssm, command_id)["ErrorCount"] == 1


@pytest.mark.usefixtures("impatient")
def test_a_last_step_that_never_comes_is_not_waited_for_d7(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    (job,) = node.wait_for_jobs()
    job.report_step("first", output="one")
    job.end("Failed", {"Success": 1, "Failed": 1})
    server.settle()
    assert status(ssm, command_id, node) == ("Failed", "Failed")
    job.report_step("second", "Failed", output="late")
    node.wait_for_stored(4)
    assert output(ssm, command_id, node, "second") == ("Failed", "late")


def test_a_document_that_stops_early_is_not_waited_for_d7(server, ssm, running):
    command_id, node, job = running
    job.report_step("first", "Failed")
    job.end("Failed", {"Failed": 1})
    server.settle()
    assert status(ssm, command_id, node) == ("Failed", "Failed")
    assert step(ssm, command_id, node, "second")["ResponseCode"] == -1


def test_steps_come_in_any_order_d7(server, ssm, running):
    command_id, node, job = running
    job.report_step("second", output="two")
    job.end("Success", {"Success": 2})
    node.wait_for_stored(3)
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.report_step("first", output="one")
    server.settle()
    assert status(ssm, command_id, node) == ("Success", "Success")
    rows = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    assert [one["Name"] for one in rows[0]["CommandPlugins"]] == ["first", "second"]


def test_repeated_reports_change_nothing_d7(server, ssm, running):
    command_id, node, job = running
    for _ in range(2):
        job.report_step("first", output="one")
        job.report_step("second", "Failed", output="two")
        job.end("Failed", {"Success": 1, "Failed": 1})
    node.wait_for_stored(7)
    found = command(ssm, command_id)
    assert (found["Status"], found["CompletedCount"], found["ErrorCount"]) == ("Failed", 1, 1)
    assert output(ssm, command_id, node, "second") == ("Failed", "two")


@pytest.mark.parametrize("later", ["Failed", "Success", "TimedOut", "Cancelled", "InProgress"])
@pytest.mark.parametrize("first", ["Success", "Failed"])
def test_final_status_is_never_undone_d7(server, ssm, running, first, later):
    command_id, node, job = running
    job.finish(first, output="true")
    server.settle()
    before = command(ssm, command_id)
    ended = step(ssm, command_id, node)
    job.report_step("second", "Success" if first == "Failed" else "Failed", output="false")
    job.end(later)
    node.wait_for_stored(6)
    assert status(ssm, command_id, node) == (first, first)
    assert step(ssm, command_id, node) == ended
    assert ended["StandardOutputContent"] == "true"
    assert command(ssm, command_id) == before


def test_reports_of_unknown_commands_are_taken_and_dropped(server, ssm, running):
    command_id, node, job = running
    report(node, "01234567-89ab-cdef-0123-456789abcdef", "Failed", {"first": told_step("Failed", 1)})
    report(node, "no-id", "Failed")
    node.wait_for_stored(3)
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.finish()
    server.settle()
    assert command_status(ssm, command_id) == ("Success", "Success")


def test_unknown_steps_are_dropped(server, ssm, running):
    command_id, node, job = running
    report(node, command_id, "InProgress", {"third": told_step("Failed", 1), "first": told_step(standardOutput="one")})
    node.wait_for_stored(2)
    rows = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    assert [one["Name"] for one in rows[0]["CommandPlugins"]] == ["first"]
    job.finish()
    server.settle()
    assert command_status(ssm, command_id) == ("Success", "Success")


def test_a_node_speaks_for_itself_only(server, ssm, nodes, running):
    command_id, node, job = running
    other = nodes.one(holds=True)
    report(other, command_id, "Failed", {"first": told_step("Failed", 1)})
    other.wait_for_stored(1)
    report(other, command_id, "Failed", {"first": told_step("Failed", 1)}, of=node)
    report(other, command_id, "Failed")
    other.wait_for_stored(2)
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    assert output(ssm, command_id, node, "first") == ("InProgress", "")
    assert len(ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]) == 1
    job.finish()
    server.settle()
    assert command_status(ssm, command_id) == ("Success", "Success")


def test_a_node_cannot_report_before_it_was_sent_the_command(server, ssm, nodes, document):
    first, second = nodes.add(2, holds=True)
    command_id = send(ssm, document(), first, second, MaxConcurrency="1")
    (job,) = first.wait_for_jobs()
    report(second, command_id, "Success")
    second.wait_for_stored(1)
    assert status(ssm, command_id, second) == ("Pending", "Pending")
    job.finish()
    second.wait_for_jobs()[0].finish()
    server.settle()
    assert command_status(ssm, command_id) == ("Success", "Success")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{", id="cut off"),
        pytest.param("[]", id="a list"),
        pytest.param('{"documentStatus": "Perfect"}', id="unknown status"),
        pytest.param('{"documentStatus": "Failed", "runtimeStatus": {"first": {"status": "Odd"}}}', id="unknown step"),
        pytest.param('{"documentStatus": "Failed", "runtimeStatus": {"first": 7}}', id="no step"),
        pytest.param('{"documentStatus": "Failed", "a": ' + "[" * 5_000, id="deep"),
    ],
)
def test_a_report_that_cannot_be_read_is_taken_and_dropped(server, ssm, running, content):
    command_id, node, job = running
    job_id = f"aws.ssm.{command_id}.{node.node_id}"
    node.send_frame(messages.REPLY, messages.reply_payload(job_id, messages.SEND_TOPIC, content))
    node.wait_for_stored(2)
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.finish()
    server.settle()
    assert command_status(ssm, command_id) == ("Success", "Success")


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff\xfe", b'{"jobId": 1}', b"{" * 10_000])
def test_frames_without_sense_leave_the_channel_open(server, ssm, running, payload):
    command_id, node, job = running
    node.send_frame(messages.REPLY, payload)
    node.send_frame(messages.JOB_ACK, payload)
    node.send_frame("agent_nonsense", payload)
    job.finish()
    server.settle()
    assert status(ssm, command_id, node) == ("Success", "Success")


def test_output_is_cut_to_its_limits_cmd_01(server, ssm, running):
    command_id, node, _ = running
    told = told_step(output="c" * 6_000, standardOutput="ö" * 30_000, standardError="e" * 30_000)
    report(node, command_id, "InProgress", {"first": told})
    report(node, command_id, "Success", {"second": told_step()}, {"Success": 2})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert found["StandardOutputContent"] == "ö" * 24_000
    assert found["StandardErrorContent"] == "e" * 8_000
    rows = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    assert rows[0]["CommandPlugins"][0]["Output"] == "c" * 2_500


def test_output_within_its_limits_comes_back_whole_cmd_01(server, ssm, running):
    command_id, node, job = running
    job.report_step("first", output="o" * 24_000, error="e" * 8_000)
    job.end("Success", {"Success": 1})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert (found["StandardOutputContent"], found["StandardErrorContent"]) == ("o" * 24_000, "e" * 8_000)


def test_output_may_hold_anything(server, ssm, running):
    command_id, node, job = running
    job.report_step("first", output='\u0000\u001b[31m"\\\n\U0001f600\u202e', error="\r\n")
    job.end("Success", {"Success": 1})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert found["StandardOutputContent"] == '\ufffd\u001b[31m"\\\n\U0001f600\u202e'
    assert found["StandardErrorContent"] == "\r\n"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param(0, 0, id="0"),
        pytest.param(-1, -1, id="D27 the agent was restarted"),
        pytest.param(137, 137, id="D27 killed"),
        pytest.param(2**40, 2**31 - 1, id="beyond 32 bits"),
        pytest.param(-(2**40), -(2**31), id="below 32 bits"),
    ],
)
def test_the_code_is_the_steps_own(server, ssm, running, code, told):
    command_id, node, job = running
    job.report_step("first", "Failed", code=code, error="the agent was restarted while this step ran")
    job.end("Failed", {"Failed": 1})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert (found["Status"], found["ResponseCode"]) == ("Failed", told)
    assert found["StandardErrorContent"] == "the agent was restarted while this step ran"


def test_times_of_a_step_are_iso_texts_cmd_01(server, ssm, running):
    command_id, node, _ = running
    report(node, command_id, "Success", {"first": told_step()}, {"Success": 1})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert found["ExecutionStartDateTime"] == "2026-01-02T03:04:05.006Z"
    assert found["ExecutionEndDateTime"] == "2026-01-02T03:04:05.097Z"
    assert found["ExecutionElapsedTime"] == "PT0.091S"


@pytest.mark.parametrize("instant", ["yesterday", "9999999999999999-01-01", "2026-13-45T00:00:00Z", ""])
def test_times_that_cannot_be_are_left_out(server, ssm, running, instant):
    command_id, node, _ = running
    told = told_step(startDateTime=instant, endDateTime=instant)
    report(node, command_id, "Success", {"first": told}, {"Success": 1})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert (found["Status"], found["ExecutionStartDateTime"], found["ExecutionElapsedTime"]) == ("Success", "", "")
    rows = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    assert "ResponseStartDateTime" not in rows[0]["CommandPlugins"][0]


def test_a_reboot_is_no_end(server, ssm, running):
    command_id, node, job = running
    report(node, command_id, "SuccessAndReboot", {"first": told_step("SuccessAndReboot", 194)}, {"SuccessAndReboot": 1})
    node.wait_for_stored(2)
    assert output(ssm, command_id, node, "first") == ("InProgress", "")
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    job.finish(output="after the reboot")
    server.settle()
    assert output(ssm, command_id, node, "first")[0] == "Success"
    assert output(ssm, command_id, node, "second") == ("Success", "after the reboot")


def test_reports_survive_a_restart_of_the_server(server, ssm, nodes, running):
    command_id, node, job = running
    job.report_step("first", output="one")
    node.wait_for_stored(2)
    server.stop()
    server.start()
    again = server.client()
    assert output(again, command_id, node, "first") == ("Success", "one")
    assert status(again, command_id, node) == ("InProgress", "InProgress")
    turn(server, "4h")
    assert status(again, command_id, node) == ("TimedOut", "DeliveryTimedOut")


def test_a_report_without_steps_closes_the_invocation(server, ssm, running):
    command_id, node, _ = running
    content = json.dumps({"documentStatus": "Failed", "documentTraceOutput": "no room on the disk"})
    job_id = f"aws.ssm.{command_id}.{node.node_id}"
    node.send_frame(messages.REPLY, messages.reply_payload(job_id, messages.SEND_TOPIC, content))
    server.settle()
    assert status(ssm, command_id, node) == ("Failed", "Failed")
    found = step(ssm, command_id, node, "first")
    assert (found["Status"], found["ResponseCode"]) == ("Failed", -1)
