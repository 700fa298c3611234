"""SendCommand over boto3, and what becomes of the command (spec 6.4; D2, D14, D17, D32, D66, CMD-03)."""

from datetime import timedelta

import pytest

from command_calls import command, command_status, report, send, status, statuses, step, told_step, turn
from live_server import ACCOUNT
from refusals import refusal
from registration_calls import registered

UNKNOWN_NODE = "mi-0123456789abcdef0"
ONE_STEP = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}


def steps_of(*timeouts):
    """A document whose steps have these timeoutSeconds (None: none)."""
    return {
        "schemaVersion": "2.2",
        "parameters": {"limit": {"type": "String", "default": "120"}},
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": f"step{number}",
                "inputs": {"runCommand": ["true"]} | ({} if timeout is None else {"timeoutSeconds": timeout}),
            }
            for number, timeout in enumerate(timeouts)
        ],
    }


def test_a_new_command_has_every_member_cmd_03(ssm, nodes, document):
    node = nodes.one(online=False)
    told = ssm.send_command(DocumentName=document(), InstanceIds=[node.node_id])["Command"]
    assert len(told.pop("CommandId")) == 36
    assert told.pop("ExpiresAfter") - told.pop("RequestedDateTime") == timedelta(hours=2)
    assert told == {
        "DocumentName": "echo-twice",
        "DocumentVersion": "",
        "Comment": "",
        "Parameters": {},
        "InstanceIds": [node.node_id],
        "Targets": [],
        "Status": "Pending",
        "StatusDetails": "Pending",
        "OutputS3Region": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "MaxConcurrency": "50",
        "MaxErrors": "0",
        "TargetCount": 1,
        "CompletedCount": 0,
        "ErrorCount": 0,
        "DeliveryTimedOutCount": 0,
        "ServiceRole": "",
        "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False},
        "TimeoutSeconds": 3600,
    }


def test_what_was_given_comes_back(ssm, nodes, document):
    node = nodes.one(online=False)
    given = {
        "InstanceIds": [node.node_id],
        "DocumentVersion": "$LATEST",
        "Comment": "Grüße",
        "Parameters": {"greeting": ["salut"]},
        "MaxConcurrency": "10%",
        "MaxErrors": "25%",
        "TimeoutSeconds": 600,
    }
    told = ssm.send_command(DocumentName=document(), **given)["Command"]
    assert {member: told[member] for member in given} == given
    assert command(ssm, told["CommandId"]) == told


@pytest.mark.parametrize(
    ("content", "members", "seconds"),
    [
        pytest.param(steps_of(None), {}, 3600 + 3600, id="defaults"),
        pytest.param(steps_of(60), {}, 3600 + 60, id="step"),
        pytest.param(steps_of(60, 300, 90), {"TimeoutSeconds": 30}, 30 + 300, id="largest step"),
        pytest.param(steps_of("{{ limit }}"), {}, 3600 + 120, id="default of a parameter"),
        pytest.param(steps_of("{{ limit }}"), {"Parameters": {"limit": ["7"]}}, 3600 + 7, id="parameter"),
        pytest.param(steps_of("{{ limit }}"), {"Parameters": {"limit": ["x"]}}, 3600 + 3600, id="no number"),
    ],
)
def test_expiry_is_delivery_plus_the_longest_step(ssm, nodes, document, content, members, seconds):
    node = nodes.one(online=False)
    told = ssm.send_command(DocumentName=document(content=content), InstanceIds=[node.node_id], **members)["Command"]
    assert told["ExpiresAfter"] - told["RequestedDateTime"] == timedelta(seconds=seconds)


def test_the_execution_timeout_of_aws_documents_counts(ssm, nodes):
    node = nodes.one(online=False)
    parameters = {"commands": ["true"], "executionTimeout": ["600"]}
    told = ssm.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[node.node_id], Parameters=parameters)
    expires, requested = told["Command"]["ExpiresAfter"], told["Command"]["RequestedDateTime"]
    assert expires - requested == timedelta(seconds=3600 + 600)


def test_listed_nodes_are_rows_at_once_d14(ssm, server, document):
    made = ssm.create_activation(IamRole="role", RegistrationLimit=50)
    ids = [registered(server, made, fingerprint=f"machine-{number}") for number in range(50)]
    told = ssm.send_command(DocumentName=document(), InstanceIds=ids)["Command"]
    assert told["TargetCount"] == 50
    rows = ssm.list_command_invocations(CommandId=told["CommandId"], MaxResults=50)["CommandInvocations"]
    assert sorted(row["InstanceId"] for row in rows) == sorted(ids)
    assert {row["Status"] for row in rows} == {"Pending"}


