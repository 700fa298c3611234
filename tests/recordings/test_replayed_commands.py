"""The official agent's commands, replayed: jobs beside the recorded ones, and the same end in every order (D7, D25)."""

import pytest
from replay import Replay

from recordings import Conversation

OUTPUT_CHARACTERS, ERROR_CHARACTERS = 24_000, 8_000

# Written by hand from node protocol 5.6, 5.7 and spec 4.3: status, details, each step's details and exit code.
SUCCESS, FAILED, CANCELLED = ("Success", "Success"), ("Failed", "Failed"), ("Cancelled", "Cancelled")
TIMED_OUT, IN_PROGRESS = ("TimedOut", "ExecutionTimedOut"), ("InProgress", "InProgress")
ENDS = {
    "command-one-step": (SUCCESS, [("runShellScript", "Success", 0)]),
    "command-three-steps": (SUCCESS, [("first", "Success", 0), ("second", "Success", 0), ("third", "Success", 0)]),
    "command-failing-step-goes-on": (
        FAILED,
        [("first", "Success", 0), ("second", "Failed", 3), ("third", "Success", 0)],
    ),
    "command-schema-1.2": (SUCCESS, [("aws:runShellScript", "Success", 0)]),
    "command-schema-1.2-two-properties": (SUCCESS, [("aws:runShellScript", "Success", 0)]),
    "command-schema-2.0": (SUCCESS, [("x", "Success", 0)]),
    "command-no-output": (SUCCESS, [("x", "Success", 0)]),
    "command-unicode": (SUCCESS, [("x", "Success", 0)]),
    "command-binary-output": (SUCCESS, [("x", "Success", 0)]),
    "command-long-output": (SUCCESS, [("x", "Success", 0)]),
    "command-long-output-two-steps": (SUCCESS, [("a", "Success", 0), ("b", "Success", 0)]),
    "command-long-multibyte-output": (SUCCESS, [("x", "Success", 0)]),
    "command-long-error": (FAILED, [("x", "Failed", 1)]),
    "command-exit-127": (FAILED, [("x", "Failed", 127)]),
    "command-exit-168": (SUCCESS, [("first", "Success", 168), ("second", "Skipped", 0)]),
    "command-exit-169": (FAILED, [("first", "Failed", 169), ("second", "Skipped", 0)]),
    "command-killed-by-signal": (TIMED_OUT, [("x", "ExecutionTimedOut", 137)]),
    "command-step-timeout": (TIMED_OUT, [("slow", "ExecutionTimedOut", 137), ("second", "Success", 0)]),
    "command-onfailure-exit": (
        FAILED,
        [("fails", "Failed", 5), ("not-reached", "Skipped", 0), ("cleanup", "Success", 0)],
    ),
    "command-onfailure-outside-inputs": (FAILED, [("fails", "Failed", 5), ("second", "Success", 0)]),
    "command-onfailure-success-and-exit": (SUCCESS, [("fails", "Success", 168), ("not-reached", "Skipped", 0)]),
    "command-onsuccess-exit": (
        SUCCESS,
        [("first", "Success", 0), ("not-reached", "Skipped", 0), ("last", "Success", 0)],
    ),
    "command-precondition-parameter": (SUCCESS, [("yes", "Success", 0), ("no", "Skipped", 0)]),
    "command-precondition-skip": (SUCCESS, [("windows", "Skipped", 0), ("linux", "Success", 0)]),
    "command-unknown-plugin": (FAILED, [("x", "Failed", 1), ("b", "Success", 0)]),
    "command-windows-only-plugin": (SUCCESS, [("app", "Skipped", 0), ("b", "Success", 0)]),
    "command-working-directory-missing": (FAILED, [("runShellScript", "Failed", 1)]),
    "parameters-special-characters": (SUCCESS, [("x", "Success", 0)]),
    "reboot-command": (SUCCESS, [("before", "Success", 0), ("after", "Success", 0)]),
    "cancel-running": (CANCELLED, [("runShellScript", "Cancelled", 137)]),
    "cancel-between-steps": (
        CANCELLED,
        [("first", "Cancelled", 137), ("second", "Cancelled", 1), ("third", "Cancelled", 1)],
    ),
    "cancel-background-child": (CANCELLED, [("x", "Cancelled", 137)]),
}
# Refused by the node: the job of another document is sent, the answers are the recorded ones.
REFUSED = ("command-bad-schema", "command-no-steps", "command-schema-0.3")
# Their course depends on time and connections: played as recorded only.
COURSES = {
    "cancel-finished": (SUCCESS, [("runShellScript", "Success", 0)]),
    "duplicate-while-running": (SUCCESS, [("x", "Success", 0)]),
    "duplicate-after-end": (SUCCESS, [("x", "Success", 0)]),
    "duplicate-after-agent-restart": (SUCCESS, [("x", "Success", 0)]),
    "duplicate-simultaneous": (SUCCESS, [("x", "Success", 0)]),
    # Known there, and its end comes later than the recording's.
    "duplicate-killed-while-running-then-resent": (IN_PROGRESS, []),
    "lost-ack-connection-drops-after-job": (IN_PROGRESS, []),
    "lost-connection-during-command": (SUCCESS, [("x", "Success", 0)]),
    "lost-reply-acks": (FAILED, [("first", "Success", 0), ("second", "Failed", 3)]),
    "lost-reply-acks-across-restart": (SUCCESS, [("runShellScript", "Success", 0)]),
    "agent-kill-during-command": (FAILED, [("slow", "Failed", 1)]),
    "agent-stop-during-command": (SUCCESS, [("slow", "Success", 0), ("second", "Success", 0)]),
    "server-restart-during-command": (SUCCESS, [("slow", "Success", 0), ("second", "Success", 0)]),
}


