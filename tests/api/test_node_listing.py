"""DescribeInstanceProperties, ListNodes and its summary, GetConnectionStatus, UpdateManagedInstanceRole over boto3."""

import pytest

from live_server import ACCOUNT, REGION
from refusals import refusal

UNKNOWN = "mi-0123456789abcdef0"


@pytest.fixture
def fleet(nodes):
    """A connected Linux node with tags, a Windows node that told something once, and one that never spoke."""
    linux = nodes.one(tags={"env": "prod"}, name="branch")
    windows, silent = nodes.one(online=False), nodes.one(online=False)
    members = {"InstanceId": windows.node_id, "AgentName": "stateward-agent", "AgentVersion": "3.10.0.0"}
    windows.request(
        "UpdateInstanceInformation",
        **members,
        PlatformType="Windows",
        PlatformName="Windows Server",
        PlatformVersion="2022",
    )
    return {"linux": linux.node_id, "windows": windows.node_id, "silent": silent.node_id}


def names(fleet, ids):
    found = {node_id: name for name, node_id in fleet.items()}
    return {found[one] for one in ids}


def properties(ssm, **members):
    return [one["InstanceId"] for one in ssm.describe_instance_properties(**members)["InstanceProperties"]]


def listed(ssm, *filters, **members):
    if filters:
        members["Filters"] = [{"Key": key, "Type": kind, "Values": values} for key, kind, *values in filters]
    return ssm.list_nodes(**members)["Nodes"]


# DescribeInstanceProperties


def test_properties_are_those_of_instance_information(ssm, fleet):
    shown = ssm.describe_instance_properties()["InstanceProperties"]
    assert shown == ssm.describe_instance_information()["InstanceInformationList"]
    assert len(shown) == 3


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("PlatformTypes", "Equal", ["Linux"], {"linux"}),
        ("PlatformTypes", "NotEqual", ["Linux"], {"windows", "silent"}),
        ("AgentVersion", "BeginWith", ["3."], {"linux", "windows"}),
        ("AgentVersion", "LessThan", ["3.9"], {"linux"}),
        ("AgentVersion", "GreaterThan", ["3.9"], {"windows"}),
        ("PingStatus", "Equal", ["ConnectionLost"], {"silent"}),
        ("tag:env", "Equal", ["prod", "test"], {"linux"}),
        ("tag:env", "NotEqual", ["prod"], {"windows", "silent"}),
        ("tag-key", "BeginWith", ["en"], {"linux"}),
        ("tag-key", "NotEqual", ["env"], {"windows", "silent"}),
        ("IamRole", "Equal", ["role"], {"linux", "windows", "silent"}),
        ("ResourceType", "Equal", ["EC2Instance"], set()),
        ("AssociationStatus", "NotEqual", ["Success"], {"linux", "windows", "silent"}),
    ],
)
def test_properties_are_filtered_with_operators(ssm, fleet, key, operator, values, expected):
    found = properties(ssm, FiltersWithOperator=[{"Key": key, "Operator": operator, "Values": values}])
    assert names(fleet, found) == expected


def test_properties_are_filtered_by_the_older_form(ssm, fleet):
    filters = [
        {"key": "PlatformTypes", "valueSet": ["Linux", "Windows"]},
        {"key": "PingStatus", "valueSet": ["Online"]},
    ]
    assert names(fleet, properties(ssm, InstancePropertyFilterList=filters)) == {"linux", "windows"}
    only = [{"key": "InstanceIds", "valueSet": [fleet["silent"], UNKNOWN]}]
    assert properties(ssm, InstancePropertyFilterList=only) == [fleet["silent"]]


