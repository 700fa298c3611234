"""No frame and no listing of ours has a form that the recordings show to do harm (node protocol 5.5, 7.1, 7.3)."""

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from stateward.associations import agent_listing
from stateward.commands import carriers
from stateward.commands.delivery import Cancel, Job
from stateward.commands.store_delivery import JobText
from stateward.gateway import frames
from stateward.wire import agent_message

NODE = "mi-0123456789abcdef0"
NAMES = st.text(string.ascii_letters + string.digits + "-_", min_size=3, max_size=40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
STATUSES = st.sampled_from(
    ["Pending", "InProgress", "Associated", "Success", "Failed", "TimedOut", "Cancelled", "Skipped", "anything"]
)
DOCUMENTS = st.builds(
    lambda names, command, description: {
        "schemaVersion": "2.2",
        "description": description,
        "parameters": {"value": {"type": "String", "default": ""}},
        "mainSteps": [
            {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": [command]}} for name in names
        ],
    },
    st.lists(NAMES, min_size=1, max_size=5, unique=True),
    TEXTS,
    TEXTS,
)


@given(DOCUMENTS, NAMES, TEXTS, st.uuids(), st.uuids())
def test_every_job_has_all_that_an_agent_reads(document, name, value, command_id, message_id):
    text = JobText(name, json.dumps(document), json.dumps({"value": [value]}))
    message = frames.job_message(Job(str(command_id), NODE, text), "us-east-1", str(message_id), 1)
    assert len(agent_message.encode(message)) > agent_message.HEADER_LENGTH + 4
    payload = json.loads(message.payload)
    assert payload["JobId"] == f"aws.ssm.{command_id}.{NODE}"
    assert payload["Topic"] == "aws.ssm.sendCommand.us-east-1"
    content = json.loads(payload["Content"])
    assert content.pop("DocumentContent") == document  # an object, never text
    assert content == {
        "Parameters": {"value": value},
        "CommandId": str(command_id),
        "DocumentName": name,
        "OutputS3KeyPrefix": "",
        "OutputS3BucketName": "",
        "CloudWatchLogGroupName": "",
        "CloudWatchOutputEnabled": "false",
    }


@given(st.uuids(), st.uuids())
def test_every_cancel_names_a_job_and_is_one_of_its_own(command_id, job_id):
    message = frames.cancel_message(Cancel(str(job_id), str(command_id), NODE), "us-east-1", str(job_id), 1)
    payload = json.loads(message.payload)
    assert (payload["JobId"], payload["Topic"]) == (f"aws.ssm.{job_id}.{NODE}", "aws.ssm.cancelCommand.us-east-1")
    assert json.loads(payload["Content"]) == {"CancelMessageId": f"aws.ssm.{command_id}.{NODE}"}


@given(st.uuids(), st.uuids())
def test_every_refresh_names_exactly_one_association_d53(association_id, command_id):
    job = Job(str(command_id), NODE, carriers.refresh_text(str(association_id)))
    content = frames.job_content(job)
    assert content["DocumentName"] == "AWS-RefreshAssociation"
    assert content["Parameters"] == {"associationIds": [str(association_id)]}


@given(STATUSES | st.none(), NAMES, st.integers(1, 99), st.integers(1, 99), TEXTS, st.none() | st.integers(0, 2**42))
def test_no_listing_starts_or_holds_anything_d53(status, name, version, document_version, content, reported_ms):
    definition = {"Name": name, "DocumentVersion": "$DEFAULT", "Targets": [], "ScheduleExpression": "rate(1 hour)"}
    applied = agent_listing.Applied(version, definition, "$DEFAULT", {"value": ["x"]})
    body = agent_listing.described("id", NODE, applied, document_version, content, status, reported_ms)
    assert "ScheduleExpression" not in body
    assert "OutputLocation" not in body  # a node's own keys are good for no bucket (D39)
    assert body["DetailedStatus"] in ("Skipped", "Success", "Failed", "TimedOut")
    for member in ("AssociationId", "Name", "InstanceId", "DocumentVersion", "Checksum", "DetailedStatus"):
        assert body[member]


@given(TEXTS, TEXTS, st.integers(1, 9), st.integers(1, 9))
def test_checksums_differ_where_runs_would_agt_05(first, second, one, other):
    same = (first, one) == (second, other)
    assert (agent_listing.checksum(first, one, {}) == agent_listing.checksum(second, other, {})) is same
