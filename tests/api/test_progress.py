"""Progress, errors in groups, and comparison of executions (console 3)."""

import pytest

from association_calls import EVERY_NODE, TAGGED, create, executions, start_once
from key_holders import Denied, Holder, holder


@pytest.fixture
def chief(server):
    return Holder(server)


@pytest.fixture
def fifty(server, ssm, fleet, document):
    """An association on five nodes, two at a time, that took two minutes in each of two runs."""
    fleet.add(5)
    fleet.script(delay="20s")
    association = create(ssm, document(), Targets=EVERY_NODE, MaxConcurrency="2", MaxErrors="3")["AssociationId"]
    server.clock(advance="10m")
    start_once(ssm, association)
    server.clock(advance="10m")
    return association


def newest(ssm, association):
    return executions(ssm, association)[0]["ExecutionId"]


def test_the_progress_of_a_run_is_told_while_it_runs(server, ssm, chief, fleet, fifty):
    past = [chief.get(f"/executions/{row['ExecutionId']}/progress") for row in executions(ssm, fifty)]
    fleet.script(status="Failed", nodes=1, error="disk full", delay="5s")
    execution = start_once(ssm, fifty)[fifty]
    server.clock(advance="6s")
    told = chief.get(f"/executions/{execution}/progress")
    assert (told["phase"], told["status"], told["number"]) == ("running", "InProgress", 3)
    assert (told["targets"], sum(told["counts"].values()), told["counts"]["Failed"]) == (5, 5, 1)
    assert told["slots"] == {"in_use": 2, "of": 2, "asked": "2"}
    assert told["errors"] == {"counted": 1, "allowed": 3, "asked": "3"}
    assert (told["finished"], told["not_released"]) == (1, 2)
    assert told["by"] == chief.key_id
    assert told["elapsed_ms"] == 6_000
    assert told["usual_ms"] == past[0]["elapsed_ms"]
    assert told["remaining_ms"] == told["usual_ms"] - 6_000
    (failure,) = told["first_failures"]
    assert (failure["status"], "disk full" in failure["error"]) == ("Failed", True)
    server.clock(advance="10m")
    ended = chief.get(f"/executions/{execution}/progress")
    assert (ended["phase"], ended["status"], ended["remaining_ms"]) == ("closed", "Failed", None)
    assert ended["ended"] is not None


def test_a_run_that_could_not_start_has_progress_too(server, ssm, chief, document):
    association = create(ssm, document())["AssociationId"]
    server.settle()
    ssm.delete_document(Name="echo-twice", Force=True)
    server.settle()
    told = chief.get(f"/executions/{newest(ssm, association)}/progress")
    assert (told["status"], told["detailed_status"], told["counts"]) == ("Failed", "InvalidDocument", {})
    assert chief.get(f"/executions/{newest(ssm, association)}/errors")["errors"] == []


def test_errors_come_in_groups_the_largest_first(server, ssm, chief, fleet, fifty):
    fleet.script(status="Failed", nodes=3, error="no route to host 10.0.0.7")
    fleet.script(status="Failed", nodes=1, error="disk full", exit_code=28)
    execution = start_once(ssm, fifty)[fifty]
    server.clock(advance="10m")
    first, second = chief.get(f"/executions/{execution}/errors")["errors"]
    assert (first["step"], first["exit_code"], first["nodes"]) == ("second", 1, 2)
    assert (first["sample"], "10.0.0.7" in first["error"]) == ("no route to host 10.0.0.7", False)
    assert (second["nodes"], second["exit_code"], second["first_node"]) == (1, 28, f"mi-{1:017x}")


def test_two_executions_are_compared(server, ssm, fleet, document, chief):
    ids = fleet.add(5, tags={"env": "prod"})
    fleet.script(status="Failed", nodes=[ids[0], ids[1]], error="disk full", run=1)
    fleet.script(status="Failed", nodes=[ids[1], ids[2]], error="no route", run=2)
    association = create(ssm, document(), Targets=TAGGED)["AssociationId"]
    server.clock(advance="10m")
    before = newest(ssm, association)
    ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=ids[3], TagKeys=["env"])
    server.settle()
    ssm.update_association(AssociationId=association, Targets=TAGGED, MaxErrors="5")
    server.clock(advance="10m")
    after = newest(ssm, association)
    told = chief.get(f"/executions/{after}/compare?with={before}")
    assert {name: count for name, count in told["counts"].items() if count} == {
        "failing": 1,
        "recovered": 1,
        "other_error": 1,
        "gone": 1,
        "well": 1,
    }
    (failing,) = told["nodes"]["failing"]
    assert (failing["node"], failing["before"]["status"], failing["after"]["status"]) == (ids[2], "Success", "Failed")
    assert "no route" in failing["after"]["error"]
    assert [row["node"] for row in told["nodes"]["recovered"]] == [ids[0]]
    assert [row["node"] for row in told["nodes"]["gone"]] == [ids[3]]
    assert told["definition"] == [{"member": "MaxErrors", "before": None, "after": "5"}]
    assert (told["before"]["version"], told["after"]["version"]) == (1, 2)
    assert (told["before"]["targets"], told["after"]["targets"]) == (5, 4)


def test_the_versions_of_parameters_that_differ_are_told(server, ssm, fleet, document, chief):
    fleet.add(1)
    ssm.put_parameter(Name="/greeting", Value="hi", Type="String")
    association = create(ssm, document(), Parameters={"greeting": ["{{ssm:/greeting}}"]})["AssociationId"]
    server.clock(advance="1m")
    before = newest(ssm, association)
    ssm.put_parameter(Name="/greeting", Value="hello", Type="String", Overwrite=True)
    server.clock(advance="1m")
    told = chief.get(f"/executions/{newest(ssm, association)}/compare?with={before}")
    assert (len(told["parameter_versions"]), told["definition"]) == (1, [])
    assert {told["parameter_versions"][0][side] for side in ("before", "after")} == {1, 2}


def test_executions_of_different_associations_are_not_compared(server, ssm, document, chief):
    one, other = (create(ssm, name)["AssociationId"] for name in (document(), "echo-twice"))
    server.settle()
    with pytest.raises(Denied, match="different associations") as caught:
        chief.get(f"/executions/{newest(ssm, one)}/compare?with={newest(ssm, other)}")
    assert caught.value.status == 409


@pytest.mark.parametrize("page", ["progress", "errors", "compare?with=01234567-89ab-cdef-0123-456789abcdef"])
def test_what_is_not_there_or_not_one_s_own_is_unknown(server, ssm, document, page):
    association = create(ssm, document())["AssociationId"]
    server.settle()
    other = holder(server, "reader", account="210987654321")
    for who, execution in (
        (other, newest(ssm, association)),
        (Holder(server), "01234567-89ab-cdef-0123-456789abcdef"),
    ):
        with pytest.raises(Denied) as caught:
            who.get(f"/executions/{execution}/{page}")
        assert (caught.value.status, caught.value.code) == (404, "AssociationExecutionDoesNotExist")
    with pytest.raises(Denied) as caught:
        Holder(server).get(f"/executions/not-an-id/{page}")
    assert caught.value.status == 400
