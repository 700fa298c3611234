"""What is effective on a node, and where it stands there (spec 2.14, 2.15)."""

import json

import pytest

from association_calls import TAGGED, create, refusal

NOBODY = "mi-0123456789abcdef0"
OLD_SCHEMA = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}}}
WAITS = {"ScheduleExpression": "cron(0 0 L * ? *)", "ApplyOnlyAtCronInterval": True}


@pytest.fixture
def node(nodes):
    return nodes.one(tags={"env": "prod"})


@pytest.fixture
def bound(ssm, document, node):
    """Associations by each way to reach the node, and one that does not, in the order of their creation."""
    name, old = document(), document("old", OLD_SCHEMA)
    by_id = [{"Key": "InstanceIds", "Values": [node.node_id]}]
    return {
        "tag": create(ssm, name, Targets=TAGGED)["AssociationId"],
        "id": create(ssm, name, Targets=by_id)["AssociationId"],
        "every": create(ssm, name)["AssociationId"],
        "legacy": ssm.create_association(Name=old, InstanceId=node.node_id)["AssociationDescription"]["AssociationId"],
        "other": create(ssm, name, Targets=[{"Key": "tag:env", "Values": ["test"]}])["AssociationId"],
    }


def effective(ssm, node_id, **members):
    return ssm.describe_effective_instance_associations(InstanceId=node_id, **members)["Associations"]


def standing(ssm, node_id):
    answer = ssm.describe_instance_associations_status(InstanceId=node_id)
    return {row["AssociationId"]: row for row in answer["InstanceAssociationStatusInfos"]}


def test_every_way_to_reach_a_node_counts_eff_02(ssm, node, bound):
    found = [one["AssociationId"] for one in effective(ssm, node.node_id)]
    assert set(found) == set(bound.values()) - {bound["other"]}
    assert set(standing(ssm, node.node_id)) == set(found)


def test_the_text_of_the_document_in_force_is_shown_eff_03(ssm, node, document):
    text = json.dumps({**OLD_SCHEMA, "description": "As\nstored, with its blanks."}, indent=3)
    document("indented", text)
    association_id = create(ssm, "indented")["AssociationId"]
    (found,) = effective(ssm, node.node_id)
    assert found == {
        "AssociationId": association_id,
        "AssociationVersion": "1",
        "InstanceId": node.node_id,
        "Content": text,
    }


def test_an_unknown_node_is_refused_eff_04(ssm):
    expected = ("InvalidInstanceId", f"Managed node {NOBODY} does not exist.")
    assert refusal(effective, ssm, NOBODY) == expected
    assert refusal(standing, ssm, NOBODY) == expected


@pytest.mark.parametrize(("size", "accepted"), [(5, True), (6, False), (0, False)])
def test_five_fit_on_a_page_eff_01(server, node, bound, size, accepted):
    ssm = server.client(parameter_validation=False)
    if accepted:
        assert len(effective(ssm, node.node_id, MaxResults=size)) == 4
    else:
        code, message = refusal(effective, ssm, node.node_id, MaxResults=size)
        assert code == "ValidationException"
        assert "at 'maxResults' failed to satisfy constraint" in message


def test_pages_lose_and_double_nothing_gen_11(ssm, node, document):
    name = document()
    made = [create(ssm, name)["AssociationId"] for _ in range(12)]
    for operation, member in (
        ("describe_effective_instance_associations", "Associations"),
        ("describe_instance_associations_status", "InstanceAssociationStatusInfos"),
    ):
        pages = ssm.get_paginator(operation).paginate(InstanceId=node.node_id, PaginationConfig={"PageSize": 5})
        assert sorted(one["AssociationId"] for page in pages for one in page[member]) == sorted(made)


def test_the_document_version_is_a_number_ias_01(server, ssm, node, bound):
    server.settle()
    for row in standing(ssm, node.node_id).values():
        assert row["DocumentVersion"] == "1"
        assert row["InstanceId"] == node.node_id
        assert (row["Status"], row["DetailedStatus"]) == ("Success", "Success")


def test_the_version_that_ran_is_shown_until_the_next_run_ias_01(server, ssm, node, document):
    association_id = create(ssm, document(), DocumentVersion="1")["AssociationId"]
    server.settle()
    content = {**OLD_SCHEMA, "schemaVersion": "2.2", "mainSteps": []}
    content.pop("runtimeConfig")
    content["mainSteps"] = [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["id"]}}]
    ssm.update_document(Name="echo-twice", Content=json.dumps(content), DocumentVersion="$LATEST")
    ssm.update_document_default_version(Name="echo-twice", DocumentVersion="2")
    server.settle()
    assert standing(ssm, node.node_id)[association_id]["DocumentVersion"] == "1"


def test_what_never_ran_has_no_date_ias_03(server, ssm, node, document):
    association_id = create(ssm, document(), AssociationName="later", **WAITS)["AssociationId"]
    server.settle()
    row = standing(ssm, node.node_id)[association_id]
    assert (row["Status"], row["DetailedStatus"]) == ("Pending", "Associated")
    assert (row["AssociationName"], row["Name"], row["AssociationVersion"]) == ("later", "echo-twice", "1")
    assert "ExecutionDate" not in row


def test_a_run_is_dated(server, ssm, node, document):
    node.script = lambda job: "Failed"
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    row = standing(ssm, node.node_id)[association_id]
    assert (row["Status"], row["DetailedStatus"]) == ("Failed", "Failed")
    found = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]
    assert row["ExecutionDate"] == found["LastExecutionDate"]
