"""DescribeInstanceInformation and DeregisterManagedInstance over boto3 (spec 6.1, 4.7; NOD-04 to NOD-07, D17, D26)."""

from datetime import timedelta

import pytest

from refusals import refusal
from registration_calls import registered
from stateward.wire.protocol import parse_instant

UNKNOWN_NODE = "mi-0123456789abcdef0"


def listed(ssm, **members):
    return ssm.describe_instance_information(**members)["InstanceInformationList"]


def ids_of(ssm, **members):
    return [one["InstanceId"] for one in listed(ssm, **members)]


def shown(ssm, node):
    (found,) = listed(ssm, Filters=[{"Key": "InstanceIds", "Values": [node.node_id]}])
    return found


def send(ssm, node, name):
    return ssm.send_command(DocumentName=name, InstanceIds=[node.node_id])["Command"]["CommandId"]


def test_a_connected_node_shows_what_it_told(server, ssm, nodes):
    node = nodes.one(name="branch")
    found = shown(ssm, node)
    instant = parse_instant(server.clock()["now"]) / 1000
    for member in ("LastPingDateTime", "RegistrationDate"):
        assert found.pop(member).timestamp() == pytest.approx(instant, abs=0.001)
    assert len(found.pop("ActivationId")) == 36
    assert found == {
        "InstanceId": node.node_id,
        "PingStatus": "Online",
        "AgentVersion": "3.3.0.0",
        "PlatformType": "Linux",
        "PlatformName": "Debian GNU/Linux",
        "PlatformVersion": "12",
        "IamRole": "role",
        "ResourceType": "ManagedInstance",
        "Name": "branch",
        "IPAddress": "10.0.0.5",
        "ComputerName": "node",
    }


def test_a_short_heartbeat_keeps_what_is_known(server, ssm, nodes):
    node = nodes.one(online=False)
    node.call(node.ping())
    server.clock(advance="5m")
    answer = node.request("UpdateInstanceInformation", InstanceId=node.node_id, AgentVersion="3.4.0.0")
    assert answer.status_code == 200
    found = shown(ssm, node)
    assert (found["AgentVersion"], found["PlatformName"]) == ("3.4.0.0", "Debian GNU/Linux")
    assert found["LastPingDateTime"] - found["RegistrationDate"] >= timedelta(minutes=5)


def test_ten_minutes_of_silence_lose_the_connection_nod_05(server, ssm, nodes):
    node = nodes.one(online=False)
    assert shown(ssm, node)["PingStatus"] == "ConnectionLost"
    node.call(node.ping())
    server.clock(advance="10m")
    assert shown(ssm, node)["PingStatus"] == "Online"
    server.clock(advance="1s")
    assert shown(ssm, node)["PingStatus"] == "ConnectionLost"
    node.call(node.ping())
    assert shown(ssm, node)["PingStatus"] == "Online"


def test_an_open_channel_keeps_a_silent_node_online_nod_05(server, ssm, nodes):
    node = nodes.one()
    server.clock(advance="2h")
    assert shown(ssm, node)["PingStatus"] == "Online"


@pytest.fixture
def fleet(ssm, nodes):
    """A red and a blue node that are online, and one without tags that never was, in the order of their names."""
    red = nodes.one(tags={"team": "red", "env": "prod"})
    blue = nodes.one(tags={"team": "blue"})
    silent = nodes.one(online=False)
    return {"red": red, "blue": blue, "silent": silent}


