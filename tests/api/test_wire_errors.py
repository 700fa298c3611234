"""What every operation answers on the wire, right or wrong (spec 0.1, 0.2; GEN-01 to 07, GEN-10, GEN-14, GEN-15)."""

import http.client
import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from live_server import KEY_ID, SECRET, LiveServer
from refusals import refusal
from stateward.wire.errors import AwsError
from stateward.wire.model import ServiceModel
from stateward.wire.protocol import parse_instant

JSON_TYPE = "application/x-amz-json-1.1"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MIB = 1024 * 1024
NO_TARGET = "X-Amz-Target must name an operation: AmazonSSM.<Operation>"
AGENT_ONLY = {
    "RequestManagedInstanceRoleToken",
    "UpdateInstanceInformation",
    "ListInstanceAssociations",
    "UpdateInstanceAssociationStatus",
}


class Reply:
    """One HTTP answer: status, headers, the body, and whether the server ended the connection after a 413."""

    def __init__(self, answer, sock):
        self.status = answer.status
        self.headers = answer.headers
        self.text = answer.read()
        self.body = json.loads(self.text)
        self.closed = answer.status == 413 and _ended(sock)

    @property
    def error(self):
        """Code and text; both spellings of the text are the same."""
        assert self.body["Message"] == self.body["message"]
        return self.body["__type"], self.body["message"]


def post(server, target, body, *, content_type=JSON_TYPE, sign=True, key_id=KEY_ID, secret=SECRET):
    """`POST /` as a client without a model sends it."""
    headers = {"content-type": content_type, "host": urlsplit(server.url).netloc}
    if target is not None:
        headers["x-amz-target"] = target
    if sign:
        request = AWSRequest("POST", server.url + "/", headers=headers, data=body)
        SigV4Auth(Credentials(key_id, secret), "ssm", "us-east-1").add_auth(request)
        headers = dict(request.headers.items())
    return exchange(server, body, headers)


def exchange(server, body, headers):
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        connection.request("POST", "/", body, headers)
        with connection.sock.dup() as sock:
            return Reply(connection.getresponse(), sock)
    finally:
        connection.close()


def _ended(sock):
    """Whether the server ends the connection without being asked."""
    sock.settimeout(10)
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def call(server, operation, body):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return post(server, f"AmazonSSM.{operation}", text)


def test_answers_are_json_with_a_request_id_gen_01(server):
    first, second = call(server, "ListDocuments", {}), call(server, "ListDocuments", {})
    for answer in (first, second):
        assert answer.status == 200
        assert answer.headers["content-type"] == JSON_TYPE
        assert UUID.fullmatch(answer.headers["x-amzn-requestid"])
    assert first.headers["x-amzn-requestid"] != second.headers["x-amzn-requestid"]


def test_operations_without_output_answer_an_empty_object_gen_01(server, document):
    assert call(server, "DeleteDocument", {"Name": document()}).text == b"{}"


def test_an_empty_body_is_an_empty_request(server):
    assert call(server, "ListDocuments", b"").status == 200


def test_instants_leave_as_epoch_numbers_gen_02(server, ssm, document):
    told = call(server, "DescribeDocument", {"Name": document()}).body["Document"]["CreatedDate"]
    assert isinstance(told, int | float)
    assert round(told, 3) == told
    assert ssm.describe_document(Name="echo-twice")["Document"]["CreatedDate"].timestamp() == told


@pytest.mark.parametrize("text", [True, False], ids=["ISO text", "epoch number"])
def test_instants_come_as_numbers_or_texts_gen_02(server, ssm, text):
    expires = datetime.fromtimestamp(parse_instant(server.clock()["now"]) // 1000, UTC) + timedelta(hours=1)
    told = expires.strftime("%Y-%m-%dT%H:%M:%SZ") if text else expires.timestamp()
    assert call(server, "CreateActivation", {"IamRole": "role", "ExpirationDate": told}).status == 200
    (made,) = ssm.describe_activations()["ActivationList"]
    assert made["ExpirationDate"] == expires


def test_a_modelled_error_is_raised_by_name_gen_03(server, ssm):
    answer = call(server, "GetDocument", {"Name": "nobody"})
    assert answer.status == 400
    assert answer.error == ("InvalidDocument", "Document with name nobody does not exist.")
    assert answer.headers["content-type"] == JSON_TYPE
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])
    with pytest.raises(ssm.exceptions.InvalidDocument, match="Document with name nobody does not exist"):
        ssm.get_document(Name="nobody")


