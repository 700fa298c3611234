"""The ring of API calls (R8): what the server saw and answered, without bodies."""

import pytest
from botocore.exceptions import ClientError

from key_holders import Denied, Holder, holder
from stateward.api.calls import KEPT, ApiCall, CallLog


def api_call(number, account="123456789012"):
    return ApiCall(number, "ListDocuments", "AKIA", account, "ok", 1, f"request-{number}", "127.0.0.1")


def test_each_call_is_told_with_operation_key_code_time_and_request_id(server, ssm):
    answered = ssm.list_documents()["ResponseMetadata"]["RequestId"]
    with pytest.raises(ClientError) as caught:
        ssm.describe_document(Name="not-there")
    refused = caught.value.response["ResponseMetadata"]["RequestId"]
    told = {call["request_id"]: call for call in Holder(server).get("/calls")["calls"]}
    assert (told[answered]["operation"], told[answered]["code"]) == ("ListDocuments", "ok")
    assert (told[refused]["operation"], told[refused]["code"]) == ("DescribeDocument", "InvalidDocument")
    assert told[refused]["source"] == "127.0.0.1"
    assert told[refused]["key"] == Holder(server).key_id
    assert isinstance(told[refused]["took_ms"], int)


def test_a_wrong_signature_is_told_too(server):
    with pytest.raises(ClientError):
        server.client(secret="wrong").list_documents()
    newest = Holder(server).get("/calls?limit=1")["calls"][0]
    assert (newest["operation"], newest["code"], newest["key"]) == ("ListDocuments", "InvalidSignatureException", "")


def test_no_body_is_kept(server, ssm):
    ssm.put_parameter(Name="/a", Value="what-nobody-may-see", Type="String")
    assert "what-nobody-may-see" not in str(Holder(server).get("/calls"))


def test_calls_of_nodes_stand_apart(server, nodes):
    node = nodes.one()
    people = {call["key"] for call in Holder(server).get("/calls?limit=1000")["calls"]}
    of_nodes = {call["key"] for call in Holder(server).get("/calls?nodes=true")["calls"]}
    assert node.node_id not in people
    assert of_nodes == {node.node_id}


def test_the_ring_keeps_the_newest_thousand():
    log = CallLog("123456789012")
    for number in range(KEPT + 5):
        log.add(api_call(number))
    kept = log.newest("123456789012", KEPT)
    assert (len(kept), kept[0].time_ms, kept[-1].time_ms) == (KEPT, KEPT + 4, 5)


def test_another_account_s_administrator_sees_its_own_calls_only(server, ssm):
    ssm.list_documents()
    other = holder(server, "administrator", account="210987654321")
    other.client().list_documents()
    assert {call["account"] for call in other.get("/calls")["calls"]} == {"210987654321"}
    assert {"123456789012", "210987654321"} <= {call["account"] for call in Holder(server).get("/calls")["calls"]}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "colour=red"])
def test_a_bad_question_is_refused(server, query):
    with pytest.raises(Denied) as caught:
        Holder(server).get(f"/calls?{query}")
    assert caught.value.status == 400