ONLINE = ["red", "blue"]
EVERYONE = ["red", "blue", "silent"]
NEWER_FILTERS = [
    pytest.param({"tag:team": ["red"]}, ["red"], id="tag"),
    pytest.param({"tag:team": ["red", "blue"]}, ONLINE, id="tag with two values"),
    pytest.param({"tag:team": ["green"]}, [], id="tag without match"),
    pytest.param({"tag:team": ["re"]}, [], id="no prefix match"),
    pytest.param({"tag-key": ["env"]}, ["red"], id="tag key"),
    pytest.param({"tag-key": ["env", "team"]}, ONLINE, id="two tag keys"),
    pytest.param({"tag-key": ["env"], "tag:team": ["blue"]}, [], id="filters are joined by and"),
]
BOTH_FILTERS = [
    pytest.param({"PingStatus": ["Online"]}, ONLINE, id="online"),
    pytest.param({"PingStatus": ["ConnectionLost"]}, ["silent"], id="lost"),
    pytest.param({"PingStatus": ["Online", "ConnectionLost"]}, EVERYONE, id="values are alternatives"),
    pytest.param({"PingStatus": ["Inactive"]}, [], id="inactive"),
    pytest.param({"PlatformTypes": ["Linux"]}, ONLINE, id="Linux"),
    pytest.param({"PlatformTypes": ["Windows"]}, [], id="Windows"),
    pytest.param({"AgentVersion": ["3.3.0.0"]}, ONLINE, id="agent version"),
    pytest.param({"IamRole": ["role"]}, EVERYONE, id="role"),
    pytest.param({"IamRole": ["other"]}, [], id="other role"),
    pytest.param({"ResourceType": ["ManagedInstance"]}, EVERYONE, id="managed"),
    pytest.param({"ResourceType": ["EC2Instance"]}, [], id="EC2"),
    pytest.param({"AssociationStatus": ["Success"]}, [], id="association status"),
    pytest.param({"InstanceIds": [UNKNOWN_NODE]}, [], id="unknown id"),
]


def named(fleet, names):
    return sorted(fleet[name].node_id for name in names)


@pytest.mark.parametrize(("filters", "expected"), [*NEWER_FILTERS, *BOTH_FILTERS])
def test_filters_narrow_the_list(ssm, fleet, filters, expected):
    asked = [{"Key": key, "Values": values} for key, values in filters.items()]
    assert ids_of(ssm, Filters=asked) == named(fleet, expected)


@pytest.mark.parametrize(("filters", "expected"), BOTH_FILTERS)
def test_the_older_filters_work_as_well(ssm, fleet, filters, expected):
    asked = [{"key": key, "valueSet": values} for key, values in filters.items()]
    assert ids_of(ssm, InstanceInformationFilterList=asked) == named(fleet, expected)


def test_ids_and_activations_filter_the_list(ssm, fleet):
    red, blue = fleet["red"], fleet["blue"]
    ids = {"Key": "InstanceIds", "Values": [red.node_id, blue.node_id, UNKNOWN_NODE]}
    assert ids_of(ssm, Filters=[ids]) == named(fleet, ONLINE)
    activation = {"Key": "ActivationIds", "Values": [shown(ssm, red)["ActivationId"]]}
    assert ids_of(ssm, Filters=[activation]) == [red.node_id]
    assert ids_of(ssm, Filters=[ids, activation]) == [red.node_id]


