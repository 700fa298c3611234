"""UpdateDocument over boto3 (spec 5.7; DOC-03, DOC-04, DOC-05, DOC-10, DOC-18)."""

import hashlib
import json

import pytest

from association_calls import repeat_invocation
from document_calls import MINIMAL, no_document, text_of
from refusals import refusal
from stateward.documents.facts import DefaultVersionMoved, DocumentDeleted, DocumentVersionAdded
from stateward.quotas import Quotas


def not_latest(name):
    return (
        "InvalidDocumentVersion",
        f"Version provided for document {name} is not latest. "
        f"Please provide the latest version to update document {name}",
    )


NOT_UPDATABLE = (
    "InvalidDocumentSchemaVersion",
    "Document version update is not supported with document schema version 1.2",
)
OLD = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}}}


@pytest.fixture
def name(document):
    """A document with one version."""
    return document(
        "runbook", text_of(1), VersionName="first", DisplayName="A run book", TargetType="/AWS::EC2::Instance"
    )


def versions(ssm, name):
    listed = ssm.list_document_versions(Name=name)["DocumentVersions"]
    return [(one["DocumentVersion"], one["IsDefaultVersion"]) for one in listed]


def test_an_update_is_the_next_version_and_keeps_the_default_doc_03(ssm, name):
    text = text_of(2)
    told = ssm.update_document(Name=name, Content=text, VersionName="second")["DocumentDescription"]
    assert (told["DocumentVersion"], told["LatestVersion"], told["DefaultVersion"]) == ("2", "2", "1")
    assert (told["Status"], told["Description"], told["VersionName"]) == ("Updating", "Text 2.", "second")
    assert (told["Hash"], told["HashType"]) == (hashlib.sha256(text.encode()).hexdigest(), "Sha256")
    stored = ssm.describe_document(Name=name, DocumentVersion="2")["Document"]
    assert stored == {**told, "Status": "Active"}
    assert versions(ssm, name) == [("2", False), ("1", True)]
    assert ssm.get_document(Name=name)["Content"] == text_of(1)
    assert ssm.describe_document(Name=name)["Document"]["LatestVersion"] == "2"


def test_names_that_are_not_given_stay_but_for_the_version_name(ssm, name):
    told = ssm.update_document(Name=name, Content=text_of(2))["DocumentDescription"]
    assert (told["DisplayName"], told["TargetType"]) == ("A run book", "/AWS::EC2::Instance")
    assert "VersionName" not in told
    told = ssm.update_document(Name=name, Content=text_of(3), DisplayName="Other", TargetType="/")
    assert told["DocumentDescription"]["DisplayName"] == "Other"
    assert told["DocumentDescription"]["TargetType"] == "/"


@pytest.mark.parametrize("asked", [{}, {"DocumentVersion": "$LATEST"}, {"DocumentVersion": "2"}])
def test_an_update_is_against_the_latest_version(ssm, name, asked):
    ssm.update_document(Name=name, Content=text_of(2))
    told = ssm.update_document(Name=name, Content=text_of(3), **asked)["DocumentDescription"]
    assert told["DocumentVersion"] == "3"


@pytest.mark.parametrize("version", ["1", "3", "$DEFAULT"])
def test_an_update_against_another_version_is_refused_doc_05(ssm, name, version):
    ssm.update_document(Name=name, Content=text_of(2))
    assert refusal(ssm.update_document, Name=name, Content=text_of(3), DocumentVersion=version) == not_latest(name)
    assert len(versions(ssm, name)) == 2


def test_the_same_content_is_refused_doc_04(ssm, name):
    ssm.update_document(Name=name, Content=text_of(2))
    for number in (1, 2):
        assert refusal(ssm.update_document, Name=name, Content=text_of(number)) == (
            "DuplicateDocumentContent",
            "The content of the association document matches another document. "
            "Change the content of the document and try again.",
        )
    ssm.create_document(Name="another", Content=text_of(1), DocumentType="Command")


def test_a_version_name_is_used_once(ssm, name):
    assert refusal(ssm.update_document, Name=name, Content=text_of(2), VersionName="first") == (
        "DuplicateDocumentVersionName",
        "The specified version name is a duplicate.",
    )
    ssm.create_document(Name="another", Content=text_of(1), DocumentType="Command", VersionName="first")


