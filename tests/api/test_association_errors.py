"""Every error that the model declares for an operation on associations is provoked here, or has a reason not to be."""

import datetime
import json
import sqlite3

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from association_calls import EVERY_NODE, UNKNOWN_ID
from live_server import LiveServer
from scripted_nodes import NodePark
from stateward.quotas import Quotas

OPERATIONS = (
    "CreateAssociation",
    "CreateAssociationBatch",
    "UpdateAssociation",
    "UpdateAssociationStatus",
    "DeleteAssociation",
    "StartAssociationsOnce",
    "DescribeAssociation",
    "ListAssociations",
    "ListAssociationVersions",
    "DescribeAssociationExecutions",
    "DescribeAssociationExecutionTargets",
    "DescribeEffectiveInstanceAssociations",
    "DescribeInstanceAssociationsStatus",
)
NEVER = {"TooManyUpdates": "changes of one association wait for each other"}
IN_FAILED = "CreateAssociationBatch"
"""This operation tells of an entry's error in its answer; only DuplicateInstanceId refuses the whole call."""

NODE = "i-0123456789abcdef0"
NOBODY = "mi-0123456789abcdef0"
OLD = {
    "schemaVersion": "1.2",
    "runtimeConfig": {"aws:runShellScript": {"properties": [{"runCommand": ["id"]}]}},
}
WINDOWS = {
    "schemaVersion": "1.2",
    "runtimeConfig": {
        "aws:applications": {"properties": [{"action": "Install", "source": "https://example.org/a.msi"}]}
    },
}
STATUS = {"Date": datetime.datetime(2026, 5, 4, tzinfo=datetime.UTC), "Name": "Success", "Message": "Done."}

SHELL = {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "Targets": EVERY_NODE}
LEGACY = {"Name": "old", "InstanceId": NODE}
PAIR = {"Name": "old", "InstanceId": "i-0123456789abcdef1"}
NO_PAIR = "No association of old with i-0123456789abcdef1 exists."
NO_DOCUMENT = "The specified document does not exist."
UNKNOWN = f"Association {UNKNOWN_ID} does not exist."
NO_NODE = f"Managed node {NOBODY} does not exist."
NO_VERSION = "The document version is not valid or does not exist."
NO_TOKEN = "The specified token is not valid."
NO_BUCKET = "OutputLocation needs an S3Location with the name of a bucket."
MINUTE = "The schedule expression rate(1 minute) is invalid."
UNDECLARED = 'Parameter "word" is not defined in document'
TARGET = "Unsupported Target Type"
MAPS = "Targets and TargetMaps can not both be specified."

# What is wrong with one association, whether it is made alone, in a batch or by an update: code, members, text.
WRONG = [
    ("InvalidDocument", {**SHELL, "Name": "nothing"}, NO_DOCUMENT),
    ("InvalidDocumentVersion", {**SHELL, "DocumentVersion": "7"}, NO_VERSION),
    ("InvalidParameters", {**SHELL, "Parameters": {"commands": ["true"], "word": ["x"]}}, UNDECLARED),
    ("InvalidOutputLocation", {**SHELL, "OutputLocation": {}}, NO_BUCKET),
    ("InvalidSchedule", {**SHELL, "ScheduleExpression": "rate(1 minute)"}, MINUTE),
    ("InvalidTarget", {**SHELL, "Targets": [{"Key": "Colour", "Values": ["red"]}]}, TARGET),
    ("InvalidTargetMaps", {**SHELL, "TargetMaps": [{"a": ["b"]}]}, MAPS),
]
WRONG_TO_CREATE = [
    *WRONG,
    ("InvalidInstanceId", {**LEGACY, "InstanceId": NOBODY}, NO_NODE),
    ("UnsupportedPlatformType", {"Name": "windows", "InstanceId": "a Linux node"}, "windows runs on Windows; "),
    ("AssociationLimitExceeded", {**SHELL}, "You can have at most 5 active associations."),
]

