"""What a caller asks for, in the forms that the recordings show to do harm: it is refused, or the node gets another."""

import json

import pytest
from botocore.exceptions import ClientError
from table import NEVER_SENT, REFUSED_CONTENT

from recordings import NODE_ID, api_parameters, load

OF_CONTENT = ("command-", "parameters-", "plugin-", "s3-", "mds-command-")
VALUES = {"/lab/value": "forty-two", "other": "forty-two"}


@pytest.mark.parametrize("name", [name for name in NEVER_SENT if name.startswith(OF_CONTENT)])
def test_what_a_caller_asks_for_never_reaches_a_node_in_that_form(ssm, player, name):
    content = recorded_content(name)
    for parameter, value in VALUES.items():
        ssm.put_parameter(Name=parameter, Value=value, Type="String")
    try:
        send(ssm, player.node_id, content)
        refusal = None
    except ClientError as error:
        refusal = (error.operation_name, error.response["Error"]["Code"])
    assert refusal == REFUSED_CONTENT.get(name), NEVER_SENT[name]
    if refusal is None:
        job_id = f"aws.ssm.{content['CommandId']}.{player.node_id}"
        told = player.job({"messageId": "the job's", "payload": {"JobId": job_id}})["Content"]
        assert told != player.rebound({**content, "DocumentName": "Lab-sent"})
        assert (told["OutputS3BucketName"], told["CloudWatchOutputEnabled"]) == ("", "false")
        assert "{{ssm:" not in json.dumps(told["Parameters"])


def recorded_content(name):
    """What the first job of a recording carries, over whichever channel."""
    for event in load(name)["events"]:
        if event.get("frame", {}).get("messageType") == "agent_job":
            return event["frame"]["payload"]["Content"]
        answer = (event.get("response") or {}).get("body")
        for message in answer.get("Messages", ()) if isinstance(answer, dict) else ():
            return message["Payload"]
    raise AssertionError(f"{name} has no job")


def send(ssm, node_id, content):
    text = NODE_ID.sub(node_id, json.dumps(content["DocumentContent"]))
    ssm.create_document(Name="Lab-sent", Content=text, DocumentType="Command")
    places = {name: content[name] for name in ("OutputS3BucketName", "OutputS3KeyPrefix") if content[name]}
    if content["CloudWatchOutputEnabled"] == "true":
        places["CloudWatchOutputConfig"] = {"CloudWatchOutputEnabled": True}
    parameters = api_parameters({"Parameters": content["Parameters"] or {}})
    ssm.send_command(InstanceIds=[node_id], DocumentName="Lab-sent", Parameters=parameters, **places)
