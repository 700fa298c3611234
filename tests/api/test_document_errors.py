"""Every error that the model declares for an operation on documents is provoked here, or is said to be never raised."""

import json

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from document_calls import MINIMAL, OTHER_ACCOUNT, text_of
from live_server import LiveServer
from stateward.quotas import Quotas

OPERATIONS = (
    "CreateDocument",
    "UpdateDocument",
    "UpdateDocumentDefaultVersion",
    "GetDocument",
    "DescribeDocument",
    "ListDocuments",
    "ListDocumentVersions",
    "DeleteDocument",
    "ModifyDocumentPermission",
    "DescribeDocumentPermission",
    "UpdateDocumentMetadata",
    "ListDocumentMetadataHistory",
)
NEVER = {
    "InternalServerError": "a fault of ours",
    "TooManyUpdates": "updates of one document wait for each other",
    "NoLongerSupportedException": "every document that was ever supported still is",
    "AssociatedInstances": "associations outlive their document (DOC-08)",
    "InvalidPermissionType": "the model knows Share alone, so another type is a ValidationException",
}
NEVER_BY = {
    ("ModifyDocumentPermission", "DocumentLimitExceeded"): "sharing makes no document",
    ("UpdateDocumentDefaultVersion", "InvalidDocumentSchemaVersion"): "a stored version has a supported schema",
}
OLD = {"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}}}
NEW = {"Name": "new", "Content": text_of(9), "DocumentType": "Command"}
UPDATE = {"Name": "runbook", "Content": text_of(9)}
SHARE = {"Name": "runbook", "PermissionType": "Share"}
REVIEWS = {"Name": "runbook", "DocumentReviews": {"Action": "SendForReview"}}
HISTORY = {"Name": "runbook", "Metadata": "DocumentReviews"}
NOBODY = "Document with name nobody does not exist."
NO_VERSION = "The document version is not valid or does not exist."
NO_TOKEN = "The specified token is not valid."
TOO_LARGE = "The size limit of a document is 64 KB."
EMPTY = json.dumps({**MINIMAL, "mainSteps": []})
NO_STEPS = "mainSteps: empty, a document has at least one step"
SCHEMA = json.dumps({**MINIMAL, "schemaVersion": "9.9"})
NO_SCHEMA = "schemaVersion '9.9' is not supported for Command documents: use 1.2, 2.0 or 2.2"

# Operation, code, request, text.
PROVOKED = [
    ("CreateDocument", "DocumentAlreadyExists", {**NEW, "Name": "runbook"}, "The specified document already exists."),
    ("CreateDocument", "MaxDocumentSizeExceeded", {**NEW, "Content": " " * 65_537}, TOO_LARGE),
    ("CreateDocument", "InvalidDocumentContent", {**NEW, "Content": EMPTY}, NO_STEPS),
    ("CreateDocument", "InvalidDocumentSchemaVersion", {**NEW, "Content": SCHEMA}, NO_SCHEMA),
    ("CreateDocument", "DocumentLimitExceeded", NEW, "You can have at most 2 documents."),
    ("UpdateDocument", "MaxDocumentSizeExceeded", {**UPDATE, "Content": " " * 65_537}, TOO_LARGE),
    (
        "UpdateDocument",
        "DocumentVersionLimitExceeded",
        UPDATE,
        "A document can have at most 2 versions: delete one that is not used.",
    ),
    (
        "UpdateDocument",
        "DuplicateDocumentContent",
        {**UPDATE, "Content": text_of(1)},
        "The content of the association document matches another document. "
        "Change the content of the document and try again.",
    ),
    (
        "UpdateDocument",
        "DuplicateDocumentVersionName",
        {**UPDATE, "VersionName": "first"},
        "The specified version name is a duplicate.",
    ),
    ("UpdateDocument", "InvalidDocumentContent", {**UPDATE, "Content": EMPTY}, NO_STEPS),
    (
        "UpdateDocument",
        "InvalidDocumentVersion",
        {**UPDATE, "DocumentVersion": "1"},
        "Version provided for document runbook is not latest. "
        "Please provide the latest version to update document runbook",
    ),
    (
        "UpdateDocument",
        "InvalidDocumentSchemaVersion",
        {**UPDATE, "Name": "old"},
        "Document version update is not supported with document schema version 1.2",
    ),
    ("UpdateDocument", "InvalidDocument", {**UPDATE, "Name": "nobody"}, NOBODY),
    (
        "UpdateDocument",
        "InvalidDocumentOperation",
        {**UPDATE, "Name": "AWS-RunShellScript"},
        "AWS-RunShellScript is owned by Amazon and can not be updated.",
    ),
    ("UpdateDocumentDefaultVersion", "InvalidDocument", {"Name": "nobody", "DocumentVersion": "1"}, NOBODY),
    ("UpdateDocumentDefaultVersion", "InvalidDocumentVersion", {"Name": "runbook", "DocumentVersion": "7"}, NO_VERSION),
    ("GetDocument", "InvalidDocument", {"Name": "nobody"}, NOBODY),
    ("GetDocument", "InvalidDocumentVersion", {"Name": "runbook", "VersionName": "seventh"}, NO_VERSION),
    ("DescribeDocument", "InvalidDocument", {"Name": "nobody"}, NOBODY),
    ("DescribeDocument", "InvalidDocumentVersion", {"Name": "runbook", "DocumentVersion": "7"}, NO_VERSION),
    ("ListDocuments", "InvalidNextToken", {"NextToken": "garbled"}, NO_TOKEN),
    (
        "ListDocuments",
        "InvalidFilterKey",
        {"Filters": [{"Key": "Colour", "Values": ["red"]}]},
        "Colour: use one of Name, Owner, DocumentType, PlatformTypes, TargetType, SearchKeyword or tag:<key>",
    ),
    ("ListDocumentVersions", "InvalidDocument", {"Name": "nobody"}, NOBODY),
    ("ListDocumentVersions", "InvalidNextToken", {"Name": "runbook", "NextToken": "garbled"}, NO_TOKEN),
    ("DeleteDocument", "InvalidDocument", {"Name": "nobody"}, NOBODY),
    (
        "DeleteDocument",
        "InvalidDocumentOperation",
        {"Name": "runbook"},
        "Must unshare document first before delete",
    ),
    ("ModifyDocumentPermission", "InvalidDocument", {**SHARE, "Name": "nobody"}, NOBODY),
    (
        "ModifyDocumentPermission",
        "DocumentPermissionLimit",
        {**SHARE, "AccountIdsToAdd": ["all", OTHER_ACCOUNT]},
        "Accounts can either be all or a group of AWS accounts",
    ),
    ("DescribeDocumentPermission", "InvalidDocument", {**SHARE, "Name": "nobody"}, NOBODY),
    ("DescribeDocumentPermission", "InvalidNextToken", {**SHARE, "NextToken": "garbled"}, NO_TOKEN),
    (
        "DescribeDocumentPermission",
        "InvalidDocumentOperation",
        {**SHARE, "Name": "AWS-RunShellScript"},
        "AWS-RunShellScript is owned by Amazon: its permissions can not be seen or changed.",
    ),
    ("UpdateDocumentMetadata", "InvalidDocument", {**REVIEWS, "Name": "nobody"}, NOBODY),
    ("UpdateDocumentMetadata", "InvalidDocumentVersion", {**REVIEWS, "DocumentVersion": "7"}, NO_VERSION),
    (
        "UpdateDocumentMetadata",
        "InvalidDocumentOperation",
        {"Name": "runbook", "DocumentReviews": {"Action": "Approve"}},
        "Version 1 of runbook does not wait for a review: use SendForReview first.",
    ),
    ("ListDocumentMetadataHistory", "InvalidDocument", {**HISTORY, "Name": "nobody"}, NOBODY),
    ("ListDocumentMetadataHistory", "InvalidDocumentVersion", {**HISTORY, "DocumentVersion": "7"}, NO_VERSION),
    ("ListDocumentMetadataHistory", "InvalidNextToken", {**HISTORY, "NextToken": "garbled"}, NO_TOKEN),
]


@pytest.fixture(scope="module")
def client(server_thread, model, tmp_path_factory):
    """One server for all tests here, at two of its limits; a refused call leaves nothing behind."""
    settings = {"quotas": Quotas(documents=2, document_versions=2)}
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model, **settings)
    ssm = server.client(parameter_validation=False)
    ssm.create_document(Name="runbook", Content=text_of(1), DocumentType="Command", VersionName="first")
    ssm.create_document(Name="old", Content=json.dumps(OLD))
    ssm.update_document(Name="runbook", Content=text_of(2))
    ssm.modify_document_permission(Name="runbook", PermissionType="Share", AccountIdsToAdd=["111111111111"])
    yield ssm
    server.stop()


@pytest.mark.parametrize(
    ("operation", "code", "request_members", "text"), PROVOKED, ids=[f"{one[0]} {one[1]}" for one in PROVOKED]
)
def test_a_declared_error_is_told_with_status_400(client, operation, code, request_members, text):
    call = getattr(client, xform_name(operation))
    with pytest.raises(ClientError) as caught:
        call(**request_members)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    assert answer["Error"]["Message"] == text


def test_no_declared_error_is_forgotten(client):
    declared = {
        (operation, error.name)
        for operation in OPERATIONS
        for error in client.meta.service_model.operation_model(operation).error_shapes
    }
    never = {one for one in declared if one[1] in NEVER} | NEVER_BY.keys()
    assert {one[:2] for one in PROVOKED} == declared - never
