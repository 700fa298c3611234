"""The history that a simulated fleet leaves: long, repeatable, kept over a restart."""

import pytest

from association_calls import create, executions, newest_targets, start_once, statuses, targets
from simulated_fleet import Fleet

START = "2031-03-01T00:00:00Z"
PROD = [{"Key": "tag:env", "Values": ["prod"]}]
HALF_HOURLY = {"ScheduleExpression": "rate(30 minutes)"}
SUCCESS, FAILED = ("Success", "Success"), ("Failed", "Failed")
SHELL = {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}


def associate(ssm, **members):
    members = {"Targets": PROD, **SHELL, **members}
    return ssm.create_association(**members)["AssociationDescription"]["AssociationId"]


def history(ssm, *association_ids):
    """All that a client can see of the executions and their targets but for random ids."""
    found = []
    for association_id in association_ids:
        for row in executions(ssm, association_id):
            rows = targets(ssm, association_id, row["ExecutionId"])
            found.append(
                (
                    row["Status"],
                    row["DetailedStatus"],
                    row.get("ResourceCountByStatus"),
                    row["CreatedTime"].isoformat(),
                    str(row.get("LastExecutionDate")),
                    [(one["ResourceId"], one["Status"], one["DetailedStatus"]) for one in rows],
                )
            )
    return found


def instants(server):
    """When each node took and ended each piece of work, in the order of executions and nodes."""

    async def read(tx):
        return await tx.rows(
            _Instants,
            "SELECT i.execution_number, i.resource_id, i.released_ms, i.acknowledged_ms, i.ended_ms FROM invocations i"
            " JOIN executions e ON e.command_id = i.command_id"
            " ORDER BY e.created_ms, i.execution_number, i.resource_id, i.acknowledged_ms",
        )

    return server.reading(read)


def _Instants(*row):
    return row


def test_three_days_of_half_hours_are_complete(server, ssm, fleet):
    server.clock(to=START)
    node_ids = fleet.add(20, tags={"env": "prod"})
    fleet.script(status="Failed", nodes=2, run=5)
    fleet.script(silent=True, nodes=1, run=9)
    association_id = associate(ssm, **HALF_HOURLY)
    answer = server.clock(advance="3d")
    assert answer["fired_count"] == 3 * 48
    rows = executions(ssm, association_id)
    assert len(rows) == 3 * 48 + 1
    server.clock(advance="10s")
    found = [row[::2] for row in statuses(ssm, association_id)][::-1]
    assert found.pop(8) == ("TimedOut", "{Success=19, TimedOut=1}")
    assert found.pop(4) == ("Failed", "{Failed=2, Success=18}")
    assert set(found) == {("Success", "{Success=20}")}
    assert newest_targets(ssm, association_id) == dict.fromkeys(node_ids, SUCCESS)


@pytest.mark.slow_all
@pytest.mark.timeout(300)
def test_a_month_of_half_hours_over_twenty_nodes_is_complete(server, ssm, fleet):
    fleet.add(20, tags={"env": "prod"})
    association_id = associate(ssm, **HALF_HOURLY)
    server.clock(advance="30d")
    server.clock(advance="1s")
    assert statuses(ssm, association_id) == [("Success", "Success", "{Success=20}")] * 1441


def scenario(server):
    """Two associations on the same nodes, with everything that can go wrong; their ids."""
    ssm, fleet = server.client(), Fleet(server)
    server.clock(to=START)
    node_ids = fleet.add(6, tags={"env": "prod"})
    both = [
        associate(ssm, MaxConcurrency="2", MaxErrors="2", **HALF_HOURLY),
        associate(ssm, ScheduleExpression="rate(1 hour)"),
    ]
    fleet(
        scripts=[
            {"status": "Failed", "nodes": 1, "run": 3},
            {"status": "Failed", "run": 4},
            {"delay": "40m", "nodes": [node_ids[4]], "run": 5},
            {"silent": True, "nodes": [node_ids[5]], "run": 6},
            {"status": "Skipped", "times": 1, "nodes": [node_ids[3]]},
        ]
    )
    server.clock(advance="95m")
    fleet(offline=[node_ids[0], node_ids[2]], for_="4h")
    server.clock(advance="2h")
    fleet(reboot=[node_ids[4]])
    fleet(remove=[node_ids[1]])
    server.clock(advance="1d")
    return both


def test_the_same_scenario_has_the_same_history(start_server):
    first, second = start_server(), start_server()
    one, two = scenario(first), scenario(second)
    seen = history(first.client(), *one)
    assert history(second.client(), *two) == seen
    assert instants(first) == instants(second)
    assert len(seen) > 70
    assert {row[0] for row in seen} >= {"Success", "Failed", "TimedOut"}


