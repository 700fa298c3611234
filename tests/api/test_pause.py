"""Pause (D64): a stored flag, not a new version; schedule and triggers off, what passes is counted and listed."""

import json

import pytest

from association_calls import EVERY_NODE, TAGGED, create, describe, executions, start_once, tag_node
from key_holders import Denied, Holder, holder


@pytest.fixture
def chief(server):
    return Holder(server)


@pytest.fixture
def hourly(server, ssm, fleet, document):
    """An association that runs each hour, and has run once."""
    fleet.add(2, tags={"env": "prod"})
    association = create(ssm, document(), Targets=TAGGED, ScheduleExpression="rate(1 hour)")["AssociationId"]
    server.clock(advance="10m")
    return association


def hold(chief, association):
    return chief.post(f"/associations/{association}/pause")


def resume(chief, association):
    return chief.post(f"/associations/{association}/resume")


def test_due_times_pass_and_are_counted_and_listed(server, ssm, chief, hourly):
    first = chief.get(f"/associations/{hourly}/next")["next"]
    told = hold(chief, hourly)["paused"]
    assert (told["by"], told["passed"], told["passed_times"]) == (chief.key_id, 0, [])
    server.clock(advance="3h")
    assert len(executions(ssm, hourly)) == 1
    told = chief.get(f"/associations/{hourly}/next")["paused"]
    assert (told["passed"], told["passed_times"]) == (3, first[:3])


def test_after_the_end_of_a_pause_the_schedule_goes_on_and_nothing_is_made_up(server, ssm, chief, hourly):
    hold(chief, hourly)
    server.clock(advance="3h")
    answer = resume(chief, hourly)
    assert (answer["was"]["passed"], answer["execution"]) == (3, None)
    server.settle()
    assert len(executions(ssm, hourly)) == 1
    assert chief.get(f"/associations/{hourly}/next")["paused"] is None
    server.clock(advance="1h")
    assert len(executions(ssm, hourly)) == 2


def test_by_hand_it_still_runs(server, ssm, chief, hourly):
    hold(chief, hourly)
    start_once(ssm, hourly)
    server.clock(advance="10m")
    assert [row["Status"] for row in executions(ssm, hourly)] == ["Success", "Success"]


def test_what_runs_goes_on(server, ssm, chief, fleet, hourly):
    fleet.script(delay="20m")
    start_once(ssm, hourly)
    server.clock(advance="1m")
    hold(chief, hourly)
    server.clock(advance="30m")
    assert executions(ssm, hourly)[0]["Status"] == "Success"


def test_a_pause_is_no_version_and_changes_no_listing(ssm, chief, hourly):
    before = describe(ssm, hourly), ssm.list_associations()["Associations"]
    hold(chief, hourly)
    assert (describe(ssm, hourly), ssm.list_associations()["Associations"]) == before
    assert len(ssm.list_association_versions(AssociationId=hourly)["AssociationVersions"]) == 1


def test_a_second_pause_keeps_who_began_it(server, chief, hourly):
    hold(holder(server, "operator"), hourly)
    assert hold(chief, hourly)["paused"]["by"] != chief.key_id


def test_the_end_of_no_pause_says_so(chief, hourly):
    assert resume(chief, hourly) == {"association": hourly, "was": None, "execution": None}


def test_a_new_version_runs_when_the_pause_ends(server, ssm, chief, hourly):
    hold(chief, hourly)
    ssm.update_association(AssociationId=hourly, ScheduleExpression="rate(2 hours)", Targets=TAGGED)
    server.clock(advance="10m")
    assert len(executions(ssm, hourly)) == 1
    assert chief.get(f"/associations/{hourly}/next")["paused"]["held"] == "version:2"
    execution = resume(chief, hourly)["execution"]
    server.clock(advance="10m")
    newest = executions(ssm, hourly)[0]
    assert (newest["ExecutionId"], newest["AssociationVersion"], newest["Status"]) == (execution, "2", "Success")
    assert len(executions(ssm, hourly)) == 2


