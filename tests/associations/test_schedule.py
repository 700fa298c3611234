"""Schedule expressions against the vectors of spec 3.6, and every limit of 3.3."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.associations.cron import Cron
from stateward.associations.schedule import At, InvalidSchedule, Rate, Schedule, next_due, parse, parse_for_association

VECTORS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "schedule_vectors.json").read_text())
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000


def ms(instant: str) -> int:
    return (datetime.fromisoformat(instant) - EPOCH) // timedelta(milliseconds=1)


def dues(schedule: Schedule, after_ms: int, anchor_ms: int, count: int, offset_days: int = 0) -> list[int]:
    """The next `count` due times, fewer if the schedule ends before."""
    found: list[int] = []
    while len(found) < count:
        due = next_due(schedule, found[-1] if found else after_ms, anchor_ms, offset_days)
        if due is None:
            break
        found.append(due)
    return found


def vectors(kind: str, promise: str) -> list[Any]:
    return [pytest.param(vector, id=f"{promise} {vector['id']}") for vector in VECTORS[kind]]


def by_id(kind: str, *ids: str) -> list[dict[str, Any]]:
    return [vector for vector in VECTORS[kind] if vector["id"] in ids]


NOW_MS = ms("2018-07-02T00:00:00Z")


@pytest.mark.parametrize("vector", vectors("cron", "SCH-01"))
def test_cron_fires_as_in_the_vectors(vector: dict[str, Any]) -> None:
    after_ms = ms(vector["after"])
    assert dues(parse(vector["expression"]), after_ms, after_ms, 3) == [ms(instant) for instant in vector["next"]]


@pytest.mark.parametrize("vector", [vector for vector in vectors("cron", "SCH-01") if vector.values[0]["association"]])
def test_associations_accept_the_vectors(vector: dict[str, Any]) -> None:
    assert parse_for_association(vector["expression"], ms(vector["after"])) == parse(vector["expression"])


@pytest.mark.parametrize(
    "vector", [vector for vector in vectors("cron", "SCH-01") if not vector.values[0]["association"]]
)
def test_associations_refuse_the_evaluator_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidSchedule):
        parse_for_association(vector["expression"], ms(vector["after"]))


@pytest.mark.parametrize("vector", vectors("offset", "SCH-02"))
def test_offset_moves_fires_by_whole_days_sch_02(vector: dict[str, Any]) -> None:
    anchor_ms = ms(vector["anchor"])
    schedule = parse_for_association(vector["expression"], anchor_ms)
    expected = [ms(instant) for instant in vector["next"]]
    assert dues(schedule, anchor_ms, anchor_ms, 3, vector["offset_days"]) == expected


@pytest.mark.parametrize("vector", vectors("rate", "SCH-03"))
def test_rate_counts_from_its_anchor(vector: dict[str, Any]) -> None:
    anchor_ms = ms(vector["anchor"])
    schedule = parse_for_association(vector["expression"], anchor_ms)
    expected = [ms(instant) for instant in vector["next"]]
    assert dues(schedule, anchor_ms, anchor_ms, len(expected)) == expected


@pytest.mark.parametrize("vector", vectors("at", "SCH-03"))
def test_at_is_due_once_or_never(vector: dict[str, Any]) -> None:
    anchor_ms = ms(vector["anchor"])
    schedule = parse_for_association(vector["expression"], anchor_ms)
    assert dues(schedule, anchor_ms, anchor_ms, 3) == [ms(instant) for instant in vector["next"]]


@pytest.mark.parametrize("vector", vectors("invalid", "SCH-04"))
def test_associations_refuse_invalid_expressions_sch_04(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        parse_for_association(vector["expression"], ms(vector["now"]))
    assert caught.value.expression == vector["expression"]
    assert str(caught.value)


@pytest.mark.parametrize(
    ("numeric", "named"),
    [
        pytest.param(
            f"cron(0 0 ? * {number}{suffix} *)", f"cron(0 0 ? * {name}{suffix} *)", id=f"SCH-05 {name}{suffix}"
        )
        for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)
        for suffix in ("", "L", "#2", "/2")
    ],
)
def test_sunday_is_day_one(numeric: str, named: str) -> None:
    assert parse(numeric) == parse(named)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        pytest.param("rate(30 minutes)", None, id="SCH-06 30 minutes"),
        pytest.param("rate(29 minutes)", "rate '29 minutes': the shortest rate is 30 minutes", id="SCH-06 29 minutes"),
        pytest.param("rate(30 days)", None, id="SCH-06 30 days"),
        pytest.param("rate(31 days)", "rate '31 days': a rate must be shorter than 31 days", id="SCH-06 31 days"),
        pytest.param("rate(743 hours)", None, id="SCH-06 743 hours"),
        pytest.param("rate(44639 minutes)", None, id="SCH-06 a minute less than 31 days"),
    ],
)
def test_rate_lies_between_thirty_minutes_and_31_days(expression: str, reason: str | None) -> None:
    if reason is None:
        assert isinstance(parse_for_association(expression, NOW_MS), Rate)
        return
    with pytest.raises(InvalidSchedule) as caught:
        parse_for_association(expression, NOW_MS)
    assert str(caught.value) == reason


def test_at_in_the_past_is_accepted_and_never_due() -> None:
    """SCH-07: running it at once is up to whoever creates the association (A3, D9)."""
    (vector,) = by_id("at", "A3")
    anchor_ms = ms(vector["anchor"])
    schedule = parse_for_association(vector["expression"], anchor_ms)
    assert schedule == At(ms("2018-07-01T00:00:00Z"))
    assert next_due(schedule, anchor_ms, anchor_ms) is None


def test_at_never_repeats() -> None:
    """SCH-08"""
    due_ms = ms("2018-07-07T15:55:00Z")
    schedule = parse("at(2018-07-07T15:55:00)")
    assert next_due(schedule, due_ms - 1, NOW_MS) == due_ms
    assert next_due(schedule, due_ms, NOW_MS) is None


@pytest.mark.parametrize("expression", ["cron(30 1 * * ? *)", "cron(30 2 * * ? *)", "rate(1 day)"])
@pytest.mark.parametrize("switch_day", ["2018-03-25", "2018-10-28", "2018-03-11", "2018-11-04"])
def test_daylight_saving_changes_nothing_sch_09(expression: str, switch_day: str) -> None:
    """SCH-09"""
    before_ms = ms(f"{switch_day}T00:00:00Z") - 2 * DAY_MS
    found = dues(parse(expression), before_ms, before_ms, 5)
    assert {later - earlier for earlier, later in pairwise(found)} == {DAY_MS}


@pytest.mark.parametrize("vector", [pytest.param(v, id=f"SCH-12 {v['id']}") for v in by_id("offset", "O3", "O6", "O7")])
def test_offset_skips_a_period_whose_cron_time_has_passed_sch_12(vector: dict[str, Any]) -> None:
    anchor_ms, offset_days = ms(vector["anchor"]), vector["offset_days"]
    schedule = parse(vector["expression"])
    due = next_due(schedule, anchor_ms, anchor_ms, offset_days)
    skipped = next_due(schedule, anchor_ms - offset_days * DAY_MS, 0, offset_days)
    assert due == ms(vector["next"][0])
    assert skipped is not None
    assert anchor_ms < skipped < due


@pytest.mark.parametrize(
    ("expression", "too_close_min"),
    [
        pytest.param("cron(0,30 * * * ? *)", None, id="every 30 minutes"),
        pytest.param("cron(0,29 0 * * ? *)", 29, id="in an hour"),
        pytest.param("cron(0,45 0,12 * * ? *)", None, id="hours that are no neighbours"),
        pytest.param("cron(0,45 11,12 * * ? *)", 15, id="neighbouring hours"),
        pytest.param("cron(0,45 0,23 * * ? *)", 15, id="over midnight, every day"),
        pytest.param("cron(0,45 0,23 ? * 1,7 *)", 15, id="Saturday to Sunday"),
        pytest.param("cron(0,45 0,23 ? * MON,WED,FRI *)", None, id="week days that are no neighbours"),
        pytest.param("cron(0,45 0,23 1,31 * ? *)", 15, id="31st to 1st"),
        pytest.param("cron(0,45 0,23 1,28 * ? *)", 15, id="28 February to 1 March"),
        pytest.param("cron(0,45 0,23 1,28 * ? 2020)", None, id="28 February of leap years only"),
        pytest.param("cron(0,45 0,23 1,29 * ? 2020)", 15, id="29 February"),
        pytest.param("cron(0,45 0,23 1,15 * ? *)", None, id="days of the month that are no neighbours"),
        pytest.param("cron(0,45 0,23 L * ? *)", None, id="last day of the month"),
        pytest.param("cron(0,45 0,23 ? * MON#1 *)", None, id="first Monday of the month"),
    ],
)
def test_cron_runs_are_thirty_minutes_apart(expression: str, too_close_min: int | None) -> None:
    """D11"""
    if too_close_min is None:
        assert isinstance(parse_for_association(expression, NOW_MS), Cron)
        return
    with pytest.raises(InvalidSchedule) as caught:
        parse_for_association(expression, NOW_MS)
    assert str(caught.value) == f"two runs would be {too_close_min} minutes apart, at least 30 are needed"


@pytest.mark.parametrize("month", ["*", "1/1", "*/1", "1-12", "JAN-DEC", "6-5", "1-6,7-12"])
def test_every_way_to_write_all_months_is_accepted(month: str) -> None:
    assert parse_for_association(f"cron(0 0 1 {month} ? *)", NOW_MS) == parse("cron(0 0 1 * ? *)")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("cron(0 0 1 JAN ? *)", "month: associations cannot choose months, use *"),
        ("cron(0 0 * * ? 2017)", "it never fires again"),
        ("cron(0 0 30 2 ? *)", "month: associations cannot choose months, use *"),
        ("rate(1 hours)", "rate '1 hours': 1 needs a singular unit, any other number a plural one"),
        ("rate(5 hour)", "rate '5 hour': 1 needs a singular unit, any other number a plural one"),
    ],
)
def test_limits_say_what_would_be_right(expression: str, reason: str) -> None:
    parse(expression)
    with pytest.raises(InvalidSchedule) as caught:
        parse_for_association(expression, NOW_MS)
    assert str(caught.value) == reason


FORM = "expected cron(…), rate(…) or at(…), with nothing before or after it"
RATE = "expected a positive whole number and minutes, hours or days, as in '5 hours'"
AT = "expected yyyy-mm-ddThh:mm:ss, without fraction or zone"
ITEM = "as *, a, a-b, a/n, a-b/n or a list of these"
ONE_DAY_FIELD = "exactly one of them must be ?"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", f"'': {FORM}"),
        ("every day", f"'every day': {FORM}"),
        ("rate (5 hours)", f"'rate (5 hours)': {FORM}"),
        (" rate(5 hours)", f"' rate(5 hours)': {FORM}"),
        ("rate(5 hours)\n", f"'rate(5 hours)\n': {FORM}"),
        ("cron(0 0 ? * ſUN *)", f"'cron(0 0 ? * ſUN *)': {FORM}"),
        ("rate(٥ hours)", f"'rate(٥ hours)': {FORM}"),
        ("rate(+5 hours)", f"rate '+5 hours': {RATE}"),
        ("rate(5_0 hours)", f"rate '5_0 hours': {RATE}"),
        (f"rate({'9' * 5000} days)", f"rate '{'9' * 5000} days': {RATE}"),
        ("rate(0 hours)", "rate '0 hours': the number must be at least 1"),
        ("at(2018-07-07T15:55:00.5)", f"at '2018-07-07T15:55:00.5': {AT}"),
        ("at(2018-07-07T15:55:00+01:00)", f"at '2018-07-07T15:55:00+01:00': {AT}"),
        ("cron()", "1 fields: expected minutes, hours, day-of-month, month, day-of-week, year"),
        ("cron(30 0 0 * * ? *)", "seconds '30': only 0 is possible"),
        ("cron(60 0 * * ? *)", "minutes '60': expected 0 to 59"),
        ("cron(0 22-24 * * ? *)", "hours '24': expected 0 to 23"),
        ("cron(0 0 32W * ? *)", "day-of-month '32': expected 1 to 31"),
        ("cron(0 0 1 13 ? *)", "month '13': expected 1 to 12 or JAN to DEC"),
        ("cron(0 0 ? * FOO *)", "day-of-week 'FOO': expected 1 to 7 or SUN to SAT"),
        ("cron(0 0 ? * 8L *)", "day-of-week '8': expected 1 to 7 or SUN to SAT"),
        ("cron(0 0 * * ? 2200)", "year '2200': expected 1970 to 2199"),
        ("cron(0 0/0 * * ? *)", "hours '0/0': the step must be at least 1"),
        ("cron(? 0 * * ? *)", f"minutes '?': expected 0 to 59, {ITEM}"),
        ("cron(0 0 1,,2 * ? *)", f"day-of-month '': expected 1 to 31, {ITEM}"),
        ("cron(0 0 1,L * ? *)", f"day-of-month 'L': expected 1 to 31, {ITEM}"),
        ("cron(0 0 ? * MON#1,FRI#2 *)", f"day-of-week 'MON#1': expected 1 to 7 or SUN to SAT, {ITEM}"),
        ("cron(0 0 ? * MON#6 *)", "day-of-week 'MON#6': the number after # must be 1 to 5"),
        ("cron(0 0 L-31 * ? *)", "day-of-month 'L-31': no month is that long, use L-1 to L-30"),
        ("cron(0 0 15 * MON *)", f"day-of-month '15' and day-of-week 'MON': {ONE_DAY_FIELD}"),
        ("cron(0 0 ? * ? *)", f"day-of-month '?' and day-of-week '?': {ONE_DAY_FIELD}"),
    ],
)
def test_grammar_errors_name_the_value(expression: str, reason: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        parse(expression)
    assert str(caught.value) == reason
    assert caught.value.expression == expression


def test_impossible_dates_are_refused() -> None:
    with pytest.raises(InvalidSchedule, match=r"^at '2018-02-30T00:00:00': no such date or time \(day "):
        parse("at(2018-02-30T00:00:00)")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("CRON(0 0 ? * sun#2 *)", "cron(0 0 ? * SUN#2 *)"),
        ("Cron(0 0 lw * ? *)", "cron(0 0 LW * ? *)"),
        ("cron(0  0\t*   * ? *)", "cron(0 0 * * ? *)"),
        ("cron(00 0 0 * * ? *)", "cron(0 0 * * ? *)"),
        ("cron(05 08 * * ? *)", "cron(5 8 * * ? *)"),
        ("cron(0 20-2/2 * * ? *)", "cron(0 20,22,0,2 * * ? *)"),
        ("cron(0 0 29-2 * ? *)", "cron(0 0 29,30,31,1,2 * ? *)"),
        ("cron(0 0 ? * L *)", "cron(0 0 ? * SAT *)"),
        ("cron(0 0 L-0 * ? *)", "cron(0 0 L * ? *)"),
        ("Rate(5\thours)", "rate(5hours)"),
        ("AT(2018-07-07T15:55:00)", "at(2018-07-07T15:55:00)"),
    ],
)
def test_other_spellings_mean_the_same(written: str, plain: str) -> None:
    assert parse(written) == parse(plain)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 0 31 2 ? *)",
        "cron(0 0 30W 2 ? *)",
        "cron(0 0 L-30 4 ? *)",
        "cron(0 0 ? 2 MON#5 2018-2019)",
        "cron(0 0 31 4,6,9,11 ? *)",
    ],
)
def test_what_never_fires_has_no_next_time(expression: str) -> None:
    assert next_due(parse(expression), NOW_MS, NOW_MS) is None


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        pytest.param(
            "cron(0 0 29 2 ? 2000/100)", "1970-01-01T00:00:00Z", "2000-02-29T00:00:00Z", id="2000 is a leap year"
        ),
        pytest.param("cron(0 0 29 2 ? 2100)", "1970-01-01T00:00:00Z", None, id="2100 is none"),
        pytest.param("cron(0 0 ? 2 SUN#5 *)", "2088-03-01T00:00:00Z", "2128-02-29T00:00:00Z", id="forty years ahead"),
        pytest.param("cron(59 23 * * ? *)", "2199-12-31T23:58:59.999Z", "2199-12-31T23:59:00Z", id="the last minute"),
        pytest.param("cron(59 23 * * ? *)", "2199-12-31T23:59:00Z", None, id="after the last minute"),
        pytest.param("cron(0 0 * * ? *)", "9999-12-31T00:00:00Z", None, id="far after it"),
        pytest.param("cron(0 0 * * ? *)", "1969-06-01T12:00:00Z", "1970-01-01T00:00:00Z", id="before 1970"),
        pytest.param(
            "cron(0 10 * * ? *)", "2018-07-02T09:59:59.999Z", "2018-07-02T10:00:00Z", id="a millisecond before"
        ),
        pytest.param(
            "cron(0 10 * * ? *)", "2018-07-02T10:00:00.001Z", "2018-07-03T10:00:00Z", id="a millisecond after"
        ),
    ],
)
def test_cron_at_the_edges(expression: str, after: str, due: str | None) -> None:
    assert next_due(parse(expression), ms(after), ms(after)) == (None if due is None else ms(due))


@given(
    value=st.integers(1, 5000),
    unit=st.sampled_from(["minutes", "hours", "days"]),
    anchor_ms=st.integers(0, 2**42),
    ahead_ms=st.integers(-(2**40), 2**40),
)
def test_rate_never_drifts(value: int, unit: str, anchor_ms: int, ahead_ms: int) -> None:
    schedule = parse(f"rate({value} {unit})")
    assert isinstance(schedule, Rate)
    after_ms = anchor_ms + ahead_ms
    due = next_due(schedule, after_ms, anchor_ms)
    assert due is not None
    assert due > max(after_ms, anchor_ms)
    assert (due - anchor_ms) % schedule.interval_ms == 0
    assert due - schedule.interval_ms <= max(after_ms, anchor_ms)


@given(
    expression=st.sampled_from([vector["expression"] for vector in VECTORS["cron"]]),
    anchor_ms=st.integers(0, ms("2190-01-01T00:00:00Z")),
    ahead_ms=st.integers(-(10**10), 10**11),
    offset_days=st.integers(1, 6),
)
def test_offset_only_shifts_the_cron_times_after_the_anchor(
    expression: str, anchor_ms: int, ahead_ms: int, offset_days: int
) -> None:
    schedule, offset_ms = parse(expression), offset_days * DAY_MS
    due = next_due(schedule, anchor_ms + ahead_ms, anchor_ms, offset_days)
    plain = next_due(schedule, max(anchor_ms, anchor_ms + ahead_ms - offset_ms), anchor_ms)
    assert due == (None if plain is None else plain + offset_ms)


@given(body=st.text(max_size=40) | st.text("cronateL#W?*/-,0123456789 ()SUNJ", max_size=40))
def test_any_text_is_read_or_refused(body: str) -> None:
    for text in (body, f"cron({body})", f"rate({body})", f"at({body})"):
        with suppress(InvalidSchedule):
            parse_for_association(text, NOW_MS)