def test_a_restart_keeps_nodes_rules_and_work_in_hand(server, ssm, fleet):
    one, two, three = fleet.add(3, tags={"env": "prod"})
    fleet.script(status="Failed", delay="10m", nodes=1, times=1)
    fleet(offline=[three], for_="30m")
    association_id = associate(ssm)
    server.clock(advance="4m")
    before = fleet()
    server.stop()
    server.start()
    ssm = server.client()
    assert fleet() == before
    server.clock(advance="0s")
    assert newest_targets(ssm, association_id) == {
        one: ("InProgress", "InProgress"),
        two: SUCCESS,
        three: ("Pending", "Pending"),
    }
    server.clock(advance="10m")
    assert newest_targets(ssm, association_id)[one] == FAILED
    server.clock(advance="30m")
    assert newest_targets(ssm, association_id)[three] == SUCCESS
    assert fleet.add(1) == ["mi-00000000000000004"]
    start_once(ssm, association_id)
    server.clock(advance="1m")
    assert set(newest_targets(ssm, association_id).values()) == {SUCCESS}, "the rule was used up before"


def test_rate_control_holds_over_simulated_nodes_rat_01(server, ssm, fleet):
    fleet.add(5, tags={"env": "prod"})
    fleet.script(delay="1m")
    association_id = associate(ssm, MaxConcurrency="2")
    for minute, finished in ((0, 0), (1, 2), (2, 4), (3, 5)):
        found = list(newest_targets(ssm, association_id).values()) if minute else []
        assert found.count(SUCCESS) == finished
        assert found.count(("InProgress", "InProgress")) <= 2
        server.clock(advance="1m")


def test_max_errors_stops_a_run_over_simulated_nodes_rat_05(server, ssm, fleet):
    fleet.add(6, tags={"env": "prod"})
    fleet.script(status="Failed")
    association_id = associate(ssm, MaxConcurrency="2", MaxErrors="1")
    server.clock(advance="1m")
    assert statuses(ssm, association_id) == [("Failed", "Failed", "{Cancelled=4, Failed=2}")]
    fleet(scripts=[])
    start_once(ssm, association_id)
    server.clock(advance="1m")
    assert statuses(ssm, association_id)[0] == ("Success", "Success", "{Success=6}")


def test_a_later_run_cancels_and_follows_the_older_at_once_sch_11(server, ssm, fleet):
    fleet.add(2, tags={"env": "prod"})
    fleet.script(delay="45m", run=1)
    association_id = associate(ssm, **HALF_HOURLY)
    server.clock(advance="30m")
    assert statuses(ssm, association_id)[1] == ("TimedOut", "TimedOut", "{TimedOut=2}")
    server.clock(advance="1s")
    assert statuses(ssm, association_id)[0] == ("Success", "Success", "{Success=2}"), "the nodes stopped when told"


def test_a_silent_node_is_waited_for_a_minute_d4(server, ssm, fleet):
    one, two = fleet.add(2, tags={"env": "prod"})
    fleet.script(silent=True, nodes=1, run=1)
    association_id = associate(ssm, **HALF_HOURLY)
    server.clock(advance="30m59s")
    assert newest_targets(ssm, association_id) == {one: ("Pending", "Pending"), two: SUCCESS}
    server.clock(advance="2s")
    assert newest_targets(ssm, association_id)[one] == SUCCESS


def test_simulated_and_real_nodes_run_side_by_side(server, ssm, fleet, nodes, document):
    (simulated,) = fleet.add(1)
    real = nodes.one()
    association_id = create(ssm, document(), **HALF_HOURLY)["AssociationId"]
    server.clock(advance="2h")
    server.clock(advance="2s")
    assert newest_targets(ssm, association_id) == {simulated: SUCCESS, real.node_id: SUCCESS}
    assert len(statuses(ssm, association_id)) == 5


def test_agent_mode_runs_travel_to_simulated_nodes_as_jobs_d34(server, ssm, fleet, document):
    (node_id,) = fleet.add(1)
    config = {"aws:runShellScript": {"properties": [{"id": "0.shell", "runCommand": ["true"]}]}}
    document("old-style", {"schemaVersion": "1.2", "description": "x", "runtimeConfig": config})
    legacy = ssm.create_association(Name="old-style", InstanceId=node_id)["AssociationDescription"]["AssociationId"]
    server.clock(advance="1m")
    assert [row["Status"] for row in executions(ssm, legacy)] == ["Success"]
    fleet.script(status="Failed")
    start_once(ssm, legacy)
    server.clock(advance="1m")
    (row,) = executions(ssm, legacy)
    assert [(one["ResourceId"], one["Status"]) for one in targets(ssm, legacy, row["ExecutionId"])] == [
        (node_id, "Failed")
    ]