def test_properties_by_pages(ssm, nodes):
    everyone = [node.node_id for node in nodes.add(12, online=False)]
    first = ssm.describe_instance_properties(MaxResults=5)
    second = ssm.describe_instance_properties(MaxResults=5, NextToken=first["NextToken"])
    third = ssm.describe_instance_properties(MaxResults=5, NextToken=second["NextToken"])
    assert "NextToken" not in third
    pages = [[one["InstanceId"] for one in page["InstanceProperties"]] for page in (first, second, third)]
    assert pages == [everyone[:5], everyone[5:10], everyone[10:]]


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        (
            {"FiltersWithOperator": [{"Key": "DocumentName", "Operator": "Equal", "Values": ["x"]}]},
            "InvalidFilterKey",
            "DocumentName: use one of InstanceIds, AgentVersion, ",
        ),
        (
            {"FiltersWithOperator": [{"Key": "PingStatus", "Operator": "Equal", "Values": ["Offline"]}]},
            "InvalidInstancePropertyFilterValue",
            "PingStatus can not be Offline: use one of Online, ConnectionLost, Inactive",
        ),
        (
            {
                "FiltersWithOperator": [{"Key": "IamRole", "Values": ["x"]}],
                "InstancePropertyFilterList": [{"key": "IamRole", "valueSet": ["x"]}],
            },
            "ValidationException",
            "InstancePropertyFilterList and FiltersWithOperator can not both be given.",
        ),
        ({"MaxResults": 4}, "ValidationException", "1 validation error detected: Value '4' at 'maxResults'"),
    ],
)
def test_properties_that_are_refused(server, members, code, text):
    found = refusal(server.client(parameter_validation=False).describe_instance_properties, **members)
    assert found[0] == code
    assert found[1].startswith(text)


# ListNodes and ListNodesSummary


def test_a_node_shows_what_it_told(server, ssm, fleet):
    (found,) = listed(ssm, ("InstanceId", "Equal", fleet["linux"]))
    assert (
        found.pop("CaptureTime").timestamp()
        <= ssm.describe_instance_information()["InstanceInformationList"][0]["RegistrationDate"].timestamp() + 60
    )
    assert found == {
        "Id": fleet["linux"],
        "Owner": {"AccountId": ACCOUNT},
        "Region": REGION,
        "NodeType": {
            "Instance": {
                "AgentType": "stateward-agent",
                "AgentVersion": "3.3.0.0",
                "ComputerName": "node",
                "InstanceStatus": "Active",
                "IpAddress": "10.0.0.5",
                "ManagedStatus": "Managed",
                "Name": "branch",
                "PlatformType": "Linux",
                "PlatformName": "Debian GNU/Linux",
                "PlatformVersion": "12",
                "ResourceType": "ManagedInstance",
                "SourceType": "AWS::SSM::ManagedInstance",
                "SourceId": fleet["linux"],
            }
        },
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("PlatformType", "Equal", "Linux", "MacOS")], {"linux"}),
        ([("PlatformType", "NotEqual", "Linux")], {"windows", "silent"}),
        ([("PlatformName", "BeginWith", "Windows"), ("AgentType", "Equal", "stateward-agent")], {"windows"}),
        ([("InstanceStatus", "Equal", "ConnectionLost")], {"silent"}),
        ([("ManagedStatus", "Equal", "All")], {"linux", "windows", "silent"}),
        ([("ManagedStatus", "NotEqual", "All")], set()),
        ([("ManagedStatus", "Equal", "Unmanaged")], set()),
        ([("AccountId", "Equal", ACCOUNT), ("Region", "Equal", REGION)], {"linux", "windows", "silent"}),
        ([("OrganizationalUnitId", "Equal", "ou-1234-12345678")], set()),
    ],
)
def test_nodes_are_filtered(ssm, fleet, filters, expected):
    assert names(fleet, [one["Id"] for one in listed(ssm, *filters)]) == expected


def test_nodes_by_pages(ssm, nodes):
    everyone = [node.node_id for node in nodes.add(5, online=False)]
    first = ssm.list_nodes(MaxResults=3)
    second = ssm.list_nodes(MaxResults=3, NextToken=first["NextToken"])
    assert [one["Id"] for one in first["Nodes"] + second["Nodes"]] == everyone
    assert "NextToken" not in second


def counted(attribute, *inner):
    nested = {"Aggregators": list(inner)} if inner else {}
    return {"AggregatorType": "Count", "TypeName": "Instance", "AttributeName": attribute, **nested}


def summary(ssm, *aggregators, **members):
    return ssm.list_nodes_summary(Aggregators=list(aggregators), **members)["Summary"]


