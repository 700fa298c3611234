import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stateward.wire.errors import AwsError, body_of, validation_error
from stateward.wire.protocol import (
    EARLIEST_MS,
    LATEST_MS,
    decode_body,
    encode,
    epoch_seconds,
    iso8601,
    operation_of,
    parse_instant,
)

instants = st.integers(EARLIEST_MS, LATEST_MS)


def nested(depth):
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "The request body is not valid JSON: "),
        (b"<xml/>", "The request body is not valid JSON: "),
        (b'{"a":NaN}', "The request body is not valid JSON: "),
        (b'{"a":Infinity}', "The request body is not valid JSON: "),
        (b'{"a":1e999}', "The request body is not valid JSON: "),
        (b'{"a":' + b"1" * 10_000 + b"}", "The request body is not valid JSON: "),
        (b'{"a":1}x', "The request body is not valid JSON: "),
        (b'{"a":"\xff"}', "The request body is not valid JSON: "),
        (b'{"a":"\\ud800"}', "The request body is not valid JSON: "),
        (b"[]", "The request body must be a JSON object, not a list"),
        (b'"a"', "The request body must be a JSON object, not a string"),
        (b"null", "The request body must be a JSON object, not null"),
        (nested(101), "The request body is nested more than 100 levels deep"),
        (b"[" * 100_000, "The request body is nested more than 100 levels deep"),
    ],
)
def test_a_body_that_is_no_object_is_refused(body, reason):
    with pytest.raises(AwsError) as raised:
        decode_body(body)
    assert raised.value.code == "SerializationException"
    assert raised.value.message.startswith(reason)


def test_an_empty_body_is_an_empty_request():
    assert decode_body(b"") == {}


def test_ordinary_depth_is_accepted():
    assert decode_body(nested(100)) == json.loads(nested(100))
    assert decode_body(b'{"a":[' + b"[]," * 200 + b"[]]}") == {"a": [[]] * 201}


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.one_of(st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1))))
def test_answers_come_back_as_they_went(answer):
    assert decode_body(encode(answer)) == answer


def test_instants_leave_with_milliseconds():
    assert epoch_seconds(1550505827119) == 1550505827.119
    assert encode({"CreatedTime": epoch_seconds(1550505827119)}) == b'{"CreatedTime":1550505827.119}'


@pytest.mark.parametrize(
    ("header", "operation"),
    [
        ("AmazonSSM.CreateAssociation", ("AmazonSSM", "CreateAssociation")),
        ("EC2WindowsMessageDeliveryService.GetMessages", ("EC2WindowsMessageDeliveryService", "GetMessages")),
    ],
)
def test_the_header_names_the_operation(header, operation):
    assert operation_of(header) == operation


@pytest.mark.parametrize("header", ["", "AmazonSSM", "AmazonSSM.", ".X", "AmazonSSM.A.B", "AmazonSSM.Ä", "a b.c"])
def test_a_header_without_operation_is_refused(header):
    with pytest.raises(AwsError) as raised:
        operation_of(header)
    assert raised.value.code == "UnknownOperationException"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2018-04-10T19:15:38.372Z", 1523387738372),
        ("2019-02-18T16:00:00Z", 1550505600000),
        ("2019-02-18T17:00:00+01:00", 1550505600000),
        ("2019-02-18T17:00:00+0100", 1550505600000),
        ("2019-02-18T11:30:00-04:30", 1550505600000),
        ("2019-02-18T16:00:00", 1550505600000),
        ("2019-02-18 16:00:00z", 1550505600000),
        ("2019-02-18T16:00Z", 1550505600000),
        ("2019-02-18", 1550448000000),
        ("2018-04-10T19:15:38.3729999Z", 1523387738372),
        ("1550505827.119", 1550505827119),
        ("1550505827", 1550505827000),
        ("-0.5", -500),
    ],
)
def test_instants_are_read_in_all_their_spellings(text, ms):
    assert parse_instant(text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2019-02-30T00:00:00Z",
        "2019-02-18T25:00:00Z",
        "2019-02-18T16:00:00Z ",
        "2019-2-18",
        "20190218T160000Z",
        "2019-W08-1",
        "999999999999",
        "1e9",
        "٢٠١٩-02-18",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_other_texts_are_no_instants(text):
    with pytest.raises(ValueError, match="Invalid date format: "):
        parse_instant(text)


@settings(deadline=None)
@given(instants)
def test_a_written_instant_is_read_back(ms):
    assert parse_instant(iso8601(ms)) == ms


def test_instants_are_written_with_three_decimals():
    assert iso8601(1523387738372) == "2018-04-10T19:15:38.372Z"
    assert iso8601(0) == "1970-01-01T00:00:00.000Z"


def test_an_error_says_everything_twice():
    error = AwsError("AssociationDoesNotExist", "gone")
    assert (error.status, error.fault, str(error)) == (400, "Client", "AssociationDoesNotExist: gone")
    assert json.loads(body_of(error)) == {"__type": "AssociationDoesNotExist", "Message": "gone", "message": "gone"}


def test_faults_follow_the_status():
    assert AwsError("InternalServerError", "oops", 500).fault == "Server"
    assert validation_error("no").fault == "Client"
