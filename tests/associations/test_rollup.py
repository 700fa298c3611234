"""From targets to executions and to the Overview (spec 4.4, 4.5, D8, D29)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.associations.rollup import COUNTERS, execution_status, node_status, overview, resource_count

COUNTS = st.dictionaries(st.sampled_from(sorted(COUNTERS)), st.integers(1, 9))


@pytest.mark.parametrize(
    ("counts", "dispatched", "ending", "expected"),
    [
        pytest.param({"Pending": 2}, False, None, ("Pending", "Pending"), id="before the first dispatch"),
        pytest.param({"Pending": 2}, True, None, ("InProgress", "InProgress"), id="dispatched"),
        pytest.param({"Pending": 1, "Failed": 1}, True, None, ("InProgress", "InProgress"), id="not all final"),
        pytest.param({"Failed": 1, "Success": 2}, True, None, ("Failed", "Failed"), id="ROL-01"),
        pytest.param({"TimedOut": 1, "Success": 2}, True, None, ("TimedOut", "TimedOut"), id="timed out"),
        pytest.param({"Failed": 1, "TimedOut": 1}, True, None, ("Failed", "Failed"), id="failed wins"),
        pytest.param({"Cancelled": 1, "Success": 1}, True, "cancelled", ("Failed", "Cancelled"), id="cancelled"),
        pytest.param({"Cancelled": 1, "Success": 1}, True, "errors", ("Failed", "Terminated"), id="stopped by errors"),
        pytest.param({"Skipped": 2}, True, None, ("Skipped", "Skipped"), id="all skipped"),
        pytest.param({"Skipped": 1, "Success": 1}, True, None, ("Success", "Success"), id="ROL-02"),
        pytest.param({}, False, None, ("Success", "Success"), id="LIF-11 zero targets"),
        pytest.param({}, False, "superseded", ("TimedOut", "TimedOut"), id="superseded before its targets"),
    ],
)
def test_execution_status(counts, dispatched, ending, expected):
    assert execution_status(counts, dispatched=dispatched, ending=ending) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        pytest.param({"Success": 1}, "{Success=1}", id="EXE-17"),
        pytest.param({"Success": 2, "Failed": 1}, "{Failed=1, Success=2}", id="EXE-18"),
        pytest.param({}, None, id="no rows"),
    ],
)
def test_resource_count(counts, expected):
    assert resource_count(counts) == expected


@pytest.mark.parametrize(
    ("counts", "resolved", "failed_start", "expected"),
    [
        pytest.param({}, False, None, ("Pending", "Associated"), id="D8 bound, not yet run"),
        pytest.param({}, True, None, ("Success", "Success"), id="zero effective nodes"),
        pytest.param({"Success": 1, "Failed": 1}, True, None, ("Failed", "Failed"), id="D29 one red node"),
        pytest.param({"Success": 1}, True, "InvalidDocument", ("Failed", "InvalidDocument"), id="D29 failed start"),
        pytest.param({"InProgress": 1}, True, None, ("Pending", "InProgress"), id="running"),
        pytest.param({"Pending": 1}, True, None, ("Pending", "Pending"), id="waiting"),
        pytest.param({"Pending": 1, "Success": 1}, True, None, ("Pending", "InProgress"), id="half way"),
        pytest.param({"Skipped": 1}, True, None, ("Success", "Skipped"), id="skipped"),
        pytest.param({"TimedOut": 1}, True, None, ("Failed", "TimedOut"), id="timed out"),
    ],
)
def test_overview(counts, resolved, failed_start, expected):
    assert overview(counts, resolved=resolved, failed_start=failed_start) == expected


@given(COUNTS, st.booleans())
def test_overview_status_is_one_of_three_rol_04(counts, resolved):
    assert overview(counts, resolved=resolved, failed_start=None)[0] in ("Pending", "Success", "Failed")


@given(COUNTS)
def test_a_final_execution_has_no_open_target(counts):
    status, _ = execution_status(counts, dispatched=True, ending=None)
    assert (status == "InProgress") == bool(counts.keys() & {"Pending", "InProgress"})


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"Success": 3, "Failed": 1, "Pending": 1}, "Failed"),
        ({"Success": 3, "Pending": 1}, "Pending"),
        ({"Success": 3}, "Success"),
    ],
)
def test_the_worst_association_of_a_node_rol_05(counts, expected):
    assert node_status(counts) == expected
