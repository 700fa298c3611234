"""What holds a run back or cuts it short: calendars, Duration, alarms (spec 4.8, 6.7, D36 to D38)."""

import pytest

from association_calls import (
    create,
    describe,
    executions,
    newest_targets,
    overview,
    refusal,
    start_once,
    statuses,
)

CALENDAR = """BEGIN:VCALENDAR
PRODID:-//AWS//Change Calendar 1.0//EN
VERSION:2.0
X-CALENDAR-TYPE:DEFAULT_OPEN
BEGIN:VEVENT
DTSTAMP:20300101T000000Z
UID:freeze
DTSTART:20300702T110000Z
DTEND:20300702T130000Z
SUMMARY:freeze
END:VEVENT
END:VCALENDAR
"""
START = "2030-07-02T10:07:13.250Z"
LOOK = {"advance": "0s", "wait_for_nodes": "100ms"}


@pytest.fixture
def calendar(server, ssm):
    """A calendar that is closed from 11:00 to 13:00; the clock stands at 10:07:13."""
    server.clock(to=START)
    ssm.create_document(Name="freeze", Content=CALENDAR, DocumentType="ChangeCalendar", DocumentFormat="TEXT")
    return "freeze"


def test_a_closed_calendar_keeps_creation_from_running_lif_12_d29(server, ssm, nodes, document, calendar):
    node = nodes.one()
    server.clock(to="2030-07-02T11:30:00Z")
    association_id = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    server.settle()
    assert statuses(ssm, association_id) == [("Skipped", "CalendarClosed", None)]
    assert overview(ssm, association_id) == ("Pending", "Associated", None), "Terraform must not see Success"
    server.clock(to="2030-07-02T14:00:00Z")
    assert len(executions(ssm, association_id)) == 1
    assert node.jobs == []


def test_a_closed_calendar_skips_to_the_next_interval_lif_13(server, ssm, nodes, document, calendar):
    nodes.one()
    members = {"CalendarNames": [calendar], "ScheduleExpression": "rate(1 hour)"}
    association_id = create(ssm, document(), **members)["AssociationId"]
    server.clock(advance="3h")
    assert [row[:2] for row in statuses(ssm, association_id)] == [
        ("Success", "Success"),
        ("Skipped", "CalendarClosed"),
        ("Skipped", "CalendarClosed"),
        ("Success", "Success"),
    ]


def test_a_skipped_run_changes_nothing_but_the_detail_d29(server, ssm, nodes, document, calendar):
    nodes.one()
    members = {"CalendarNames": [calendar], "ScheduleExpression": "rate(1 hour)"}
    association_id = create(ssm, document(), **members)["AssociationId"]
    server.clock(advance="1h")
    assert overview(ssm, association_id) == ("Success", "Skipped", {"Success": 1})


def test_a_closed_calendar_gates_manual_starts(server, ssm, document, calendar):
    association_id = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    server.clock(to="2030-07-02T11:30:00Z")
    start_once(ssm, association_id)
    server.settle()
    assert statuses(ssm, association_id)[0] == ("Skipped", "CalendarClosed", None)


def test_a_node_that_joins_while_closed_runs_at_the_opening_lif_14(server, ssm, nodes, document, calendar):
    nodes.one()
    association_id = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    server.clock(to="2030-07-02T11:30:00Z")
    late = nodes.one()
    server.settle()
    assert len(executions(ssm, association_id)) == 1
    server.clock(to="2030-07-02T12:59:59Z")
    assert late.jobs == []
    server.clock(to="2030-07-02T13:00:00Z")
    assert list(newest_targets(ssm, association_id)) == [late.node_id]
    assert executions(ssm, association_id)[0]["CreatedTime"].strftime("%H:%M:%S") == "13:00:00"


