"""Old events go once every sink has taken them."""

import asyncio

from outbox_kit import HOUR_MS, ListSink, outbox

from stateward.events.retention import ROWS_AT_ONCE, Retention

DAY_MS = 24 * HOUR_MS


def test_events_older_than_the_days_go_in_slices(tmp_path):
    async def scenario():
        async with outbox(tmp_path / "events.db") as box:
            await box.add(ROWS_AT_ONCE + 10)
            box.clock.ms += 29 * DAY_MS
            await box.add(3)
            retention = Retention(box.db, 30, [])
            assert await retention.clean() == 0
            box.clock.ms += DAY_MS + 1
            assert await retention.clean() == ROWS_AT_ONCE + 10
            newest = [ROWS_AT_ONCE + 11, ROWS_AT_ONCE + 12, ROWS_AT_ONCE + 13]
            assert await box.sequences() == newest
            await box.add()
            assert await box.sequences() == [*newest, ROWS_AT_ONCE + 14]  # numbers are never used again

    asyncio.run(scenario())


def test_what_a_sink_has_not_taken_is_kept(tmp_path):
    async def scenario():
        async with outbox(tmp_path / "events.db") as box:
            quick, slow = await box.courier(ListSink("quick")), await box.courier(ListSink("slow"))
            await box.courier(ListSink("not configured any more"))
            await box.add(2)
            await box.deliver(slow)
            await slow.end()
            await box.add(2)
            await box.deliver(quick)
            await quick.end()
            box.clock.ms += 31 * DAY_MS
            retention = Retention(box.db, 30, ["quick", "slow"])
            assert await retention.clean() == 2
            assert await box.sequences() == [3, 4]
            await box.deliver(slow)
            await slow.end()
            assert await retention.clean() == 2

    asyncio.run(scenario())
