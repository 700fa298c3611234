"""MaxConcurrency and MaxErrors over real channels (spec 4.6, RAT)."""

import pytest

from association_calls import create, executions, newest_targets, statuses


def at_work(park):
    """The held jobs that have not been finished."""
    return [job for node in park for job in node.jobs if not getattr(job, "done", False)]


def wait_for_work(server, park, count):
    """Wait until exactly so many nodes have a job in hand."""
    server.clock(advance="0s", wait_for_nodes="150ms")
    found = at_work(park)
    assert len(found) == count
    return found


def finish(job, status="Success"):
    job.done = True
    job.finish(status)


@pytest.mark.parametrize(
    ("max_concurrency", "count", "at_once"),
    [
        pytest.param("1", 4, 1, id="RAT-01"),
        pytest.param("10%", 25, 2, id="RAT-02"),
        pytest.param("3", 7, 3, id="three"),
        pytest.param("1%", 5, 1, id="at least one"),
        pytest.param("100%", 5, 5, id="all"),
    ],
)
def test_never_more_at_once(server, ssm, nodes, document, max_concurrency, count, at_once):
    park = nodes.add(count, holds=True)
    association_id = create(ssm, document(), MaxConcurrency=max_concurrency)["AssociationId"]
    left = count
    while left:
        jobs = wait_for_work(server, park, min(at_once, left))
        for job in jobs:
            finish(job)
        left -= len(jobs)
    server.settle()
    assert statuses(ssm, association_id) == [("Success", "Success", f"{{Success={count}}}")]


def test_the_default_is_fifty_rat_07(server, ssm, nodes, document):
    park = nodes.add(52, holds=True)
    association_id = create(ssm, document())["AssociationId"]
    for job in wait_for_work(server, park, 50):
        finish(job, "Failed")
    for job in wait_for_work(server, park, 2):
        finish(job, "Failed")
    server.settle()
    assert statuses(ssm, association_id) == [("Failed", "Failed", "{Failed=52}")], "errors never stop by default"


@pytest.mark.parametrize(
    ("max_errors", "count", "stops_at"),
    [
        pytest.param("0", 4, 1, id="RAT-03 zero stops at the first"),
        pytest.param("3", 6, 4, id="RAT-03 three stops at the fourth"),
        pytest.param("10%", 50, 6, id="RAT-04 ten percent of 50 stops at the sixth"),
        pytest.param("10%", 9, 1, id="ten percent of nine allows none"),
        pytest.param("100%", 4, None, id="never"),
    ],
)
def test_errors_stop_the_rest(server, ssm, nodes, document, max_errors, count, stops_at):
    nodes.add(count, script=lambda job: "Failed")
    association_id = create(ssm, document(), MaxConcurrency="1", MaxErrors=max_errors)["AssociationId"]
    server.settle()
    failed = stops_at or count
    counts = f"{{Cancelled={count - failed}, Failed={failed}}}" if count > failed else f"{{Failed={failed}}}"
    assert statuses(ssm, association_id) == [("Failed", "Failed", counts)]
    found = newest_targets(ssm, association_id).values()
    assert sum(target == ("Cancelled", "Terminated") for target in found) == count - failed


def test_running_nodes_finish_after_the_stop_rat_05(server, ssm, nodes, document):
    park = nodes.add(4, holds=True)
    association_id = create(ssm, document(), MaxConcurrency="2", MaxErrors="0")["AssociationId"]
    first, second = wait_for_work(server, park, 2)
    finish(first, "Failed")
    wait_for_work(server, park, 1)
    finish(second)
    server.settle()
    found = newest_targets(ssm, association_id)
    assert found[first.node.node_id] == ("Failed", "Failed")
    assert found[second.node.node_id] == ("Success", "Success")
    assert sorted(found.values()).count(("Cancelled", "Terminated")) == 2
    assert sum(len(node.jobs) for node in park) == 2
    assert statuses(ssm, association_id)[0] == ("Failed", "Failed", "{Cancelled=2, Failed=1, Success=1}")


def test_each_run_counts_afresh_rat_06(server, ssm, nodes, document):
    nodes.add(3, script=lambda job: "Failed")
    members = {"MaxConcurrency": "1", "MaxErrors": "1", "ScheduleExpression": "rate(30 minutes)"}
    association_id = create(ssm, document(), **members)["AssociationId"]
    server.clock(advance="30m")
    assert statuses(ssm, association_id) == [("Failed", "Failed", "{Cancelled=1, Failed=2}")] * 2


def test_undelivered_nodes_do_not_count_as_errors(server, ssm, nodes, document):
    nodes.add(2, online=False)
    nodes.one()
    association_id = create(ssm, document(), MaxErrors="0")["AssociationId"]
    server.settle()
    assert executions(ssm, association_id)[0]["Status"] == "InProgress"
    server.clock(advance="4h")
    assert statuses(ssm, association_id) == [("TimedOut", "TimedOut", "{Success=1, TimedOut=2}")]


def test_nodes_with_a_channel_come_first_d6_d35(server, ssm, nodes, document):
    offline = nodes.one(online=False)
    online = nodes.one(holds=True)
    association_id = create(ssm, document(), MaxConcurrency="1")["AssociationId"]
    (job,) = online.wait_for_jobs()
    server.clock(advance="0s", wait_for_nodes="100ms")
    found = newest_targets(ssm, association_id)
    assert found == {online.node_id: ("InProgress", "InProgress"), offline.node_id: ("Pending", "Pending")}
    job.finish()


def test_the_longest_unserved_node_comes_first_d6(server, ssm, nodes, document):
    order = []
    a, b = nodes.add(2, script=lambda job: order.append(job.node) or "Success")
    association_id = create(
        ssm, document(), MaxConcurrency="1", Targets=[{"Key": "InstanceIds", "Values": [b.node_id]}]
    )["AssociationId"]
    server.settle()
    server.clock(advance="1h")
    ssm.update_association(
        AssociationId=association_id, MaxConcurrency="1", Targets=[{"Key": "InstanceIds", "Values": ["*"]}]
    )
    server.settle()
    assert order == [b, a, b]
