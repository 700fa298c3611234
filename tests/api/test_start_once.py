"""StartAssociationsOnce (spec 2.8, D4, D32, D61)."""

import pytest

from association_calls import UNKNOWN_ID, create, executions, refusal, repeat_invocation, start_once, statuses


@pytest.fixture
def association_id(server, ssm, document):
    made = create(ssm, document())["AssociationId"]
    server.settle()
    return made


def test_a_start_is_first_in_the_history_onc_01(server, ssm, association_id):
    answer = ssm.start_associations_once(AssociationIds=[association_id])
    assert {key: value for key, value in answer.items() if key != "ResponseMetadata"} == {}
    assert len(executions(ssm, association_id)) == 2


def test_the_header_names_the_executions_d61(ssm, association_id):
    other = create(ssm, "echo-twice")["AssociationId"]
    started = start_once(ssm, association_id, other)
    assert started == {
        association_id: executions(ssm, association_id)[0]["ExecutionId"],
        other: executions(ssm, other)[0]["ExecutionId"],
    }


@pytest.mark.parametrize("count", [0, 11])
def test_one_to_ten_ids_onc_02(server, count):
    ssm = server.client(parameter_validation=False)
    code, message = refusal(ssm.start_associations_once, AssociationIds=[UNKNOWN_ID] * count)
    assert code == "ValidationException"
    assert "at 'associationIds' failed to satisfy constraint: Member must have length" in message


def test_one_unknown_id_starts_nothing_onc_03(server, ssm, association_id):
    refused = refusal(ssm.start_associations_once, AssociationIds=[association_id, UNKNOWN_ID])
    assert refused == ("AssociationDoesNotExist", f"Association {UNKNOWN_ID} does not exist.")
    server.settle()
    assert len(executions(ssm, association_id)) == 1


def test_the_schedule_stays_where_it_was_onc_04(server, ssm, document):
    members = {"ScheduleExpression": "cron(0 0/1 * * ? *)", "ApplyOnlyAtCronInterval": True}
    association_id = create(ssm, document(), **members)["AssociationId"]
    due = server.clock()["next"]
    start_once(ssm, association_id)
    server.settle()
    assert server.clock()["next"] == due
    server.clock(advance="1h")
    assert len(executions(ssm, association_id)) == 2


def test_all_current_targets_run_onc_05(server, ssm, nodes, association_id):
    nodes.add(3)
    server.settle()
    start_once(ssm, association_id)
    server.settle()
    assert statuses(ssm, association_id)[0] == ("Success", "Success", "{Success=3}")


def test_a_deleted_document_can_not_run_onc_06(ssm, association_id):
    ssm.delete_document(Name="echo-twice")
    code, message = refusal(ssm.start_associations_once, AssociationIds=[association_id])
    assert code == "InvalidAssociation"
    assert "document echo-twice does not exist" in message


def test_an_id_twice_is_one_start(server, ssm, association_id):
    start_once(ssm, association_id, association_id)
    server.settle()
    assert len(executions(ssm, association_id)) == 2


def test_a_retry_of_the_sdk_starts_nothing_more_d32(server, ssm, association_id):
    repeat_invocation(ssm, "StartAssociationsOnce")
    assert start_once(ssm, association_id) == start_once(ssm, association_id)
    server.settle()
    assert len(executions(ssm, association_id)) == 2


def test_another_callers_invocation_id_is_another_call_d32(server, ssm, association_id):
    other = server.client(region="us-east-1")
    repeat_invocation(ssm, "StartAssociationsOnce")
    start_once(ssm, association_id)
    start_once(other, association_id)
    assert len(executions(ssm, association_id)) == 3


def test_no_region_sees_anothers_associations_d17(server, association_id):
    elsewhere = server.client(region="eu-west-1")
    assert refusal(elsewhere.start_associations_once, AssociationIds=[association_id])[0] == "AssociationDoesNotExist"
    assert elsewhere.list_associations()["Associations"] == []
