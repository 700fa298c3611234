"""Retry (D60): the nodes of one execution that did not succeed run the current version again."""

import pytest

from association_calls import (
    EVERY_NODE,
    TAGGED,
    create,
    describe,
    executions,
    newest_targets,
    targets,
)
from key_holders import Denied, Holder, holder


@pytest.fixture
def chief(server):
    return Holder(server)


@pytest.fixture
def failed(server, ssm, fleet, document):
    """An association whose first run failed on three of six nodes, and that run's id."""
    fleet.add(6, tags={"env": "prod"})
    fleet.script(status="Failed", nodes=3, times=1)
    association = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.clock(advance="10m")
    return association, executions(ssm, association)[0]["ExecutionId"]


def node(number):
    return f"mi-{number:017x}"


def test_the_failed_nodes_run_again_and_no_others(server, ssm, chief, failed):
    association, execution = failed
    started = chief.post(f"/executions/{execution}/retry", {"status": ["Failed", "TimedOut"]})
    assert (started["parent"], started["number"], started["nodes"]) == (execution, 2, 3)
    server.clock(advance="10m")
    again = targets(ssm, association, started["execution"])
    assert {row["ResourceId"]: row["Status"] for row in again} == {node(n): "Success" for n in (1, 2, 3)}
    assert len(executions(ssm, association)) == 2
    assert set(newest_targets(ssm, association)) == {node(1), node(2), node(3)}
    assert describe(ssm, association)["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 6}


def test_a_preview_shows_what_a_retry_would_run_on_and_starts_nothing(ssm, chief, failed):
    association, execution = failed
    shown = chief.get(f"/executions/{execution}/retry?status=Failed")
    assert (shown["counts"], shown["nodes"], shown["first"]) == (
        {"Failed": 3, "Success": 3},
        3,
        [node(1), node(2), node(3)],
    )
    assert (shown["left_out"], shown["version"], shown["never_started"]) == (0, 1, 0)
    assert len(executions(ssm, association)) == 1


def test_a_retry_with_the_preview_s_hash_runs_on_that_set_or_not_at_all(ssm, chief, failed):
    association, execution = failed
    shown = chief.get(f"/executions/{execution}/retry?status=Failed")
    ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node(2), TagKeys=["env"])
    with pytest.raises(Denied, match="has changed since the preview: now version 1 on 2 nodes") as caught:
        chief.post(f"/executions/{execution}/retry", {"status": "Failed", "hash": shown["hash"]})
    assert (caught.value.status, caught.value.code) == (409, "Conflict")
    again = chief.get(f"/executions/{execution}/retry?status=Failed")
    assert again["first_left_out"] == [{"node": node(2), "reason": "no longer a target"}]
    assert chief.post(f"/executions/{execution}/retry", {"status": "Failed", "hash": again["hash"]})["nodes"] == 2
    assert len(executions(ssm, association)) == 2


def test_a_new_version_makes_another_set(ssm, server, chief, failed):
    association, execution = failed
    shown = chief.get(f"/executions/{execution}/retry?status=Failed")
    ssm.update_association(AssociationId=association, MaxErrors="3")
    server.settle()
    with pytest.raises(Denied, match="now version 2 on 3 nodes"):
        chief.post(f"/executions/{execution}/retry", {"status": "Failed", "hash": shown["hash"]})


def test_nodes_that_are_gone_are_named_and_left_out(server, ssm, fleet, chief, failed):
    _, execution = failed
    fleet(remove=[node(1)])
    ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node(3), TagKeys=["env"])
    started = chief.post(f"/executions/{execution}/retry", {"status": ["Failed"]})
    assert (started["first"], started["left_out"]) == ([node(2)], 2)
    assert started["first_left_out"] == [
        {"node": node(1), "reason": "deregistered"},
        {"node": node(3), "reason": "no longer a target"},
    ]


def test_a_node_that_joined_later_does_not_run(server, ssm, fleet, chief, failed):
    association, execution = failed
    fleet.add(1, tags={"env": "prod"})
    server.clock(advance="10m")
    started = chief.post(f"/executions/{execution}/retry", {"status": ["Failed"]})
    server.clock(advance="10m")
    assert len(targets(ssm, association, started["execution"])) == 3