def test_association_status_filters_the_list(server, ssm, nodes, document):
    nodes.add(2, script=lambda job: "Success", tags={"fate": "good"})
    bad = nodes.one(script=lambda job: "Failed", tags={"fate": "bad"})
    ssm.create_association(Name=document(), Targets=[{"Key": "tag-key", "Values": ["fate"]}])
    server.settle()
    assert ids_of(ssm, Filters=[{"Key": "AssociationStatus", "Values": ["Failed"]}]) == [bad.node_id]
    assert len(ids_of(ssm, Filters=[{"Key": "AssociationStatus", "Values": ["Success"]}])) == 2


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param(
            {"Filters": [{"Key": "Colour", "Values": ["a"]}]},
            "InvalidFilterKey",
            "Colour: use one of InstanceIds, AgentVersion, PingStatus, PlatformTypes, ActivationIds, IamRole, "
            "ResourceType, AssociationStatus, tag-key or tag:<key>",
            id="NOD-06 unknown key",
        ),
        pytest.param(
            {"InstanceInformationFilterList": [{"key": "tag:team", "valueSet": ["red"]}]},
            "ValidationException",
            "1 validation error detected: Value 'tag:team' at 'instanceInformationFilterList.1.member.key' failed to "
            "satisfy constraint: Member must satisfy enum value set: [InstanceIds, AgentVersion, PingStatus, "
            "PlatformTypes, ActivationIds, IamRole, ResourceType, AssociationStatus]",
            id="NOD-06 a tag in the older filters",
        ),
        pytest.param(
            {"Filters": [{"Key": "PingStatus", "Values": ["Asleep"]}]},
            "InvalidInstanceInformationFilterValue",
            "PingStatus can not be Asleep: use one of Online, ConnectionLost, Inactive",
            id="unknown value",
        ),
        pytest.param(
            {"InstanceInformationFilterList": [{"key": "PlatformTypes", "valueSet": ["Linux", "BeOS"]}]},
            "InvalidInstanceInformationFilterValue",
            "PlatformTypes can not be BeOS: use one of Windows, Linux, MacOS",
            id="unknown value in the older filters",
        ),
        pytest.param(
            {
                "Filters": [{"Key": "IamRole", "Values": ["role"]}],
                "InstanceInformationFilterList": [{"key": "IamRole", "valueSet": ["role"]}],
            },
            "ValidationException",
            "Filters and InstanceInformationFilterList can not both be specified.",
            id="both kinds",
        ),
        pytest.param(
            {"MaxResults": 4},
            "ValidationException",
            "1 validation error detected: Value '4' at 'maxResults' failed to satisfy constraint: "
            "Member must have value greater than or equal to 5",
            id="NOD-04 four",
        ),
        pytest.param(
            {"MaxResults": 51},
            "ValidationException",
            "1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 50",
            id="fifty-one",
        ),
        pytest.param(
            {"NextToken": "garbled"}, "InvalidNextToken", "The specified token is not valid.", id="garbled token"
        ),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(server, members, code, message):
    ssm = server.client(parameter_validation=False)
    assert refusal(ssm.describe_instance_information, **members) == (code, message)


def test_pages_walk_over_every_node_once(server, ssm):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=12)
    expected = sorted(registered(server, made, fingerprint=f"machine-{number}") for number in range(12))
    pages = ssm.get_paginator("describe_instance_information").paginate(PaginationConfig={"PageSize": 5})
    found = [[one["InstanceId"] for one in page["InstanceInformationList"]] for page in pages]
    assert [len(page) for page in found] == [5, 5, 2]
    assert [one for page in found for one in page] == expected
    assert "NextToken" not in ssm.describe_instance_information(MaxResults=12)


def test_filters_apply_before_pages_are_cut(server, ssm):
    plain = ssm.create_activation(IamRole="role", RegistrationLimit=12)
    special = ssm.create_activation(IamRole="edge", RegistrationLimit=6)
    for number in range(12):
        registered(server, plain, fingerprint=f"machine-{number}")
    expected = sorted(registered(server, special, fingerprint=f"special-{number}") for number in range(6))
    wanted = [{"Key": "IamRole", "Values": ["edge"]}]
    first = ssm.describe_instance_information(Filters=wanted, MaxResults=5)
    assert [one["InstanceId"] for one in first["InstanceInformationList"]] == expected[:5]
    assert ids_of(ssm, Filters=wanted, NextToken=first["NextToken"]) == expected[5:]
    assert refusal(ssm.describe_instance_information, NextToken=first["NextToken"])[0] == "InvalidNextToken"


