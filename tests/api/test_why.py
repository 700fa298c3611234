"""Why? on a live server: each code with what brings it about."""

import pytest

from association_calls import EVERY_NODE, TAGGED, create, executions, start_once, tag_node
from key_holders import Denied, Holder
from registration_calls import register

CALENDAR = """BEGIN:VCALENDAR
PRODID:-//AWS//Change Calendar 1.0//EN
VERSION:2.0
X-CALENDAR-TYPE:DEFAULT_CLOSED
END:VCALENDAR
"""
HOURLY = "rate(1 hour)"
AT_THREE = "cron(0 3 * * ? *)"


@pytest.fixture
def ask(server):
    """The codes of the reasons that hold, the one that decides first; `full` gives the reasons."""
    chief = Holder(server)

    def why(association, node=None, *, full=False):
        on = "" if node is None else f"&node={node}"
        found = chief.get(f"/why?association={association}{on}")
        assert found["verdict"] == found["reasons"][0]["code"]
        assert all(one["sentence"].endswith(".") for one in found["reasons"])
        return found["reasons"] if full else [one["code"] for one in found["reasons"]]

    return why


def node(number):
    return f"mi-{number:017x}"


@pytest.fixture
def nightly(server, ssm, fleet, document):
    """An association that has run on two nodes; what else it is made with."""
    fleet.add(2, tags={"env": "prod"})

    names = iter(f"document-{number}" for number in range(9))

    def make(**members):
        made = create(ssm, document(next(names)), **{"Targets": TAGGED, "ScheduleExpression": HOURLY, **members})
        server.clock(advance="1m")
        return made["AssociationId"]

    return make


def test_well_with_the_next_time_and_a_clock_that_stands(ask, nightly):
    found = ask(nightly(), node(1), full=True)
    assert [one["code"] for one in found] == ["well", "next-at", "clock-stands"]
    assert found[1]["until"] > found[2]["since"]


def test_without_a_node_the_association_itself_is_explained(ask, nightly):
    assert ask(nightly()) == ["next-at", "clock-stands"]


def test_no_schedule(ask, server, ssm, fleet, document):
    fleet.add(1)
    association = create(ssm, document(), Targets=EVERY_NODE)["AssociationId"]
    server.clock(advance="1m")
    assert ask(association, node(1)) == ["well", "no-schedule"]


def test_only_at_cron_waits_for_its_first_time(ask, nightly):
    association = nightly(ApplyOnlyAtCronInterval=True, ScheduleExpression=AT_THREE)
    assert ask(association) == ["only-at-cron", "next-at", "clock-stands"]
    assert ask(association, node(1))[0] == "joined-later"


def test_a_time_that_is_past(ask, server, nightly):
    association = nightly(ScheduleExpression="at(2000-01-01T00:00:00)")
    assert "at-past" in ask(association, node(1))


def test_deleted(ask, ssm, nightly):
    association = nightly()
    ssm.delete_association(AssociationId=association)
    assert ask(association, node(1)) == ["deleted"]


def test_paused_says_how_many_times_passed(ask, server, nightly):
    association = nightly()
    Holder(server).post(f"/associations/{association}/pause")
    server.clock(advance="3h")
    paused = ask(association, node(1), full=True)[0]
    assert paused["code"] == "paused"
    assert "3 due times passed" in paused["sentence"]


def test_nodes_that_are_not_there_any_more_or_never_were(ask, ssm, nightly):
    association = nightly()
    assert ask(association, "mi-00000000000000099") == ["unknown-node"]
    ssm.deregister_managed_instance(InstanceId=node(2))
    assert ask(association, node(2)) == ["deregistered"]


def test_a_node_of_another_region(ask, server, nightly):
    activation = server.client(region="eu-north-9").create_activation(IamRole="node-role")
    _, registered = register(server, activation)
    assert ask(nightly(), registered["InstanceId"]) == ["other-scope"]


def test_targets_that_do_not_mean_the_node(ask, server, ssm, fleet, nightly, document):
    association = nightly()
    other = fleet.add(1)[0]
    assert ask(association, other) == ["tag-missing"]
    assert "env=prod" in ask(association, other, full=True)[0]["sentence"]
    tag_node(ssm, other, env="staging")
    assert "has env=staging" in ask(association, other, full=True)[0]["sentence"]
    named = nightly(Targets=[{"Key": "InstanceIds", "Values": [node(1)]}])
    assert ask(named, node(2)) == ["not-listed"]
    assert ask(named, node(1))[0] == "well"


def test_no_target(ask, nightly):
    assert ask(nightly(Targets=[{"Key": "tag:env", "Values": ["nowhere"]}]))[0] == "no-target"


def test_offline_with_when_it_is_given_up(ask, server, ssm, fleet, nightly):
    association = nightly()
    fleet(offline=[node(1)])
    server.clock(advance="11m")
    start_once(ssm, association)
    server.settle()
    found = ask(association, node(1), full=True)[0]
    assert found["code"] == "offline"
    assert found["until"] > found["since"]