def seen(end):
    return (end.status, end.details), [step[:3] for step in end.steps]


@pytest.mark.parametrize("name", ENDS | COURSES)
def test_a_recorded_command_ends_as_the_table_says(ssm, player, name):
    replay = Replay(ssm, player, name)
    (command_id,) = replay.play()
    end = replay.end(command_id)
    assert seen(end) == (ENDS | COURSES)[name]
    told = replay.recorded_steps()
    for step in end.steps:
        assert step.output == stored(told[step.name]["output"])
        if step.standard_output is not None:
            assert step.standard_output == stored(told[step.name]["standardOutput"])[:OUTPUT_CHARACTERS]
            assert step.standard_error == stored(told[step.name]["standardError"])[:ERROR_CHARACTERS]


@pytest.mark.parametrize("name", ENDS)
def test_replies_in_any_order_lost_or_doubled_end_the_same_d7(ssm, player, name):
    replay = Replay(ssm, player, name)
    first = None
    for how, command_id in replay.variants():
        end = replay.end(command_id)
        first = first or end
        assert seen(end) == ENDS[name], how
        assert end == first, how


@pytest.mark.parametrize("name", REFUSED)
def test_a_job_that_the_node_refuses_has_failed(ssm, player, name):
    replay = Replay(ssm, player, name, stands_in=True)
    for how, command_id in replay.variants():
        assert replay.end(command_id) == ("Failed", "Failed", []), how


def test_five_run_and_the_cancelled_sixth_ends_by_itself_d5(server, ssm, player):
    replay = Replay(ssm, player, "cancel-queued")
    *running, queued = replay.play()
    assert [seen(replay.end(command_id)) for command_id in running] == [(SUCCESS, [("x", "Success", 0)])] * 5
    assert replay.end(queued) == ("Cancelling", "Cancelling", [])
    player.disconnect()  # else the clock waits for what the node never says
    server.clock(advance="61s")
    assert replay.end(queued) == ("Cancelled", "Cancelled", [])


def test_replies_of_a_command_that_never_was_are_acknowledged(ssm, player):
    conversation = Conversation("cancel-unknown")
    (ack,) = conversation.frames("agent_job_ack")
    (reply,) = conversation.frames("agent_job_reply")
    player.send(ack)
    player.reply(reply)
    assert ssm.list_commands()["Commands"] == []


def stored(text):
    """NUL cannot be stored everywhere."""
    return text.replace("\x00", "\ufffd")
