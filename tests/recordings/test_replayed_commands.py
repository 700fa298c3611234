"""The official agent's commands, replayed: jobs beside the recorded ones, and the same end in every order (D7, D25)."""

import pytest
from replay import Replay
from table import COURSES, CROWDS, ENDS, REFUSED, SUCCESS

from every_run import with_the_rest_slow
from recordings import Conversation

AFTER_THE_END = "cancel-finished"
"""Its cancel comes when all is over: before that it would be another course."""

OUTPUT_CHARACTERS, ERROR_CHARACTERS = 24_000, 8_000


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


IN_ORDERS = [name for name in ENDS | COURSES if name != AFTER_THE_END]


@pytest.mark.parametrize("name", with_the_rest_slow(IN_ORDERS, IN_ORDERS[::3]))
def test_replies_in_any_order_lost_or_doubled_end_the_same_d7(ssm, player, name):
    replay = Replay(ssm, player, name)
    first = None
    for how, command_id in replay.variants():
        end = replay.end(command_id)
        first = first or end
        assert seen(end) == (ENDS | COURSES)[name], how
        assert end == first, how


@pytest.mark.parametrize("name", REFUSED)
def test_a_job_that_the_node_refuses_has_failed(ssm, player, name):
    replay = Replay(ssm, player, name, stands_in=True)
    for how, command_id in replay.variants():
        assert replay.end(command_id) == ("Failed", "Failed", []), how


@pytest.mark.parametrize("name", CROWDS)
def test_several_commands_end_as_the_table_says(ssm, player, name):
    replay = Replay(ssm, player, name)
    assert [seen(replay.end(command_id)) for command_id in replay.play()] == CROWDS[name]


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