def test_nodes_are_counted_by_an_attribute(ssm, fleet):
    assert summary(ssm, counted("PlatformType")) == [
        {"PlatformType": "Linux", "Count": "1"},
        {"PlatformType": "Windows", "Count": "1"},
    ]
    assert summary(ssm, counted("ResourceType")) == [{"ResourceType": "ManagedInstance", "Count": "3"}]
    assert summary(ssm, counted("AvailabilityZone")) == []


def test_nodes_are_counted_by_pairs(ssm, fleet):
    assert summary(ssm, counted("PlatformType", counted("PlatformVersion")), counted("Region")) == [
        {"PlatformType": "Linux", "PlatformVersion": "12", "Count": "1"},
        {"PlatformType": "Windows", "PlatformVersion": "2022", "Count": "1"},
        {"Region": REGION, "Count": "3"},
    ]


def test_counts_are_filtered_and_paged(ssm, fleet):
    linux = [{"Key": "PlatformType", "Values": ["Linux"], "Type": "Equal"}]
    assert summary(ssm, counted("PlatformName"), Filters=linux) == [{"PlatformName": "Debian GNU/Linux", "Count": "1"}]
    both = {"Aggregators": [counted("PlatformType"), counted("Region")], "MaxResults": 2}
    first = ssm.list_nodes_summary(**both)
    second = ssm.list_nodes_summary(**both, NextToken=first["NextToken"])
    assert second["Summary"] == [{"Region": REGION, "Count": "3"}]
    assert "NextToken" not in second


def test_summaries_that_are_refused(ssm):
    too_deep = counted("PlatformType", counted("PlatformName", counted("PlatformVersion")))
    assert refusal(ssm.list_nodes_summary, Aggregators=[too_deep]) == (
        "InvalidAggregatorException",
        "PlatformType / PlatformName / PlatformVersion: nest up to 2 aggregators of different attributes.",
    )
    same = counted("Region", counted("Region"))
    assert refusal(ssm.list_nodes_summary, Aggregators=[same])[0] == "InvalidAggregatorException"
    for call, members in ((ssm.list_nodes, {}), (ssm.list_nodes_summary, {"Aggregators": [counted("Region")]})):
        assert refusal(call, SyncName="everywhere", **members) == (
            "ResourceDataSyncNotFoundException",
            "Resource data sync everywhere does not exist: leave it out.",
        )


# One node


def test_the_connection_status_is_that_of_the_channel(ssm, nodes):
    node = nodes.one()
    answer = ssm.get_connection_status(Target=node.node_id)
    assert (answer["Target"], answer["Status"]) == (node.node_id, "connected")
    for target in (nodes.one(online=False).node_id, UNKNOWN):
        assert ssm.get_connection_status(Target=target)["Status"] == "notconnected"


def test_a_node_gets_another_role(ssm, nodes):
    node = nodes.one(online=False)
    assert set(ssm.update_managed_instance_role(InstanceId=node.node_id, IamRole="service-role/Other")) == {
        "ResponseMetadata"
    }
    (found,) = ssm.describe_instance_information()["InstanceInformationList"]
    assert found["IamRole"] == "service-role/Other"


def test_roles_that_are_refused(start_server, ssm, nodes):
    node_id = nodes.one(online=False).node_id
    ssm.deregister_managed_instance(InstanceId=node_id)
    for gone in (node_id, UNKNOWN):
        assert refusal(ssm.update_managed_instance_role, InstanceId=gone, IamRole="role") == (
            "InvalidInstanceId",
            f"Managed node {gone} does not exist.",
        )
    missing = ("ValidationException", f"Not existing role: arn:aws:iam::{ACCOUNT}:role/no role")
    assert refusal(ssm.update_managed_instance_role, InstanceId=UNKNOWN, IamRole="no role") == missing
    strict = start_server(iam_roles=("role",)).client()
    code, text = refusal(strict.update_managed_instance_role, InstanceId=UNKNOWN, IamRole="Other")
    assert (code, text) == ("ValidationException", f"Not existing role: arn:aws:iam::{ACCOUNT}:role/Other")
