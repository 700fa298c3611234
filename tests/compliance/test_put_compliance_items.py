"""PutComplianceItems over boto3 and by nodes (spec 6.5, D49; CMP-04)."""

import pytest
from compliance_calls import MINUTE, WHEN, ids, item, listed, members, put, summaries

from refusals import refusal

UNKNOWN = "mi-0123456789abcdef0"


@pytest.fixture
def node(nodes):
    return nodes.one(online=False)


def hashed(ssm, node_id, *items, content_hash="h1", **how):
    put(ssm, node_id, *items, ItemContentHash=content_hash, **how)


def times(ssm, node):
    return {one["ExecutionSummary"]["ExecutionTime"].timestamp() for one in listed(ssm, node.node_id)}


def test_an_item_comes_back_as_it_was_given(ssm, node):
    put(
        ssm,
        node.node_id,
        item("Version2.0", "CRITICAL", Title="ScanHost", Details={"Engine": "ä"}),
        ExecutionSummary={"ExecutionTime": WHEN, "ExecutionId": "run-1", "ExecutionType": "Command"},
    )
    (found,) = listed(ssm, node.node_id)
    summary = found.pop("ExecutionSummary")
    assert summary.pop("ExecutionTime").timestamp() == WHEN
    assert summary == {"ExecutionId": "run-1", "ExecutionType": "Command"}
    assert found == {
        "ComplianceType": "Custom:AVCheck",
        "ResourceType": "ManagedInstance",
        "ResourceId": node.node_id,
        "Id": "Version2.0",
        "Title": "ScanHost",
        "Status": "COMPLIANT",
        "Severity": "CRITICAL",
        "Details": {"Engine": "ä"},
    }


def test_members_that_were_not_given_are_not_invented(ssm, node):
    put(ssm, node.node_id, item("a"))
    (found,) = listed(ssm, node.node_id)
    assert set(found["ExecutionSummary"]) == {"ExecutionTime"}
    assert "Title" not in found
    assert found["Details"] == {}


def test_an_upload_replaces_all_items_of_its_type(ssm, node):
    put(ssm, node.node_id, item("a"), item("b"))
    put(ssm, node.node_id, item("patch"), compliance_type="Patch")
    put(ssm, node.node_id, item("b"), item("c"), at=WHEN + MINUTE)
    assert ids(ssm, node.node_id) == ["b", "c", "patch"]
    put(ssm, node.node_id, at=WHEN + 2 * MINUTE)
    assert ids(ssm, node.node_id) == ["patch"]
    assert [one["ComplianceType"] for one in summaries(ssm)] == ["Patch"]


def test_a_partial_upload_adds_and_overwrites(ssm, node):
    put(ssm, node.node_id, item("a"), item("b"))
    put(ssm, node.node_id, item("b", "HIGH", "NON_COMPLIANT"), item("c"), at=WHEN + MINUTE, UploadType="PARTIAL")
    found = {one["Id"]: one["Status"] for one in listed(ssm, node.node_id)}
    assert found == {"a": "COMPLIANT", "b": "NON_COMPLIANT", "c": "COMPLIANT"}
    (summary,) = summaries(ssm)
    assert summary["ExecutionSummary"]["ExecutionTime"].timestamp() == WHEN + MINUTE


def test_an_older_upload_is_dropped(ssm, node):
    put(ssm, node.node_id, item("new"))
    put(ssm, node.node_id, item("old"), at=WHEN - MINUTE)
    assert ids(ssm, node.node_id) == ["new"]
    put(
        ssm,
        node.node_id,
        item("new", status="NON_COMPLIANT"),
        item("late"),
        at=WHEN - MINUTE,
        UploadType="PARTIAL",
    )
    assert {one["Id"]: one["Status"] for one in listed(ssm, node.node_id)} == {"new": "COMPLIANT", "late": "COMPLIANT"}
    (summary,) = summaries(ssm)
    assert summary["ExecutionSummary"]["ExecutionTime"].timestamp() == WHEN


def test_an_empty_upload_with_the_known_hash_keeps_the_items_cmp_04(ssm, node):
    hashed(ssm, node.node_id, item("a"), item("b"))
    hashed(ssm, node.node_id, at=WHEN + MINUTE)
    assert ids(ssm, node.node_id) == ["a", "b"]
    assert times(ssm, node) == {WHEN + MINUTE}
    (summary,) = summaries(ssm)
    assert summary["ExecutionSummary"]["ExecutionTime"].timestamp() == WHEN + MINUTE


def test_an_upload_with_the_known_hash_is_not_read_cmp_04(ssm, node):
    hashed(ssm, node.node_id, item("a"))
    hashed(ssm, node.node_id, item("other"), at=WHEN + MINUTE)
    assert ids(ssm, node.node_id) == ["a"]
    hashed(ssm, node.node_id, item("other"), at=WHEN + 2 * MINUTE, content_hash="h2")
    assert ids(ssm, node.node_id) == ["other"]


def test_an_empty_upload_with_another_hash_takes_the_items_away(ssm, node):
    hashed(ssm, node.node_id, item("a"))
    hashed(ssm, node.node_id, at=WHEN + MINUTE, content_hash="h2")
    assert ids(ssm, node.node_id) == []


