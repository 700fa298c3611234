"""DescribeAssociationExecutions: the runs of an association, newest first (spec 2.12)."""

from datetime import timedelta

import pytest

from association_calls import (
    UNKNOWN_ID,
    create,
    describe,
    executions,
    refusal,
    start_once,
    statuses,
)


@pytest.fixture
def history(server, ssm, nodes, document):
    """Five runs a day apart: success, failure, success, failure, success (oldest first); the association's id."""
    outcomes = iter(["Success", "Failed", "Success", "Failed", "Success"])
    nodes.one(script=lambda job: next(outcomes))
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    for _ in range(4):
        server.clock(advance="1d")
        start_once(ssm, association_id)
        server.settle()
    return association_id


def iso(instant):
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_newest_first_exe_01(ssm, history):
    rows = executions(ssm, history)
    assert [row["CreatedTime"] for row in rows] == sorted((row["CreatedTime"] for row in rows), reverse=True)
    assert [row["Status"] for row in rows] == ["Success", "Failed", "Success", "Failed", "Success"]


def test_members_exe_02_exe_17_exe_20(ssm, history):
    rows = executions(ssm, history)
    assert len({row["ExecutionId"] for row in rows} | {history}) == 6
    newest = rows[0]
    assert set(newest) == {
        "AssociationId",
        "AssociationVersion",
        "ExecutionId",
        "Status",
        "DetailedStatus",
        "CreatedTime",
        "LastExecutionDate",
        "ResourceCountByStatus",
    }
    assert newest["AssociationId"] == history
    assert newest["AssociationVersion"] == "1"
    assert newest["DetailedStatus"] == newest["Status"]
    assert newest["ResourceCountByStatus"] == "{Success=1}"


def test_never_run_is_an_empty_list_exe_04(ssm, document):
    members = {"ScheduleExpression": "cron(0 0 L * ? *)", "ApplyOnlyAtCronInterval": True}
    association_id = create(ssm, document(), **members)["AssociationId"]
    answer = ssm.describe_association_executions(AssociationId=association_id)
    assert answer["AssociationExecutions"] == []
    assert "NextToken" not in answer


def test_unknown_association_exe_05(ssm):
    refused = refusal(ssm.describe_association_executions, AssociationId=UNKNOWN_ID)
    assert refused == ("AssociationDoesNotExist", f"Association {UNKNOWN_ID} does not exist.")


def test_execution_id_filter_exe_06(ssm, history):
    wanted = executions(ssm, history)[2]
    assert executions(ssm, history, ("ExecutionId", "EQUAL", wanted["ExecutionId"])) == [wanted]
    assert executions(ssm, history, ("ExecutionId", "EQUAL", UNKNOWN_ID)) == []


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param("GREATER_THAN", slice(0, 2), id="EXE-07"),
        pytest.param("LESS_THAN", slice(3, 5), id="EXE-08"),
        pytest.param("EQUAL", slice(2, 3), id="EXE-09"),
    ],
)
def test_created_time_filters(ssm, history, kind, expected):
    rows = executions(ssm, history)
    assert executions(ssm, history, ("CreatedTime", kind, iso(rows[2]["CreatedTime"]))) == rows[expected]


def test_equality_is_to_the_millisecond_exe_09(ssm, history):
    near = executions(ssm, history)[2]["CreatedTime"] + timedelta(milliseconds=1)
    assert executions(ssm, history, ("CreatedTime", "EQUAL", iso(near))) == []


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.000Z", "%Y-%m-%dT%H:%M:%S+00:00"])
def test_forms_of_instants_exe_10(ssm, history, form):
    between = executions(ssm, history)[2]["CreatedTime"] + timedelta(hours=5)
    assert len(executions(ssm, history, ("CreatedTime", "GREATER_THAN", between.strftime(form)))) == 2


def test_epoch_seconds_are_instants_too(ssm, history):
    rows = executions(ssm, history)
    assert executions(ssm, history, ("CreatedTime", "EQUAL", f"{rows[1]['CreatedTime'].timestamp():.3f}")) == rows[1:2]


def test_filters_are_joined_by_and_exe_11(ssm, history):
    rows = executions(ssm, history)
    found = executions(
        ssm, history, ("CreatedTime", "LESS_THAN", iso(rows[0]["CreatedTime"])), ("Status", "EQUAL", "Success")
    )
    assert found == [rows[2], rows[4]]


def test_two_instants_give_a_range_exe_12(ssm, history):
    rows = executions(ssm, history)
    found = executions(
        ssm,
        history,
        ("CreatedTime", "GREATER_THAN", iso(rows[4]["CreatedTime"])),
        ("CreatedTime", "LESS_THAN", iso(rows[0]["CreatedTime"])),
    )
    assert found == rows[1:4]


@pytest.mark.parametrize(
    ("one", "text"),
    [
        pytest.param(
            ("Status", "GREATER_THAN", "Success"),
            "Filter type GREATER_THAN is not supported for key Status",
            id="EXE-13 status",
        ),
        pytest.param(
            ("ExecutionId", "LESS_THAN", UNKNOWN_ID),
            "Filter type LESS_THAN is not supported for key ExecutionId",
            id="EXE-13 id",
        ),
        pytest.param(("CreatedTime", "EQUAL", "yesterday"), "Invalid date format: yesterday", id="EXE-14"),
        pytest.param(("CreatedTime", "EQUAL", "2018-02-30T00:00:00Z"), "Invalid date format", id="EXE-14 no such day"),
        pytest.param(("Colour", "EQUAL", "x"), "at 'filters.1.member.key' failed to satisfy", id="EXE-15 key"),
        pytest.param(("Status", "LIKE", "x"), "at 'filters.1.member.type' failed to satisfy", id="EXE-15 type"),
    ],
)
def test_bad_filters_are_refused(ssm, document, one, text):
    association_id = create(ssm, document())["AssociationId"]
    code, message = refusal(executions, ssm, association_id, one)
    assert code == "ValidationException"
    assert text in message


