"""CancelCommand over boto3 (spec 6.4; D5, CMD-04)."""

import pytest

from command_calls import command, command_status, report, send, status, statuses, step, told_step, turn
from refusals import refusal

UNKNOWN_COMMAND = "01234567-89ab-cdef-0123-456789abcdef"
UNKNOWN_NODE = "mi-0123456789abcdef0"
CANCELLED = ("Cancelled", "Cancelled")
CANCELLING = ("Cancelling", "Cancelling")


def begun(node, count=1):
    """The newest job of a node that the server knows to be at work."""
    job = node.wait_for_jobs(count)[-1]
    node.wait_for_stored(count)
    return job


def test_an_undelivered_command_is_cancelled_at_once_d5(server, ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    assert set(ssm.cancel_command(CommandId=command_id)) == {"ResponseMetadata"}
    server.settle()
    assert status(ssm, command_id, node) == CANCELLED
    found = command(ssm, command_id)
    assert (found["Status"], found["StatusDetails"]) == CANCELLED
    assert (found["CompletedCount"], found["ErrorCount"]) == (1, 0)


def test_a_cancelled_command_is_never_delivered_d5(server, ssm, nodes, document):
    node = nodes.one(online=False)
    name = document()
    ssm.cancel_command(CommandId=send(ssm, name, node))
    server.settle()
    node.connect()
    later = send(ssm, name, node)
    server.settle()
    assert [job.command_id for job in node.jobs] == [later]
    assert node.cancels == []


@pytest.mark.parametrize("answer", ["Cancelled", "Success", "Failed"])
def test_a_running_command_is_cancelled_when_its_node_says_so_d5(server, ssm, nodes, document, answer):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    job = begun(node)
    ssm.cancel_command(CommandId=command_id)
    assert node.wait_for_cancels() == [command_id]
    turn(server, "59s")
    assert status(ssm, command_id, node) == CANCELLING
    assert command_status(ssm, command_id) == CANCELLING
    job.finish(answer, output="so far")
    server.settle()
    assert status(ssm, command_id, node) == CANCELLED
    assert command_status(ssm, command_id) == CANCELLED
    assert step(ssm, command_id, node)["StandardOutputContent"] == "so far"


def test_a_node_that_does_not_answer_has_a_minute_d5(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    job = begun(node)
    ssm.cancel_command(CommandId=command_id)
    node.wait_for_cancels()
    turn(server, "59s")
    assert status(ssm, command_id, node) == CANCELLING
    turn(server, "1s")
    assert status(ssm, command_id, node) == CANCELLED
    assert command_status(ssm, command_id) == CANCELLED
    job.finish("Success", output="late")
    node.wait_for_stored(4)
    assert status(ssm, command_id, node) == CANCELLED
    assert step(ssm, command_id, node)["StandardOutputContent"] == "late"


def test_a_killed_step_has_code_137_d27(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    begun(node)
    ssm.cancel_command(CommandId=command_id)
    node.wait_for_cancels()
    report(node, command_id, "Cancelled", {"first": told_step("Cancelled", 137)}, {"Cancelled": 1})
    server.settle()
    found = step(ssm, command_id, node, "first")
    assert (found["Status"], found["StatusDetails"], found["ResponseCode"]) == (*CANCELLED, 137)
    assert step(ssm, command_id, node, "second")["ResponseCode"] == -1


def test_some_nodes_of_a_command_are_cancelled(server, ssm, nodes, document):
    running, kept, waiting = nodes.one(holds=True), nodes.one(holds=True), nodes.one(online=False)
    command_id = send(ssm, document(), running, kept, waiting)
    job, other = begun(running), begun(kept)
    ssm.cancel_command(CommandId=command_id, InstanceIds=[running.node_id, waiting.node_id])
    running.wait_for_cancels()
    turn(server)
    assert statuses(ssm, command_id) == {
        running.node_id: CANCELLING,
        kept.node_id: ("InProgress", "InProgress"),
        waiting.node_id: CANCELLED,
    }
    job.finish("Cancelled")
    other.finish()
    server.settle()
    assert status(ssm, command_id, kept) == ("Success", "Success")
    assert kept.cancels == []
    assert command_status(ssm, command_id) == ("Failed", "Incomplete")


def test_targets_that_wait_for_a_slot_are_cancelled_at_once(server, ssm, nodes, document):
    first, second = nodes.add(2, holds=True)
    command_id = send(ssm, document(), first, second, MaxConcurrency="1")
    job = begun(first)
    ssm.cancel_command(CommandId=command_id)
    first.wait_for_cancels()
    turn(server)
    assert statuses(ssm, command_id) == {first.node_id: CANCELLING, second.node_id: CANCELLED}
    job.finish("Cancelled")
    server.settle()
    assert second.jobs == []
    assert command_status(ssm, command_id) == CANCELLED


def test_finished_targets_keep_their_status(server, ssm, nodes, document):
    done, running = nodes.one(), nodes.one(holds=True)
    command_id = send(ssm, document(), done, running)
    job = begun(running)
    done.wait_for_stored(4)
    ssm.cancel_command(CommandId=command_id)
    running.wait_for_cancels()
    job.finish("Cancelled")
    server.settle()
    assert statuses(ssm, command_id) == {done.node_id: ("Success", "Success"), running.node_id: CANCELLED}
    assert command_status(ssm, command_id) == CANCELLED
    assert done.cancels == []


@pytest.mark.parametrize("named", [True, False], ids=["named node", "whole command"])
def test_a_finished_command_stays_as_it_is(server, ssm, nodes, document, named):
    node = nodes.one()
    command_id = send(ssm, document(), node)
    server.settle()
    before = command(ssm, command_id)
    ssm.cancel_command(CommandId=command_id, **({"InstanceIds": [node.node_id]} if named else {}))
    server.settle()
    assert command(ssm, command_id) == before
    assert status(ssm, command_id, node) == ("Success", "Success")
    assert node.cancels == []


def test_cancelling_twice_sends_one_cancel(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    job = begun(node)
    for _ in range(3):
        ssm.cancel_command(CommandId=command_id)
        ssm.cancel_command(CommandId=command_id, InstanceIds=[node.node_id])
        turn(server)
    node.wait_for_cancels()
    job.finish("Cancelled")
    server.settle()
    assert set(node.cancels) == {command_id}
    assert status(ssm, command_id, node) == CANCELLED


def test_a_cancel_sent_twice_gives_no_new_minute(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), node)
    begun(node)
    ssm.cancel_command(CommandId=command_id)
    node.wait_for_cancels()
    turn(server, "50s")
    ssm.cancel_command(CommandId=command_id)
    turn(server, "10s")
    assert status(ssm, command_id, node) == CANCELLED


def test_targets_that_are_not_resolved_yet_are_none(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    command_id = send(ssm, document(), Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    ssm.cancel_command(CommandId=command_id)
    turn(server, "61s")
    assert command_status(ssm, command_id) == CANCELLED
    assert set(statuses(ssm, command_id).values()) <= {CANCELLED}
    assert len(node.jobs) <= 1


@pytest.mark.parametrize(
    ("members", "code", "message"),
    [
        pytest.param(
            {"CommandId": UNKNOWN_COMMAND},
            "InvalidCommandId",
            f"Command {UNKNOWN_COMMAND} does not exist.",
            id="unknown command",
        ),
        pytest.param(
            {"InstanceIds": [UNKNOWN_NODE]},
            "InvalidInstanceId",
            f"The command has no such targets: {UNKNOWN_NODE}",
            id="unknown node",
        ),
        pytest.param(
            {"CommandId": "short"},
            "ValidationException",
            "1 validation error detected: Value 'short' at 'commandId' failed to satisfy constraint: "
            "Member must have length greater than or equal to 36",
            id="no command id",
        ),
    ],
)
def test_a_cancel_without_its_target_is_refused(server, nodes, document, members, code, message):
    ssm = server.client(parameter_validation=False)
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    assert refusal(ssm.cancel_command, **{"CommandId": command_id, **members}) == (code, message)
    assert status(ssm, command_id, node) == ("Pending", "Pending")


def test_one_wrong_node_cancels_nothing(ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    ids = [node.node_id, UNKNOWN_NODE]
    assert refusal(ssm.cancel_command, CommandId=command_id, InstanceIds=ids)[0] == "InvalidInstanceId"
    assert status(ssm, command_id, node) == ("Pending", "Pending")


def test_commands_of_another_region_are_unknown_d17(server, ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    elsewhere = server.client(region="eu-west-1")
    assert refusal(elsewhere.cancel_command, CommandId=command_id)[0] == "InvalidCommandId"
    assert status(ssm, command_id, node) == ("Pending", "Pending")


def test_the_command_of_an_association_can_be_cancelled_cmd_04(server, ssm, nodes, document):
    node = nodes.one(holds=True)
    made = ssm.create_association(Name=document(), Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    association_id = made["AssociationDescription"]["AssociationId"]
    job = begun(node)
    ssm.cancel_command(CommandId=job.command_id)
    node.wait_for_cancels()
    (run,) = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
    asked = {"AssociationId": association_id, "ExecutionId": run["ExecutionId"]}
    (target,) = ssm.describe_association_execution_targets(**asked)["AssociationExecutionTargets"]
    assert target["Status"] == "InProgress"
    job.finish("Cancelled")
    server.settle()
    (target,) = ssm.describe_association_execution_targets(**asked)["AssociationExecutionTargets"]
    assert (target["Status"], target["DetailedStatus"]) == CANCELLED


def invocation_ends(server, command_id):
    """(ended_by, ended_by_who) of each target: the reasons that the row keeps (design 1)."""

    async def read(tx):
        return await tx.column(
            "SELECT ended_by || ' ' || COALESCE(ended_by_who, '?') FROM invocations WHERE command_id = $1", command_id
        )

    return server.reading(read)


def test_the_row_keeps_who_cancelled_a_node(server, ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    ssm.cancel_command(CommandId=command_id, InstanceIds=[node.node_id])
    assert invocation_ends(server, command_id) == ["cancelled AKIATESTTESTTESTTEST"]


def test_the_row_keeps_who_cancelled_a_command(server, ssm, nodes, document):
    node = nodes.one(online=False)
    command_id = send(ssm, document(), node)
    ssm.cancel_command(CommandId=command_id)
    server.settle()
    assert invocation_ends(server, command_id) == ["cancelled AKIATESTTESTTESTTEST"]