def test_a_node_speaks_of_itself(ssm, node):
    upload = members(node.node_id, [item("a", Title="")], compliance_type="Custom:Agent")
    assert node.request("PutComplianceItems", **upload).json() == {}
    (found,) = listed(ssm, node.node_id)
    assert (found["Id"], found["Title"]) == ("a", "")
    other = node.request("PutComplianceItems", **members(UNKNOWN, [])).json()
    assert other["__type"] == "AccessDeniedException"


def test_what_a_node_says_of_associations_is_dropped(ssm, node):
    """The recorded upload of the official agent, with the empty members that the public API would not take."""
    upload = members(
        node.node_id,
        [
            item(
                "a3363996-df35-58ea-99ab-828192b4241f",
                Title="",
                Details={"DocumentName": "lab-shell", "DocumentVersion": "1"},
            )
        ],
        compliance_type="Association",
        ExecutionSummary={"ExecutionId": "", "ExecutionTime": 1795450589.294, "ExecutionType": ""},
        ItemContentHash="K9xS1nSfK97SUvZKxoSGYw==",
    )
    answer = node.request("PutComplianceItems", **upload)
    assert (answer.status_code, answer.json()) == (200, {})
    assert listed(ssm, node.node_id) == []
    ssm.put_compliance_items(**{**upload, "ItemContentHash": "h"})
    assert len(listed(ssm, node.node_id)) == 1, "an administrator's word counts"


def test_a_removed_node_has_no_compliance(ssm, nodes):
    gone, stays = nodes.add(2, online=False)
    for node in (gone, stays):
        put(ssm, node.node_id, item("a"))
    ssm.deregister_managed_instance(InstanceId=gone.node_id)
    assert [one["ResourceId"] for one in listed(ssm)] == [stays.node_id]
    assert [one["ResourceId"] for one in summaries(ssm)] == [stays.node_id]


REFUSALS = [
    pytest.param(
        {"ResourceId": UNKNOWN}, ("InvalidResourceId", f"Managed node {UNKNOWN} does not exist."), id="unknown node"
    ),
    pytest.param(
        {"ResourceType": "EC2Instance"},
        ("InvalidResourceType", "EC2Instance is no resource type here: use ManagedInstance"),
        id="resource type",
    ),
    pytest.param(
        {"ComplianceType": "Patches"},
        (
            "InvalidItemContentException",
            "Patches is no compliance type: use Association, Patch or Custom:<name>",
        ),
        id="compliance type",
    ),
    pytest.param(
        {"Items": [item("a"), {"Severity": "LOW", "Status": "COMPLIANT"}]},
        ("InvalidItemContentException", "Item 2 has no Id."),
        id="no id",
    ),
    pytest.param(
        {"Items": [item("a"), item("a")]}, ("InvalidItemContentException", "Id a is given twice."), id="same id twice"
    ),
    pytest.param(
        {"Items": [item("big", Details={f"k{number}": "x" * 4096 for number in range(16)})]},
        ("ItemSizeLimitExceededException", "Item big has 65674 bytes, 65536 are allowed."),
        id="large item",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), REFUSALS)
def test_uploads_that_are_refused(ssm, node, changes, expected):
    upload = {**members(node.node_id, [item("a")]), **changes}
    assert refusal(ssm.put_compliance_items, **upload) == expected
    assert listed(ssm, node.node_id) == []


def test_enumerations_are_the_model_s(ssm, node):
    code, text = refusal(ssm.put_compliance_items, **members(node.node_id, [item("a", "SEVERE")]))
    assert code == "ValidationException"
    assert "Value 'SEVERE' at 'items.1.member.severity' failed to satisfy constraint" in text


def test_a_node_has_at_most_ten_custom_types(ssm, node):
    for number in range(10):
        put(ssm, node.node_id, item("a"), compliance_type=f"Custom:T{number:02}")
    put(ssm, node.node_id, item("a"), compliance_type="Patch")
    eleventh = members(node.node_id, [item("a")], compliance_type="Custom:T10")
    text = f"{node.node_id} has 10 custom compliance types already, which is as many as it can have."
    assert refusal(ssm.put_compliance_items, **eleventh) == ("ComplianceTypeCountLimitExceededException", text)
    put(ssm, node.node_id, item("b"), compliance_type="Custom:T00", at=WHEN + MINUTE)
    put(ssm, node.node_id, compliance_type="Custom:T01", at=WHEN + MINUTE)
    ssm.put_compliance_items(**eleventh)
    assert len(summaries(ssm)) == 11


def test_a_node_has_at_most_five_mebibytes(ssm, node):
    large = {f"k{number}": "x" * 4096 for number in range(15)}

    def upload(first):
        return [item(f"i{number:03}", Details=large) for number in range(first, first + 40)]

    put(ssm, node.node_id, *upload(0))
    put(ssm, node.node_id, *upload(40), UploadType="PARTIAL")
    code, text = refusal(
        ssm.put_compliance_items, **members(node.node_id, upload(80), UploadType="PARTIAL", compliance_type="Patch")
    )
    assert code == "TotalSizeLimitExceededException"
    assert text.endswith("bytes of compliance items, 5242880 are allowed.")
    assert len(listed(ssm, node.node_id, MaxResults=50)) == 50
    assert [one["ComplianceType"] for one in summaries(ssm)] == ["Custom:AVCheck"]


def test_ten_thousand_items_in_one_upload(ssm, node):
    put(ssm, node.node_id, *(item(f"p{number:05}") for number in range(10_000)), compliance_type="Patch")
    (summary,) = summaries(ssm)
    assert summary["CompliantSummary"]["CompliantCount"] == 10_000