def test_status_without_match_exe_16(ssm, history):
    assert executions(ssm, history, ("Status", "EQUAL", "Skipped")) == []
    assert executions(ssm, history, ("Status", "EQUAL", "success")) == []


def test_contradicting_filters_find_nothing(ssm, history):
    found = executions(ssm, history, ("Status", "EQUAL", "Success"), ("Status", "EQUAL", "Failed"))
    assert found == []


def test_several_statuses_exe_18_rol_01(server, ssm, nodes, document):
    nodes.add(2)
    nodes.one(script=lambda job: "Failed")
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    assert statuses(ssm, association_id) == [("Failed", "Failed", "{Failed=1, Success=2}")]
    shown = describe(ssm, association_id)["Overview"]
    assert (shown["Status"], shown["AssociationStatusAggregatedCount"]) == ("Failed", {"Failed": 1, "Success": 2})


def test_a_start_that_fails_has_a_reason_and_no_counts_exe_19_doc_08(server, ssm, nodes, document):
    nodes.one()
    name = document()
    association_id = create(ssm, name, ScheduleExpression="rate(30 minutes)")["AssociationId"]
    server.settle()
    ssm.delete_document(Name=name)
    server.clock(advance="30m")
    newest = executions(ssm, association_id)[0]
    assert (newest["Status"], newest["DetailedStatus"]) == ("Failed", "InvalidDocument")
    assert "ResourceCountByStatus" not in newest
    assert describe(ssm, association_id)["Overview"]["DetailedStatus"] == "InvalidDocument"


def test_a_running_execution_shows_its_counts(server, ssm, nodes, document):
    held = nodes.one(holds=True)
    nodes.one()
    association_id = create(ssm, document())["AssociationId"]
    (job,) = held.wait_for_jobs()
    held.wait_for_stored(1)
    server.clock(advance="0s", wait_for_nodes="100ms")
    assert statuses(ssm, association_id) == [("InProgress", "InProgress", "{InProgress=1, Success=1}")]
    job.finish()
    server.settle()
    assert statuses(ssm, association_id) == [("Success", "Success", "{Success=2}")]


def test_zero_targets_succeed_lif_11_ext_07(server, ssm, document):
    targets = [{"Key": "tag:nobody", "Values": ["here"]}]
    association_id = create(ssm, document(), Targets=targets)["AssociationId"]
    server.settle()
    (row,) = executions(ssm, association_id)
    assert (row["Status"], row["DetailedStatus"]) == ("Success", "Success")
    assert "ResourceCountByStatus" not in row
    shown = describe(ssm, association_id)
    assert shown["Overview"] == {
        "Status": "Success",
        "DetailedStatus": "Success",
        "AssociationStatusAggregatedCount": {},
    }
    assert shown["LastSuccessfulExecutionDate"] == shown["LastExecutionDate"]


def test_pages_lose_and_double_nothing_while_new_runs_arrive(server, ssm, document):
    association_id = create(ssm, document())["AssociationId"]
    server.settle()
    for _ in range(29):
        start_once(ssm, association_id)
    server.settle()
    expected = [row["ExecutionId"] for row in executions(ssm, association_id)]
    seen, token = [], {}
    while True:
        page = ssm.describe_association_executions(AssociationId=association_id, MaxResults=7, **token)
        seen += [row["ExecutionId"] for row in page["AssociationExecutions"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
        start_once(ssm, association_id)
        server.settle()
    assert len(expected) == 30
    assert seen == expected


@pytest.mark.parametrize("size", [1, 50])
def test_page_sizes_gen_10(ssm, history, size):
    page = ssm.describe_association_executions(AssociationId=history, MaxResults=size)
    assert len(page["AssociationExecutions"]) == min(size, 5)
    assert ("NextToken" in page) == (size < 5)


def test_foreign_tokens_are_refused_gen_08_gen_09(ssm, history):
    token = ssm.describe_association_executions(AssociationId=history, MaxResults=1)["NextToken"]
    execution_id = executions(ssm, history)[0]["ExecutionId"]
    filters = [{"Key": "Status", "Type": "EQUAL", "Value": "Success"}]
    for refused in (
        refusal(ssm.describe_association_executions, AssociationId=history, NextToken="garbled"),
        refusal(ssm.describe_association_executions, AssociationId=history, NextToken=token[:-2] + "AA"),
        refusal(ssm.describe_association_executions, AssociationId=history, NextToken=token, Filters=filters),
        refusal(ssm.list_associations, NextToken=token),
        refusal(
            ssm.describe_association_execution_targets,
            AssociationId=history,
            ExecutionId=execution_id,
            NextToken=token,
        ),
    ):
        assert refused == ("InvalidNextToken", "The specified token is not valid.")


def test_tokens_survive_a_restart_d20(server, history):
    ssm = server.client()
    first = ssm.describe_association_executions(AssociationId=history, MaxResults=2)
    server.stop()
    server.start()
    again = server.client()
    rest = again.describe_association_executions(AssociationId=history, NextToken=first["NextToken"])
    assert len(rest["AssociationExecutions"]) == 3
