"""When schedules fire, found by looking at every minute: slow, and nothing to do with the server's own rules."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def when(ms):
    return EPOCH + timedelta(milliseconds=ms)


def ms_of(instant):
    return (instant - EPOCH) // timedelta(milliseconds=1)


def fires(expression, after_ms, anchor_ms, offset_days=0):
    """The first time after `after_ms`, in ms, or None within two years."""
    if expression.startswith("rate("):
        number, unit = expression[5:-1].split()
        step = int(number) * MINUTE_MS * {"m": 1, "h": 60, "d": 24 * 60}[unit[0]]
        due = anchor_ms + step
        while due <= after_ms:
            due += step
        return due
    if expression.startswith("at("):
        due = ms_of(datetime.strptime(expression[3:-1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC))
        return due if due > after_ms else None
    minute, hour, day, _month, weekday, _year = expression[5:-1].split()
    start = max(after_ms - offset_days * DAY_MS, anchor_ms)
    at = when((start // MINUTE_MS + 1) * MINUTE_MS)
    end = at + timedelta(days=730)
    while at < end:
        if not _day_fits(at, day, weekday):
            at = (at + timedelta(days=1)).replace(hour=0, minute=0)
        elif _fits(at.minute, minute, 60) and _fits(at.hour, hour, 24):
            return ms_of(at) + offset_days * DAY_MS
        else:
            at += timedelta(minutes=1)
    return None


def _fits(value, field, size):
    if field == "*":
        return True
    if "/" in field:
        first, step = field.split("/")
        return value in range(int(first), size, int(step))
    return value in [int(one) for one in field.split(",")]


def _day_fits(at, day, weekday):
    last = (at + timedelta(days=1)).month != at.month
    if day != "?":
        return last if day == "L" else _fits(at.day, day, 32)
    if weekday == "*":
        return True
    name = DAYS[(at.weekday() + 1) % 7]
    if "#" in weekday:
        wanted, nth = weekday.split("#")
        return name == wanted and (at.day - 1) // 7 + 1 == int(nth)
    return name in weekday.split(",")