def test_documents_of_schema_1_2_cannot_be_updated_doc_18(ssm, name):
    ssm.create_document(Name="old", Content=json.dumps(OLD))
    for text in (text_of(2), json.dumps({**OLD, "description": "changed"})):
        assert refusal(ssm.update_document, Name="old", Content=text) == NOT_UPDATABLE
    assert refusal(ssm.update_document, Name=name, Content=json.dumps(OLD)) == NOT_UPDATABLE


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param(
            {"Content": " " * 65_537}, "MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.", id="size"
        ),
        pytest.param(
            {"Content": json.dumps({**MINIMAL, "mainSteps": []})},
            "InvalidDocumentContent",
            "mainSteps: empty, a document has at least one step",
            id="content",
        ),
        pytest.param(
            {"Content": json.dumps({**MINIMAL, "schemaVersion": "0.3"})},
            "InvalidDocumentSchemaVersion",
            "schemaVersion '0.3' is not supported for Command documents: use 1.2, 2.0 or 2.2",
            id="schema",
        ),
        pytest.param(
            {"DocumentFormat": "TEXT"},
            "InvalidDocumentContent",
            "A Command document is JSON or YAML, not TEXT.",
            id="format",
        ),
        pytest.param(
            {"Attachments": [{"Key": "SourceUrl", "Values": ["s3://bucket/key"]}]},
            "ValidationException",
            "Attachments is not supported by this version of Stateward",
            id="attachments",
        ),
        pytest.param({"Name": "nobody"}, *no_document("nobody"), id="unknown"),
        pytest.param(
            {"Name": "AWS-RunShellScript"},
            "InvalidDocumentOperation",
            "AWS-RunShellScript is owned by Amazon and can not be updated.",
            id="Amazon's",
        ),
    ],
)
def test_an_update_that_makes_no_sense_is_refused_doc_10(ssm, name, members, code, message):
    assert refusal(ssm.update_document, **{"Name": name, "Content": text_of(2), **members}) == (code, message)
    assert versions(ssm, name) == [("1", True)]


def test_the_number_of_versions_is_limited(start_server):
    ssm = start_server(quotas=Quotas(document_versions=2)).client()
    ssm.create_document(Name="runbook", Content=text_of(1), DocumentType="Command")
    ssm.update_document(Name="runbook", Content=text_of(2))
    assert refusal(ssm.update_document, Name="runbook", Content=text_of(3)) == (
        "DocumentVersionLimitExceeded",
        "A document can have at most 2 versions: delete one that is not used.",
    )
    ssm.delete_document(Name="runbook", DocumentVersion="2")
    told = ssm.update_document(Name="runbook", Content=text_of(3))["DocumentDescription"]
    assert told["DocumentVersion"] == "3"


def test_a_yaml_update_of_a_json_document(ssm, name):
    text = "schemaVersion: 2.2\nmainSteps:\n- action: aws:runShellScript\n  name: a\n  inputs: {runCommand: [id]}\n"
    told = ssm.update_document(Name=name, Content=text, DocumentFormat="YAML")["DocumentDescription"]
    assert (told["DocumentFormat"], told["SchemaVersion"]) == ("YAML", "2.2")
    assert ssm.get_document(Name=name, DocumentVersion="2")["Content"] == text
    assert ssm.get_document(Name=name)["DocumentFormat"] == "JSON"


def test_a_repeated_update_is_done_once_d32(server, name):
    ssm = server.client()
    repeat_invocation(ssm, "UpdateDocument")
    first = ssm.update_document(Name=name, Content=text_of(2), DocumentVersion="1")["DocumentDescription"]
    again = ssm.update_document(Name=name, Content=text_of(2), DocumentVersion="1")["DocumentDescription"]
    assert again == first
    assert versions(ssm, name) == [("2", False), ("1", True)]


def test_changes_are_announced(server, ssm, name):
    told = []

    async def note(tx, facts):
        told.extend(facts)

    for fact in (DocumentVersionAdded, DefaultVersionMoved, DocumentDeleted):
        server.thread_server.db.react(fact, note)
    ssm.update_document(Name=name, Content=text_of(2))
    ssm.update_document_default_version(Name=name, DocumentVersion="1")
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    ssm.delete_document(Name=name, DocumentVersion="1")
    ssm.delete_document(Name=name)
    scope = ("123456789012", "us-east-1")
    assert told == [
        DocumentVersionAdded(scope, name, 2, "Command"),
        DefaultVersionMoved(scope, name, 2, "Command"),
        DocumentDeleted(scope, name, "Command"),
    ]