NAME_PATTERN = r"^[a-zA-Z0-9_\-.]{3,128}$"


@pytest.mark.parametrize(
    ("operation", "members", "message"),
    [
        pytest.param(
            "CreateDocument",
            {"Name": "no good", "Content": "{}"},
            "1 validation error detected: Value 'no good' at 'name' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME_PATTERN}",
            id="GEN-04 pattern",
        ),
        pytest.param(
            "CreateDocument",
            {"Name": "n", "DocumentFormat": "XML"},
            "3 validation errors detected: "
            "Value null at 'content' failed to satisfy constraint: Member must not be null; "
            "Value 'n' at 'name' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME_PATTERN}; "
            "Value 'XML' at 'documentFormat' failed to satisfy constraint: "
            "Member must satisfy enum value set: [YAML, JSON, TEXT]",
            id="GEN-05 three at once",
        ),
        pytest.param(
            "ListCommands",
            {"MaxResults": 0, "CommandId": "c"},
            "2 validation errors detected: "
            "Value 'c' at 'commandId' failed to satisfy constraint: "
            "Member must have length greater than or equal to 36; "
            "Value '0' at 'maxResults' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
            id="GEN-05 two at once",
        ),
        pytest.param(
            "ListCommands",
            {"Filters": [{"key": "Status", "value": "a"}, {"key": "Colour", "value": "b"}]},
            "1 validation error detected: Value 'Colour' at 'filters.2.member.key' failed to satisfy constraint: "
            "Member must satisfy enum value set: [InvokedAfter, InvokedBefore, Status, ExecutionStage, DocumentName]",
            id="GEN-06 path in a list",
        ),
        pytest.param(
            "StartAssociationsOnce",
            {"AssociationIds": []},
            "1 validation error detected: Value '[]' at 'associationIds' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
            id="GEN-06 an empty list in brackets",
        ),
        pytest.param(
            "GetDocument",
            {"Name": None},
            "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
            id="null is absent",
        ),
    ],
)
def test_violations_are_listed_in_one_sentence(server, operation, members, message):
    answer = call(server, operation, members)
    assert (answer.status, answer.error) == (400, ("ValidationException", message))


def test_unknown_members_are_ignored_gen_07(server, document):
    name = document()
    odd = {"Name": name, "Colour": "red", "name": 7, "Nested": {"a": [1, None]}, "DocumentVersion": None}
    assert call(server, "GetDocument", odd).body["Name"] == name


PAGED = ["list_documents", "list_commands", "list_command_invocations", "describe_activations", "list_associations"]


@pytest.mark.parametrize("operation", PAGED)
@pytest.mark.parametrize(
    ("size", "rule"),
    [
        (0, "Member must have value greater than or equal to 1"),
        (-1, "Member must have value greater than or equal to 1"),
        (51, "Member must have value less than or equal to 50"),
    ],
)
def test_page_sizes_out_of_range_are_refused_gen_10(server, operation, size, rule):
    client = server.client(parameter_validation=False)
    assert refusal(getattr(client, operation), MaxResults=size) == (
        "ValidationException",
        f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: {rule}",
    )


@pytest.mark.parametrize("operation", PAGED)
@pytest.mark.parametrize("size", [1, 50])
def test_page_sizes_at_the_limits_are_accepted_gen_10(ssm, operation, size):
    getattr(ssm, operation)(MaxResults=size)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param(None, NO_TARGET, id="missing"),
        pytest.param("", NO_TARGET, id="empty"),
        pytest.param("ListDocuments", NO_TARGET, id="no service"),
        pytest.param("AmazonSSM.", NO_TARGET, id="no operation"),
        pytest.param("AmazonSSM.List Documents", NO_TARGET, id="blank"),
        pytest.param("AmazonSSM.A.B", NO_TARGET, id="two dots"),
        pytest.param("AmazonSSM.MakeCoffee", "The operation MakeCoffee does not exist", id="unknown"),
        pytest.param("AmazonSSM.listDocuments", "The operation listDocuments does not exist", id="wrong case"),
        pytest.param("AmazonSSM.__init__", "The operation __init__ does not exist", id="Python's own"),
        pytest.param(
            "DynamoDB_20120810.GetItem",
            "The operation DynamoDB_20120810.GetItem is not implemented by Stateward",
            id="other service",
        ),
    ],
)
def test_a_target_that_names_no_operation_is_refused_gen_14(server, target, message):
    answer = post(server, target, b"{}")
    assert (answer.status, answer.error) == (400, ("UnknownOperationException", message))
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data", ""])
def test_another_content_type_is_refused(server, content_type):
    answer = post(server, "AmazonSSM.ListDocuments", b"{}", content_type=content_type)
    assert (answer.status, answer.error) == (
        400,
        ("UnknownOperationException", "The Content-Type must be application/x-amz-json-1.1"),
    )