def test_a_changed_document_runs_once_when_the_pause_ends(server, ssm, chief, hourly):
    hold(chief, hourly)
    for greeting in ("hi", "hey"):
        step = {"action": "aws:runShellScript", "name": "first", "inputs": {"runCommand": [f"echo {greeting}"]}}
        content = json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})
        made = ssm.update_document(Name="echo-twice", Content=content, DocumentVersion="$LATEST")
        version = made["DocumentDescription"]["DocumentVersion"]
        ssm.update_document_default_version(Name="echo-twice", DocumentVersion=version)
    server.clock(advance="10m")
    assert len(executions(ssm, hourly)) == 1
    resume(chief, hourly)
    server.clock(advance="10m")
    assert len(executions(ssm, hourly)) == 2


def test_nodes_that_came_meanwhile_run_when_the_pause_ends(server, ssm, chief, fleet, hourly):
    hold(chief, hourly)
    (newcomer,) = fleet.add(1)
    tag_node(ssm, newcomer, env="prod")
    server.clock(advance="10m")
    assert len(executions(ssm, hourly)) == 1
    assert resume(chief, hourly)["was"]["nodes_waiting"] == 1
    server.clock(advance="10m")
    newest = executions(ssm, hourly)[0]
    assert (newest["ResourceCountByStatus"], len(executions(ssm, hourly))) == ("{Success=1}", 2)


def test_a_version_held_by_a_pause_holds_up_no_other_association(server, ssm, chief, fleet, document, hourly):
    other = create(ssm, "echo-twice", Targets=EVERY_NODE)["AssociationId"]
    hold(chief, hourly)
    ssm.update_association(AssociationId=hourly, Targets=TAGGED)
    server.clock(advance="10m")
    fleet.add(1, tags={"env": "prod"})
    server.clock(advance="10m")
    assert executions(ssm, other)[0]["ResourceCountByStatus"] == "{Success=1}"


def test_a_pause_survives_a_restart(server, ssm, chief, hourly):
    hold(chief, hourly)
    server.stop()
    server.start()
    server.clock(advance="2h")
    assert chief.get(f"/associations/{hourly}/next")["paused"]["passed"] == 2


def test_only_the_newest_fifty_times_are_listed(server, chief, hourly):
    hold(chief, hourly)
    server.clock(advance="60h")
    told = chief.get(f"/associations/{hourly}/next")["paused"]
    assert (told["passed"], len(told["passed_times"])) == (60, 50)


def test_readers_do_not_pause_and_others_know_no_such_association(server, hourly):
    for action in ("pause", "resume"):
        with pytest.raises(Denied) as caught:
            holder(server, "reader").post(f"/associations/{hourly}/{action}")
        assert caught.value.status == 403
        with pytest.raises(Denied) as caught:
            holder(server, "operator", account="210987654321").post(f"/associations/{hourly}/{action}")
        assert (caught.value.status, caught.value.code) == (404, "AssociationDoesNotExist")


# Next fire times


def test_the_next_fire_times_are_the_schedule_s(server, ssm, chief, document):
    association = create(ssm, document(), ScheduleExpression="cron(0 3 ? * MON *)")["AssociationId"]
    told = chief.get(f"/associations/{association}/next?count=3")
    assert told["schedule"] == "cron(0 3 ? * MON *)"
    assert [instant[10:] for instant in told["next"]] == ["T03:00:00.000Z"] * 3
    server.clock(to=told["next"][0])
    assert chief.get(f"/associations/{association}/next?count=2")["next"] == told["next"][1:]


def test_without_a_schedule_there_is_no_next_time(ssm, chief, document):
    association = create(ssm, document())["AssociationId"]
    assert chief.get(f"/associations/{association}/next")["next"] == []


@pytest.mark.parametrize("query", ["count=0", "count=101", "count=x", "colour=red"])
def test_a_bad_count_is_refused(chief, hourly, query):
    with pytest.raises(Denied) as caught:
        chief.get(f"/associations/{hourly}/next?{query}")
    assert (caught.value.status, "ListNextFireTimes takes association, count" in caught.value.message) == (400, True)
