"""Throttling: each key has a bucket that fills at a steady rate, and each request takes a token out (spec 0.1, D43)."""

from __future__ import annotations

from typing import NamedTuple

from stateward.access.principals import Principal
from stateward.wire.errors import AwsError

BURST_S = 2.0
MOST_BUCKETS = 1_000


class Bucket(NamedTuple):
    """How many tokens there were at an instant of the wall."""

    tokens: float
    at_ms: int


def filled(bucket: Bucket, rate: float, now_ms: int) -> Bucket:
    """The bucket at `now_ms`: `rate` tokens a second more, two seconds' worth (or one token) at most."""
    burst = max(rate * BURST_S, 1.0)
    gained = max(now_ms - bucket.at_ms, 0) * rate / 1000
    return Bucket(min(bucket.tokens + gained, burst), now_ms)


def full(rate: float, now_ms: int) -> Bucket:
    """A bucket of somebody who has not called for long."""
    return filled(Bucket(rate * BURST_S + 1, now_ms), rate, now_ms)


class Throttle:
    """Lets each access key make `rate` requests a second; nodes and registrations are not counted."""

    def __init__(self, rate: float) -> None:
        assert rate > 0, "no throttling is no Throttle"
        self._rate = rate
        self._buckets: dict[str, Bucket] = {}

    def admit(self, principal: Principal, now_ms: int) -> None:
        """Count a request made at `now_ms` (wall). Raises ThrottlingException."""
        if principal.kind != "key":
            return
        known = self._buckets.get(principal.name)
        bucket = full(self._rate, now_ms) if known is None else filled(known, self._rate, now_ms)
        if bucket.tokens < 1:
            self._buckets[principal.name] = bucket
            raise AwsError("ThrottlingException", "Rate exceeded")
        self._buckets[principal.name] = bucket._replace(tokens=bucket.tokens - 1)
        if len(self._buckets) > MOST_BUCKETS:
            self._forget(now_ms)

    def _forget(self, now_ms: int) -> None:
        """Drop the buckets that are full again: a new one would be the same."""
        most = full(self._rate, now_ms)
        self._buckets = {
            name: bucket for name, bucket in self._buckets.items() if filled(bucket, self._rate, now_ms) != most
        }
