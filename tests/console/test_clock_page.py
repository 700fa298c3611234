"""Turning time and the simulated fleet in the console."""

import pytest
from console_people import signed_in

from key_holders import Holder


@pytest.fixture
def person(server):
    return signed_in(server)


def test_nodes_join_and_rules_are_added_and_removed(server, person):
    answer = person.fill_in("/clock", add="3", tags="env=prod role=web", label="web")
    assert answer.status_code == 303
    assert "3 nodes joined." in person.page("/clock")
    assert [node["Name"] for node in server.client().describe_instance_information()["InstanceInformationList"]] == [
        "web"
    ] * 3
    assert person.fill_in("/clock", status="Failed", nodes="2", error="disk full").status_code == 303
    assert "Remove 1 rule" in person.page("/clock")
    assert person.fill_in("/clock", clear="1").status_code == 303
    assert "Remove" not in person.page("/clock")


def test_the_clock_turns_and_says_what_became_due(server, ssm, person):
    person.fill_in("/clock", add="1")
    ssm.create_association(
        Name="AWS-RunShellScript",
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        Parameters={"commands": ["true"]},
        ScheduleExpression="rate(30 minutes)",
    )
    before = server.clock()["now"]
    text = person.fill_in("/clock", advance="1h").text
    assert "became due" in text
    assert "schedule of association" in text
    assert server.clock()["now"] > before


def test_nonsense_is_said_on_the_page(person):
    text = person.fill_in("/clock", to="tomorrow").text
    assert 'role="alert"' in text
    assert "write an instant such as 2026-12-24T18:00:00Z" in text
    assert "is no number of nodes" in person.fill_in("/clock", add="many").text


def test_only_an_administrator_turns_it(server):
    made = Holder(server).post("/keys", {"role": "operator"})
    person = signed_in(server, key_id=made["access_key"], secret=made["secret_access_key"])
    assert "needs the role administrator" in person.page("/clock")
    assert person.fill_in("/clock", advance="1h").status_code == 403


def test_a_real_clock_has_no_such_page(start_server):
    person = signed_in(start_server(clock="system"))
    assert person.get("/clock").status_code == 404
    assert ">Clock</a>" not in person.page("/settings")