def test_a_missed_run_is_owed_unless_it_runs_only_at_its_times(ask, server, fleet, nightly):
    server.clock(to="2030-07-02T02:00:00Z")
    association = nightly(ScheduleExpression="rate(1 day)")
    strict = nightly(ScheduleExpression=AT_THREE, ApplyOnlyAtCronInterval=True)
    fleet(offline=[node(1)])
    server.clock(advance="30h")
    assert ask(association, node(1))[0] == "catch-up-owed"
    assert ask(strict, node(1))[0] == "delivery-timeout"
    fleet(online=[node(1)])
    server.clock(advance="1m")
    assert ask(association, node(1))[0] == "well"


def test_a_slot_is_not_free_and_another_association_goes_first(ask, server, ssm, fleet, nightly):
    fleet.script(status="Success", delay="5m")
    first = nightly(MaxConcurrency="1")
    assert sorted(ask(first, node(n))[0] for n in (1, 2)) == ["running", "slot"]
    busy = next(n for n in (1, 2) if ask(first, node(n))[0] == "running")
    second = nightly()
    found = ask(second, node(busy), full=True)[0]
    assert found["code"] == "other-association"
    assert found["link"].endswith(first)


def test_a_superseded_run_is_waited_for(ask, server, ssm, fleet, nightly):
    fleet.script(silent=True)
    association = nightly()
    server.settle()
    start_once(ssm, association)
    server.settle()
    assert ask(association, node(1))[0] == "waits-for-cancel"


def test_failed_with_its_error_and_how_often(ask, server, fleet, nightly):
    fleet.script(status="Failed", nodes=1, error="disk full")
    association = nightly()
    server.clock(advance="1h")
    found = ask(association, node(1), full=True)[0]
    assert found["code"] == "failed"
    assert "second exit 1: disk full; 2 runs in a row" in found["sentence"]
    assert ask(association, node(2))[0] == "well"


def test_a_step_that_ran_out_of_time(ask, fleet, nightly):
    fleet.script(status="TimedOut", nodes=1)
    assert ask(nightly(), node(1))[0] == "step-timeout"


def test_too_many_errors(ask, fleet, nightly):
    fleet.script(status="Failed")
    association = nightly(MaxErrors="0", MaxConcurrency="1")
    assert sorted(ask(association, node(n))[0] for n in (1, 2)) == ["error-limit", "failed"]


def test_cancelled_by(ask, server, ssm, fleet, nightly):
    fleet(offline=[node(1)])
    association = nightly()
    execution = executions(ssm, association)[0]["ExecutionId"]
    Holder(server).post(f"/executions/{execution}/stop")
    server.settle()
    assert ask(association, node(1))[0] == "cancelled-by"


def test_a_duration_that_is_over(ask, server, ssm, fleet, nightly):
    server.clock(to="2030-07-02T02:00:00Z")
    association = nightly(ApplyOnlyAtCronInterval=True, Duration=1, ScheduleExpression=AT_THREE)
    fleet(offline=[node(1)])
    server.clock(advance="3h")
    assert ask(association, node(1))[0] == "duration-over"


def test_an_alarm(ask, server, fleet, nightly):
    server.http("/_stateward/alarms", b'{"smoke": "ALARM"}')
    association = nightly(AlarmConfiguration={"Alarms": [{"Name": "smoke"}]})
    assert ask(association, node(1))[0] == "alarm"


def test_a_document_that_is_gone(ask, server, ssm, nightly):
    association = nightly()
    ssm.delete_document(Name="document-0", Force=True)
    server.clock(advance="1h")
    assert ask(association)[0] == "document-missing"


def test_a_closed_calendar_and_one_that_is_gone(ask, server, ssm, nightly):
    ssm.create_document(Name="freeze", Content=CALENDAR, DocumentType="ChangeCalendar", DocumentFormat="TEXT")
    association = nightly(CalendarNames=["freeze"])
    assert ask(association)[0] == "calendar-closed"
    ssm.delete_document(Name="freeze", Force=True)
    assert ask(association)[0] == "calendar-missing"


def test_the_version_that_runs_from_the_next_time_on(ask, server, ssm, nightly):
    association = nightly(ApplyOnlyAtCronInterval=True, ScheduleExpression=AT_THREE)
    server.clock(advance="1d")
    ssm.update_association(
        AssociationId=association,
        Targets=TAGGED,
        ScheduleExpression=AT_THREE,
        ApplyOnlyAtCronInterval=True,
        AssociationName="renamed",
    )
    assert "old-version" in ask(association, node(1))


def test_a_node_that_was_never_online(ask, server, ssm, document):
    activation = ssm.create_activation(IamRole="node-role")
    _, registered = register(server, activation)
    silent = registered["InstanceId"]
    association = create(ssm, document(), Targets=EVERY_NODE)["AssociationId"]
    server.settle()
    assert ask(association, silent)[0] == "never-online"


def test_an_association_that_is_not_there(ask):
    with pytest.raises(Denied) as denied:
        ask("00000000-1111-4222-8333-444455556666")
    assert denied.value.code == "AssociationDoesNotExist"
