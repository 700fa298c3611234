"""GetInventory over boto3: filters, result attributes, aggregators, groups (spec 6.9)."""

import pytest
from inventory_calls import RACK, WHEN, apps, by, conditions, counts, entries, held, ids, put

from refusals import refusal


@pytest.fixture
def fleet(ssm, nodes):
    """Four nodes as in AWS's own example of groups: applications, files, both, networks."""
    fleet = [node.node_id for node in nodes.add(4, online=False)]
    put(ssm, fleet[0], apps("bash 5.1", "curl 7.88"))
    put(ssm, fleet[1], held("AWS:File", {"Name": "hosts"}))
    put(ssm, fleet[2], apps("bash 5.2", "curl 7.88", "curl 8.0"), held("AWS:File", {"Name": "passwd"}))
    put(ssm, fleet[3], held("AWS:Network", {"Name": "eth0"}), apps())
    return fleet


def test_a_node_is_shown_with_its_instance_information(ssm, nodes):
    node = nodes.one()
    (found,) = ssm.get_inventory()["Entities"]
    data = found["Data"]["AWS:InstanceInformation"]
    assert (found["Id"], set(found["Data"])) == (node.node_id, {"AWS:InstanceInformation"})
    assert len(data.pop("CaptureTime")) == len("2017-02-20T18:03:58Z")
    assert data == {
        "TypeName": "AWS:InstanceInformation",
        "SchemaVersion": "1.0",
        "Content": [
            {
                "AgentType": "stateward-agent",
                "AgentVersion": "3.3.0.0",
                "ComputerName": "node",
                "IamRole": "role",
                "InstanceId": node.node_id,
                "InstanceStatus": "Active",
                "IpAddress": "10.0.0.5",
                "PlatformName": "Debian GNU/Linux",
                "PlatformType": "Linux",
                "PlatformVersion": "12",
                "ResourceType": "ManagedInstance",
            }
        ],
    }


def test_result_attributes_choose_the_type(ssm, fleet):
    put(ssm, fleet[0], held(RACK, {"Bay": "B"}, ContentHash="h"))
    answer = ssm.get_inventory(ResultAttributes=[{"TypeName": RACK}])["Entities"]
    assert [one["Id"] for one in answer] == fleet
    assert answer[0]["Data"] == {
        RACK: {
            "TypeName": RACK,
            "SchemaVersion": "1.0",
            "CaptureTime": WHEN,
            "ContentHash": "h",
            "Content": [{"Bay": "B"}],
        }
    }
    assert answer[1]["Data"] == {}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("AWS:Application.Name", "Equal", "bash")], [0, 2]),
        ([("AWS:Application.Name", "Equal", "bash"), ("AWS:Application.Version", "Equal", "5.2")], [2]),
        ([("AWS:Application.Name", "Equal", "bash"), ("AWS:Application.Version", "Equal", "7.88")], []),
        ([("AWS:Application.Name", "Equal", "curl"), ("AWS:Application.Version", "GreaterThan", "7.100")], [2]),
        ([("AWS:Application.Version", "LessThan", "5.2")], [0]),
        ([("AWS:Application.Version", "NotEqual", "5.2")], [0]),
        ([("AWS:File.Name", "BeginWith", "pass", "ho")], [1, 2]),
        ([("AWS:File.Name", "NotEqual", "hosts")], [2]),
        ([("AWS:File.Name", "Equal", "passwd"), ("AWS:Application.Name", "Equal", "bash")], [2]),
        ([("AWS:InstanceInformation.ResourceType", "Equal", "ManagedInstance")], [0, 1, 2, 3]),
        ([("AWS:InstanceInformation.PlatformType", "Equal", "Linux")], []),
        ([("AWS:InstanceInformation.InstanceStatus", "Equal", "ConnectionLost")], [0, 1, 2, 3]),
    ],
)
def test_nodes_are_filtered(ssm, fleet, filters, expected):
    assert ids(ssm, *filters) == [fleet[number] for number in expected]


def test_nodes_are_found_by_id_and_tag(ssm, fleet):
    assert ids(ssm, ("AWS:InstanceInformation.InstanceId", "Equal", fleet[3], "mi-none")) == [fleet[3]]
    ssm.add_tags_to_resource(
        ResourceType="ManagedInstance", ResourceId=fleet[1], Tags=[{"Key": "env", "Value": "prod"}]
    )
    assert entries(ssm, fleet[1], "AWS:Tag") == [{"Key": "env", "Value": "prod"}]
    assert ids(ssm, ("AWS:Tag.Key", "Equal", "env"), ("AWS:Tag.Value", "BeginWith", "pr")) == [fleet[1]]


