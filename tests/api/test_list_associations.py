"""ListAssociations and DescribeAssociation (spec 2.9, 2.10)."""

import pytest

from association_calls import UNKNOWN_ID, create, refusal, start_once


@pytest.fixture
def three(server, ssm, nodes, document):
    """Associations a (ran), b (ran later), c (never ran), each created an hour after the one before."""
    nodes.one()
    made = {}
    for name, members in {
        "a": {},
        "b": {"AssociationName": "b-name"},
        "c": {"ScheduleExpression": "cron(0 0 L * ? *)", "ApplyOnlyAtCronInterval": True},
    }.items():
        made[name] = create(ssm, document(f"document-{name}"), **members)["AssociationId"]
        server.settle()
        server.clock(advance="1h")
    return made


def listed(ssm, **filters):
    given = [{"key": key, "value": value} for key, value in filters.items()]
    more = {"AssociationFilterList": given} if given else {}
    return [row["AssociationId"] for row in ssm.list_associations(**more)["Associations"]]


def test_order_is_by_creation(ssm, three):
    assert listed(ssm) == [three["a"], three["b"], three["c"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"Name": "document-b"}, "b", id="LST-03 Name"),
        pytest.param({"AssociationName": "b-name"}, "b", id="LST-03 AssociationName"),
        pytest.param({"AssociationStatusName": "Success"}, "ab", id="LST-03 status"),
        pytest.param({"AssociationStatusName": "Pending"}, "c", id="LST-03 pending"),
        pytest.param({"ResourceGroupName": "group"}, "", id="LST-03 group"),
        pytest.param({"InstanceId": "i-0123456789abcdef0"}, "", id="LST-02"),
        pytest.param({"Name": "nothing"}, "", id="LST-06"),
        pytest.param({"Name": "document-b", "AssociationStatusName": "Success"}, "b", id="and"),
        pytest.param({"Name": "document-b", "AssociationStatusName": "Failed"}, "", id="and, none"),
    ],
)
def test_filters(ssm, three, filters, expected):
    assert listed(ssm, **filters) == [three[name] for name in expected]


def test_the_id_filter_lst_01(ssm, three):
    assert listed(ssm, AssociationId=three["b"]) == [three["b"]]
    assert listed(ssm, AssociationId=UNKNOWN_ID) == []


def test_execution_date_filters_are_strict_lst_04(ssm, three):
    ran = ssm.describe_association(AssociationId=three["b"])["AssociationDescription"]["LastExecutionDate"]
    instant = ran.isoformat(timespec="milliseconds")
    assert listed(ssm, LastExecutedAfter=instant) == []
    assert listed(ssm, LastExecutedBefore=instant) == [three["a"]]
    assert listed(ssm, LastExecutedBefore="2100-01-01T00:00:00Z") == [three["a"], three["b"]]


def test_bad_filters_are_refused_lst_05(ssm):
    code, message = refusal(ssm.list_associations, AssociationFilterList=[{"key": "Colour", "value": "x"}])
    assert code == "ValidationException"
    assert "at 'associationFilterList.1.member.key' failed to satisfy constraint: Member must satisfy enum" in message
    code, message = refusal(ssm.list_associations, AssociationFilterList=[{"key": "LastExecutedAfter", "value": "x"}])
    assert (code, message) == ("ValidationException", "Invalid date format: x")


def test_elements_are_smaller_than_descriptions_lst_07(ssm, document):
    create(ssm, document(), Parameters={"greeting": ["hi"]}, MaxErrors="1")
    (element,) = ssm.list_associations()["Associations"]
    assert set(element) <= {
        "Name",
        "AssociationId",
        "AssociationVersion",
        "DocumentVersion",
        "Targets",
        "LastExecutionDate",
        "Overview",
        "ScheduleExpression",
        "AssociationName",
    }
    assert element["DocumentVersion"] == "$DEFAULT"


def test_pages_lose_and_double_nothing_gen_11_gen_12(ssm, document):
    name = document()
    made = [create(ssm, name)["AssociationId"] for _ in range(23)]
    pages = list(ssm.get_paginator("list_associations").paginate(PaginationConfig={"PageSize": 5}))
    assert [row["AssociationId"] for page in pages for row in page["Associations"]] == sorted(made)
    assert "NextToken" not in pages[-1]
    assert [len(page["Associations"]) for page in pages] == [5, 5, 5, 5, 3]


@pytest.mark.parametrize(("size", "accepted"), [(0, False), (1, True), (50, True), (51, False)])
def test_page_sizes_gen_10(server, size, accepted):
    ssm = server.client(parameter_validation=False)
    if accepted:
        assert ssm.list_associations(MaxResults=size)["Associations"] == []
    else:
        assert refusal(ssm.list_associations, MaxResults=size)[0] == "ValidationException"


def test_an_empty_id_breaks_the_pattern_des_03(ssm):
    code, message = refusal(ssm.describe_association, AssociationId="")
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value '' at 'associationId' failed to satisfy constraint")


def test_describing_needs_a_key(ssm):
    code, message = refusal(ssm.describe_association)
    assert code == "ValidationException"
    assert message == "AssociationId, or InstanceId and Document Name must be specified"


def test_the_success_date_moves_only_on_success_lif_16(server, ssm, nodes, document):
    node = nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    good = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]
    server.clock(advance="1h")
    node.script = lambda job: "Failed"
    start_once(ssm, association_id)
    server.settle()
    bad = ssm.describe_association(AssociationId=association_id)["AssociationDescription"]
    assert bad["LastSuccessfulExecutionDate"] == good["LastExecutionDate"] < bad["LastExecutionDate"]