def test_a_missed_run_is_caught_up_when_the_calendar_opens_d33(server, ssm, nodes, document, calendar):
    node = nodes.one()
    node.disconnect()
    association_id = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    server.clock(to="2030-07-02T13:08:00Z")
    assert newest_targets(ssm, association_id)[node.node_id] == ("TimedOut", "DeliveryTimedOut")
    node.connect()
    server.settle()
    assert executions(ssm, association_id)[0]["Status"] == "Success"


def test_a_new_version_of_the_calendar_is_looked_at_d36(server, ssm, nodes, document, calendar):
    association_id = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    server.clock(to="2030-07-02T11:30:00Z")
    late = nodes.one()
    server.settle()
    shorter = CALENDAR.replace("20300702T130000Z", "20300702T111500Z")
    ssm.update_document(Name=calendar, Content=shorter, DocumentVersion="$LATEST", DocumentFormat="TEXT")
    ssm.update_document_default_version(Name=calendar, DocumentVersion="2")
    server.settle()
    assert list(newest_targets(ssm, association_id)) == [late.node_id]


def test_a_calendar_that_is_gone_fails_the_run_d36(server, ssm, document, calendar):
    association_id = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    ssm.delete_document(Name=calendar)
    start_once(ssm, association_id)
    server.settle()
    assert statuses(ssm, association_id)[0] == ("Failed", "InvalidDocument", None)


@pytest.mark.parametrize("name", ["nothing-there", "echo-twice"])
def test_calendars_must_be_calendars_v23(ssm, document, name):
    document()
    code, _ = refusal(create, ssm, "echo-twice", CalendarNames=[name])
    assert code == "InvalidDocument"


BOUNDED = {"ScheduleExpression": "cron(0 12 * * ? *)", "ApplyOnlyAtCronInterval": True, "Duration": 1}


def test_the_duration_cancels_what_is_unfinished_lif_15_d38(server, ssm, nodes, document):
    server.clock(to=START)
    park = nodes.add(2, holds=True)
    association_id = create(ssm, document(), MaxConcurrency="1", **BOUNDED)["AssociationId"]
    server.clock(to="2030-07-02T12:00:00Z", wait_for_nodes="100ms")
    (job,) = [job for node in park for job in node.jobs]
    server.clock(to="2030-07-02T12:59:59Z", wait_for_nodes="50ms")
    assert executions(ssm, association_id)[0]["Status"] == "InProgress"
    server.clock(to="2030-07-02T13:00:00Z", wait_for_nodes="50ms")
    assert job.node.wait_for_cancels() == [job.command_id]
    job.finish("Cancelled")
    server.settle()
    assert statuses(ssm, association_id) == [("Failed", "Cancelled", "{Cancelled=2}")]
    assert sum(len(node.jobs) for node in park) == 1


def test_a_silent_node_is_cancelled_a_minute_after_the_duration_d5(server, ssm, nodes, document):
    server.clock(to=START)
    node = nodes.one(holds=True)
    association_id = create(ssm, document(), **BOUNDED)["AssociationId"]
    server.clock(to="2030-07-02T13:00:59Z", wait_for_nodes="50ms")
    assert newest_targets(ssm, association_id)[node.node_id] == ("InProgress", "InProgress")
    server.clock(to="2030-07-02T13:01:00Z", wait_for_nodes="50ms")
    assert newest_targets(ssm, association_id)[node.node_id] == ("Cancelled", "Cancelled")


def test_a_duration_without_only_at_cron_interval_has_no_effect_v21(server, ssm, nodes, document):
    nodes.one(online=False)
    association_id = create(ssm, document(), Duration=1)["AssociationId"]
    server.clock(advance="2h")
    assert executions(ssm, association_id)[0]["Status"] == "InProgress"


ALARMED = {"AlarmConfiguration": {"Alarms": [{"Name": "smoke"}]}}
SMOKE = [{"Name": "smoke", "State": "ALARM"}]


def set_alarm(server, state):
    server.http("/_stateward/alarms", b'{"smoke": "%s"}' % state.encode())