@pytest.mark.parametrize("size", [1, 3])
def test_nodes_by_pages(ssm, fleet, size):
    found, token = [], {}
    while True:
        answer = ssm.get_inventory(MaxResults=size, **token)
        found += [one["Id"] for one in answer["Entities"]]
        assert len(answer["Entities"]) <= size
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert found == fleet


def test_a_page_ends_before_it_gets_too_large(ssm, nodes):
    large = [{"k": "x" * 4000}] * 250
    fleet = [node.node_id for node in nodes.add(6, online=False)]
    for node_id in fleet:
        put(ssm, node_id, held(RACK, *large))
    first = ssm.get_inventory(ResultAttributes=[{"TypeName": RACK}])
    assert [one["Id"] for one in first["Entities"]] == fleet[:4]
    second = ssm.get_inventory(ResultAttributes=[{"TypeName": RACK}], NextToken=first["NextToken"])
    assert [one["Id"] for one in second["Entities"]] == fleet[4:]


# Aggregators


def test_nodes_are_counted_by_an_attribute(ssm, fleet):
    assert counts(ssm, by("AWS:Application.Name")) == [
        {"AWS:Application": {"Content": [{"Name": "bash", "Count": "2"}, {"Name": "curl", "Count": "2"}]}}
    ]


def test_nested_aggregators_count_combinations(ssm, fleet):
    assert counts(ssm, by("AWS:Application.Name", by("AWS:Application.Version"))) == [
        {
            "AWS:Application": {
                "Content": [
                    {"Name": "curl", "Version": "7.88", "Count": "2"},
                    {"Name": "bash", "Version": "5.1", "Count": "1"},
                    {"Name": "bash", "Version": "5.2", "Count": "1"},
                    {"Name": "curl", "Version": "8.0", "Count": "1"},
                ]
            }
        }
    ]
    nested = by("AWS:Application.Name", by("AWS:InstanceInformation.ResourceType", by("AWS:Application.Version")))
    assert counts(ssm, nested, filters=[("AWS:Application.Version", "Equal", "5.1")]) == [
        {
            "AWS:Application": {
                "Content": [
                    {"Name": "bash", "ResourceType": "ManagedInstance", "Version": "5.1", "Count": "1"},
                    {"Name": "curl", "ResourceType": "ManagedInstance", "Version": "7.88", "Count": "1"},
                ]
            }
        }
    ]


def test_each_aggregator_has_an_entity(ssm, fleet):
    (files, sources) = counts(ssm, by("AWS:File.Name"), by("AWS:InstanceInformation.ResourceType"))
    assert files == {"AWS:File": {"Content": [{"Name": "hosts", "Count": "1"}, {"Name": "passwd", "Count": "1"}]}}
    assert sources == {"AWS:InstanceInformation": {"Content": [{"ResourceType": "ManagedInstance", "Count": "4"}]}}


def test_two_aggregators_inside_one_are_counted_apart(ssm, fleet):
    both = by("AWS:File.Name", by("AWS:Application.Version"), by("AWS:InstanceInformation.ResourceType"))
    (found,) = counts(ssm, both, filters=[("AWS:File.Name", "Equal", "passwd")])
    assert found["AWS:File"]["Content"] == [
        {"Name": "passwd", "Version": "5.2", "Count": "1"},
        {"Name": "passwd", "Version": "7.88", "Count": "1"},
        {"Name": "passwd", "Version": "8.0", "Count": "1"},
        {"Name": "passwd", "ResourceType": "ManagedInstance", "Count": "1"},
    ]


def grouped(**groups):
    return {"Groups": [{"Name": name, "Filters": conditions(*filters)} for name, filters in groups.items()]}


def tally(matching, other):
    return {"Content": [{"notMatchingCount": str(other)}, {"matchingCount": str(matching)}]}


def test_groups_count_who_has_a_type_and_who_has_not(ssm, fleet):
    has_apps, has_files = ("TypeName", "Exists", "AWS:Application"), ("TypeName", "Exists", "AWS:File")
    assert counts(ssm, grouped(ApplicationAndFile=[has_apps, has_files])) == [{"ApplicationAndFile": tally(1, 3)}]
    either = ("TypeName", "Exists", "AWS:Application", "AWS:File")
    assert counts(ssm, grouped(Either=[either], File=[has_files])) == [{"Either": tally(3, 1), "File": tally(2, 2)}]