@pytest.mark.parametrize("operation", sorted(ServiceModel.load().public_operations))
def test_no_operation_answers_without_being_built_gen_14(gen_14_server, operation):
    server, built = gen_14_server
    if operation in built:
        return
    for body in ({}, b"nonsense"):
        with pytest.raises(AwsError) as caught:
            server.raw(operation, body)
        assert (caught.value.code, caught.value.status) == ("UnknownOperationException", 400)
        assert caught.value.message == f"The operation {operation} is not implemented by Stateward"


@pytest.fixture(scope="module")
def gen_14_server(server_thread, model, tmp_path_factory):
    """One server for the whole table, and the operations that it has."""
    server = LiveServer(server_thread, tmp_path_factory.mktemp("server"), model)
    yield server, set(server.thread_server.performer.operations)
    server.stop()


def test_an_operation_that_is_not_built_says_so_to_boto3_gen_14(ssm):
    assert refusal(ssm.describe_maintenance_windows) == (
        "UnknownOperationException",
        "The operation DescribeMaintenanceWindows is not implemented by Stateward",
    )


def test_agent_operations_are_not_for_administrators(server):
    for operation in sorted(AGENT_ONLY):
        answer = call(server, operation, {})
        if operation == "RequestManagedInstanceRoleToken":
            assert answer.status == 400  # it wants a node's own signature
            continue
        assert answer.error == (
            "AccessDeniedException",
            f"{KEY_ID} is not authorized to perform: ssm:{operation}",
        )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"{", "The request body is not valid JSON", id="cut off"),
        pytest.param(b"{'Name': 'a'}", "The request body is not valid JSON", id="single quotes"),
        pytest.param(b'{"Name": "a"} x', "The request body is not valid JSON", id="more behind"),
        pytest.param(b'{"Name": "\xff"}', "The request body is not valid JSON", id="no UTF-8"),
        pytest.param(b'{"Name": "\\ud800"}', "The request body is not valid JSON", id="half a surrogate pair"),
        pytest.param(b'{"Name": NaN}', "The request body is not valid JSON", id="NaN"),
        pytest.param(b"[]", "The request body must be a JSON object, not a list", id="list"),
        pytest.param(b"null", "The request body must be a JSON object, not null", id="null"),
        pytest.param(b'"text"', "The request body must be a JSON object, not a string", id="string"),
        pytest.param(b"7", "The request body must be a JSON object, not a number", id="number"),
        pytest.param(
            b'{"a":' * 101 + b"1" + b"}" * 101, "The request body is nested more than 100 levels deep", id="deep"
        ),
        pytest.param(b"[" * 500_000, "The request body", id="very deep"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(server, body, reason):
    answer = call(server, "GetDocument", body)
    assert (answer.status, answer.error[0]) == (400, "SerializationException")
    assert answer.error[1].startswith(reason)
    assert len(answer.text) < 1_000


@pytest.mark.parametrize(
    ("operation", "members", "message"),
    [
        ("GetDocument", {"Name": 7}, "Value at 'name' must be a string, not a number"),
        ("GetDocument", {"Name": ["a"]}, "Value at 'name' must be a string, not a list"),
        ("ListDocuments", {"MaxResults": "5"}, "Value at 'maxResults' must be a number, not a string"),
        ("ListDocuments", {"MaxResults": 1.5}, "Value at 'maxResults' must be a whole number, not 1.5"),
        ("ListDocuments", {"MaxResults": True}, "Value at 'maxResults' must be a number, not a boolean"),
        ("ListDocuments", {"MaxResults": 2**40}, "Value at 'maxResults' must lie between -2147483648 and 2147483647"),
        ("ListDocuments", {"Filters": {}}, "Value at 'filters' must be a list, not an object"),
        ("ListDocuments", {"Filters": ["a"]}, "Value at 'filters.1.member' must be an object, not a string"),
        ("DeleteDocument", {"Name": "abc", "Force": "true"}, "Value at 'force' must be a boolean, not a string"),
        (
            "SendCommand",
            {"DocumentName": "abc", "Parameters": {"p": "v"}},
            "Value at 'parameters.member' must be a list, not a string",
        ),
        (
            "CreateActivation",
            {"IamRole": "a", "ExpirationDate": "soon"},
            "Value at 'expirationDate' must be an instant (epoch seconds or ISO-8601 text) of the years 1 to 9999",
        ),
        (
            "CreateActivation",
            {"IamRole": "a", "ExpirationDate": 1e300},
            "Value at 'expirationDate' must be an instant (epoch seconds or ISO-8601 text) of the years 1 to 9999",
        ),
    ],
)
def test_another_json_type_is_refused(server, operation, members, message):
    answer = call(server, operation, members)
    assert (answer.status, answer.error) == (400, ("SerializationException", message))


def padded(size):
    """A request for ListDocuments of exactly `size` bytes."""
    return b'{"Colour": "' + b"x" * (size - 14) + b'"}'


def test_a_body_of_one_mebibyte_is_read(server):
    assert call(server, "ListDocuments", padded(MIB)).status == 200


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_a_larger_body_is_refused_and_the_connection_closed_d21(server, signed):
    answer = post(server, "AmazonSSM.ListDocuments", padded(MIB + 1), sign=signed)
    assert answer.status == 413
    assert answer.error == (
        "RequestEntityTooLargeException",
        f"The request body is larger than {MIB} bytes.",
    )
    assert answer.headers["connection"] == "close"
    assert answer.closed
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])


