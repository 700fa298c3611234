"""Time that moves only when told to, and never while work is in hand (design 4)."""

import asyncio

import pytest

from stateward.clock import ClockBusy, ClockStuck, VirtualClock


async def nothing():
    """Nothing to wait for."""


def advance(clock, to_ms):
    asyncio.run(clock.advance(to_ms, nothing))


def test_time_stands_still_until_it_is_turned():
    clock = VirtualClock(1_000)
    assert clock.now() == 1_000
    advance(clock, 5_000)
    assert clock.now() == 5_000
    advance(clock, 2_000)
    assert clock.now() == 5_000, "it never goes back"


def test_timers_fire_in_order_at_their_instant():
    clock = VirtualClock(0)
    seen = []
    for due, name in ((30, "c"), (10, "a"), (20, "b1"), (20, "b2"), (99, "later")):
        clock.at(due, name, lambda name=name: seen.append((clock.now(), name)))
    advance(clock, 50)
    assert seen == [(10, "a"), (20, "b1"), (20, "b2"), (30, "c")]
    assert clock.next_timer() == (99, "later")


def test_a_cancelled_timer_does_not_fire():
    clock = VirtualClock(0)
    seen = []
    clock.at(10, "gone", lambda: seen.append("gone")).cancel()
    advance(clock, 50)
    assert seen == []
    assert clock.next_timer() is None


def test_a_timer_may_set_the_next():
    clock = VirtualClock(0)
    seen = []

    def again():
        seen.append(clock.now())
        clock.at(clock.now() + 10, "again", again)

    clock.at(10, "again", again)
    advance(clock, 35)
    assert seen == [10, 20, 30]


def test_time_never_moves_while_a_hold_is_open():
    clock = VirtualClock(0)
    seen = []

    async def work():
        release = clock.hold()
        clock.at(10, "timer", lambda: seen.append("fired"))
        turning = asyncio.create_task(clock.advance(50, nothing))
        await asyncio.sleep(0)
        held_at, before = clock.now(), list(seen)
        release()
        release()
        await turning
        return held_at, before

    assert asyncio.run(work()) == (0, [])
    assert (clock.now(), seen) == (50, ["fired"])


def test_one_hand_at_a_time_d47():
    clock = VirtualClock(0)
    with clock.advancing(), pytest.raises(ClockBusy), clock.advancing():
        pass


def test_an_instant_that_never_settles_is_named():
    clock = VirtualClock(0)

    def endless():
        clock.at(10, "the endless one", endless)

    clock.at(10, "the endless one", endless)
    with pytest.raises(ClockStuck, match="the endless one"):
        advance(clock, 20)
