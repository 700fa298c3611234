"""Schedule expressions: what they mean, which of them associations accept, and when they fire next (spec 3).

All instants are UTC; nothing here knows time zones, so daylight saving changes nothing.
"""

import re
from datetime import UTC, datetime
from typing import TypeAlias, assert_never

import msgspec

from stateward.associations import cron
from stateward.associations.cron import Cron

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
SHORTEST_MIN = 30
RATE_LIMIT_MS = 31 * DAY_MS
UNIT_MS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": DAY_MS}

_FORM = re.compile(r"(cron|rate|at)\((.*)\)", re.IGNORECASE)
_RATE = re.compile(r"([0-9]{1,9})[ \t]*(minutes?|hours?|days?)")
_AT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})")


class InvalidSchedule(ValueError):
    """A schedule expression that cannot be read or is not allowed; the text is the reason, for logs."""

    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(reason)
        self.expression = expression


class Rate(msgspec.Struct, frozen=True):
    """`rate(<value> <unit>)`; the unit stays as written, singular or plural."""

    value: int
    unit: str

    @property
    def interval_ms(self) -> int:
        """Milliseconds from one run to the next."""
        return self.value * UNIT_MS[self.unit.removesuffix("s")]


class At(msgspec.Struct, frozen=True):
    """`at(…)`: one instant, in milliseconds."""

    due_ms: int


Schedule: TypeAlias = Cron | Rate | At


def parse(expression: str) -> Schedule:
    """Read an expression by its grammar alone (spec 3.1, 3.2). Raises InvalidSchedule.

    Expressions that associations may not use, like `rate(1 minute)` or a cron for January only, are read as well.
    """
    # Without this, upper-casing would turn letters such as a long s into names of days.
    form = _FORM.fullmatch(expression) if expression.isascii() else None
    if form is None:
        reason = f"'{expression}': expected cron(…), rate(…) or at(…), with nothing before or after it"
        raise InvalidSchedule(expression, reason)
    keyword, body = form[1].lower(), form[2]
    try:
        if keyword == "cron":
            return cron.parse(body)
        return _parse_rate(body) if keyword == "rate" else _parse_at(body)
    except ValueError as error:
        raise InvalidSchedule(expression, str(error)) from error


def parse_for_association(expression: str, now_ms: int) -> Schedule:
    """Read an expression that an association asks for at `now_ms`, under every limit of spec 3.3.

    A moment in the past is accepted for `at`: it runs at once (spec 3.6 A3). Raises InvalidSchedule.
    """
    schedule = parse(expression)
    broken = _broken_limit(schedule, now_ms)
    if broken is not None:
        raise InvalidSchedule(expression, broken)
    return schedule


def next_due(schedule: Schedule, after_ms: int, anchor_ms: int, offset_days: int = 0) -> int | None:
    """The first instant strictly after `after_ms` when a run is due, None if there is none (spec 3.5).

    `anchor_ms` is when the association was created or updated: a rate counts from it, to the millisecond, and a cron
    time up to it never counts, even if with its offset of `offset_days` it would lie in the future (spec 3.4).
    The offset means nothing to rates and moments.
    """
    match schedule:
        case Cron():
            offset_ms = offset_days * DAY_MS
            fire_ms = cron.next_fire(schedule, max(anchor_ms, after_ms - offset_ms))
            return None if fire_ms is None else fire_ms + offset_ms
        case Rate():
            passed = (after_ms - anchor_ms) // schedule.interval_ms
            return anchor_ms + max(passed + 1, 1) * schedule.interval_ms
        case At(due_ms):
            return due_ms if due_ms > after_ms else None
        case _:
            assert_never(schedule)


def _parse_rate(body: str) -> Rate:
    parts = _RATE.fullmatch(body)
    if parts is None:
        raise ValueError(f"rate '{body}': expected a positive whole number and minutes, hours or days, as in '5 hours'")
    if int(parts[1]) == 0:
        raise ValueError(f"rate '{body}': the number must be at least 1")
    return Rate(int(parts[1]), parts[2])


def _parse_at(body: str) -> At:
    parts = _AT.fullmatch(body)
    if parts is None:
        raise ValueError(f"at '{body}': expected yyyy-mm-ddThh:mm:ss, without fraction or zone")
    year, month, day, hour, minute, second = map(int, parts.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"at '{body}': no such date or time ({error})") from error
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return At((since_epoch.days * 86_400 + since_epoch.seconds) * 1000)


def _broken_limit(schedule: Schedule, now_ms: int) -> str | None:
    match schedule:
        case Cron():
            return _broken_cron_limit(schedule, now_ms)
        case Rate():
            return _broken_rate_limit(schedule)
        case At():
            return None
        case _:
            assert_never(schedule)


def _broken_rate_limit(rate: Rate) -> str | None:
    written = f"rate '{rate.value} {rate.unit}'"
    if rate.unit.endswith("s") != (rate.value > 1):
        return f"{written}: 1 needs a singular unit, any other number a plural one"
    if rate.interval_ms < SHORTEST_MIN * MINUTE_MS:
        return f"{written}: the shortest rate is {SHORTEST_MIN} minutes"
    if rate.interval_ms >= RATE_LIMIT_MS:
        return f"{written}: a rate must be shorter than 31 days"
    return None


def _broken_cron_limit(schedule: Cron, now_ms: int) -> str | None:
    if not cron.every_month(schedule):
        return "month: associations cannot choose months, use *"
    gap_min = cron.shortest_gap_min(schedule)
    if gap_min < SHORTEST_MIN:
        return f"two runs would be {gap_min} minutes apart, at least {SHORTEST_MIN} are needed"
    if cron.next_fire(schedule, now_ms) is None:
        return "it never fires again"
    return None
