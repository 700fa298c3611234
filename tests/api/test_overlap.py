"""A run while another is unfinished: superseding, one at a time on a node, cancels (spec 3.5, D3, D4, D5)."""

import pytest

from association_calls import create, executions, newest_targets, start_once, statuses, targets

LOOK = {"advance": "0s", "wait_for_nodes": "100ms"}


@pytest.fixture
def held(server, ssm, nodes, document):
    """A half-hourly association whose first run is in the hands of one node: (association id, node, job)."""
    node = nodes.one(holds=True)
    association_id = create(ssm, document(), ScheduleExpression="rate(30 minutes)")["AssociationId"]
    (job,) = node.wait_for_jobs()
    node.wait_for_stored(1)
    return association_id, node, job


def test_a_later_fire_times_the_older_out_sch_11(server, ssm, held):
    association_id, node, job = held
    server.clock(advance="30m", wait_for_nodes="100ms")
    assert statuses(ssm, association_id)[1] == ("TimedOut", "TimedOut", "{TimedOut=1}")
    newest, old = executions(ssm, association_id)
    (row,) = targets(ssm, association_id, old["ExecutionId"])
    assert (row["Status"], row["DetailedStatus"]) == ("TimedOut", "TimedOut")
    assert node.wait_for_cancels() == [job.command_id]
    assert len(node.jobs) == 1, "the node may still be at work: the next run waits (D3)"
    job.finish("Cancelled")
    second = node.wait_for_jobs(2)[1]
    second.finish()
    server.settle()
    assert statuses(ssm, association_id)[0] == ("Success", "Success", "{Success=1}")
    assert newest["ExecutionId"] != old["ExecutionId"]


def test_a_silent_node_gets_the_next_run_after_a_minute_d4(server, ssm, held):
    association_id, node, job = held
    start_once(ssm, association_id)
    server.clock(**LOOK)
    assert node.wait_for_cancels() == [job.command_id]
    server.clock(advance="59s", wait_for_nodes="100ms")
    assert len(node.jobs) == 1
    server.clock(advance="1s", wait_for_nodes="100ms")
    assert len(node.wait_for_jobs(2)) == 2
    assert statuses(ssm, association_id)[1] == ("TimedOut", "TimedOut", "{TimedOut=1}")


def test_a_late_report_fills_in_output_but_no_status_d4(server, ssm, held):
    association_id, node, job = held
    start_once(ssm, association_id)
    server.clock(**LOOK)
    job.finish("Success", output="late words")
    node.wait_for_jobs(2)[1].finish()
    server.settle()
    assert [row[0] for row in statuses(ssm, association_id)] == ["Success", "TimedOut"]
    found = ssm.get_command_invocation(CommandId=job.command_id, InstanceId=node.node_id, PluginName="second")
    assert found["StandardOutputContent"] == "late words"


def test_undelivered_rows_of_the_older_run_time_out_undelivered(server, ssm, nodes, document):
    nodes.one(online=False)
    association_id = create(ssm, document(), ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="30m")
    newest, old = executions(ssm, association_id)
    (row,) = targets(ssm, association_id, old["ExecutionId"])
    assert (row["Status"], row["DetailedStatus"]) == ("TimedOut", "DeliveryTimedOut")
    assert (old["Status"], newest["Status"]) == ("TimedOut", "InProgress")


def test_a_manual_start_supersedes_too(server, ssm, held):
    association_id, _, job = held
    start_once(ssm, association_id)
    server.clock(**LOOK)
    assert [row[0] for row in statuses(ssm, association_id)] == ["InProgress", "TimedOut"]
    assert job.node.wait_for_cancels() == [job.command_id]


def test_one_association_at_a_time_on_a_node_d3(server, ssm, held):
    _, node, job = held
    other = create(ssm, "echo-twice")["AssociationId"]
    server.clock(**LOOK)
    assert len(node.jobs) == 1
    assert newest_targets(ssm, other)[node.node_id] == ("Pending", "Pending")
    job.finish()
    node.wait_for_jobs(2)[1].finish()
    server.settle()
    assert statuses(ssm, other) == [("Success", "Success", "{Success=1}")]


def test_the_oldest_run_comes_first_d3(server, ssm, held):
    _, node, job = held
    waiting = []
    for _ in range(3):
        server.clock(advance="1s", wait_for_nodes="0s")
        waiting.append(create(ssm, "echo-twice")["AssociationId"])
    server.clock(**LOOK)
    job.finish()
    for count, association_id in enumerate(waiting, 2):
        job = node.wait_for_jobs(count)[-1]
        assert executions(ssm, association_id)[0]["Status"] == "InProgress"
        job.finish()
    server.settle()
    assert [statuses(ssm, one)[0][0] for one in waiting] == ["Success"] * 3


def test_send_command_is_not_held_back_d3(server, ssm, held):
    _, node, _ = held
    ssm.send_command(DocumentName="echo-twice", InstanceIds=[node.node_id])
    node.wait_for_jobs(2)[1].finish()


def test_cancelling_a_runs_command_cancels_its_target_cmd_04(server, ssm, held):
    association_id, node, job = held
    ssm.cancel_command(CommandId=job.command_id)
    server.clock(**LOOK)
    assert newest_targets(ssm, association_id)[node.node_id] == ("InProgress", "InProgress")
    assert node.wait_for_cancels() == [job.command_id]
    job.finish("Cancelled")
    server.settle()
    assert newest_targets(ssm, association_id)[node.node_id] == ("Cancelled", "Cancelled")
    assert statuses(ssm, association_id) == [("Failed", "Cancelled", "{Cancelled=1}")]


def test_a_manual_start_at_a_due_instant_comes_first(server, ssm, document):
    association_id = create(ssm, document(), ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.clock(advance="30m")
    start_once(ssm, association_id)
    server.settle()
    assert len(executions(ssm, association_id)) == 3


def test_an_execution_that_was_not_resolved_is_superseded_without_rows(server, ssm, document):
    association_id = create(ssm, document())["AssociationId"]
    for _ in range(5):
        start_once(ssm, association_id)
    server.settle()
    rows = executions(ssm, association_id)
    assert len(rows) == 6
    assert rows[0]["Status"] == "Success"
    assert {row["Status"] for row in rows} <= {"Success", "TimedOut"}
