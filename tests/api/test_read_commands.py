"""ListCommands, ListCommandInvocations, GetCommandInvocation over boto3 (spec 6.4; D14, D15, D16, CMD-01 to CMD-03)."""

from datetime import timedelta

import pytest
from botocore.exceptions import WaiterError

from command_calls import command, command_status, send, step, turn
from refusals import refusal

UNKNOWN_COMMAND = "01234567-89ab-cdef-0123-456789abcdef"
UNKNOWN_NODE = "mi-0123456789abcdef0"
NO_INVOCATION = (
    "InvocationDoesNotExist",
    "The command ID and instance ID you specified did not match any invocations.",
)
NOTIFICATION = {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""}
CLOUDWATCH = {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}
NO_URLS = {"StandardOutputUrl": "", "StandardErrorUrl": ""}
ONE_STEP = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}


def filters(**members):
    return [{"key": key, "value": value} for key, value in members.items()]


def commands(ssm, **members):
    return [one["CommandId"] for one in ssm.list_commands(**members)["Commands"]]


def invocations(ssm, **members):
    found = ssm.list_command_invocations(**members)["CommandInvocations"]
    return [(one["CommandId"], one["InstanceId"]) for one in found]


def instant_between(ssm, newer, older):
    """ISO text of an instant that lies between two commands."""
    first = command(ssm, older)["RequestedDateTime"]
    return (first + (command(ssm, newer)["RequestedDateTime"] - first) / 2).isoformat()


def test_a_finished_step_shows_everything_cmd_01(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: ("Success", {"output": "hello\n", "error": "warn\n"}))
    command_id = send(ssm, document(), node, Comment="why", DocumentVersion="1")
    server.settle()
    found = step(ssm, command_id, node)
    for member in ("ExecutionStartDateTime", "ExecutionEndDateTime"):
        assert found.pop(member).endswith("Z")
    assert found.pop("ExecutionElapsedTime").startswith("PT0.")
    assert found == {
        "CommandId": command_id,
        "InstanceId": node.node_id,
        "Comment": "why",
        "DocumentName": "echo-twice",
        "DocumentVersion": "1",
        "PluginName": "second",
        "ResponseCode": 0,
        "Status": "Success",
        "StatusDetails": "Success",
        "StandardOutputContent": "hello\n",
        "StandardErrorContent": "warn\n",
        "CloudWatchOutputConfig": CLOUDWATCH,
        **NO_URLS,
    }


def test_an_unfinished_step_shows_its_invocation_cmd_03(ssm, nodes, document):
    node = nodes.one(online=False)
    found = step(ssm, send(ssm, document(), node), node, "first")
    assert (found["Status"], found["StatusDetails"], found["ResponseCode"]) == ("Pending", "Pending", -1)
    empty = ["StandardOutputContent", "StandardErrorContent", "ExecutionStartDateTime", "ExecutionEndDateTime"]
    assert [found[member] for member in [*empty, "ExecutionElapsedTime", "Comment"]] == [""] * 6


def test_an_association_runs_output_is_found_by_its_source_cmd_01(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: ("Success", {"output": "from an association"}))
    association = ssm.create_association(Name=document(), Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    association_id = association["AssociationDescription"]["AssociationId"]
    server.settle()
    (run,) = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
    execution_id = run["ExecutionId"]
    (target,) = ssm.describe_association_execution_targets(AssociationId=association_id, ExecutionId=execution_id)[
        "AssociationExecutionTargets"
    ]
    assert target["OutputSource"]["OutputSourceType"] == "RunCommand"
    command_id = target["OutputSource"]["OutputSourceId"]
    found = step(ssm, command_id, node)
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "from an association")
    assert found["Comment"] == f"{association_id}:{execution_id}"
    assert commands(ssm) == [command_id]


def test_the_waiter_succeeds_cmd_02(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: "Success")
    command_id = send(ssm, document(content=ONE_STEP), node)
    waiter = ssm.get_waiter("command_executed")
    waiter.wait(
        CommandId=command_id,
        InstanceId=node.node_id,
        PluginName="only",
        WaiterConfig={"Delay": 0, "MaxAttempts": 10_000},
    )
    assert step(ssm, command_id, node, "only")["Status"] == "Success"