def test_a_run_that_waits_for_its_node_does_not_show_d26(server, ssm, nodes, document):
    node = nodes.one(online=False)
    ssm.create_association(Name=document(), Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    server.settle()
    assert not {one for one in shown(ssm, node) if "Association" in one}


def test_associations_show_after_the_first_run_d26(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: "Failed")
    assert not {one for one in shown(ssm, node) if "Association" in one}
    ssm.create_association(Name=document(), Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    server.settle()
    found = shown(ssm, node)
    assert found["AssociationStatus"] == "Failed"
    assert found["AssociationOverview"]["InstanceAssociationStatusAggregatedCount"] == {"Failed": 1}
    assert "LastAssociationExecutionDate" in found
    assert "LastSuccessfulAssociationExecutionDate" not in found


def test_a_node_that_no_association_reached_shows_none_d26(server, ssm, nodes, document):
    nodes.one(tags={"team": "red"})
    other = nodes.one(tags={"team": "blue"})
    ssm.create_association(Name=document(), Targets=[{"Key": "tag:team", "Values": ["red"]}])
    send(ssm, other, "echo-twice")
    server.settle()
    assert not {one for one in shown(ssm, other) if "Association" in one}


def test_a_deregistered_node_is_gone(ssm, nodes):
    node, other = nodes.add(2, tags={"team": "red"})
    answer = ssm.deregister_managed_instance(InstanceId=node.node_id)
    assert set(answer) == {"ResponseMetadata"}
    assert ids_of(ssm) == [other.node_id]
    assert refusal(ssm.list_tags_for_resource, ResourceType="ManagedInstance", ResourceId=node.node_id) == (
        "InvalidResourceId",
        f"ManagedInstance {node.node_id} does not exist.",
    )


def test_an_unknown_node_cannot_be_deregistered_nod_07(ssm, nodes):
    node = nodes.one(online=False)
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    for node_id in (node.node_id, UNKNOWN_NODE):
        assert refusal(ssm.deregister_managed_instance, InstanceId=node_id) == (
            "InvalidInstanceId",
            f"Managed node {node_id} does not exist.",
        )


@pytest.mark.parametrize("node_id", ["i-0123456789abcdef0", "mi-0123456789ABCDEF0", "mi-short"])
def test_only_ids_of_managed_nodes_can_be_deregistered(ssm, node_id):
    if len(node_id) < 20:
        node_id = node_id.ljust(20, "0")
    code, message = refusal(ssm.deregister_managed_instance, InstanceId=node_id)
    assert code == "ValidationException"
    assert message.startswith(f"1 validation error detected: Value '{node_id}' at 'instanceId' failed to satisfy")


def test_deregistration_ends_open_work(server, ssm, nodes, document):
    busy, waiting = nodes.one(holds=True), nodes.one(online=False)
    name = document()
    running, undelivered = send(ssm, busy, name), send(ssm, waiting, name)
    busy.wait_for_jobs()
    for node, command_id in ((busy, running), (waiting, undelivered)):
        ssm.deregister_managed_instance(InstanceId=node.node_id)
        server.settle()
        (found,) = ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
        assert (found["InstanceId"], found["Status"], found["StatusDetails"]) == (
            node.node_id,
            "Failed",
            "Undeliverable",
        )
        (command,) = ssm.list_commands(CommandId=command_id)["Commands"]
        assert (command["Status"], command["StatusDetails"]) == ("Failed", "Undeliverable")
        assert (command["CompletedCount"], command["ErrorCount"]) == (1, 0)


def test_finished_work_survives_deregistration(server, ssm, nodes, document):
    node = nodes.one()
    command_id = send(ssm, node, document())
    server.settle()
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    (found,) = ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
    assert found["Status"] == "Success"


def test_nothing_that_a_removed_node_signs_is_believed(ssm, nodes):
    node = nodes.one()
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    answer = node.request("UpdateInstanceInformation", InstanceId=node.node_id)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "InvalidInstanceId"
    assert answer.json()["message"] == f"Not existing InstanceId {node.node_id}"


def test_a_removed_node_is_no_target(ssm, nodes, document):
    node = nodes.one()
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    assert refusal(ssm.send_command, DocumentName=document(), InstanceIds=[node.node_id]) == (
        "InvalidInstanceId",
        f"Instances [[{node.node_id}]] not in a valid state for account 123456789012",
    )


def test_nodes_belong_to_the_region_of_their_activation_d17(server, ssm):
    elsewhere = server.client(region="eu-west-1")
    node_id = registered(server, elsewhere.create_activation(IamRole="role"))
    assert (ids_of(elsewhere), ids_of(ssm)) == ([node_id], [])


def test_a_node_may_not_read_the_list(nodes):
    node = nodes.one(online=False)
    answer = node.request("DescribeInstanceInformation")
    assert answer.json()["__type"] == "AccessDeniedException"
    assert answer.json()["message"].endswith("is not authorized to perform: ssm:DescribeInstanceInformation")
