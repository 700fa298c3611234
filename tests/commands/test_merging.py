"""Reports in any order, doubled or late lead to the same end (D7)."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.commands.merging import LAST_STEP_WAIT_MS, merge
from stateward.commands.reports import Report, StepReport
from stateward.commands.rows import FINAL, InvocationRow

STEPS = ("one", "two", "three")
ROW = InvocationRow(
    command_id="c",
    resource_id="mi-0",
    resource_type="ManagedInstance",
    account_id="a",
    region="r",
    association_id=None,
    execution_number=None,
    requested_ms=0,
    position=0,
    released_ms=1,
    sent_ms=2,
)


def step(name, status="Success"):
    return StepReport(name, "aws:runShellScript", status, 0, 1, 2, "", f"out of {name}", "")


def progress(*steps):
    return Report("InProgress", steps, 0)


def final(status="Success", counted=3, *steps):
    return Report(status, steps, counted)


def played(reports, row=ROW):
    """The row and the stored steps after these reports, a second of wall time apart."""
    stored = {}
    for wall_ms, report in enumerate(reports):
        done = {name for name, kept in stored.items() if kept.status not in ("SuccessAndReboot", "PassedAndReboot")}
        result = merge(row, report, STEPS, done, 100, wall_ms * 1000)
        row = result.row
        stored.update({kept.step_name: kept for kept in result.steps})
    return row, stored


WHOLE = [progress(), *(progress(step(name)) for name in STEPS), final()]


@pytest.mark.parametrize("order", list(itertools.permutations(range(5))))
def test_any_order_leads_to_the_same_end(order):
    row, stored = played([WHOLE[n] for n in order])
    assert (row.status, row.status_details) == ("Success", "Success")
    assert {name: kept.standard_output for name, kept in stored.items()} == {name: f"out of {name}" for name in STEPS}
    assert [stored[name].position for name in STEPS] == [0, 1, 2]


@given(st.lists(st.sampled_from(range(5)), max_size=5), st.permutations(range(5)))
def test_doubled_reports_change_nothing(doubles, order):
    row, stored = played([WHOLE[n] for n in (*order, *doubles)])
    assert row.status == "Success"
    assert len(stored) == 3


def test_a_final_report_waits_for_the_steps_that_it_counts():
    row, _ = played([final(), progress(step("one"))])
    assert row.status == "InProgress"
    assert row.close_by_wall_ms == LAST_STEP_WAIT_MS
    row, _ = played([final(), progress(step("one")), progress(step("two")), progress(step("three"))])
    assert row.status == "Success"
    assert row.close_by_wall_ms is None


def test_a_final_report_without_counts_closes_at_once():
    assert played([final("Failed", 0)])[0].status == "Failed"


@given(st.lists(st.sampled_from([*WHOLE, final("Failed"), final("Cancelled"), progress(step("one", "Failed"))])))
def test_final_status_is_never_undone(reports):
    row, ended = ROW, None
    for wall_ms, report in enumerate(reports):
        row = merge(row, report, STEPS, set(), 100, wall_ms).row
        if ended is not None:
            assert row.status == ended
        if row.status in FINAL:
            ended = row.status


def test_a_final_step_is_never_undone():
    _, stored = played([progress(step("one")), progress(step("one", "Failed"))])
    assert stored["one"].status == "Success"


def test_a_step_before_its_reboot_is_replaced():
    _, stored = played([progress(step("one", "SuccessAndReboot")), progress(step("one", "Failed"))])
    assert stored["one"].status == "Failed"


def test_steps_that_the_document_lacks_are_dropped():
    _, stored = played([progress(step("four")), final("Success", 0)])
    assert stored == {}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("Success", ("Success", "Success")),
        ("Skipped", ("Skipped", "Skipped")),
        ("Failed", ("Failed", "Failed")),
        ("TimedOut", ("TimedOut", "ExecutionTimedOut")),
        ("Cancelled", ("Cancelled", "Cancelled")),
    ],
)
def test_document_statuses(told, expected):
    row, _ = played([final(told, 0)])
    assert (row.status, row.status_details) == expected


def test_a_row_that_timed_out_takes_steps_but_no_status():
    late = msgspec.structs.replace(ROW, status="TimedOut", status_details="TimedOut", ended_ms=5)
    row, stored = played(WHOLE, late)
    assert row.status == "TimedOut"
    assert len(stored) == 3