def test_the_waiter_sees_a_failure_cmd_02(ssm, nodes, document):
    node = nodes.one(script=lambda job: "Failed")
    command_id = send(ssm, document(content=ONE_STEP), node)
    with pytest.raises(WaiterError, match='"Failed"'):
        ssm.get_waiter("command_executed").wait(
            CommandId=command_id, InstanceId=node.node_id, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
        )


def test_a_single_step_needs_no_name_d15(server, ssm, nodes, document):
    node = nodes.one()
    command_id = send(ssm, document(content=ONE_STEP), node)
    server.settle()
    assert ssm.get_command_invocation(CommandId=command_id, InstanceId=node.node_id)["PluginName"] == "only"


def test_steps_of_schema_1_2_are_named_by_plugin_d15(server, ssm, nodes):
    node = nodes.one(script=lambda job: ("Success", {"output": "by plugin"}))
    command_id = send(ssm, "AWS-RunShellScript", node, Parameters={"commands": ["true"]})
    server.settle()
    found = ssm.get_command_invocation(CommandId=command_id, InstanceId=node.node_id)
    assert (found["PluginName"], found["StandardOutputContent"]) == ("aws:runShellScript", "by plugin")
    assert step(ssm, command_id, node, "aws:runShellScript")["StandardOutputContent"] == "by plugin"


