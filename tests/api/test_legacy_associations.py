"""Associations that were made with an InstanceId: creation, status, history, deletion (spec 2.2, 2.6, 2.7, 7.4)."""

import datetime

import pytest

from association_calls import (
    EVERY_NODE,
    create,
    describe,
    executions,
    overview,
    refusal,
    start_once,
    targets,
)

UNREGISTERED = "i-0123456789abcdef0"
OLD_SCHEMA = {
    "schemaVersion": "1.2",
    "parameters": {"word": {"type": "String", "default": "hello"}},
    "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["echo {{ word }}"]}]}},
}
PROCESSED = "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. "
WHEN = datetime.datetime(2026, 5, 4, 3, 2, 1, 987000, tzinfo=datetime.UTC)


@pytest.fixture
def legacy(ssm, document):
    """Makes the legacy association of a node: its description."""
    name = document("old", OLD_SCHEMA)

    def make(instance_id=UNREGISTERED, **members):
        return ssm.create_association(Name=name, InstanceId=instance_id, **members)["AssociationDescription"]

    return make


def told(ssm, instance_id=UNREGISTERED, **members):
    status = {"Date": WHEN, "Name": "Success", "Message": PROCESSED, **members}
    return ssm.update_association_status(Name="old", InstanceId=instance_id, AssociationStatus=status)


def test_a_creation_answers_its_own_target_and_status_cre_04_cre_40(legacy):
    made = legacy()
    assert made["InstanceId"] == UNREGISTERED
    assert made["Targets"] == [{"Key": "InstanceIds", "Values": [UNREGISTERED]}]
    assert made["Status"] == {"Date": made["Date"], "Name": "Associated", "Message": "Associated with old"}
    assert made["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    assert (made["AssociationVersion"], made["DocumentVersion"]) == ("1", "$DEFAULT")


def test_a_later_schema_is_refused_cre_08(ssm, document):
    assert refusal(ssm.create_association, Name=document(), InstanceId=UNREGISTERED) == (
        "ValidationException",
        "Document schema version, 2.2, is not supported by association that is created with instance id",
    )


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("AssociationName", "nightly"),
        ("DocumentVersion", "1"),
        ("MaxErrors", "1"),
        ("MaxConcurrency", "1"),
        ("OutputLocation", {"S3Location": {"OutputS3BucketName": "bucket"}}),
        ("ScheduleExpression", "rate(1 hour)"),
    ],
)
def test_members_of_the_later_style_are_refused_cre_09(ssm, legacy, member, value):
    assert refusal(legacy, **{member: value}) == ("ValidationException", f"{member} is not supported with instanceId")
    assert ssm.list_associations()["Associations"] == []


def test_targets_do_not_go_with_an_instance(legacy):
    expected = ("ValidationException", "InstanceId and Targets can not both be specified")
    assert refusal(legacy, Targets=EVERY_NODE) == expected


def test_one_document_has_one_association_with_a_node_cre_10(legacy):
    legacy()
    code, message = refusal(legacy)
    assert (code, message) == ("AssociationAlreadyExists", f"{UNREGISTERED} is associated with old already.")


def test_a_hybrid_node_must_be_registered_v9(legacy):
    code, message = refusal(legacy, "mi-0123456789abcdef0")
    assert (code, message) == ("InvalidInstanceId", "Managed node mi-0123456789abcdef0 does not exist.")


def test_a_platform_that_the_document_does_not_fit_v12(ssm, nodes, document):
    node = nodes.one()
    windows = {
        "schemaVersion": "1.2",
        "runtimeConfig": {"aws:psModule": {"properties": [{"source": "https://example.org/module.zip"}]}},
    }
    name = document("windows", windows)
    code, message = refusal(ssm.create_association, Name=name, InstanceId=node.node_id)
    assert (code, message) == ("UnsupportedPlatformType", f"windows runs on Windows; {node.node_id} is Linux.")


def test_name_and_instance_find_it_des_01_del_02(ssm, legacy, document):
    made = legacy()
    create(ssm, "old", Targets=[{"Key": "InstanceIds", "Values": ["i-0123456789abcdef1"]}])
    found = ssm.describe_association(Name="old", InstanceId=UNREGISTERED)["AssociationDescription"]
    assert found["AssociationId"] == made["AssociationId"]
    code, message = refusal(ssm.delete_association, Name="old", InstanceId="i-0123456789abcdef1")
    assert code == "AssociationDoesNotExist"
    assert message == "No association of old with i-0123456789abcdef1 exists."
    ssm.delete_association(Name="old", InstanceId=UNREGISTERED)
    assert refusal(describe, ssm, made["AssociationId"])[0] == "AssociationDoesNotExist"
    assert len(ssm.list_associations()["Associations"]) == 1