def test_a_node_listed_twice_is_one_target(server, ssm, nodes, document):
    node = nodes.one()
    command_id = send(ssm, document(), node, node)
    server.settle()
    assert command(ssm, command_id)["TargetCount"] == len(node.jobs) == 1


def test_unknown_nodes_are_refused_d14(ssm, nodes, document):
    node = nodes.one(online=False)
    ids = [node.node_id, UNKNOWN_NODE, "i-01234567"]
    assert refusal(ssm.send_command, DocumentName=document(), InstanceIds=ids) == (
        "InvalidInstanceId",
        f"Instances [[{UNKNOWN_NODE}, i-01234567]] not in a valid state for account {ACCOUNT}",
    )
    assert ssm.list_commands()["Commands"] == []


def test_nodes_of_another_region_are_unknown_d17(server, ssm, document):
    elsewhere = server.client(region="eu-west-1")
    node_id = registered(server, elsewhere.create_activation(IamRole="role"))
    assert refusal(ssm.send_command, DocumentName=document(), InstanceIds=[node_id])[0] == "InvalidInstanceId"


def test_an_offline_node_gets_the_command_when_it_comes_d14(server, ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    server.clock(advance="1h")
    assert status(ssm, command_id, node) == ("Pending", "Pending")
    node.connect()
    server.settle()
    assert status(ssm, command_id, node) == ("Success", "Success")


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        pytest.param([("tag:team", ["red"])], ["red"], id="tag"),
        pytest.param([("tag:team", ["red", "blue"])], ["red", "blue"], id="values are alternatives"),
        pytest.param([("tag:team", ["red", "blue"]), ("tag:env", ["prod"])], ["red"], id="targets are joined by and"),
        pytest.param([("tag-key", ["env"])], ["red"], id="tag key"),
        pytest.param([("InstanceIds", ["*"])], ["red", "blue", "plain"], id="every node"),
        pytest.param([("tag:team", ["Red"])], [], id="values differ by case"),
    ],
)
def test_targets_are_resolved_d14(server, ssm, nodes, document, targets, expected):
    fleet = {
        "red": nodes.one(tags={"team": "red", "env": "prod"}),
        "blue": nodes.one(tags={"team": "blue"}),
        "plain": nodes.one(),
    }
    asked = [{"Key": key, "Values": values} for key, values in targets]
    command_id = send(ssm, document(), Targets=asked)
    server.settle()
    assert set(statuses(ssm, command_id)) == {fleet[name].node_id for name in expected}
    found = command(ssm, command_id)
    assert (found["Status"], found["TargetCount"]) == ("Success", len(expected))
    assert (found["Targets"], found["InstanceIds"]) == (asked, [])


def test_no_matching_node_is_a_success_d14(server, ssm, nodes, document):
    nodes.one()
    command_id = send(ssm, document(), Targets=[{"Key": "tag:team", "Values": ["nobody"]}])
    server.settle()
    found = command(ssm, command_id)
    assert (found["Status"], found["StatusDetails"], found["TargetCount"]) == ("Success", "NoInstancesInTag", 0)


def test_the_node_gets_document_and_typed_parameters(ssm, nodes, document):
    node = nodes.one(holds=True)
    content = {
        **ONE_STEP,
        "parameters": {
            "word": {"type": "String", "default": "a"},
            "words": {"type": "StringList"},
            "count": {"type": "Integer", "default": 1},
        },
    }
    command_id = send(ssm, document(content=content), node, Parameters={"words": ["x", "y"], "count": ["3"]})
    (job,) = node.wait_for_jobs()
    assert (job.command_id, job.document_name, job.document) == (command_id, "echo-twice", content)
    assert job.parameters == {"words": ["x", "y"], "count": 3}
    job.finish()


