"""What starts runs beside creation, schedule and hand: documents, parameters, missed runs (spec 4.1, D31, D33)."""

import json

import pytest

from association_calls import create, describe, executions, newest_targets, overview, statuses, targets

OTHER = {
    "schemaVersion": "2.2",
    "parameters": {"greeting": {"type": "String", "default": "hello"}},
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "first", "inputs": {"runCommand": ["echo other {{ greeting }}"]}}
    ],
}


def new_version(ssm, name="echo-twice", default=False, content=None):
    answer = ssm.update_document(Name=name, Content=json.dumps(content or OTHER), DocumentVersion="$LATEST")
    version = answer["DocumentDescription"]["DocumentVersion"]
    if default:
        ssm.update_document_default_version(Name=name, DocumentVersion=version)
    return version


@pytest.fixture
def three(server, ssm, nodes, document):
    """Associations of one document by $DEFAULT, $LATEST and version 1, all run once on one node."""
    nodes.one()
    name = document()
    made = {
        selector: create(ssm, name, DocumentVersion=selector)["AssociationId"]
        for selector in ("$DEFAULT", "$LATEST", "1")
    }
    server.settle()
    return made


def counts(ssm, made):
    return {selector: len(executions(ssm, association_id)) for selector, association_id in made.items()}


def test_a_new_version_runs_latest_associations_lif_07(server, ssm, three):
    new_version(ssm)
    server.settle()
    assert counts(ssm, three) == {"$DEFAULT": 1, "$LATEST": 2, "1": 1}


def test_a_new_default_runs_default_associations_lif_06(server, ssm, three):
    new_version(ssm, default=True)
    server.settle()
    assert counts(ssm, three) == {"$DEFAULT": 2, "$LATEST": 2, "1": 1}
    newest = executions(ssm, three["$DEFAULT"])[0]
    (row,) = targets(ssm, three["$DEFAULT"], newest["ExecutionId"])
    (found,) = ssm.list_commands(CommandId=row["OutputSource"]["OutputSourceId"])["Commands"]
    assert found["DocumentVersion"] == "$DEFAULT"
    assert newest["AssociationVersion"] == "1"


def test_only_at_cron_interval_waits_lif_08(server, ssm, nodes, document):
    nodes.one()
    members = {"ScheduleExpression": "cron(0 0/1 * * ? *)", "ApplyOnlyAtCronInterval": True}
    association_id = create(ssm, document(), **members)["AssociationId"]
    new_version(ssm, default=True)
    server.settle()
    assert executions(ssm, association_id) == []
    server.clock(advance="1h")
    assert len(executions(ssm, association_id)) == 1


def test_a_deleted_document_fails_the_run_that_it_starts(server, ssm, three):
    ssm.delete_document(Name="echo-twice")
    server.settle()
    for association_id in three.values():
        assert statuses(ssm, association_id)[0] == ("Failed", "InvalidDocument", None)
        assert overview(ssm, association_id) == ("Failed", "InvalidDocument", {"Success": 1})


