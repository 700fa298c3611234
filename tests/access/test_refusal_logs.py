"""Bad input leaves one line at warning level that names operation, resource and reason, and changes nothing."""

import json

import pytest
from structlog.testing import capture_logs

from live_server import LiveServer
from signed_requests import call

NOWHERE = "12345678-1234-1234-1234-123456789012"
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(server_thread, model, tmp_path_factory):
    """One server for all tests here, which leave nothing behind that another would see."""
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model)
    yield server
    server.stop()


def bomb():
    """A YAML document whose aliases unfold to gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("operation", "members", "code", "resource"),
    [
        pytest.param("DeleteAssociation", b'{"AssociationId": ', "SerializationException", {}, id="malformed JSON"),
        pytest.param(
            "DescribeAssociation",
            {"AssociationId": 7},
            "SerializationException",
            {},
            id="wrong type",
        ),
        pytest.param(
            "DescribeAssociation",
            {"AssociationId": NOWHERE},
            "AssociationDoesNotExist",
            {"AssociationId": NOWHERE},
            id="unknown association",
        ),
        pytest.param(
            "StartAssociationsOnce",
            {"AssociationIds": [NOWHERE]},
            "AssociationDoesNotExist",
            {"AssociationIds": str([NOWHERE])},
            id="unknown associations",
        ),
        pytest.param("GetDocument", {"Name": "nothing"}, "InvalidDocument", {"Name": "nothing"}, id="unknown document"),
        pytest.param("ListDocuments", {"NextToken": "foreign"}, "InvalidNextToken", {}, id="foreign page token"),
        pytest.param(
            "CreateDocument",
            {"Name": "no-content", "Content": "{ not json"},
            "InvalidDocumentContent",
            {"Name": "no-content"},
            id="unreadable document",
        ),
        pytest.param(
            "CreateDocument",
            {"Name": "bomb", "Content": bomb(), "DocumentFormat": "YAML", "DocumentType": "Command"},
            "InvalidDocumentContent",
            {"Name": "bomb"},
            id="bomb",
        ),
        pytest.param(
            "CreateAssociation",
            {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}},
            "ValidationException",
            {"Name": "AWS-RunShellScript"},
            id="association without target",
        ),
    ],
)
def test_bad_input(server, ssm, operation, members, code, resource):
    with capture_logs() as logs:
        reply = call(server, operation, members)
    assert (reply.status, reply.code) == (400, code)
    assert reply.message
    (entry,) = logs
    assert (entry["log_level"], entry["event"], entry["operation"]) == ("warning", "refused", operation)
    assert (entry["code"], entry["reason"]) == (code, reply.message)
    assert {name: entry.get(name) for name in resource} == resource
    assert entry["request_id"] == reply.headers["x-amzn-requestid"]
    assert ssm.list_associations()["Associations"] == []
    assert ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"] == []


def test_a_body_that_is_too_large(server):
    with capture_logs() as logs:
        reply = call(server, "CreateDocument", json.dumps({"Name": "x", "Content": "y" * MEBIBYTE}).encode())
    assert (reply.status, reply.code) == (413, "RequestEntityTooLargeException")
    assert reply.headers["connection"] == "close"
    (entry,) = logs
    assert (entry["log_level"], entry["operation"], entry["code"]) == (
        "warning",
        "CreateDocument",
        reply.code,
    )


def test_a_good_request_is_not_logged_as_refused(server):
    with capture_logs() as logs:
        assert call(server, "ListDocuments").status == 200
    assert [entry for entry in logs if entry["log_level"] != "debug"] == []
