"""DeleteDocument over boto3 (spec 5.7; DOC-06, DOC-08)."""

import pytest

from refusals import refusal

ONLY_VERSION = ("InvalidDocumentOperation", "Default version of the document can't be deleted.")


def listed(ssm):
    found = ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    return [one["Name"] for one in found]


def test_a_deleted_document_is_gone(ssm, document):
    document("keep-me")
    name = document("forget-me")
    answer = ssm.delete_document(Name=name)
    assert set(answer) == {"ResponseMetadata"}
    assert listed(ssm) == ["keep-me"]
    for call in (ssm.get_document, ssm.describe_document, ssm.delete_document):
        assert refusal(call, Name=name) == ("InvalidDocument", "Document with name forget-me does not exist.")


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"DocumentVersion": "1"}, id="number"),
        pytest.param({"DocumentVersion": "$LATEST"}, id="$LATEST"),
        pytest.param({"VersionName": "first"}, id="name"),
        pytest.param({"DocumentVersion": "1", "Force": True}, id="force"),
    ],
)
def test_the_default_version_cannot_be_deleted_alone_doc_06(ssm, document, asked):
    name = document(VersionName="first")
    assert refusal(ssm.delete_document, Name=name, **asked) == ONLY_VERSION
    assert listed(ssm) == [name]


@pytest.mark.parametrize("asked", [{"DocumentVersion": "2"}, {"VersionName": "second"}])
def test_an_unknown_version_is_refused(ssm, document, asked):
    name = document(VersionName="first")
    assert refusal(ssm.delete_document, Name=name, **asked) == (
        "InvalidDocumentVersion",
        "The document version is not valid or does not exist.",
    )
    assert listed(ssm) == [name]


@pytest.mark.parametrize("asked", [{}, {"DocumentVersion": "1"}])
def test_documents_of_amazon_stay(ssm, asked):
    assert refusal(ssm.delete_document, Name="AWS-RunShellScript", **asked) == (
        "InvalidDocumentOperation",
        "AWS-RunShellScript is owned by Amazon and can not be deleted.",
    )
    assert ssm.describe_document(Name="AWS-RunShellScript")["Document"]["Status"] == "Active"


def test_a_deletion_stays_in_its_region_d17(server, ssm, document):
    name = document()
    elsewhere = server.client(region="eu-west-1")
    assert refusal(elsewhere.delete_document, Name=name)[0] == "InvalidDocument"
    assert listed(ssm) == [name]


def test_the_name_is_free_again_without_old_tags(ssm, document):
    name = document(Tags=[{"Key": "team", "Value": "blue"}], VersionName="old")
    ssm.delete_document(Name=name)
    document(name)
    again = ssm.describe_document(Name=name)["Document"]
    assert (again["Tags"], again["DocumentVersion"]) == ([], "1")
    assert "VersionName" not in again


def test_a_run_on_the_way_ends_although_its_document_is_gone(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    name = document()
    command_id = ssm.send_command(DocumentName=name, InstanceIds=[node.node_id])["Command"]["CommandId"]
    (job,) = node.wait_for_jobs()
    ssm.delete_document(Name=name)
    job.finish("Success", output="done")
    server.settle()
    found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node.node_id, PluginName="second")
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "done")


@pytest.mark.parametrize("asked", [{}, {"Force": True}], ids=["plain", "force"])
def test_associations_outlive_their_document_and_fail_doc_08(server, ssm, nodes, document, asked):
    nodes.one()
    name = document()
    association = ssm.create_association(
        Name=name,
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        ScheduleExpression="rate(30 minutes)",
    )["AssociationDescription"]["AssociationId"]
    server.settle()
    ssm.delete_document(Name=name, **asked)
    assert ssm.describe_association(AssociationId=association)["AssociationDescription"]["Name"] == name
    server.clock(advance="31m")
    shown = ssm.describe_association_executions(AssociationId=association)["AssociationExecutions"]
    failed = ("Failed", "InvalidDocument")
    # The newest was due by the schedule, the one before was started by the deletion (spec 4.1).
    assert [(one["Status"], one["DetailedStatus"]) for one in shown] == [failed, failed, ("Success", "Success")]
    overview = ssm.describe_association(AssociationId=association)["AssociationDescription"]["Overview"]
    assert (overview["Status"], overview["DetailedStatus"]) == ("Failed", "InvalidDocument")


def test_an_association_cannot_be_started_without_its_document_onc_06(server, ssm, nodes, document):
    nodes.one()
    name = document()
    association = ssm.create_association(Name=name, Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    association_id = association["AssociationDescription"]["AssociationId"]
    server.settle()
    ssm.delete_document(Name=name)
    assert refusal(ssm.start_associations_once, AssociationIds=[association_id])[0] == "InvalidAssociation"