MESSAGE = "1 validation error detected: Value "


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param(
            {"DocumentName": "nobody"}, "InvalidDocument", "Document with name nobody does not exist.", id="document"
        ),
        pytest.param(
            {"DocumentVersion": "7"},
            "InvalidDocumentVersion",
            "The document version is not valid or does not exist.",
            id="version",
        ),
        pytest.param(
            {"DocumentHash": "0" * 64},
            "InvalidDocument",
            "The hash of echo-twice is not the given DocumentHash.",
            id="hash",
        ),
        pytest.param(
            {"InstanceIds": []}, "ValidationException", "Must specify either instanceIds or targets", id="no target"
        ),
        pytest.param(
            {"Targets": [{"Key": "tag:a", "Values": ["b"]}]},
            "ValidationException",
            "Must specify either instanceIds or targets",
            id="ids and targets",
        ),
        pytest.param(
            {"InstanceIds": [], "Targets": [{"Key": "Colour", "Values": ["red"]}]},
            "ValidationException",
            "Unsupported Target Type",
            id="target key",
        ),
        pytest.param(
            {"Parameters": {"loudness": ["9"]}},
            "InvalidParameters",
            None,
            id="undeclared parameter",
        ),
        pytest.param(
            {"DocumentName": "AWS-RunShellScript"},
            "InvalidParameters",
            'Parameter "commands" requires a value.',
            id="missing parameter",
        ),
        pytest.param({"Parameters": {"greeting": ["a", "b"]}}, "InvalidParameters", None, id="two values of a String"),
        pytest.param(
            {"TimeoutSeconds": 29},
            "ValidationException",
            MESSAGE + "'29' at 'timeoutSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 30",
            id="short time-out",
        ),
        pytest.param(
            {"TimeoutSeconds": 2592001},
            "ValidationException",
            MESSAGE + "'2592001' at 'timeoutSeconds' failed to satisfy constraint: "
            "Member must have value less than or equal to 2592000",
            id="long time-out",
        ),
        pytest.param(
            {"Comment": "c" * 101},
            "ValidationException",
            MESSAGE + f"'{'c' * 101}' at 'comment' failed to satisfy constraint: "
            "Member must have length less than or equal to 100",
            id="long comment",
        ),
        pytest.param({"MaxConcurrency": "0"}, "ValidationException", None, id="no concurrency"),
        pytest.param({"MaxErrors": "101%"}, "ValidationException", None, id="errors beyond all"),
        pytest.param({"InstanceIds": [UNKNOWN_NODE] * 51}, "ValidationException", None, id="51 ids"),
    ],
)
def test_a_command_that_cannot_run_is_refused(server, nodes, document, members, code, message):
    ssm = server.client(parameter_validation=False)
    node = nodes.one(online=False)
    given = {"DocumentName": document(), "InstanceIds": [node.node_id], **members}
    told = refusal(ssm.send_command, **given)
    assert told[0] == code
    assert message is None or told[1] == message
    assert told[1]
    assert ssm.list_commands()["Commands"] == []


def test_the_right_hash_is_accepted(ssm, nodes, document):
    node = nodes.one(online=False)
    name = document()
    told = ssm.describe_document(Name=name)["Document"]["Hash"]
    send(ssm, name, node, DocumentHash=told, DocumentHashType="Sha256")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("ServiceRoleArn", "arn:aws:iam::123456789012:role/a"),
        ("NotificationConfig", {"NotificationType": "Command"}),
        ("CloudWatchOutputConfig", {"CloudWatchOutputEnabled": True}),
    ],
)
def test_members_without_effect_are_refused_d66(ssm, nodes, document, member, value):
    node = nodes.one(online=False)
    given = {"DocumentName": document(), "InstanceIds": [node.node_id], member: value}
    assert refusal(ssm.send_command, **given) == (
        "ValidationException",
        f"{member} is not supported by this version of Stateward",
    )


def _same_invocation(request, **_):
    request.headers["amz-sdk-invocation-id"] = "5a1f9f5e-0000-4000-8000-000000000002"


def test_a_retry_sends_nothing_again_d32(server, ssm, nodes, document):
    node = nodes.one()
    name = document()
    ssm.meta.events.register("before-send.ssm.SendCommand", _same_invocation)
    given = {"DocumentName": name, "InstanceIds": [node.node_id]}
    first = ssm.send_command(**given)["Command"]
    server.settle()
    assert ssm.send_command(**given)["Command"] == first
    server.settle()
    assert len(node.jobs) == len(ssm.list_commands()["Commands"]) == 1


def test_another_body_is_no_retry_d32(server, ssm, nodes, document):
    node = nodes.one()
    name = document()
    ssm.meta.events.register("before-send.ssm.SendCommand", _same_invocation)
    first = send(ssm, name, node)
    second = send(ssm, name, node, Comment="again")
    server.settle()
    assert first != second
    assert len(node.jobs) == 2


def test_a_refused_call_is_not_remembered_d32(server, ssm, nodes, document):
    node = nodes.one()
    ssm.meta.events.register("before-send.ssm.SendCommand", _same_invocation)
    given = {"DocumentName": "echo-twice", "InstanceIds": [node.node_id]}
    assert refusal(ssm.send_command, **given)[0] == "InvalidDocument"
    document()
    ssm.send_command(**given)
    server.settle()
    assert len(node.jobs) == 1


def test_an_undelivered_command_times_out_d2(server, ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(content=steps_of(60, 100)), node, TimeoutSeconds=30)
    server.clock(advance="189s")
    assert status(ssm, command_id, node) == ("Pending", "Pending")
    server.clock(advance="1s")
    assert status(ssm, command_id, node) == ("TimedOut", "DeliveryTimedOut")
    found = command(ssm, command_id)
    assert (found["Status"], found["StatusDetails"]) == ("Failed", "DeliveryTimedOut")
    assert (found["CompletedCount"], found["ErrorCount"], found["DeliveryTimedOutCount"]) == (1, 0, 1)