def test_running_nodes_finish_when_the_document_changes_d31(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    association_id = create(ssm, document())["AssociationId"]
    (job,) = node.wait_for_jobs()
    new_version(ssm, default=True)
    server.clock(advance="0s", wait_for_nodes="100ms")
    assert node.cancels == []
    job.finish()
    node.wait_for_jobs(2)[1].finish()
    server.settle()
    assert [row[0] for row in statuses(ssm, association_id)] == ["Success", "Success"]


def test_two_hundred_associations_behind_one_document(server, ssm, nodes, document, monkeypatch):
    monkeypatch.setattr("stateward.associations.changes.SLICE", 30)
    name = document()
    made = [create(ssm, name, Targets=[{"Key": "tag:none", "Values": ["x"]}])["AssociationId"] for _ in range(100)]
    server.settle()
    new_version(ssm, default=True)
    server.settle()
    assert {len(executions(ssm, association_id)) for association_id in made} == {2}


@pytest.fixture
def greeted(server, ssm, nodes, document):
    """An association whose parameter refers to Parameter Store, run once: (association id, node)."""
    ssm.put_parameter(Name="greeting", Value="first", Type="String")
    node = nodes.one()
    association_id = create(ssm, document(), Parameters={"greeting": ["{{ssm:greeting}}"]})["AssociationId"]
    server.settle()
    return association_id, node


def test_references_are_resolved_for_the_node_doc_15_d40(ssm, greeted):
    association_id, node = greeted
    assert node.wait_for_jobs()[0].parameters == {"greeting": "first"}
    assert describe(ssm, association_id)["Parameters"] == {"greeting": ["{{ssm:greeting}}"]}
    (command,) = ssm.list_commands()["Commands"]
    assert command["Parameters"] == {"greeting": ["{{ssm:greeting}}"]}


def test_a_changed_value_runs_again_lif_09(server, ssm, greeted):
    association_id, node = greeted
    ssm.put_parameter(Name="greeting", Value="second", Type="String", Overwrite=True)
    server.settle()
    assert len(executions(ssm, association_id)) == 2
    assert node.wait_for_jobs(2)[1].parameters == {"greeting": "second"}


def test_the_same_value_or_a_deletion_runs_nothing_d40(server, ssm, greeted):
    association_id, _ = greeted
    ssm.delete_parameter(Name="greeting")
    server.settle()
    assert len(executions(ssm, association_id)) == 1
    ssm.start_associations_once(AssociationIds=[association_id])
    server.settle()
    assert statuses(ssm, association_id)[0] == ("Failed", "InvalidParameters", None)


def test_pinned_references_run_nothing_d40(server, ssm, nodes, document):
    ssm.put_parameter(Name="pinned", Value="first", Type="String")
    node = nodes.one()
    association_id = create(ssm, document(), Parameters={"greeting": ["{{ ssm:pinned:1 }}"]})["AssociationId"]
    ssm.put_parameter(Name="pinned", Value="second", Type="String", Overwrite=True)
    server.settle()
    assert len(executions(ssm, association_id)) == 1
    assert node.wait_for_jobs()[0].parameters == {"greeting": "first"}


def test_unknown_and_secret_references_are_refused_v17(ssm, document):
    name = document()
    ssm.put_parameter(Name="secret", Value="hush", Type="SecureString")
    for reference, text in (("nothing", "nothing"), ("secret", "SecureString")):
        with pytest.raises(ssm.exceptions.InvalidParameters, match=text):
            create(ssm, name, Parameters={"greeting": [f"{{{{ssm:{reference}}}}}"]})


def test_secure_references_are_for_documents_only(ssm, document):
    with pytest.raises(ssm.exceptions.InvalidParameters, match="refers to a secret"):
        create(ssm, document(), Parameters={"greeting": ["{{ ssm-secure:secret }}"]})


def test_references_in_the_document_itself_are_resolved_doc_15(server, ssm, nodes, document):
    ssm.put_parameter(Name="word", Value="inside", Type="String")
    content = json.loads(json.dumps(OTHER).replace("other", "{{ssm:word}}"))
    node = nodes.one()
    create(ssm, document("inside", content))
    server.settle()
    (job,) = node.wait_for_jobs()
    assert job.document["mainSteps"][0]["inputs"]["runCommand"] == ["echo inside {{ greeting }}"]


def test_a_node_catches_up_what_it_missed_lif_05_d33(server, ssm, nodes, document):
    node = nodes.one()
    node.disconnect()
    association_id = create(ssm, document())["AssociationId"]
    server.clock(advance="4h")
    assert newest_targets(ssm, association_id)[node.node_id] == ("TimedOut", "DeliveryTimedOut")
    node.connect()
    server.settle()
    newest, missed = executions(ssm, association_id)
    assert (newest["Status"], missed["Status"]) == ("Success", "TimedOut")
    assert overview(ssm, association_id) == ("Success", "Success", {"Success": 1})


def test_no_catch_up_with_only_at_cron_interval_d33(server, ssm, nodes, document):
    node = nodes.one()
    node.disconnect()
    members = {"ScheduleExpression": "cron(0 0 * * ? *)", "ApplyOnlyAtCronInterval": True}
    association_id = create(ssm, document(), **members)["AssociationId"]
    server.clock(advance="30h")
    seen = len(executions(ssm, association_id))
    node.connect()
    server.settle()
    assert len(executions(ssm, association_id)) == seen


def test_a_node_that_ran_and_comes_back_runs_nothing(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    node.disconnect()
    server.clock(advance="20d")
    node.connect()
    server.settle()
    assert len(executions(ssm, association_id)) == 1


def test_a_node_that_was_away_for_a_month_runs_again(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    node.disconnect()
    server.clock(advance="31d")
    node.connect()
    server.settle()
    assert len(executions(ssm, association_id)) == 2


def test_a_shared_documents_new_default_is_heard_of_lif_06(server, ssm, document):
    """Associations of another account follow the owner's default version."""
    from stateward.access import store as keys

    name = document()
    ssm.modify_document_permission(Name=name, PermissionType="Share", AccountIdsToAdd=["210987654321"])

    async def add_key(tx):
        sealed = server.thread_server.master.seal("access-key", b"other-secret")
        await keys.put_access_key(tx, "AKIAOTHEROTHEROTHER1", "210987654321", "administrator", sealed, 0)

    server.writing(add_key)
    other = server.client("AKIAOTHEROTHEROTHER1", "other-secret")
    arn = f"arn:aws:ssm:us-east-1:123456789012:document/{name}"
    association_id = create(other, arn)["AssociationId"]
    server.settle()
    new_version(ssm, name, default=True)
    server.settle()
    assert len(executions(other, association_id)) == 2
    other.start_associations_once(AssociationIds=[association_id])
    server.settle()
    assert len(executions(other, association_id)) == 3
