"""ListComplianceItems and the two summaries over boto3 (spec 6.5; CMP-05)."""

import pytest
from compliance_calls import MINUTE, NOTHING, WHEN, ids, item, listed, pages, put, summaries, types

from refusals import refusal


@pytest.fixture
def fleet(ssm, nodes):
    """Three nodes: all well; two faults; only a low one, which was found later."""
    fleet = [node.node_id for node in nodes.add(3, online=False)]
    put(ssm, fleet[0], item("a", "HIGH"), item("b", "LOW"))
    put(ssm, fleet[1], item("a", "HIGH", "NON_COMPLIANT"), item("b", "CRITICAL"), item("c", "LOW", "NON_COMPLIANT"))
    put(ssm, fleet[2], item("a", "LOW", "NON_COMPLIANT"), at=WHEN + MINUTE)
    put(ssm, fleet[2], item("KB1", Details={"PatchState": "Missing"}), compliance_type="Patch")
    return fleet


def test_items_come_by_node_type_and_id(ssm, fleet):
    found = [(one["ResourceId"], one["ComplianceType"], one["Id"]) for one in listed(ssm)]
    assert found == sorted(found)
    assert len(found) == 7


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_neither_skip_nor_double(ssm, fleet, size):
    everything = [(one["ResourceId"], one["Id"]) for one in listed(ssm)]
    found = pages(ssm.list_compliance_items, "ComplianceItems", MaxResults=size)
    assert [(one["ResourceId"], one["Id"]) for page in found for one in page] == everything
    assert {len(page) for page in found[:-1]} <= {size}


def test_pages_of_one_node(ssm, fleet):
    found = pages(ssm.list_compliance_items, "ComplianceItems", ResourceIds=[fleet[1]], MaxResults=2)
    assert [[one["Id"] for one in page] for page in found] == [["a", "b"], ["c"]]


def test_only_the_first_resource_counts(ssm, fleet):
    answer = ssm.list_compliance_items(ResourceIds=[fleet[0], fleet[1]])
    assert {one["ResourceId"] for one in answer["ComplianceItems"]} == {fleet[0]}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("ComplianceType", "EQUAL", "Patch")], ["KB1"]),
        ([("Id", "EQUAL", "a", "c")], ["a", "a", "c", "a"]),
        ([("Id", "NOT_EQUAL", "a", "c")], ["b", "b", "KB1"]),
        ([("Id", "BEGIN_WITH", "K")], ["KB1"]),
        ([("Status", "EQUAL", "NON_COMPLIANT"), ("Severity", "EQUAL", "LOW")], ["c", "a"]),
        ([("ExecutionTime", "GREATER_THAN", "2023-11-14T22:13:20Z")], ["a"]),
        ([("ExecutionTime", "LESS_THAN", "2023-11-14T22:13:21Z"), ("Id", "EQUAL", "KB1")], ["KB1"]),
        ([("ExecutionTime", "EQUAL", "2023-11-14T22:14:20Z")], ["a"]),
        ([("PatchState", "EQUAL", "Missing")], ["KB1"]),
        ([("PatchState", "NOT_EQUAL", "Missing"), ("Severity", "EQUAL", "CRITICAL")], ["b"]),
        ([("Title", "EQUAL", "none")], []),
    ],
)
def test_filters_of_items(ssm, fleet, filters, expected):
    assert ids(ssm, None, *filters) == expected


def test_a_filter_without_a_type_asks_for_equality(ssm, fleet):
    answer = ssm.list_compliance_items(Filters=[{"Key": "Id", "Values": ["KB1"]}])
    assert [one["Id"] for one in answer["ComplianceItems"]] == ["KB1"]


def test_a_node_s_summary_counts_items_cmp_05(ssm, fleet):
    found = {(one["ResourceId"], one["ComplianceType"]): one for one in summaries(ssm)}
    assert list(found) == sorted(found)
    second = found[fleet[1], "Custom:AVCheck"]
    assert second.pop("ExecutionSummary")["ExecutionTime"].timestamp() == WHEN
    assert second == {
        "ComplianceType": "Custom:AVCheck",
        "ResourceType": "ManagedInstance",
        "ResourceId": fleet[1],
        "Status": "NON_COMPLIANT",
        "OverallSeverity": "HIGH",
        "CompliantSummary": {"CompliantCount": 1, "SeveritySummary": {**NOTHING, "CriticalCount": 1}},
        "NonCompliantSummary": {
            "NonCompliantCount": 2,
            "SeveritySummary": {**NOTHING, "HighCount": 1, "LowCount": 1},
        },
    }
    first = found[fleet[0], "Custom:AVCheck"]
    assert (first["Status"], first["OverallSeverity"]) == ("COMPLIANT", "HIGH")
    assert first["NonCompliantSummary"] == {"NonCompliantCount": 0, "SeveritySummary": NOTHING}