def test_several_steps_need_a_name_d15(ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    asked = {"CommandId": command_id, "InstanceId": node.node_id}
    assert refusal(ssm.get_command_invocation, **asked) == (
        "InvalidPluginName",
        "The document has several steps, name one as PluginName: first, second",
    )
    assert refusal(ssm.get_command_invocation, **asked, PluginName="third") == (
        "InvalidPluginName",
        "The document has no step third; it has first, second",
    )


def test_a_pair_that_does_not_exist_is_refused(server, ssm, nodes, document):
    node, other = nodes.add(2, online=False)
    command_id = send(ssm, document(), node)
    for pair in ((command_id, other.node_id), (command_id, UNKNOWN_NODE), (UNKNOWN_COMMAND, node.node_id)):
        asked = {"CommandId": pair[0], "InstanceId": pair[1]}
        assert refusal(ssm.get_command_invocation, **asked) == NO_INVOCATION
    elsewhere = server.client(region="eu-west-1")
    asked = {"CommandId": command_id, "InstanceId": node.node_id, "PluginName": "first"}
    assert refusal(elsewhere.get_command_invocation, **asked) == NO_INVOCATION


def test_an_invocation_has_every_member_cmd_03(server, ssm, nodes, document):
    node = nodes.one(script=lambda job: ("Failed", {"output": "out", "error": "err", "code": 3}))
    command_id = send(ssm, document(), node, Comment="why")
    server.settle()
    (plain,) = ssm.list_command_invocations(CommandId=command_id)["CommandInvocations"]
    (detailed,) = ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
    assert plain.pop("RequestedDateTime") == command(ssm, command_id)["RequestedDateTime"]
    assert plain == {
        "CommandId": command_id,
        "InstanceId": node.node_id,
        "InstanceName": "node",
        "Comment": "why",
        "DocumentName": "echo-twice",
        "DocumentVersion": "",
        "Status": "Failed",
        "StatusDetails": "Failed",
        "TraceOutput": "",
        "CommandPlugins": [],
        "ServiceRole": "",
        "NotificationConfig": NOTIFICATION,
        "CloudWatchOutputConfig": CLOUDWATCH,
        **NO_URLS,
    }
    first, second = detailed["CommandPlugins"]
    assert (first["Name"], first["Status"], first["ResponseCode"]) == ("first", "Success", 0)
    assert second.pop("ResponseFinishDateTime") >= second.pop("ResponseStartDateTime")
    assert second == {
        "Name": "second",
        "Status": "Failed",
        "StatusDetails": "Failed",
        "ResponseCode": 3,
        "Output": "out",
        "OutputS3Region": "",
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        **NO_URLS,
    }


@pytest.fixture
def four(server, ssm, nodes, document):
    """Four commands a minute apart, oldest first: succeeded, failed, timed out, running; and the running node."""
    good, bad = nodes.one(), nodes.one(script=lambda job: "Failed")
    silent, busy = nodes.one(online=False), nodes.one(holds=True)
    document("other-one")
    name = document()
    made = []
    for node, which, timeout in ((good, name, 3600), (bad, name, 3600), (silent, "other-one", 30)):
        made.append(send(ssm, which, node, TimeoutSeconds=timeout))
        server.clock(advance="1m")
    server.clock(advance="3h")
    made.append(send(ssm, "other-one", busy))
    busy.wait_for_jobs()
    busy.wait_for_stored(1)
    return made


LIST_FILTERS = [
    pytest.param({}, [3, 2, 1, 0], id="newest first"),
    pytest.param({"Status": "Success"}, [0], id="success"),
    pytest.param({"Status": "Failed"}, [2, 1], id="failed"),
    pytest.param({"Status": "InProgress"}, [3], id="running"),
    pytest.param({"Status": "Pending"}, [], id="pending"),
    pytest.param({"Status": "DeliveryTimedOut"}, [2], id="D14 detail name"),
    pytest.param({"ExecutionStage": "Executing"}, [3], id="executing"),
    pytest.param({"ExecutionStage": "Complete"}, [2, 1, 0], id="complete"),
    pytest.param({"ExecutionStage": "Paused"}, [], id="unknown stage"),
    pytest.param({"DocumentName": "other-one"}, [3, 2], id="document"),
    pytest.param({"DocumentName": "other"}, [], id="no prefix match"),
    pytest.param({"DocumentName": "echo-twice", "Status": "Failed"}, [1], id="document and status"),
    pytest.param({"InvokedAfter": (2, 1)}, [3, 2], id="after"),
    pytest.param({"InvokedBefore": (2, 1)}, [1, 0], id="before"),
    pytest.param({"InvokedAfter": (1, 0), "InvokedBefore": (3, 2)}, [2, 1], id="between"),
    pytest.param({"InvokedAfter": (1, 0), "DocumentName": "echo-twice"}, [1], id="after, of a document"),
]


@pytest.mark.parametrize(("asked", "expected"), LIST_FILTERS)
def test_filters_narrow_the_commands(ssm, four, asked, expected):
    told = {
        key: value if isinstance(value, str) else instant_between(ssm, four[value[0]], four[value[1]])
        for key, value in asked.items()
    }
    found = commands(ssm, Filters=filters(**told)) if told else commands(ssm)
    assert found == [four[index] for index in expected]
    for index, command_id in enumerate(four):
        one = commands(ssm, CommandId=command_id, Filters=filters(**told)) if told else [command_id]
        assert one == ([command_id] if index in expected else [])


INVOCATION_FILTERS = [
    pytest.param({}, [3, 2, 1, 0], id="newest first"),
    pytest.param({"Status": "Failed"}, [1], id="failed"),
    pytest.param({"Status": "TimedOut"}, [2], id="timed out"),
    pytest.param({"Status": "DeliveryTimedOut"}, [2], id="detail name"),
    pytest.param({"DocumentName": "other-one"}, [3, 2], id="document"),
    pytest.param({"InvokedAfter": (2, 1)}, [3, 2], id="after"),
    pytest.param({"InvokedBefore": (2, 1), "Status": "Success"}, [0], id="before, with a status"),
]


@pytest.mark.parametrize(("asked", "expected"), INVOCATION_FILTERS)
def test_filters_narrow_the_invocations(ssm, four, asked, expected):
    told = {
        key: value if isinstance(value, str) else instant_between(ssm, four[value[0]], four[value[1]])
        for key, value in asked.items()
    }
    found = invocations(ssm, Filters=filters(**told)) if told else invocations(ssm)
    assert [command_id for command_id, _ in found] == [four[index] for index in expected]


@pytest.mark.parametrize("epoch", [True, False], ids=["epoch seconds", "ISO text"])
def test_instants_are_read_in_both_spellings(ssm, four, epoch):
    between = command(ssm, four[1])["RequestedDateTime"] + timedelta(seconds=1)
    text = str(between.timestamp()) if epoch else between.strftime("%Y-%m-%dT%H:%M:%S%z")
    assert commands(ssm, Filters=filters(InvokedAfter=text)) == [four[3], four[2]]


@pytest.mark.parametrize(
    ("operation", "members", "code", "message"),
    [
        pytest.param(
            "list_commands",
            {"Filters": filters(InvokedAfter="soon")},
            "ValidationException",
            "Invalid date format: soon",
            id="date",
        ),
        pytest.param(
            "list_command_invocations",
            {"Filters": filters(InvokedBefore="2026-02-30T00:00:00Z")},
            "ValidationException",
            "Invalid date format: 2026-02-30T00:00:00Z",
            id="date that does not exist",
        ),
        pytest.param(
            "list_command_invocations",
            {"Filters": filters(ExecutionStage="Complete")},
            "InvalidFilterKey",
            "ExecutionStage: use one of InvokedAfter, InvokedBefore, Status, DocumentName",
            id="stage of invocations",
        ),
        pytest.param(
            "list_commands",
            {"Filters": filters(Colour="red")},
            "ValidationException",
            "1 validation error detected: Value 'Colour' at 'filters.1.member.key' failed to satisfy constraint: "
            "Member must satisfy enum value set: [InvokedAfter, InvokedBefore, Status, ExecutionStage, DocumentName]",
            id="unknown key",
        ),
        pytest.param(
            "list_commands",
            {"NextToken": "garbled"},
            "InvalidNextToken",
            "The specified token is not valid.",
            id="token",
        ),
        pytest.param(
            "list_command_invocations",
            {"NextToken": "garbled"},
            "InvalidNextToken",
            "The specified token is not valid.",
            id="token of invocations",
        ),
        pytest.param(
            "list_commands",
            {"CommandId": "short"},
            "ValidationException",
            "1 validation error detected: Value 'short' at 'commandId' failed to satisfy constraint: "
            "Member must have length greater than or equal to 36",
            id="command id",
        ),
    ],
)
def test_a_listing_that_makes_no_sense_is_refused(server, operation, members, code, message):
    ssm = server.client(parameter_validation=False)
    assert refusal(getattr(ssm, operation), **members) == (code, message)


def test_commands_of_a_node_are_listed_by_its_id(server, ssm, nodes, document):
    first, second = nodes.add(2, online=False)
    name = document()
    both = send(ssm, name, first, second)
    server.clock(advance="1s")
    only = send(ssm, name, second)
    assert commands(ssm, InstanceId=first.node_id) == [both]
    assert commands(ssm, InstanceId=second.node_id) == [only, both]
    assert commands(ssm, InstanceId=UNKNOWN_NODE) == []
    assert commands(ssm, InstanceId=first.node_id, CommandId=only) == []
    assert commands(ssm, InstanceId=second.node_id, CommandId=only) == [only]
    assert commands(ssm, InstanceId=first.node_id, Filters=filters(DocumentName="other")) == []
    assert invocations(ssm, InstanceId=second.node_id) == [(only, second.node_id), (both, second.node_id)]
    assert invocations(ssm, InstanceId=second.node_id, CommandId=both) == [(both, second.node_id)]


def test_an_unknown_command_is_an_empty_list(server, ssm, nodes, document):
    command_id = send(ssm, document(), nodes.one(online=False))
    assert commands(ssm, CommandId=UNKNOWN_COMMAND) == invocations(ssm, CommandId=UNKNOWN_COMMAND) == []
    elsewhere = server.client(region="eu-west-1")
    assert commands(elsewhere) == invocations(elsewhere) == commands(elsewhere, CommandId=command_id) == []


@pytest.fixture
def seven(server, ssm, nodes, document):
    """Seven commands on two nodes that are offline, two at each instant; ids, newest first, and the nodes."""
    fleet = nodes.add(2, online=False)
    name = document()
    made = []
    for number in range(7):
        made.append(send(ssm, name, *fleet))
        if number % 2:
            server.clock(advance="1s")
    return sorted(made, key=lambda one: (command(ssm, one)["RequestedDateTime"], one), reverse=True), fleet


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize(
    "members",
    [{}, {"Filters": filters(Status="Pending")}, {"Filters": filters(DocumentName="echo-twice")}],
    ids=["plain", "status", "document"],
)
def test_pages_walk_over_every_command_once(ssm, seven, size, members):
    pages = ssm.get_paginator("list_commands").paginate(PaginationConfig={"PageSize": size}, **members)
    found = [[one["CommandId"] for one in page["Commands"]] for page in pages]
    assert [one for page in found for one in page] == seven[0]
    assert all(len(page) == size for page in found[:-1])
    assert found[-1]


@pytest.mark.parametrize("size", [1, 3, 5, 14])
@pytest.mark.parametrize("members", [{}, {"Filters": filters(Status="Pending")}], ids=["plain", "status"])
def test_pages_walk_over_every_invocation_once(ssm, seven, size, members):
    pages = ssm.get_paginator("list_command_invocations").paginate(PaginationConfig={"PageSize": size}, **members)
    found = [[(one["CommandId"], one["InstanceId"]) for one in page["CommandInvocations"]] for page in pages]
    made, fleet = seven
    ids = sorted((node.node_id for node in fleet), reverse=True)
    assert [one for page in found for one in page] == [(command_id, node_id) for command_id in made for node_id in ids]
    assert all(len(page) == size for page in found[:-1])


def test_pages_of_one_node_walk_over_its_commands(ssm, seven):
    made, (node, _) = seven
    pages = ssm.get_paginator("list_commands").paginate(InstanceId=node.node_id, PaginationConfig={"PageSize": 2})
    assert [one["CommandId"] for page in pages for one in page["Commands"]] == made


def test_commands_that_come_between_pages_do_no_harm(server, ssm, nodes, seven):
    made, fleet = seven
    first = ssm.list_commands(MaxResults=3)
    rows = ssm.list_command_invocations(MaxResults=3)
    server.clock(advance="1s")
    newest = send(ssm, "echo-twice", *fleet)
    found = [one["CommandId"] for one in first["Commands"]] + commands(ssm, NextToken=first["NextToken"])
    assert found == made
    rest = ssm.list_command_invocations(NextToken=rows["NextToken"])["CommandInvocations"]
    listed = [one["CommandId"] for one in [*rows["CommandInvocations"], *rest]]
    assert listed == [one for one in made for _ in range(2)]
    assert commands(ssm)[0] == newest


def test_a_token_belongs_to_its_call_d20(server, ssm, seven):
    token = ssm.list_commands(MaxResults=1)["NextToken"]
    garbled = ("InvalidNextToken", "The specified token is not valid.")
    assert refusal(ssm.list_command_invocations, NextToken=token) == garbled
    assert refusal(ssm.list_commands, NextToken=token, Filters=filters(Status="Pending")) == garbled
    assert refusal(server.client(region="eu-west-1").list_commands, NextToken=token) == garbled


def test_tokens_survive_a_restart_d20(server, ssm, seven):
    token = ssm.list_commands(MaxResults=6)["NextToken"]
    server.stop()
    server.start()
    assert commands(server.client(), NextToken=token) == seven[0][6:]


def test_expired_commands_of_the_waiting_kind_are_told_apart(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    node.wait_for_jobs()
    node.wait_for_stored(1)
    turn(server, "1m")
    assert command_status(ssm, command_id) == ("InProgress", "InProgress")
    assert commands(ssm, Filters=filters(ExecutionStage="Executing")) == [command_id]
