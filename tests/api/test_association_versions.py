"""ListAssociationVersions (spec 1.3, 2.11)."""

import pytest

from association_calls import EVERY_NODE, TAGGED, UNKNOWN_ID, create, refusal


@pytest.fixture
def association(server, ssm, document):
    """Three versions, a minute apart: greeting a, b and none."""
    made = create(ssm, document(), Parameters={"greeting": ["a"]}, AssociationName="first", MaxErrors="1")
    server.clock(advance="1m")
    ssm.update_association(
        AssociationId=made["AssociationId"], Parameters={"greeting": ["b"]}, ScheduleExpression="rate(1 hour)"
    )
    server.clock(advance="1m")
    ssm.update_association(AssociationId=made["AssociationId"], Targets=TAGGED)
    return made


def versions(ssm, association, **members):
    answer = ssm.list_association_versions(AssociationId=association["AssociationId"], **members)
    return answer["AssociationVersions"]


def test_every_version_is_listed_newest_first_ver_01(ssm, association):
    third, second, first = versions(ssm, association)
    minutes = [(one["CreatedDate"] - association["Date"]).total_seconds() for one in (first, second, third)]
    assert minutes == [0, 60, 120]
    assert first == {
        "AssociationId": association["AssociationId"],
        "AssociationVersion": "1",
        "CreatedDate": association["Date"],
        "Name": "echo-twice",
        "DocumentVersion": "$DEFAULT",
        "Parameters": {"greeting": ["a"]},
        "Targets": EVERY_NODE,
        "AssociationName": "first",
        "MaxErrors": "1",
        "ApplyOnlyAtCronInterval": False,
    }
    assert (second["AssociationVersion"], second["ScheduleExpression"]) == ("2", "rate(1 hour)")
    assert (third["AssociationVersion"], third["Targets"]) == ("3", TAGGED)
    assert not {"Parameters", "ScheduleExpression", "AssociationName"} & set(third)


def test_an_unknown_id_is_refused_ver_02(ssm):
    code, message = refusal(ssm.list_association_versions, AssociationId=UNKNOWN_ID)
    assert (code, message) == ("AssociationDoesNotExist", f"Association {UNKNOWN_ID} does not exist.")


def test_pages_lose_and_double_nothing_gen_11(ssm, association):
    pager = ssm.get_paginator("list_association_versions").paginate(
        AssociationId=association["AssociationId"], PaginationConfig={"PageSize": 1}
    )
    pages = [[one["AssociationVersion"] for one in page["AssociationVersions"]] for page in pager]
    assert pages == [["3"], ["2"], ["1"]]
