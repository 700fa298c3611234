"""STS GetCallerIdentity in the query protocol, which tools ask first (design 5)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from live_server import ACCOUNT, KEY_ID, REGION, SECRET
from signed_requests import send
from stateward.access.signing import SignedRequest, sign_hmac
from stateward.clock import wall_ms

FORM = "application/x-www-form-urlencoded; charset=utf-8"
QUESTION = b"Action=GetCallerIdentity&Version=2011-06-15"


def sts(server, key_id=KEY_ID, secret=SECRET, token=None):
    return server.client(service="sts", key_id=key_id, secret=secret, token=token)


def identity(client):
    answer = client.get_caller_identity()
    return {member: answer[member] for member in ("Account", "Arn", "UserId")}


def ask(server, body=QUESTION, headers=None, **how):
    """A signed form, any part of which can be wrong; status, code and text of the answer."""
    own = {"host": urlsplit(server.url).netloc, "content-type": FORM, **(headers or {})}
    settings = {
        "access_key_id": KEY_ID,
        "secret_access_key": SECRET,
        "session_token": None,
        "region": REGION,
        "service": "sts",
        "now_ms": wall_ms(),
    }
    signature = sign_hmac(SignedRequest("POST", "/", "", own, body), **{**settings, **how})
    return told(send(server, {**own, **signature}, body))


def told(reply):
    assert reply.headers["content-type"] == "text/xml"
    parts = dict(re.findall(r"<(Code|Message|Account)>([^<]*)</", reply.body))
    return reply.status, parts.get("Code"), parts.get("Message")


def test_an_administrator_learns_account_and_name(server):
    assert identity(sts(server)) == {
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/{KEY_ID}",
        "UserId": KEY_ID,
    }


def test_a_node_is_a_session_of_its_role(server, ssm, nodes):
    node = nodes.one(online=False)
    keys = node.call(node._keys())
    client = sts(server, keys.access_key_id, keys.secret_access_key, keys.session_token)
    assert identity(client) == {
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/role/{node.node_id}",
        "UserId": f"role:{node.node_id}",
    }
    ssm.deregister_managed_instance(InstanceId=node.node_id)
    with pytest.raises(ClientError) as caught:
        client.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_the_answer_has_a_request_id(server):
    answer = sts(server).get_caller_identity()["ResponseMetadata"]
    assert answer["HTTPHeaders"]["x-amzn-requestid"] == answer["RequestId"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"access_key_id": "AKIANOBODYNOBODYNOBO"}, (403, "InvalidClientTokenId"), id="unknown key"),
        pytest.param({"secret_access_key": "wrong"}, (403, "SignatureDoesNotMatch"), id="wrong secret"),
        pytest.param({"service": "ssm"}, (403, "SignatureDoesNotMatch"), id="signed for another service"),
        pytest.param({"now_ms": 1_500_000_000_000}, (403, "SignatureDoesNotMatch"), id="years ago"),
        pytest.param({"headers": {"origin": "https://evil.example"}}, (403, "AccessDenied"), id="from a web page"),
    ],
)
def test_refusals_carry_the_codes_of_sts(server, changes, expected):
    status, code, message = ask(server, **changes)
    assert (status, code) == expected
    assert message


def test_an_unsigned_question_is_refused(server):
    reply = send(server, {"host": urlsplit(server.url).netloc, "content-type": FORM}, QUESTION)
    assert told(reply) == (403, "MissingAuthenticationToken", "Missing Authentication Token")


def test_an_open_server_answers_without_a_signature(start_server):
    server = start_server(auth="open")
    reply = send(server, {"host": urlsplit(server.url).netloc, "content-type": FORM}, QUESTION)
    assert reply.status == 200
    assert f"<Account>{ACCOUNT}</Account>" in reply.body


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            b"Action=AssumeRole&Version=2011-06-15",
            "Could not find operation AssumeRole for version 2011-06-15: use GetCallerIdentity",
        ),
        (b"Action=GetCallerIdentity", "Could not find operation GetCallerIdentity for version : use GetCallerIdentity"),
        (b"", "Could not find operation  for version : use GetCallerIdentity"),
        (
            b"Action=%3Cb%3E&Version=2011-06-15",
            "Could not find operation &lt;b&gt; for version 2011-06-15: use GetCallerIdentity",
        ),
    ],
)
def test_nothing_else_of_sts_is_there(server, body, text):
    assert ask(server, body) == (400, "InvalidAction", text)


def test_a_form_has_a_limit(server):
    status, code, _ = ask(server, QUESTION + b"&Padding=" + b"x" * 20_000)
    assert (status, code) == (413, "RequestEntityTooLargeException")


@pytest.mark.slow
def test_the_aws_command_line_asks_too(server):
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    aws = Path(sys.executable).with_name("aws")
    ended = subprocess.run(
        [aws, "sts", "get-caller-identity", "--output", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(ended.stdout)["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{KEY_ID}"
