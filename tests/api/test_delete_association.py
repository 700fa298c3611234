"""DeleteAssociation and what is left of it (spec 2.7, D13)."""

import pytest

from association_calls import UNKNOWN_ID, create, executions, refusal, targets


@pytest.fixture
def association_id(ssm, document):
    return create(ssm, document(), ScheduleExpression="rate(30 minutes)")["AssociationId"]


def test_a_deleted_association_is_gone_del_01_del_03_exe_21(server, ssm, association_id):
    server.settle()
    execution_id = executions(ssm, association_id)[0]["ExecutionId"]
    assert ssm.delete_association(AssociationId=association_id)["ResponseMetadata"]["HTTPStatusCode"] == 200
    for refused in (
        refusal(ssm.describe_association, AssociationId=association_id),
        refusal(ssm.update_association, AssociationId=association_id),
        refusal(ssm.delete_association, AssociationId=association_id),
        refusal(ssm.start_associations_once, AssociationIds=[association_id]),
        refusal(ssm.describe_association_executions, AssociationId=association_id),
        refusal(ssm.describe_association_execution_targets, AssociationId=association_id, ExecutionId=execution_id),
    ):
        assert refused == ("AssociationDoesNotExist", f"Association {association_id} does not exist.")
    assert ssm.list_associations()["Associations"] == []


def test_deletion_needs_a_usable_key_del_04(ssm):
    expected = ("ValidationException", "AssociationId, or InstanceId and Document Name must be specified")
    assert refusal(ssm.delete_association) == expected
    assert refusal(ssm.delete_association, Name="echo-twice") == expected


def test_a_name_with_an_instance_finds_legacy_associations_only_del_02(ssm, association_id):
    refused = refusal(ssm.delete_association, Name="echo-twice", InstanceId="i-0123456789abcdef0")
    assert refused[0] == "AssociationDoesNotExist"
    assert len(ssm.list_associations()["Associations"]) == 1


def test_an_unknown_id_is_refused(ssm):
    assert refusal(ssm.delete_association, AssociationId=UNKNOWN_ID)[0] == "AssociationDoesNotExist"


def test_no_run_starts_after_the_deletion_del_05(server, ssm, nodes, association_id):
    node = nodes.one()
    server.settle()
    seen = len(node.jobs)
    ssm.delete_association(AssociationId=association_id)
    server.clock(advance="2h")
    assert len(node.jobs) == seen


def test_waiting_targets_are_cancelled_and_running_ones_recorded_d13(server, ssm, nodes, document):
    park = nodes.add(2, holds=True)
    association = create(ssm, document(), MaxConcurrency="1")
    server.clock(advance="0s", wait_for_nodes="100ms")
    (job,) = [job for node in park for job in node.jobs]
    execution_id = executions(ssm, association["AssociationId"])[0]["ExecutionId"]
    source = next(
        row["OutputSource"] for row in targets(ssm, association["AssociationId"], execution_id) if "OutputSource" in row
    )
    ssm.delete_association(AssociationId=association["AssociationId"])
    job.finish("Success", output="to the end")
    server.settle()
    rows = ssm.list_command_invocations(CommandId=source["OutputSourceId"])["CommandInvocations"]
    assert sorted(row["Status"] for row in rows) == ["Cancelled", "Success"]
    found = ssm.get_command_invocation(CommandId=job.command_id, InstanceId=job.node.node_id, PluginName="second")
    assert found["StandardOutputContent"] == "to the end"


def test_its_tags_are_gone_too(ssm, association_id):
    ssm.add_tags_to_resource(ResourceType="Association", ResourceId=association_id, Tags=[{"Key": "a", "Value": "b"}])
    ssm.delete_association(AssociationId=association_id)
    refused = refusal(ssm.list_tags_for_resource, ResourceType="Association", ResourceId=association_id)
    assert refused[0] == "InvalidResourceId"
