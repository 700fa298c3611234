"""CreateAssociationBatch: each entry by itself (spec 2.4)."""

from association_calls import EVERY_NODE, executions, refusal
from stateward.quotas import Quotas

GOOD = {"Name": "echo-twice", "Targets": EVERY_NODE}
NODE = "i-0123456789abcdef0"
OLD_SCHEMA = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}}}


def batch(ssm, *entries):
    answer = ssm.create_association_batch(Entries=list(entries))
    return answer["Successful"], answer["Failed"]


def test_good_entries_are_created_in_order_bat_01(server, ssm, document):
    document()
    made, failed = batch(ssm, {**GOOD, "AssociationName": "one"}, {**GOOD, "AssociationName": "two"})
    assert failed == []
    assert [one["AssociationName"] for one in made] == ["one", "two"]
    for one in made:
        assert one["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
        assert (one["AssociationVersion"], one["DocumentVersion"]) == ("1", "$DEFAULT")
    server.settle()
    assert [len(executions(ssm, one["AssociationId"])) for one in made] == [1, 1]


def test_a_bad_entry_says_why_and_the_others_are_made_bat_02(ssm, document):
    document()
    bad = {**GOOD, "Name": "nothing", "Parameters": {"word": ["x"]}}
    made, failed = batch(ssm, bad, GOOD, {**GOOD, "ScheduleExpression": "rate(1 minute)"})
    assert len(made) == len(ssm.list_associations()["Associations"]) == 1
    first, second = failed
    assert first == {
        "Entry": bad,
        "Message": "InvalidDocument: The specified document does not exist.",
        "Fault": "Client",
    }
    assert second["Message"] == "InvalidSchedule: The schedule expression rate(1 minute) is invalid."


def test_all_entries_may_be_bad(ssm):
    made, failed = batch(ssm, GOOD)
    assert (made, len(failed)) == ([], 1)
    assert ssm.list_associations()["Associations"] == []


def test_a_node_twice_for_one_document_refuses_all_bat_03(ssm, document):
    document("old", OLD_SCHEMA)
    document("other", OLD_SCHEMA)
    entry = {"Name": "old", "InstanceId": NODE}
    assert refusal(batch, ssm, entry, entry) == (
        "DuplicateInstanceId",
        "You can not specify an instance ID in more than one association.",
    )
    assert ssm.list_associations()["Associations"] == []
    made, failed = batch(ssm, entry, {**entry, "Name": "other"})
    assert (len(made), failed) == (2, [])
    assert made[0]["InstanceId"] == NODE


def test_a_legacy_association_that_exists_is_a_bad_entry(ssm, document):
    document("old", OLD_SCHEMA)
    entry = {"Name": "old", "InstanceId": NODE}
    batch(ssm, entry)
    _, failed = batch(ssm, entry)
    assert failed[0]["Message"].startswith("AssociationAlreadyExists: ")


def test_no_entries_and_too_many_are_refused_bat_04(server, document):
    ssm = server.client(parameter_validation=False)
    code, message = refusal(ssm.create_association_batch, Entries=[])
    assert code == "ValidationException"
    assert "at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1" in message
    assert refusal(batch, ssm, *[GOOD] * 101) == (
        "ValidationException",
        "Entries must have 1 to 100 elements, not 101",
    )


def test_a_broken_pattern_in_one_entry_refuses_all(ssm, document):
    document()
    code, message = refusal(batch, ssm, GOOD, {**GOOD, "MaxErrors": "all"})
    assert code == "ValidationException"
    assert "at 'entries.2.member.maxErrors' failed to satisfy constraint" in message
    assert ssm.list_associations()["Associations"] == []


def test_entries_count_against_the_limit_one_by_one(start_server):
    ssm = start_server(quotas=Quotas(associations=1)).client()
    entry = {"Name": "AWS-RunShellScript", "Targets": EVERY_NODE, "Parameters": {"commands": ["true"]}}
    made, failed = batch(ssm, entry, entry)
    assert len(made) == 1
    assert failed[0]["Message"] == "AssociationLimitExceeded: You can have at most 1 active associations."
