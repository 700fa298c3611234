"""The official agent's commands over ec2messages: recorded there, or recorded in frames and said there (AGT-02)."""

import pytest
from message_replay import MessageReplay
from replay import Replay
from table import ENDS, MESSAGES, REFUSED
from test_replayed_commands import seen, stored

from every_run import with_the_rest_slow

EVERY_TIME = (
    "command-three-steps",
    "command-step-timeout",
    "command-onfailure-exit",
    "command-exit-168",
    "cancel-between-steps",
    "reboot-command",
)
"""Those whose replies every run plays in every order."""


@pytest.mark.parametrize("name", ENDS)
def test_a_recorded_command_ends_the_same_over_ec2messages_agt_02(ssm, polling, name):
    replay = Replay(ssm, polling, name)
    (command_id,) = replay.play()
    assert seen(replay.end(command_id)) == ENDS[name]


@pytest.mark.parametrize("name", with_the_rest_slow(ENDS, EVERY_TIME))
def test_replies_in_any_order_lost_or_doubled_end_the_same_d7(ssm, polling, name):
    replay = Replay(ssm, polling, name)
    for how, command_id in replay.variants():
        assert seen(replay.end(command_id)) == ENDS[name], how


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_that_the_node_refuses_has_failed(ssm, polling, name):
    replay = Replay(ssm, polling, name, stands_in=True)
    (command_id,) = replay.play()
    assert replay.end(command_id) == ("Failed", "Failed", [])


@pytest.mark.parametrize("name", MESSAGES)
def test_a_recorded_conversation_ends_as_the_table_says(ssm, polling, name):
    replay = MessageReplay(ssm, polling, name)
    ends = [replay.end(command_id) for command_id in replay.play()]
    assert [seen(end) for end in ends] == MESSAGES[name]
    if len(ends) == 1:
        told = replay.recorded_steps()
        for step in ends[0].steps:
            assert step.output == stored(told[step.name]["output"])


@pytest.mark.parametrize("name", MESSAGES)
def test_a_conversation_in_any_order_lost_or_doubled_ends_the_same_d7(ssm, polling, name):
    replay = MessageReplay(ssm, polling, name)
    known = set()
    for how, command_ids in replay.variants():
        assert [seen(replay.end(command_id)) for command_id in command_ids] == MESSAGES[name], how
        assert known.isdisjoint(command_ids), "each is run anew"
        known.update(command_ids)
    assert len(known) >= 4 * len(MESSAGES[name])
