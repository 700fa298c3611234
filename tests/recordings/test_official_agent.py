"""The official agent from its registration to its first entries in the history, as recorded (AGT-01)."""

from refresh_replay import RefreshReplay
from replay import Replay
from table import ENDS, RUNS
from test_replayed_commands import seen

from recordings import load


def view(ssm):
    (node,) = ssm.describe_instance_information()["InstanceInformationList"]
    return {name: node[name] for name in ("InstanceId", "PingStatus", "AgentVersion", "ResourceType", "ActivationId")}


def test_the_official_agent_registers_is_online_and_runs_what_it_is_sent_agt_01(ssm, new_player, activation):
    player = new_player()
    assert player.register(activation).status_code == 200
    assert player.request_token().status_code == 200
    expected = {
        "InstanceId": player.node_id,
        "PingStatus": "Online",
        "AgentVersion": "3.3.0.0",
        "ResourceType": "ManagedInstance",
        "ActivationId": activation["ActivationId"],
    }
    for name in ("ping-startup", "ping-full"):
        assert player.say(load(name)["request"]).status_code == 200
        assert view(ssm) == expected
    assert ssm.get_connection_status(Target=player.node_id)["Status"] == "notconnected"
    player.connect()
    player.barrier()
    assert ssm.get_connection_status(Target=player.node_id)["Status"] == "connected"

    command = Replay(ssm, player, "command-one-step")
    (command_id,) = command.play()
    assert seen(command.end(command_id)) == ENDS["command-one-step"]
    assert RefreshReplay(ssm, player, "boot-sequence").play() == RUNS["boot-sequence"]

    (association,) = ssm.list_associations()["Associations"]
    (run,) = ssm.describe_association_executions(AssociationId=association["AssociationId"])["AssociationExecutions"]
    assert run["Status"] == "Success"
    assert view(ssm) == expected