def test_after_a_stop_those_that_never_started_run(server, ssm, fleet, document, chief):
    fleet.add(5)
    fleet.script(delay="1h", times=1)
    association = create(ssm, document(), Targets=EVERY_NODE, MaxConcurrency="2")["AssociationId"]
    server.clock(advance="1m")
    (execution,) = [row["ExecutionId"] for row in executions(ssm, association)]
    with pytest.raises(Denied, match="has not ended") as caught:
        chief.post(f"/executions/{execution}/retry", {"status": ["Cancelled"]})
    assert caught.value.status == 409
    assert chief.post(f"/executions/{execution}/stop") == {
        "execution": execution,
        "cancelled": 3,
        "told_to_stop": 2,
    }
    server.clock(advance="5m")
    assert executions(ssm, association)[0]["Status"] == "Failed"
    shown = chief.get(f"/executions/{execution}/retry?status=Cancelled")
    assert (shown["nodes"], shown["never_started"]) == (5, 3)
    chief.post(f"/executions/{execution}/retry", {"status": ["Cancelled"]})
    server.clock(advance="10m")
    assert describe(ssm, association)["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 5}


def test_a_stop_of_what_has_ended_is_refused(chief, failed):
    with pytest.raises(Denied, match="nothing is left to stop") as caught:
        chief.post(f"/executions/{failed[1]}/stop")
    assert caught.value.status == 409


def test_a_repeated_request_opens_one_execution(server, ssm, chief, failed):
    association, execution = failed
    header = {"amz-sdk-invocation-id": "again"}
    first, second = (chief.post(f"/executions/{execution}/retry", {"status": ["Failed"]}, **header) for _ in range(2))
    assert first == second
    assert len(executions(ssm, association)) == 2


def test_operators_retry_and_readers_preview(server, failed):
    _, execution = failed
    reader = holder(server, "reader")
    assert reader.get(f"/executions/{execution}/retry?status=Failed")["nodes"] == 3
    for action in ("retry", "stop"):
        with pytest.raises(Denied, match="this needs the role operator or administrator") as caught:
            reader.post(f"/executions/{execution}/{action}", {"status": ["Failed"]})
        assert caught.value.status == 403
    holder(server, "operator").post(f"/executions/{execution}/retry", {"status": ["Failed"]})


def test_another_account_knows_no_such_execution(server, failed):
    other = holder(server, "administrator", account="210987654321")
    for ask in (lambda path: other.get(f"{path}/retry?status=Failed"), lambda path: other.post(f"{path}/stop")):
        with pytest.raises(Denied) as caught:
            ask(f"/executions/{failed[1]}")
        assert (caught.value.status, caught.value.code) == (404, "AssociationExecutionDoesNotExist")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"status": ["Success"]}, "status 'Success' cannot be tried again: name one or more of Failed, TimedOut"),
        ({"status": []}, "status is empty"),
        ({}, "RetryExecution takes execution, status, hash"),
        ({"status": ["Failed"], "colour": 1}, "RetryExecution takes execution, status, hash"),
    ],
)
def test_a_retry_of_nothing_is_refused_with_what_would_be_right(chief, failed, body, text):
    with pytest.raises(Denied) as caught:
        chief.post(f"/executions/{failed[1]}/retry", body)
    assert caught.value.status == 400
    assert text in caught.value.message


def test_without_a_node_to_run_on_nothing_is_opened(ssm, chief, failed):
    association, execution = failed
    with pytest.raises(Denied, match="No target of the execution ended TimedOut") as caught:
        chief.post(f"/executions/{execution}/retry", {"status": ["TimedOut"]})
    assert caught.value.status == 409
    assert len(executions(ssm, association)) == 1


def test_a_retry_of_a_deleted_association_is_refused(ssm, chief, failed):
    association, execution = failed
    ssm.delete_association(AssociationId=association)
    with pytest.raises(Denied) as caught:
        chief.post(f"/executions/{execution}/retry", {"status": ["Failed"]})
    assert (caught.value.status, caught.value.code) == (404, "AssociationDoesNotExist")
