"""Simulated nodes come, go, and come back (D46, D33, D27)."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from association_calls import create, executions, newest_targets, start_once, statuses, tag_node, targets
from live_server import KEY_ID, SECRET, Refused

MISSED = ("TimedOut", "DeliveryTimedOut")
PROD = [{"Key": "tag:env", "Values": ["prod"]}]
HALF_HOURLY = {"ScheduleExpression": "rate(30 minutes)"}


@pytest.fixture
def half_hourly(server, ssm, fleet, document):
    """An association over two nodes that has run once; its id."""
    fleet.add(2)
    association_id = create(ssm, document(), **HALF_HOURLY)["AssociationId"]
    server.clock(advance="1m")
    return association_id


def described(ssm):
    found = ssm.describe_instance_information()["InstanceInformationList"]
    return {one["InstanceId"]: one for one in found}


def test_simulated_nodes_are_nodes_like_all_others(ssm, fleet):
    node_ids = fleet.add(2, platform="Windows", name="desk", tags={"env": "prod", "site": "home"})
    assert node_ids == ["mi-00000000000000001", "mi-00000000000000002"]
    node = described(ssm)[node_ids[0]]
    shown = {name: node[name] for name in ("PingStatus", "PlatformType", "Name", "ComputerName", "IPAddress")}
    assert shown == {
        "PingStatus": "Online",
        "PlatformType": "Windows",
        "Name": "desk",
        "ComputerName": "simulated-1",
        "IPAddress": "10.0.0.1",
    }
    assert ssm.describe_activations()["ActivationList"] == []
    tags = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node_ids[1])["TagList"]
    assert tags == [{"Key": "env", "Value": "prod"}, {"Key": "site", "Value": "home"}]
    assert ssm.get_connection_status(Target=node_ids[0])["Status"] == "connected"
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=node_ids[1], Tags=[{"Key": "a", "Value": "b"}])
    first, second = fleet()["nodes"]
    assert first["tags"] == {"env": "prod", "site": "home"}
    assert second["tags"] == {"env": "prod", "site": "home", "a": "b"}


def test_ids_count_on_when_nodes_have_gone(fleet):
    first = fleet.add(3)
    fleet(remove=2)
    assert fleet.add(1) == ["mi-00000000000000004"]
    assert list(fleet.states) == [first[2], "mi-00000000000000004"]


def test_new_nodes_run_what_they_match_lif_02(server, ssm, fleet, document):
    association_id = create(ssm, document(), Targets=PROD)["AssociationId"]
    server.settle()
    (stays,) = fleet.add(1)
    (matches,) = fleet.add(1, tags={"env": "prod"})
    server.clock(advance="1m")
    assert newest_targets(ssm, association_id) == {matches: ("Success", "Success")}
    tag_node(ssm, stays, env="prod")
    server.clock(advance="1m")
    assert newest_targets(ssm, association_id) == {stays: ("Success", "Success")}


def test_a_node_back_after_a_missed_run_catches_up_lif_05(server, ssm, fleet, half_hourly):
    one, two = fleet.states
    fleet(offline=[one], for_="3h30m")
    assert fleet.states == {one: "offline", two: "online"}
    assert described(ssm)[one]["PingStatus"] == "Online", "ten minutes of silence are allowed"
    server.clock(advance="1h")
    assert described(ssm)[one]["PingStatus"] == "ConnectionLost"
    assert newest_targets(ssm, half_hourly) == {one: ("Pending", "Pending"), two: ("Success", "Success")}
    server.clock(advance="2h")
    assert {row[0] for row in statuses(ssm, half_hourly)[1:6]} == {"TimedOut"}
    server.clock(advance="1h")
    assert fleet.states[one] == "online"
    assert statuses(ssm, half_hourly)[0] == ("Success", "Success", "{Success=2}")


def test_a_run_that_timed_out_is_caught_up_when_the_node_is_told_to_come_back(server, ssm, fleet, document):
    fleet.add(2)
    fleet(offline=1)
    association_id = create(ssm, document())["AssociationId"]
    server.clock(advance="1d")
    one, two = sorted(newest_targets(ssm, association_id))
    assert newest_targets(ssm, association_id) == {one: MISSED, two: ("Success", "Success")}
    fleet(online=[one])
    server.clock(advance="1m")
    assert newest_targets(ssm, association_id) == {one: ("Success", "Success")}
    assert statuses(ssm, association_id)[1] == ("TimedOut", "TimedOut", "{Success=1, TimedOut=1}")


def test_what_a_node_had_taken_goes_on_while_it_is_away(server, ssm, fleet, half_hourly):
    one, _ = fleet.states
    fleet.script(delay="5m", output="from afar")
    start_once(ssm, half_hourly)
    server.settle()
    fleet(offline=[one], for_="20m")
    server.clock(advance="10m")
    assert newest_targets(ssm, half_hourly)[one] == ("InProgress", "InProgress")
    server.clock(advance="10m")
    assert newest_targets(ssm, half_hourly)[one] == ("Success", "Success")


def test_a_reboot_interrupts_what_runs_d27(server, ssm, fleet, half_hourly):
    one, two = fleet.states
    fleet.script(delay="5m")
    start_once(ssm, half_hourly)
    server.clock(advance="10s")
    fleet(reboot=[one])
    assert fleet.states[one] == "online"
    newest = executions(ssm, half_hourly)[0]["ExecutionId"]
    assert newest_targets(ssm, half_hourly) == {one: ("Failed", "Failed"), two: ("InProgress", "InProgress")}
    row = next(row for row in targets(ssm, half_hourly, newest) if row["ResourceId"] == one)
    told = ssm.get_command_invocation(
        CommandId=row["OutputSource"]["OutputSourceId"], InstanceId=one, PluginName="second"
    )
    assert (told["Status"], told["ResponseCode"]) == ("Failed", -1)
    assert told["StandardErrorContent"] == "the agent was restarted while this step ran"
    server.clock(advance="10m")
    assert newest_targets(ssm, half_hourly)[two] == ("Success", "Success")


def test_a_reboot_may_take_its_time(server, ssm, fleet, half_hourly):
    one, _ = fleet.states
    fleet(reboot=[one], for_="3m")
    start_once(ssm, half_hourly)
    server.clock(advance="2m")
    assert newest_targets(ssm, half_hourly)[one] == ("Pending", "Pending")
    with pytest.raises(Refused, match="is offline, only a node that is online can reboot"):
        fleet(reboot=[one])
    server.clock(advance="2m")
    assert newest_targets(ssm, half_hourly)[one] == ("Success", "Success")


def test_removed_nodes_are_deregistered(server, ssm, fleet, half_hourly):
    one, two = fleet.states
    fleet.script(silent=True)
    start_once(ssm, half_hourly)
    server.settle()
    assert fleet(remove=[two]) == {"nodes": [two]}
    assert newest_targets(ssm, half_hourly)[two] == ("Failed", "Undeliverable")
    assert list(described(ssm)) == list(fleet.states) == [one]


def test_a_node_that_the_api_deregisters_leaves_the_fleet(server, ssm, fleet, half_hourly):
    one, two = fleet.states
    ssm.deregister_managed_instance(InstanceId=one)
    assert list(fleet.states) == [two]
    server.clock(advance="1h")
    assert newest_targets(ssm, half_hourly) == {two: ("Success", "Success")}


def test_a_cancelled_command_is_answered(server, ssm, fleet, document):
    (node_id,) = fleet.add()
    fleet.script(delay="1h")
    command = ssm.send_command(DocumentName=document(), InstanceIds=[node_id])["Command"]["CommandId"]
    server.clock(advance="10s")
    ssm.cancel_command(CommandId=command)
    server.settle()
    found = ssm.get_command_invocation(CommandId=command, InstanceId=node_id, PluginName="second")
    assert (found["Status"], found["ResponseCode"]) == ("Cancelled", 137)
    first = ssm.get_command_invocation(CommandId=command, InstanceId=node_id, PluginName="first")
    assert first["Status"] == "Success"
    rows = ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert [row["Status"] for row in rows] == ["Cancelled"]


def test_a_silent_node_does_not_answer_a_cancel_either_d5(server, ssm, fleet, document):
    (node_id,) = fleet.add()
    fleet.script(silent=True)
    command = ssm.send_command(DocumentName=document(), InstanceIds=[node_id])["Command"]["CommandId"]
    server.settle()
    ssm.cancel_command(CommandId=command)
    server.clock(advance="59s")
    status = lambda: ssm.list_commands(CommandId=command)["Commands"][0]["Status"]  # noqa: E731
    assert status() == "Cancelling"
    server.clock(advance="1s")
    assert status() == "Cancelled"


def test_fleets_of_regions_do_not_see_each_other(server, ssm, fleet):
    fleet.add(1)
    elsewhere = server.client(region="eu-west-1")
    assert elsewhere.describe_instance_information()["InstanceInformationList"] == []
    assert signed(server, "eu-west-1", {"add": 1}) == {"nodes": ["mi-00000000000000002"]}
    assert list(described(elsewhere)) == ["mi-00000000000000002"]
    assert list(described(ssm)) == list(fleet.states) == ["mi-00000000000000001"]


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, "nothing to do: write exactly one of add, script"),
        ({"add": 1, "offline": 1}, "add and offline together: write exactly one of"),
        ({"add": 0}, '>= 1 - at `$.add`; write for example {"add": 20'),
        ({"add": 1001}, "<= 1000"),
        ({"add": 1, "tags": {"a": 1}}, 'at `$.tags[...]`; write for example {"add": 20, "tags": {"env": "prod"}}'),
        (
            {"script": {"stat": "Failed"}},
            "unknown field `stat` - at `$.script`; a rule has nodes, share, document, step",
        ),
        ({"offline": 1, "for": 3}, 'at `$.for`; write for example {"offline": 3, "for": "2h"}'),
        ({"offline": 1, "ahead": True}, "ahead: goes only with script or scripts"),
        ({"add": "many"}, "Expected `int | null`"),
        ({"add": 1, "platform": "BeOS"}, "Invalid enum value 'BeOS'"),
        ({"add": 1, "tags": {"aws:x": "y"}}, "keys beginning with aws: are reserved"),
        ({"add": 1, "for": "2h"}, "for: goes only with offline or reboot"),
        ({"offline": 1, "tags": {"a": "b"}}, "tags: goes only with add"),
        ({"offline": 3}, "3 nodes are meant, the fleet has 2"),
        ({"offline": []}, "length >= 1"),
        ({"offline": ["mi-00000000000000001", "mi-0"]}, "mi-0: no simulated node here"),
        ({"offline": 1, "for": "0s"}, "for '0s': more than 0s and at most 366d"),
        ({"offline": 1, "for": "soon"}, "write a number and a unit"),
        ({"remove": 9}, "9 nodes are meant, the fleet has 2"),
        ({"away": 1}, "unknown field `away`; write one of add, script, scripts, offline"),
    ],
)
def test_bad_requests_are_refused_and_nothing_is_done(server, fleet, request_, text):
    fleet.add(2)
    before = fleet()
    with pytest.raises(Refused) as caught:
        server.http("/_stateward/fleet", json.dumps(request_).encode())
    assert caught.value.status == 400
    assert text in json.loads(caught.value.body)["message"]
    assert fleet() == before


def test_there_is_no_fleet_on_the_systems_clock(start_server):
    server = start_server(clock="system")
    with pytest.raises(Refused) as caught:
        server.http("/_stateward/fleet", b'{"add": 1}')
    assert caught.value.status == 404


def test_the_fleet_needs_a_key(server):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(server.url + "/_stateward/fleet")
    with caught.value as answer:
        assert json.load(answer)["error"] == "MissingAuthenticationTokenException"


def signed(server, region, body):
    """A change of the fleet, signed for a region."""
    request = AWSRequest(
        "POST", server.url + "/_stateward/fleet", {"content-type": "application/json"}, json.dumps(body)
    )
    SigV4Auth(Credentials(KEY_ID, SECRET), "stateward", region).add_auth(request)
    ready = request.prepare()
    sent = urllib.request.Request(ready.url, ready.body.encode(), dict(ready.headers))
    with urllib.request.urlopen(sent) as answer:
        return json.load(answer)
