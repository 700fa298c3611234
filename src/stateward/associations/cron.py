"""Cron expressions as Quartz reads them, in UTC, years 1970 to 2199 (spec 3.2).

Every field becomes its set of values once, at parsing. The search for a fire time steps through the months that can
match, never through single days, so that an expression that never fires is found out in milliseconds.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from typing import TypeAlias

import msgspec

DAY_MIN = 24 * 60
MINUTE_MS = 60_000
SUNDAY, SATURDAY = 1, 7
FIRST_DAY = date(1970, 1, 1)
EPOCH = FIRST_DAY.toordinal()
END_MIN = (date(2200, 1, 1).toordinal() - EPOCH) * DAY_MIN


class InvalidCron(ValueError):
    """A cron expression that cannot be read; the text names the field, its value and what would be right."""


class MonthDays(msgspec.Struct, frozen=True):
    """Days by number; months without the day are skipped."""

    days: tuple[int, ...]


class BeforeLast(msgspec.Struct, frozen=True):
    """`L` (0 days before the last one of the month) and `L-n`."""

    days: int


class NearestWeekday(msgspec.Struct, frozen=True):
    """`nW`: the Monday to Friday nearest to a day, in the same month."""

    day: int


class LastWeekday(msgspec.Struct, frozen=True):
    """`LW`: the last Monday to Friday of the month."""


class WeekDays(msgspec.Struct, frozen=True):
    """Days of the week, 1 is Sunday."""

    days: frozenset[int]


class LastWeekDay(msgspec.Struct, frozen=True):
    """`xL`: the last such day of the week of the month."""

    week_day: int


class NthWeekDay(msgspec.Struct, frozen=True):
    """`x#n`: the n-th such day of the week of the month; months without it are skipped."""

    week_day: int
    nth: int


DayRule: TypeAlias = MonthDays | BeforeLast | NearestWeekday | LastWeekday | WeekDays | LastWeekDay | NthWeekDay


class Cron(msgspec.Struct, frozen=True):
    """The values that each field admits, ascending; day-of-month and day-of-week are one rule, since one is `?`."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: DayRule
    months: tuple[int, ...]
    years: tuple[int, ...]


class _Field(msgspec.Struct, frozen=True):
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        by_name = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.lowest} to {self.highest}{by_name}"