def test_a_type_s_summary_counts_nodes_cmp_05(ssm, fleet):
    assert types(ssm) == [
        {
            "ComplianceType": "Custom:AVCheck",
            "CompliantSummary": {"CompliantCount": 1, "SeveritySummary": {**NOTHING, "HighCount": 1}},
            "NonCompliantSummary": {
                "NonCompliantCount": 2,
                "SeveritySummary": {**NOTHING, "HighCount": 1, "LowCount": 1},
            },
        },
        {
            "ComplianceType": "Patch",
            "CompliantSummary": {"CompliantCount": 1, "SeveritySummary": {**NOTHING, "UnspecifiedCount": 1}},
            "NonCompliantSummary": {"NonCompliantCount": 0, "SeveritySummary": NOTHING},
        },
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("ComplianceType", "EQUAL", "Patch")], {2: ["Patch"]}),
        ([("Status", "EQUAL", "NON_COMPLIANT")], {1: ["Custom:AVCheck"], 2: ["Custom:AVCheck"]}),
        ([("OverallSeverity", "EQUAL", "HIGH")], {0: ["Custom:AVCheck"], 1: ["Custom:AVCheck"]}),
        ([("ExecutionTime", "GREATER_THAN", "2023-11-14T22:14:00Z")], {2: ["Custom:AVCheck"]}),
        ([("ComplianceType", "BEGIN_WITH", "Custom:"), ("Status", "EQUAL", "COMPLIANT")], {0: ["Custom:AVCheck"]}),
        ([("ExecutionType", "EQUAL", "Command")], {}),
    ],
)
def test_filters_of_summaries(ssm, fleet, filters, expected):
    found = {}
    for one in summaries(ssm, *filters):
        found.setdefault(fleet.index(one["ResourceId"]), []).append(one["ComplianceType"])
    assert found == expected
    of_types = {one["ComplianceType"] for one in types(ssm, *filters)}
    assert of_types == {name for names in expected.values() for name in names}


def test_pages_of_summaries(ssm, fleet):
    found = pages(ssm.list_resource_compliance_summaries, "ResourceComplianceSummaryItems", MaxResults=3)
    assert [len(page) for page in found] == [3, 1]
    assert [one for page in found for one in page] == summaries(ssm)
    found = pages(ssm.list_compliance_summaries, "ComplianceSummaryItems", MaxResults=1)
    assert [one["ComplianceType"] for page in found for one in page] == ["Custom:AVCheck", "Patch"]


def test_a_token_of_other_filters_is_refused(ssm, fleet):
    token = ssm.list_compliance_items(MaxResults=1)["NextToken"]
    assert refusal(
        ssm.list_compliance_items, NextToken=token, Filters=[{"Key": "Id", "Values": ["a"], "Type": "EQUAL"}]
    ) == ("InvalidNextToken", "The specified token is not valid.")


def test_listings_that_are_refused(ssm, fleet):
    unknown = "mi-0123456789abcdef0"
    assert refusal(ssm.list_compliance_items, ResourceIds=[unknown]) == (
        "InvalidResourceId",
        f"Managed node {unknown} does not exist.",
    )
    assert refusal(ssm.list_compliance_items, ResourceTypes=["Volume"]) == (
        "InvalidResourceType",
        "Volume is no resource type here: use ManagedInstance",
    )


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("list_compliance_items", "OverallSeverity"),
        ("list_compliance_summaries", "Id"),
        ("list_resource_compliance_summaries", "AWS:InstanceInformation.PlatformType"),
    ],
)
def test_filters_that_are_refused(ssm, operation, key):
    call = getattr(ssm, operation)
    code, text = refusal(call, Filters=[{"Key": key, "Values": ["x"], "Type": "EQUAL"}])
    assert code == "InvalidFilter"
    assert text.startswith(f"{key} is no filter here: use one of ComplianceType, ")
    assert refusal(call, Filters=[{"Key": "Status"}]) == ("InvalidFilter", "A filter needs Key and Values.")
    assert refusal(call, Filters=[{"Values": ["x"]}]) == ("InvalidFilter", "A filter needs Key and Values.")


def test_regions_see_nothing_of_each_other(server, ssm, fleet):
    there = server.client(region="eu-west-1")
    assert listed(there) == summaries(there) == types(there) == []
