"""Why an unfinished target has not ended: the short form for lists (console 5)."""

import msgspec
import pytest

from stateward.associations.why import NodeFacts, pending
from stateward.commands.rows import CommandRow, InvocationRow

MINUTE = 60_000
COMMAND = CommandRow(
    *("c", "1", "r", "command", "doc", "1", "1", "", "[]", "[]", None, "", "2", "0", 3600, 0, 0, 0, "a", 1),
    phase="running",
    concurrency_limit=2,
    target_count=9,
    released=2,
    in_flight=2,
)
WAITS = InvocationRow("c", "mi-1", "ManagedInstance", "1", "r", "a", 1, 0, 5)
RELEASED = msgspec.structs.replace(WAITS, released_ms=1, expires_ms=99 * MINUTE)
SENT = msgspec.structs.replace(RELEASED, sent_ms=2)
HERE = NodeFacts("mi-1", True, "r", None, 5 * MINUTE, 1, True, {})


@pytest.mark.parametrize(
    ("row", "command", "more", "code"),
    [
        pytest.param(WAITS, {}, {}, "slot", id="no slot is free"),
        pytest.param(WAITS, {"errors": 1}, {}, "error-limit", id="too many errors"),
        pytest.param(WAITS, {"phase": "resolving"}, {}, "resolving", id="targets are being found"),
        pytest.param(RELEASED, {}, {}, "released", id="about to go"),
        pytest.param(RELEASED, {}, {"connected": False}, "offline", id="no channel"),
        pytest.param(RELEASED, {}, {"connected": False, "first_online_ms": None}, "never-online", id="never online"),
        pytest.param(RELEASED, {}, {"ahead": SENT}, "other-association", id="another association is at work"),
        pytest.param(RELEASED, {}, {"busy_until_ms": 30 * MINUTE}, "waits-for-cancel", id="the run before stops"),
        pytest.param(RELEASED, {}, {"busy_until_ms": MINUTE}, "released", id="the run before has had its time"),
        pytest.param(SENT, {}, {}, "sent-no-answer", id="sent"),
        pytest.param(msgspec.structs.replace(SENT, status="InProgress"), {}, {}, "running", id="at work"),
        pytest.param(msgspec.structs.replace(SENT, status="Cancelling"), {}, {}, "waits-for-cancel", id="stopping"),
    ],
)
def test_why_a_target_has_not_ended(row, command, more, code):
    about_node = {name: more.pop(name) for name in ("connected", "first_online_ms") if name in more}
    reason = pending(
        row,
        msgspec.structs.replace(COMMAND, **command),
        node=msgspec.structs.replace(HERE, **about_node),
        now_ms=20 * MINUTE,
        **more,
    )
    assert reason.code == code
    assert reason.sentence.endswith(".")


def test_the_place_in_the_queue_is_said():
    assert "All 2 slots are in use, 3 nodes are ahead" in pending(WAITS, COMMAND, node=HERE, now_ms=0).sentence


def test_what_has_ended_waits_for_nothing():
    assert pending(msgspec.structs.replace(SENT, status="Success"), COMMAND, node=HERE, now_ms=0) is None