def test_groups_take_conditions_on_attributes(ssm, fleet):
    new_bash = [("AWS:Application.Name", "Equal", "bash"), ("AWS:Application.Version", "GreaterThan", "5.1")]
    files = [("AWS:File.Name", "Exists", "true")]
    assert counts(ssm, grouped(NewBash=new_bash, Files=files)) == [{"NewBash": tally(1, 3), "Files": tally(2, 2)}]
    only_bash = [("AWS:Application.Name", "Equal", "bash")]
    assert counts(ssm, grouped(NewBash=new_bash), filters=only_bash) == [{"NewBash": tally(1, 1)}]


# Refusals


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            ("Name", "Equal", "x"),
            "Name names no attribute: write <type>.<attribute>, such as AWS:Application.Name",
        ),
        (
            ("AWS:Nothing.Name", "Equal", "x"),
            "AWS:Nothing.Name names no attribute: write <type>.<attribute>, such as AWS:Application.Name",
        ),
        (
            ("AWS:Tag.Name", "Equal", "x"),
            "AWS:Tag has no attribute Name: use one of Key, Value",
        ),
        (("AWS:Tag.Key", "Exists", "x"), "AWS:Tag.Key: Exists works in the groups of aggregators only"),
        (("TypeName", "Equal", "AWS:Tag"), "TypeName works with Exists in the groups of aggregators only"),
        (
            ("AWS:ComplianceItem.Status", "Equal", "COMPLIANT"),
            "AWS:ComplianceItem is not kept in the inventory: use ListComplianceItems",
        ),
    ],
)
def test_filters_that_are_refused(ssm, condition, text):
    assert refusal(ssm.get_inventory, Filters=conditions(condition)) == ("InvalidFilter", text)


DEEP = by(
    "AWS:Service.Name",
    by("AWS:Service.Status", by("AWS:Tag.Key", by("AWS:Tag.Value", by("AWS:File.Size", by("AWS:File.Description"))))),
)


@pytest.mark.parametrize(
    ("aggregator", "code", "text"),
    [
        ({}, "InvalidAggregatorException", "An aggregator has either an Expression or Groups."),
        (
            by("AWS:Application"),
            "InvalidAggregatorException",
            "AWS:Application names no attribute: write <type>.<attribute>, such as AWS:Application.Name",
        ),
        (
            by("AWS:Application.Name", by("AWS:File.Name")),
            "InvalidAggregatorException",
            "Name / Name: attributes of one chain must have different names.",
        ),
        (
            by("AWS:Application.Name", grouped(A=[("TypeName", "Exists", "AWS:File")])),
            "InvalidAggregatorException",
            "An aggregator inside another has an Expression.",
        ),
        (
            {**grouped(A=[("TypeName", "Exists", "AWS:File")]), "Aggregators": [by("AWS:File.Name")]},
            "InvalidAggregatorException",
            "An aggregator of Groups has no Aggregators inside.",
        ),
        (DEEP, "InvalidAggregatorException", "Aggregators are nested up to 5 deep."),
        (
            grouped(A=[("TypeName", "Exists", "AWS:Nothing")]),
            "InvalidInventoryGroupException",
            "AWS:Nothing is no type of the inventory",
        ),
        (
            {"Groups": [*grouped(A=[("AWS:Tag.Key", "Exists", "x")])["Groups"]] * 2},
            "InvalidInventoryGroupException",
            "Each group needs a name of its own.",
        ),
    ],
)
def test_aggregators_that_are_refused(ssm, aggregator, code, text):
    assert refusal(ssm.get_inventory, Aggregators=[aggregator]) == (code, text)


def test_too_many_different_values_are_refused(ssm, nodes):
    node_id = nodes.one(online=False).node_id
    put(ssm, node_id, held("AWS:File", *({"Name": f"f{number}"} for number in range(200))))
    put(ssm, node_id, held("AWS:Service", *({"Status": f"s{number}"} for number in range(51))))
    assert refusal(ssm.get_inventory, Aggregators=[by("AWS:File.Name", by("AWS:Service.Status"))]) == (
        "InvalidAggregatorException",
        "AWS:File.Name / AWS:Service.Status has more than 10000 different values: add Filters.",
    )


def test_result_attributes_that_are_refused(ssm):
    for name in ("AWS:Nothing", "AWS:ComplianceItem"):
        assert refusal(ssm.get_inventory, ResultAttributes=[{"TypeName": name}]) == (
            "InvalidResultAttributeException",
            f"{name} is no type of the inventory",
        )