def test_a_node_that_never_answers_times_out_d2(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(content=steps_of(60, 100)), node, TimeoutSeconds=30)
    (job,) = node.wait_for_jobs()
    node.wait_for_stored(1)
    turn(server, "189s")
    assert status(ssm, command_id, node) == ("InProgress", "InProgress")
    turn(server, "1s")
    assert status(ssm, command_id, node) == ("TimedOut", "DeliveryTimedOut")
    job.finish("Success", output="late")
    node.wait_for_stored(4)
    assert status(ssm, command_id, node) == ("TimedOut", "DeliveryTimedOut")
    late = step(ssm, command_id, node, "step1")
    assert (late["Status"], late["StandardOutputContent"]) == ("Success", "late")
    assert command_status(ssm, command_id) == ("Failed", "DeliveryTimedOut")


def test_waiting_for_a_slot_never_times_out_d2(server, ssm, nodes, document):
    first, second = nodes.add(2, holds=True)
    name = document(content=steps_of(60))
    command_id = send(ssm, name, first, second, MaxConcurrency="1", TimeoutSeconds=30)
    first.wait_for_jobs()
    first.wait_for_stored(1)
    turn(server, "89s")
    first.jobs[0].finish()
    (job,) = second.wait_for_jobs()
    turn(server, "89s")
    job.finish()
    server.settle()
    assert set(statuses(ssm, command_id).values()) == {("Success", "Success")}


def test_a_step_that_runs_too_long_is_an_error(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: ("TimedOut", {"error": "too long"}))
    command_id = send(ssm, document(), node)
    server.settle()
    assert status(ssm, command_id, node) == ("TimedOut", "ExecutionTimedOut")
    found = step(ssm, command_id, node)
    assert (found["Status"], found["StatusDetails"], found["ResponseCode"]) == ("TimedOut", "ExecutionTimedOut", 137)
    assert found["StandardErrorContent"] == "too long"
    assert command(ssm, command_id)["ErrorCount"] == 1
    assert command_status(ssm, command_id) == ("Failed", "Failed")


@pytest.mark.parametrize(
    ("max_errors", "expected"),
    [
        pytest.param("0", ("Failed", "Failed"), id="limit passed"),
        pytest.param("1", ("Failed", "Incomplete"), id="D14 within the limit"),
        pytest.param("50%", ("Failed", "Incomplete"), id="D14 within half"),
    ],
)
def test_one_failure_of_two_fails_the_command(server, ssm, nodes, document, max_errors, expected):
    good, bad = nodes.one(), nodes.one(script=lambda job: "Failed")
    command_id = send(ssm, document(), good, bad, MaxErrors=max_errors)
    server.settle()
    assert command_status(ssm, command_id) == expected
    found = command(ssm, command_id)
    assert (found["TargetCount"], found["CompletedCount"], found["ErrorCount"]) == (2, 2, 1)
    assert status(ssm, command_id, good) == ("Success", "Success")
    assert status(ssm, command_id, bad) == ("Failed", "Failed")


def test_the_error_limit_stops_the_rest(server, ssm, nodes, document):
    first, second, third = nodes.add(3, holds=True)
    command_id = send(ssm, document(), first, second, third, MaxConcurrency="1", MaxErrors="0")
    (job,) = first.wait_for_jobs()
    job.finish("Failed")
    server.settle()
    assert second.jobs == third.jobs == []
    assert statuses(ssm, command_id) == {
        first.node_id: ("Failed", "Failed"),
        second.node_id: ("Cancelled", "Terminated"),
        third.node_id: ("Cancelled", "Terminated"),
    }
    assert command_status(ssm, command_id) == ("Failed", "Failed")


def test_a_node_runs_several_commands_at_once(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    name = document()
    ids = [send(ssm, name, node) for _ in range(3)]
    jobs = {job.command_id: job for job in node.wait_for_jobs(3)}
    for command_id in reversed(ids):
        jobs[command_id].finish(output=command_id)
    server.settle()
    assert [step(ssm, command_id, node)["StandardOutputContent"] for command_id in ids] == ids


def test_a_node_that_skips_everything_succeeds_d65(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(content=ONE_STEP), node)
    node.wait_for_jobs()
    report(node, command_id, "Success", {"only": told_step("Skipped")}, {"Skipped": 1})
    server.settle()
    found = step(ssm, command_id, node, "only")
    assert (found["Status"], found["StatusDetails"]) == ("Success", "Skipped")
    assert command_status(ssm, command_id) == ("Success", "Success")
