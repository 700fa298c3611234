"""The official agent while nothing much happens: it idles, is stopped, starts again, and its server restarts (D25)."""

import json

import pytest
from conversation_replay import ConversationReplay
from message_replay import MessageReplay
from refresh_replay import RefreshReplay
from table import OVER_TIME
from test_replayed_commands import seen


@pytest.fixture
def replay_of(server, activation):
    """Replays of conversations, each of which ends with the test."""
    made = []

    def make(name, **how):
        made.append(ConversationReplay(server, activation, name, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ping_status(ssm):
    (node,) = ssm.describe_instance_information()["InstanceInformationList"]
    return node["PingStatus"]


def test_an_idle_node_is_online_and_told_nothing(ssm, replay_of):
    replay = replay_of("steady-state", start="channel", turns_clock=True)
    assert replay.play().outcome() == OVER_TIME["steady-state"]
    assert replay.proxy.reached["ListInstanceAssociations"] == 2
    assert ssm.list_commands()["Commands"] == []


def test_a_stopped_agent_says_no_farewell_and_is_lost_after_ten_minutes(server, ssm, replay_of):
    replay = replay_of("agent-stop", start="channel").play()
    assert ping_status(ssm) == "Online"
    server.clock(advance="10m1s")
    assert ping_status(ssm) == "ConnectionLost"
    assert replay.outcome() == OVER_TIME["agent-stop"]


def test_a_server_that_ends_sends_its_nodes_away_and_gets_them_back(replay_of):
    replay = replay_of("server-close-frame", start="channel")
    assert replay.restart_server() == 1001
    assert replay.play().outcome() == OVER_TIME["server-close-frame"]


def test_a_server_that_was_gone_for_a_second(replay_of):
    replay = replay_of("server-restart-1-second", start="channel")
    assert replay.play().outcome() == OVER_TIME["server-restart-1-second"]


def test_a_start_with_stored_keys_starts_no_run_again(ssm, replay_of):
    replay = replay_of("agent-start-again", start="channel")
    assert RefreshReplay(ssm, replay.player, "association-multi-step").play() == [("Success", "")]
    replay.player.disconnect()
    (mine,) = ssm.list_associations()["Associations"]
    replay.player.bind("lab-multi", mine["Name"])
    asked = replay.proxy.reached["RequestManagedInstanceRoleToken"]
    assert replay.play().outcome() == OVER_TIME["agent-start-again"]
    assert replay.proxy.reached["RequestManagedInstanceRoleToken"] == asked
    (listed,) = replay.listed
    assert (listed["AssociationId"], listed["DetailedStatus"]) == (mine["AssociationId"], "Success")
    runs = ssm.describe_association_executions(AssociationId=mine["AssociationId"])["AssociationExecutions"]
    assert [run["Status"] for run in runs] == ["Success"]


def test_a_long_listing_comes_in_pages(ssm, replay_of):
    recorded = replay_of("association-list-pages", start="register")
    content = recorded.document_content()
    ssm.create_document(Name="lab-shell", Content=json.dumps(content), DocumentType="Policy")
    made = {
        ssm.create_association(
            Name="lab-shell",
            Targets=[{"Key": "InstanceIds", "Values": [recorded.player.node_id]}],
            Parameters={"commands": [f"echo {number}"]},
        )["AssociationDescription"]["AssociationId"]
        for number in range(OVER_TIME["association-list-pages"])
    }
    recorded.play()
    assert len(recorded.listed) == len(made)
    assert {one["AssociationId"] for one in recorded.listed} == made
    assert recorded.differs == []


def test_the_eleventh_message_waits_on_the_node_and_is_offered_to_it_once(server, ssm, polling):
    server.thread_server.gateway.polls.hold_s = 0.05
    replay = MessageReplay(ssm, polling, "mds-queue-full")
    assert [seen(replay.end(command_id)) for command_id in replay.play()] == OVER_TIME["mds-queue-full"]
    assert polling.poll() == []