_MINUTES = _Field("minutes", 0, 59)
_HOURS = _Field("hours", 0, 23)
_MONTH_DAY = _Field("day-of-month", 1, 31)
_MONTHS = _Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
_WEEK_DAY = _Field("day-of-week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
_YEARS = _Field("year", 1970, 2199)

_BLANKS = re.compile(r"[ \t]+")
_ITEM = re.compile(r"(?:\*|([0-9]{1,4}|[A-Z]{3})(?:-([0-9]{1,4}|[A-Z]{3}))?)(?:/([0-9]{1,4}))?")
_DAYS_BEFORE_LAST = re.compile(r"L(?:-([0-9]{1,2}))?")
_NEAREST = re.compile(r"([0-9]{1,2})W")
_LAST_IN_MONTH = re.compile(r"([0-9]|[A-Z]{3})L")
_NTH = re.compile(r"([0-9]|[A-Z]{3})#([0-9]+)")


def parse(text: str) -> Cron:
    """Read what stands between the brackets of `cron(…)`: six fields, or seven with 0 seconds. Raises InvalidCron."""
    fields = _BLANKS.split(text.upper())
    if len(fields) == 7:
        seconds = fields.pop(0)
        if seconds not in {"0", "00"}:
            raise InvalidCron(f"seconds '{seconds}': only 0 is possible")
    if len(fields) != 6:
        raise InvalidCron(f"{len(fields)} fields: expected minutes, hours, day-of-month, month, day-of-week, year")
    minutes, hours, month_day, months, week_day, years = fields
    return Cron(
        minutes=_values(_MINUTES, minutes),
        hours=_values(_HOURS, hours),
        days=_day_rule(month_day, week_day),
        months=_values(_MONTHS, months),
        years=_values(_YEARS, years),
    )


def next_fire(cron: Cron, after_ms: int) -> int | None:
    """The first fire time strictly after an instant, in milliseconds; None when there is none up to 2199."""
    # Fire times are whole minutes: the first candidate is the next one, wherever in its minute `after_ms` lies.
    start_min = max(after_ms // MINUTE_MS + 1, 0)
    if start_min >= END_MIN:
        return None
    start_day, time_min = divmod(start_min, DAY_MIN)
    for day in _matching_days(cron, date.fromordinal(EPOCH + start_day)):
        fire_min = _next_time(cron, time_min if day == start_day else 0)
        if fire_min is not None:
            return (day * DAY_MIN + fire_min) * MINUTE_MS
    return None


def every_month(cron: Cron) -> bool:
    """Whether the month field leaves no month out, however it is written."""
    return len(cron.months) == 12


def shortest_gap_min(cron: Cron) -> int:
    """Minutes between the two closest times of day, over midnight too if two matching days can be neighbours (D11)."""
    times = [hour * 60 + minute for hour in cron.hours for minute in cron.minutes]
    gap_min = min((later - earlier for earlier, later in pairwise(times)), default=DAY_MIN)
    over_midnight_min = times[0] + DAY_MIN - times[-1]
    if over_midnight_min < gap_min and _has_neighbours(cron):
        return over_midnight_min
    return gap_min


def _has_neighbours(cron: Cron) -> bool:
    return any(later - earlier == 1 for earlier, later in pairwise(_matching_days(cron, FIRST_DAY)))


def _next_time(cron: Cron, from_min: int) -> int | None:
    """The first time of day at or after one, in minutes."""
    from_hour, minute = divmod(from_min, 60)
    at = bisect_left(cron.hours, from_hour)
    if at < len(cron.hours) and cron.hours[at] == from_hour:
        left = bisect_left(cron.minutes, minute)
        if left < len(cron.minutes):
            return from_hour * 60 + cron.minutes[left]
        at += 1
    return cron.hours[at] * 60 + cron.minutes[0] if at < len(cron.hours) else None


def _matching_days(cron: Cron, first: date) -> Iterator[int]:
    """Days since 1970 that match, from `first` on."""
    for year in cron.years[bisect_left(cron.years, first.year) :]:
        for month in cron.months:
            if year == first.year and month < first.month:
                continue
            in_first_month = year == first.year and month == first.month
            day_zero = date(year, month, 1).toordinal() - 1
            for day in _days(cron.days, (day_zero + 1) % 7 + 1, monthrange(year, month)[1]):
                if not in_first_month or day >= first.day:
                    yield day_zero + day - EPOCH


def _days(rule: DayRule, first: int, length: int) -> Iterable[int]:
    """The days, ascending, that match in a month of `length` days whose first is the day of the week `first`."""
    match rule:
        case MonthDays(days):
            return days if days[-1] <= length else [day for day in days if day <= length]
        case BeforeLast(days):
            return (length - days,) if days < length else ()
        case NearestWeekday(day):
            return (_nearest_weekday(day, first, length),) if day <= length else ()
        case LastWeekday():
            return (_nearest_weekday(length, first, length),)
        case WeekDays(days):
            return [day for day in range(1, length + 1) if _week_day(day, first) in days]
        case LastWeekDay(week_day):
            return range(_first_of(week_day, first), length + 1, 7)[-1:]
        case NthWeekDay(week_day, nth):
            return range(_first_of(week_day, first), length + 1, 7)[nth - 1 : nth]


def _week_day(day: int, first: int) -> int:
    return (first + day - 2) % 7 + 1


def _first_of(week_day: int, first: int) -> int:
    return (week_day - first) % 7 + 1


def _nearest_weekday(day: int, first: int, length: int) -> int:
    week_day = _week_day(day, first)
    if week_day == SATURDAY:
        return day - 1 if day > 1 else day + 2
    if week_day == SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def _day_rule(month_day: str, week_day: str) -> DayRule:
    if (month_day == "?") == (week_day == "?"):
        raise InvalidCron(f"day-of-month '{month_day}' and day-of-week '{week_day}': exactly one of them must be ?")
    return _month_day_rule(month_day) if week_day == "?" else _week_day_rule(week_day)


def _month_day_rule(text: str) -> DayRule:
    if text == "LW":
        return LastWeekday()
    if last := _DAYS_BEFORE_LAST.fullmatch(text):
        before = int(last[1] or 0)
        if before > 30:
            raise InvalidCron(f"day-of-month '{text}': no month is that long, use L-1 to L-30")
        return BeforeLast(before)
    if nearest := _NEAREST.fullmatch(text):
        return NearestWeekday(_value(_MONTH_DAY, nearest[1]))
    return MonthDays(_values(_MONTH_DAY, text))


def _week_day_rule(text: str) -> DayRule:
    if text == "L":
        return WeekDays(frozenset({SATURDAY}))
    if last := _LAST_IN_MONTH.fullmatch(text):
        return LastWeekDay(_value(_WEEK_DAY, last[1]))
    if nth := _NTH.fullmatch(text):
        if nth[2] not in {"1", "2", "3", "4", "5"}:
            raise InvalidCron(f"day-of-week '{text}': the number after # must be 1 to 5")
        return NthWeekDay(_value(_WEEK_DAY, nth[1]), int(nth[2]))
    return WeekDays(frozenset(_values(_WEEK_DAY, text)))


def _values(field: _Field, text: str) -> tuple[int, ...]:
    return tuple(sorted({value for item in text.split(",") for value in _item_values(field, item)}))


def _item_values(field: _Field, item: str) -> Iterable[int]:
    """The values of one element of a list: `*`, a value, a range that may wrap, or any of them with `/step`."""
    parts = _ITEM.fullmatch(item)
    if parts is None:
        raise InvalidCron(f"{field.name} '{item}': expected {field.range}, as *, a, a-b, a/n, a-b/n or a list of these")
    low, high, step = parts.groups()
    if step is not None and int(step) == 0:
        raise InvalidCron(f"{field.name} '{item}': the step must be at least 1")
    start = field.lowest if low is None else _value(field, low)
    if high is not None:
        end = _value(field, high)
    elif low is None or step is not None:
        end = field.highest
    else:
        end = start
    size = field.highest - field.lowest + 1
    reach = range(start, start + (end - start) % size + 1, int(step or 1))
    return ((value - field.lowest) % size + field.lowest for value in reach)


def _value(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.lowest
    if not text.isdigit() or not field.lowest <= int(text) <= field.highest:
        raise InvalidCron(f"{field.name} '{text}': expected {field.range}")
    return int(text)