def test_an_alarm_keeps_a_run_from_starting_d37(server, ssm, nodes, document):
    node = nodes.one()
    set_alarm(server, "ALARM")
    association_id = create(ssm, document(), **ALARMED)["AssociationId"]
    server.settle()
    (row,) = executions(ssm, association_id)
    assert (row["Status"], row["DetailedStatus"]) == ("Failed", "AlarmTriggered")
    assert row["TriggeredAlarms"] == SMOKE
    assert row["AlarmConfiguration"]["Alarms"] == [{"Name": "smoke"}]
    assert describe(ssm, association_id)["TriggeredAlarms"] == SMOKE
    assert newest_targets(ssm, association_id)[node.node_id] == ("Cancelled", "Terminated")
    assert node.jobs == []


def test_an_alarm_in_mid_run_stops_the_rest_d37(server, ssm, nodes, document):
    park = nodes.add(3, holds=True)
    association_id = create(ssm, document(), MaxConcurrency="1", **ALARMED)["AssociationId"]
    server.clock(**LOOK)
    (job,) = [job for node in park for job in node.jobs]
    set_alarm(server, "ALARM")
    job.finish()
    server.settle()
    assert statuses(ssm, association_id) == [("Failed", "AlarmTriggered", "{Cancelled=2, Success=1}")]


def test_triggered_alarms_show_until_something_is_released_d37(server, ssm, nodes, document):
    nodes.one()
    set_alarm(server, "ALARM")
    association_id = create(ssm, document(), **ALARMED)["AssociationId"]
    server.settle()
    set_alarm(server, "OK")
    assert "TriggeredAlarms" in describe(ssm, association_id)
    start_once(ssm, association_id)
    server.settle()
    assert "TriggeredAlarms" not in describe(ssm, association_id)
    assert statuses(ssm, association_id)[0][0] == "Success"


@pytest.mark.parametrize(("ignore", "status"), [(False, "Failed"), (True, "Success")])
def test_an_unknown_state_stops_unless_failures_are_ignored(start_server, node_thread, tmp_path, ignore, status):
    from scripted_nodes import NodePark

    alarms = tmp_path / "alarms.json"
    alarms.write_text("{}")
    server = start_server(alarms=alarms)
    park = NodePark(node_thread, server)
    park.one()
    ssm = server.client()
    ssm.create_document(Name="short", Content=SHORT, DocumentType="Command")
    configuration = {"Alarms": [{"Name": "smoke"}], "IgnorePollAlarmFailure": ignore}
    association_id = create(ssm, "short", AlarmConfiguration=configuration)["AssociationId"]
    server.settle()
    assert executions(ssm, association_id)[0]["Status"] == status
    park.close()


def test_an_alarm_stops_a_command_too(server, ssm, nodes, document):
    node = nodes.one()
    set_alarm(server, "ALARM")
    sent = ssm.send_command(DocumentName=document(), InstanceIds=[node.node_id], **ALARMED)["Command"]
    assert sent["AlarmConfiguration"]["Alarms"] == [{"Name": "smoke"}]
    server.settle()
    (found,) = ssm.list_commands(CommandId=sent["CommandId"])["Commands"]
    assert found["TriggeredAlarms"] == SMOKE
    assert node.jobs == []


def test_without_a_source_every_alarm_is_fine(server, ssm, nodes, document):
    nodes.one()
    association_id = create(ssm, document(), **ALARMED)["AssociationId"]
    server.settle()
    assert executions(ssm, association_id)[0]["Status"] == "Success"


SHORT = (
    '{"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "only", '
    '"inputs": {"runCommand": ["true"]}}]}'
)


def test_an_association_whose_first_run_was_skipped_holds_up_no_other_d36(server, ssm, nodes, document, calendar):
    server.clock(to="2030-07-02T11:30:00Z")
    skipped = create(ssm, document(), CalendarNames=[calendar])["AssociationId"]
    other = create(ssm, "echo-twice")["AssociationId"]
    server.settle()
    assert statuses(ssm, skipped)[0][0] == "Skipped"
    nodes.one()
    server.settle()
    assert len(statuses(ssm, other)) == 2