def test_a_chunked_body_is_counted_while_it_is_read_d21(server):
    headers = {"content-type": JSON_TYPE, "x-amz-target": "AmazonSSM.ListDocuments"}
    answer = exchange(server, (b"x" * 65_536 for _ in range(17)), headers)
    assert (answer.status, answer.error[0]) == (413, "RequestEntityTooLargeException")
    assert answer.closed


def test_the_server_goes_on_after_large_bodies_d21(server, ssm):
    for _ in range(3):
        post(server, "AmazonSSM.ListDocuments", padded(MIB + 1), sign=False)
    assert ssm.list_documents()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("how", "code"),
    [
        pytest.param({"sign": False}, "MissingAuthenticationTokenException", id="no signature"),
        pytest.param({"key_id": "AKIANOBODYNOBODYNOBO"}, "UnrecognizedClientException", id="unknown key"),
        pytest.param({"secret": "wrong"}, "InvalidSignatureException", id="wrong secret"),
    ],
)
def test_nobody_else_is_answered(server, how, code):
    answer = post(server, "AmazonSSM.ListDocuments", b"{}", **how)
    assert (answer.status, answer.error[0]) == (400, code)
    assert UUID.fullmatch(answer.headers["x-amzn-requestid"])


@pytest.fixture
def break_documents(server, monkeypatch):
    """Makes the next listings of documents fail inside the server, as a bug would; answers the list of failures."""
    operations = server.thread_server.performer._operations
    original = operations["ListDocuments"]
    failed = []

    def arrange(times):
        async def broken(call, request):
            if len(failed) < times:
                failed.append(request)
                raise RuntimeError("a secret detail")
            return await original(call, request)

        monkeypatch.setitem(operations, "ListDocuments", broken)
        return failed

    return arrange


def test_the_unforeseen_is_a_500_without_details_gen_15(server, break_documents):
    break_documents(1)
    answer = call(server, "ListDocuments", {})
    assert answer.status == 500
    request_id = answer.headers["x-amzn-requestid"]
    assert answer.error == ("InternalServerError", f"The request {request_id} could not be carried out.")
    assert b"secret" not in answer.text
    assert call(server, "ListDocuments", {}).status == 200


def test_boto3_names_an_internal_error_gen_15(ssm, break_documents):
    break_documents(1)
    with pytest.raises(ssm.exceptions.InternalServerError):
        ssm.list_documents()


def test_sdks_retry_after_an_internal_error_gen_15(server, break_documents):
    failed = break_documents(1)
    answer = server.client(attempts=2).list_documents()
    assert len(failed) == answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
