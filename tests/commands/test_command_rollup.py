"""From invocations to a command's counters and status (spec 6.4, D14)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.commands import rollup
from stateward.commands.rows import FINAL, CommandRow, InvocationRow

COMMAND = CommandRow(
    command_id="c",
    account_id="a",
    region="r",
    kind="command",
    document_name="d",
    document_version="",
    resolved_version="1",
    comment="",
    instance_ids="[]",
    targets="[]",
    scope_nodes=None,
    service_role="",
    max_concurrency="50",
    max_errors="0",
    timeout_s=3600,
    allowance_ms=0,
    requested_ms=0,
    expires_after_ms=0,
    association_id=None,
    execution_number=None,
    phase="running",
)
STATUSES = [
    ("Pending", "Pending"),
    ("InProgress", "InProgress"),
    ("Cancelling", "Cancelling"),
    ("Success", "Success"),
    ("Failed", "Failed"),
    ("Failed", "Undeliverable"),
    ("TimedOut", "ExecutionTimedOut"),
    ("TimedOut", "DeliveryTimedOut"),
    ("Cancelled", "Terminated"),
]


def invocation(status, details, released=True):
    return InvocationRow(
        command_id="c",
        resource_id="mi-0",
        resource_type="ManagedInstance",
        account_id="a",
        region="r",
        association_id=None,
        execution_number=None,
        requested_ms=0,
        position=0,
        status=status,
        status_details=details,
        released_ms=1 if released else None,
        ended_ms=2 if status in FINAL else None,
    )


def over(*statuses, **changes):
    command = msgspec.structs.replace(COMMAND, **changes)
    for status, details in statuses:
        command = rollup.counted(command, [(None, invocation(status, details))])
    return rollup.settled(command, 9)


@pytest.mark.parametrize(
    ("statuses", "changes", "expected"),
    [
        pytest.param([], {}, ("Success", "NoInstancesInTag"), id="D14 no match"),
        pytest.param([("Pending", "Pending")], {}, ("Pending", "Pending"), id="waiting"),
        pytest.param([("InProgress", "InProgress"), ("Pending", "Pending")], {}, ("InProgress", "InProgress"), id="on"),
        pytest.param([("Success", "Success")] * 2, {}, ("Success", "Success"), id="all well"),
        pytest.param(
            [("Success", "Success"), ("Failed", "Failed")], {"error_limit": 1}, ("Failed", "Incomplete"), id="below"
        ),
        pytest.param([("Success", "Success"), ("Failed", "Failed")], {}, ("Failed", "Failed"), id="over the limit"),
        pytest.param(
            [("TimedOut", "DeliveryTimedOut")] * 2, {}, ("Failed", "DeliveryTimedOut"), id="none was delivered"
        ),
        pytest.param([("Failed", "Undeliverable")], {}, ("Failed", "Undeliverable"), id="none could be"),
        pytest.param([("Cancelled", "Cancelled")], {"ending": "cancelled"}, ("Cancelled", "Cancelled"), id="cancelled"),
        pytest.param([("Cancelling", "Cancelling")], {"ending": "cancelled"}, ("Cancelling", "Cancelling"), id="D5"),
    ],
)
def test_status_and_details(statuses, changes, expected):
    command = over(*statuses, **changes)
    assert (command.status, command.status_details) == expected
    assert (command.phase == "closed") == (command.ended_ms == 9)


@given(st.lists(st.tuples(st.sampled_from(STATUSES), st.booleans()), max_size=30))
def test_counters_are_what_the_rows_say(rows):
    command = COMMAND
    for (status, details), released in rows:
        pending = invocation("Pending", "Pending", released=False)
        command = rollup.counted(command, [(None, pending)])
        command = rollup.counted(command, [(pending, invocation(status, details, released))])
    found = [invocation(*status, released) for status, released in rows]
    assert command.target_count == len(found)
    assert command.errors == sum(rollup.is_error(row.status, row.status_details) for row in found)
    assert command.finished == sum(row.is_final for row in found)
    assert command.in_flight == sum(row.released_ms is not None and not row.is_final for row in found)
    assert command.released == sum(row.released_ms is not None or row.is_final for row in found)


@pytest.mark.parametrize(("details", "counts"), [("ExecutionTimedOut", True), ("DeliveryTimedOut", False)])
def test_what_never_arrived_is_no_error(details, counts):
    assert rollup.is_error("TimedOut", details) is counts