# Operation, code, request, text. `<old>` and `<shell>` stand for the ids of associations that there are.
PROVOKED = [
    *(("CreateAssociation", *one) for one in WRONG_TO_CREATE),
    ("CreateAssociation", "AssociationAlreadyExists", LEGACY, f"{NODE} is associated with old already."),
    (
        "CreateAssociation",
        "InvalidTag",
        {**SHELL, "Tags": [{"Key": "aws:own", "Value": ""}]},
        "The tag key aws:own is not valid: keys beginning with aws: are reserved.",
    ),
    *((IN_FAILED, code, {"Entries": [members]}, text) for code, members, text in WRONG_TO_CREATE),
    (
        IN_FAILED,
        "DuplicateInstanceId",
        {"Entries": [PAIR, PAIR]},
        "You can not specify an instance ID in more than one association.",
    ),
    *(("UpdateAssociation", code, {"AssociationId": "<shell>", **members}, text) for code, members, text in WRONG),
    ("UpdateAssociation", "AssociationDoesNotExist", {"AssociationId": UNKNOWN_ID}, UNKNOWN),
    (
        "UpdateAssociation",
        "InvalidUpdate",
        {"AssociationId": "<old>", "MaxErrors": "1"},
        "MaxErrors is not supported with instanceId",
    ),
    (
        "UpdateAssociation",
        "InvalidAssociationVersion",
        {"AssociationId": "<shell>", "AssociationVersion": "7"},
        "The specified version is not the latest version",
    ),
    (
        "UpdateAssociation",
        "AssociationVersionLimitExceeded",
        {"AssociationId": "<full>"},
        "An association has at most 2 versions.",
    ),
    ("UpdateAssociationStatus", "StatusUnchanged", {**LEGACY, "AssociationStatus": STATUS}, "the same as the current"),
    ("StartAssociationsOnce", "AssociationDoesNotExist", {"AssociationIds": ["<shell>", UNKNOWN_ID]}, UNKNOWN),
    (
        "StartAssociationsOnce",
        "InvalidAssociation",
        {"AssociationIds": ["<orphan>"]},
        "can not run: document deleted does not exist.",
    ),
    ("DescribeAssociation", "AssociationDoesNotExist", {"AssociationId": UNKNOWN_ID}, UNKNOWN),
    (
        "DescribeAssociation",
        "InvalidAssociationVersion",
        {"AssociationId": "<shell>", "AssociationVersion": "7"},
        "The association has no version 7.",
    ),
    ("DeleteAssociation", "AssociationDoesNotExist", {"AssociationId": UNKNOWN_ID}, UNKNOWN),
    *(
        (operation, code, {**PAIR, **wrong, **more}, text)
        for operation, more in (
            ("DescribeAssociation", {}),
            ("DeleteAssociation", {}),
            ("UpdateAssociationStatus", {"AssociationStatus": STATUS}),
        )
        for code, wrong, text in (
            ("InvalidDocument", {"Name": "nothing"}, "Document with name nothing does not exist."),
            ("InvalidInstanceId", {"InstanceId": NOBODY}, NO_NODE),
            ("AssociationDoesNotExist", {}, NO_PAIR),
        )
    ),
    ("ListAssociations", "InvalidNextToken", {"NextToken": "garbled"}, NO_TOKEN),
    *(
        (operation, code, {"AssociationId": "<shell>", **more, **wrong}, text)
        for operation, more in (
            ("ListAssociationVersions", {}),
            ("DescribeAssociationExecutions", {}),
            ("DescribeAssociationExecutionTargets", {"ExecutionId": UNKNOWN_ID}),
        )
        for code, wrong, text in (
            ("AssociationDoesNotExist", {"AssociationId": UNKNOWN_ID}, UNKNOWN),
            ("InvalidNextToken", {"NextToken": "garbled"}, NO_TOKEN),
        )
    ),
    (
        "DescribeAssociationExecutionTargets",
        "AssociationExecutionDoesNotExist",
        {"AssociationId": "<shell>", "ExecutionId": UNKNOWN_ID},
        f"has no execution {UNKNOWN_ID}.",
    ),
    *(
        (operation, code, {"InstanceId": NODE, **wrong}, text)
        for operation in ("DescribeEffectiveInstanceAssociations", "DescribeInstanceAssociationsStatus")
        for code, wrong, text in (
            ("InvalidInstanceId", {"InstanceId": NOBODY}, NO_NODE),
            ("InvalidNextToken", {"NextToken": "garbled"}, NO_TOKEN),
        )
    ),
]