def test_the_instance_filter_finds_legacy_associations_only_lst_02(ssm, legacy):
    made = legacy()
    create(ssm, "old", Targets=[{"Key": "InstanceIds", "Values": [UNREGISTERED]}])
    create(ssm, "old")
    listed = ssm.list_associations(AssociationFilterList=[{"key": "InstanceId", "value": UNREGISTERED}])
    (found,) = listed["Associations"]
    assert (found["AssociationId"], found["InstanceId"]) == (made["AssociationId"], UNREGISTERED)


def test_a_status_is_kept_in_whole_seconds_ust_01(server, ssm, legacy):
    made = legacy()
    server.settle()
    before = overview(ssm, made["AssociationId"])
    server.clock(advance="1m")
    answered = told(ssm, AdditionalInfo="{agent}")["AssociationDescription"]
    status = {"Date": WHEN.replace(microsecond=0), "Name": "Success", "Message": PROCESSED, "AdditionalInfo": "{agent}"}
    assert answered["Status"] == describe(ssm, made["AssociationId"])["Status"] == status
    assert answered["LastUpdateAssociationDate"] > answered["Date"]
    assert overview(ssm, made["AssociationId"]) == before
    assert answered["AssociationVersion"] == "1"


def test_the_same_status_again_is_refused_ust_02(ssm, legacy):
    legacy()
    told(ssm)
    assert refusal(told, ssm) == ("StatusUnchanged", "The updated status is the same as the current status.")
    told(ssm, Message="Another word.")
    told(ssm, Name="Failed", Message="Another word.")


def test_a_status_shows_on_the_node_ust_03_ias_02(ssm, legacy):
    made = legacy()
    told(ssm)
    (found,) = ssm.describe_instance_associations_status(InstanceId=UNREGISTERED)["InstanceAssociationStatusInfos"]
    assert found["AssociationId"] == made["AssociationId"]
    assert (found["Status"], found["DetailedStatus"]) == ("Success", "Success")
    assert found["ExecutionSummary"] == PROCESSED, "with the blank at its end"
    assert found["ExecutionDate"] == WHEN.replace(microsecond=0)
    assert found["DocumentVersion"] == "1"


@pytest.mark.parametrize(
    ("name", "instance_id", "code", "text"),
    [
        ("nothing", UNREGISTERED, "InvalidDocument", "Document with name nothing does not exist."),
        ("old", "mi-0123456789abcdef0", "InvalidInstanceId", "Managed node mi-0123456789abcdef0 does not exist."),
        ("old", "i-00000000", "AssociationDoesNotExist", "No association of old with i-00000000 exists."),
    ],
)
def test_a_status_of_nothing_is_refused_with_what_is_missing(ssm, legacy, name, instance_id, code, text):
    legacy()
    status = {"Date": WHEN, "Name": "Success", "Message": PROCESSED}
    members = {"Name": name, "InstanceId": instance_id, "AssociationStatus": status}
    assert refusal(ssm.update_association_status, **members) == (code, text)


def test_every_run_is_one_row_exe_03(server, ssm, nodes, legacy):
    node = nodes.one()
    made = legacy(node.node_id)
    association_id = made["AssociationId"]
    server.settle()
    server.clock(advance="1h")
    node.script = lambda job: "Failed"
    start_once(ssm, association_id)
    server.settle()
    assert len(node.jobs) == 2
    (row,) = executions(ssm, association_id)
    assert row["ExecutionId"] == association_id
    assert "DetailedStatus" not in row
    assert (row["Status"], row["ResourceCountByStatus"]) == ("Failed", "{Failed=1}")
    assert row["CreatedTime"] == made["Date"] < row["LastExecutionDate"]
    (target,) = targets(ssm, association_id, association_id)
    assert (target["ResourceId"], target["Status"]) == (node.node_id, "Failed")
    assert not {"OutputSource", "DetailedStatus"} & set(target)


def test_every_run_is_a_row_when_asked_for_d34(start_server):
    server = start_server(per_run_history=True)
    ssm = server.client()
    association = create(ssm, "AWS-GatherSoftwareInventory")
    server.settle()
    start_once(ssm, association["AssociationId"])
    server.settle()
    found = executions(ssm, association["AssociationId"])
    assert len({row["ExecutionId"] for row in found} - {association["AssociationId"]}) == 2


def test_an_update_keeps_to_what_legacy_associations_have(ssm, legacy):
    made = legacy()
    changed = ssm.update_association(AssociationId=made["AssociationId"], Parameters={"word": ["hi"]})
    found = changed["AssociationDescription"]
    assert (found["AssociationVersion"], found["InstanceId"]) == ("2", UNREGISTERED)
    assert found["Targets"] == made["Targets"]
    refused = refusal(ssm.update_association, AssociationId=made["AssociationId"], ScheduleExpression="rate(1 hour)")
    assert refused == ("InvalidUpdate", "ScheduleExpression is not supported with instanceId")


def test_they_go_with_their_node(server, ssm, nodes, legacy):
    node = nodes.one()
    made = legacy(node.node_id)
    server.settle()
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    assert refusal(describe, ssm, made["AssociationId"])[0] == "AssociationDoesNotExist"
