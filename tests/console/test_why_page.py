"""Why? as a page: what was looked at, in order, and the reasons in sentences."""

import re

import pytest
from console_people import signed_in

from simulated_fleet import Fleet
from stateward.console.checks import ORDER, checks


def told(*codes, of_node=True):
    return [(check.sign, check.title) for check in checks([{"code": code} for code in codes], of_node=of_node)]


def test_what_nothing_speaks_against_is_fine():
    assert {sign for sign, _ in told("well", "next-at")} == {"✓"}
    assert len(told("well")) == len(ORDER)
    assert ("✓", "the node can be reached") not in told("next-at", of_node=False)


@pytest.mark.parametrize(
    ("code", "sign", "title"),
    [
        ("paused", "○", "not paused"),
        ("slot", "○", "released by rate control"),
        ("error-limit", "✕", "released by rate control"),
        ("offline", "○", "the node can be reached"),
        ("failed", "✕", "the newest run ended well"),
        ("document-missing", "✕", "document and parameters"),
    ],
)
def test_a_reason_marks_its_check(code, sign, title):
    assert (sign, title) in told(code)
    assert [one for one, _ in told(code)].count("✓") == len(ORDER) - 1


def test_nothing_is_looked_at_behind_the_end_of_the_question():
    assert told("tag-missing")[-1] == ("✕", "the targets match")
    assert told("deleted") == [("✕", "the association is there")]


def test_the_page_tells_in_order_and_writes_instants_as_people_do(server):
    fleet, ssm = Fleet(server), server.client()
    node = fleet.add(1, tags={"env": "prod"}, name="web")[0]
    fleet.script(status="Failed", error="disk full")
    association = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "tag:env", "Values": ["prod"]}],
        ScheduleExpression="rate(1 day)",
    )["AssociationDescription"]["AssociationId"]
    server.clock(advance="1m")
    whole = signed_in(server).page(f"/why?association={association}")
    assert "Nodes that are not well" in whole
    assert f"/why?association={association}&amp;node={node}" in whole
    text = signed_in(server).page(f"/why?association={association}&node={node}")
    assert "Nodes that are not well" not in text
    signs = re.findall(r'<li class="(fine|waits|wrong)"><span aria-hidden="true">(.)</span> ([^<]+)', text)
    assert ("wrong", "✕", "the newest run ended well") in signs
    assert [sign for _, sign, _ in signs].count("✓") == len(signs) - 1
    decides = re.search(r'<li class="decides">(.*?)</li>', text, re.DOTALL)[1]
    assert "disk full" in decides
    assert "<time datetime=" in decides
    shown = re.sub(r"<[^>]+>", "", decides)
    assert not re.search(r"\d{4}-\d\d-\d\dT\d\d:", shown), shown


def test_a_node_is_known_by_its_name_and_of_several_all_are_told(server):
    fleet, ssm = Fleet(server), server.client()
    node = fleet.add(1, tags={"env": "prod"}, name="db-1")[0]
    same = fleet.add(2, tags={"env": "prod"}, name="web")
    association = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "tag:env", "Values": ["prod"]}],
    )["AssociationDescription"]["AssociationId"]
    person = signed_in(server)
    assert f"stateward why {association} {node}" in person.page(f"/why?association={association}&node=db-1")
    answer = person.get(f"/why?association={association}&node=web")
    assert answer.status_code == 400
    assert all(one in answer.text for one in same)
    assert "There is no node nobody" in person.page(f"/why?association={association}&node=nobody")