# Operation → a request that would be answered, were the database well.
GOOD = {
    "CreateAssociation": SHELL,
    "CreateAssociationBatch": {"Entries": [SHELL]},
    "UpdateAssociation": {"AssociationId": UNKNOWN_ID},
    "UpdateAssociationStatus": {**LEGACY, "AssociationStatus": STATUS},
    "DeleteAssociation": {"AssociationId": UNKNOWN_ID},
    "DescribeAssociation": {"AssociationId": UNKNOWN_ID},
    "ListAssociations": {},
    "ListAssociationVersions": {"AssociationId": UNKNOWN_ID},
    "DescribeAssociationExecutions": {"AssociationId": UNKNOWN_ID},
    "DescribeAssociationExecutionTargets": {"AssociationId": UNKNOWN_ID, "ExecutionId": UNKNOWN_ID},
    "DescribeEffectiveInstanceAssociations": {"InstanceId": NODE},
    "DescribeInstanceAssociationsStatus": {"InstanceId": NODE},
}


class House:
    """One server for all tests here; a refused call leaves nothing behind."""

    def __init__(self, server, node_id):
        self.server = server
        self.client = server.client(parameter_validation=False)
        self.full = server.client(region="eu-west-1", parameter_validation=False)
        self.ids = {"a Linux node": node_id}

    def with_ids(self, value):
        """The request with each placeholder replaced."""
        if isinstance(value, dict):
            return {key: self.with_ids(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.with_ids(one) for one in value]
        return self.ids.get(value, value) if isinstance(value, str) else value


class Broken:
    """A database whose disk has gone."""

    def reading(self):
        raise sqlite3.OperationalError("disk I/O error in secret.db")

    async def write(self, work):
        raise sqlite3.OperationalError("disk I/O error in secret.db")


@pytest.fixture(scope="module")
def house(server_thread, node_thread, model, tmp_path_factory):
    quotas = Quotas(associations=5, association_versions=2)
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model, quotas=quotas)
    park = NodePark(node_thread, server)
    made = House(server, park.one().node_id)
    for name, content in {"old": OLD, "windows": WINDOWS, "deleted": OLD}.items():
        made.client.create_document(Name=name, Content=json.dumps(content))
    for name, members in {
        "<old>": LEGACY,
        "<shell>": SHELL,
        "<full>": SHELL,
        "<orphan>": {"Name": "deleted", "Targets": EVERY_NODE},
    }.items():
        made.ids[name] = made.client.create_association(**members)["AssociationDescription"]["AssociationId"]
    made.client.update_association(AssociationId=made.ids["<full>"], Parameters=SHELL["Parameters"])
    made.client.update_association_status(**LEGACY, AssociationStatus=STATUS)
    made.client.delete_document(Name="deleted")
    for _ in range(quotas.associations):
        made.full.create_association(**SHELL)
    yield made
    park.close()
    server.stop()


@pytest.mark.parametrize(
    ("operation", "code", "request_members", "text"), PROVOKED, ids=[f"{one[0]} {one[1]}" for one in PROVOKED]
)
def test_a_declared_error_is_told_with_its_reason(house, operation, code, request_members, text):
    client = house.full if code == "AssociationLimitExceeded" else house.client
    call, members = getattr(client, xform_name(operation)), house.with_ids(request_members)
    if operation == IN_FAILED and code != "DuplicateInstanceId":
        answer = call(**members)
        (failed,) = answer["Failed"]
        assert (answer["Successful"], failed["Entry"], failed["Fault"]) == ([], members["Entries"][0], "Client")
        assert failed["Message"].startswith(f"{code}: ")
        assert text in failed["Message"]
        return
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    assert text in answer["Error"]["Message"]


@pytest.mark.parametrize("operation", GOOD)
def test_a_broken_database_is_a_500_that_says_nothing(house, monkeypatch, operation):
    monkeypatch.setattr(house.server.thread_server.performer, "_db", Broken())
    with pytest.raises(house.client.exceptions.InternalServerError) as caught:
        getattr(house.client, xform_name(operation))(**GOOD[operation])
    answer = caught.value.response
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["Error"]["Message"] == f"The request {request_id} could not be carried out."


def test_no_declared_error_is_forgotten(house):
    declared = {
        (operation, error.name)
        for operation in OPERATIONS
        for error in house.client.meta.service_model.operation_model(operation).error_shapes
    }
    provoked = {one[:2] for one in PROVOKED} | {(operation, "InternalServerError") for operation in GOOD}
    assert provoked == {one for one in declared if one[1] not in NEVER}
