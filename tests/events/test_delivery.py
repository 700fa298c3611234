"""Couriers: in order, at least once, never lost across failures and restarts (D42)."""

import asyncio
from contextlib import suppress

import pytest
from outbox_kit import HOUR_MS, ListSink, outbox
from webhook_receiver import WebhookReceiver

from stateward.events import signing, store
from stateward.events.delivery import Deliveries
from stateward.events.sinks import Webhook

SECRET = signing.secret_of(bytes(range(32)))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.db"


def test_a_new_sink_begins_with_the_next_event(path):
    async def scenario():
        async with outbox(path) as box:
            await box.add(3)
            sink = ListSink()
            courier = await box.courier(sink)
            await box.add(2)
            await box.deliver(courier)
            assert sink.taken == [4, 5]

    asyncio.run(scenario())


def test_events_come_in_order_and_once(path):
    async def scenario():
        async with outbox(path) as box:
            sink = ListSink(at_once=7)
            courier = await box.courier(sink)
            await box.add(500)
            await box.deliver(courier)
            assert sink.taken == list(range(1, 501))
            assert box.counts("delivered") == 500
            assert not await courier.carry()

    asyncio.run(scenario())


def test_a_failure_is_tried_again_with_longer_pauses(path):
    async def scenario():
        async with outbox(path) as box:
            sink = ListSink(failures=12)
            courier = await box.courier(sink)
            await box.add(3)
            await box.deliver(courier)
            assert sink.taken == [1, 2, 3]
            assert box.counts("failed") == 12
            expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
            assert all(0.8 * most <= pause <= most for pause, most in zip(box.pauses, expected, strict=True))
            sink.failures = 1
            await box.add()
            await box.deliver(courier)
            assert box.pauses[-1] <= 1  # a success ends the waiting

    asyncio.run(scenario())


def test_the_place_survives_a_restart(path):
    async def scenario():
        async with outbox(path) as box:
            courier = await box.courier(ListSink())
            await box.add(3)
            await box.deliver(courier)
            await courier.end()
            await box.add(2)
        async with outbox(path) as box:
            sink = ListSink()
            await box.deliver(await box.courier(sink))
            assert sink.taken == [4, 5]

    asyncio.run(scenario())


def test_after_a_crash_events_come_again_and_none_is_lost(path):
    async def scenario():
        async with outbox(path) as box:
            sink = ListSink(at_once=1)
            courier = await box.courier(sink)
            await box.add(4)
            await courier.carry()  # delivered, and nobody is left to note it
            assert sink.taken == [1, 2, 3, 4]
        async with outbox(path) as box:
            again = ListSink()
            await box.deliver(await box.courier(again))
            assert again.taken == [1, 2, 3, 4]

    asyncio.run(scenario())


def test_after_24_hours_events_are_given_up_and_counted(path):
    async def scenario():
        async with outbox(path) as box:
            sink = ListSink(failures=10_000)
            courier = await box.courier(sink)
            await box.add(3)
            began = box.clock.ms
            await box.carry_until(courier, lambda: box.clock.ms >= began + 12 * HOUR_MS)
            await box.add(2)
            half_way = box.clock.ms
            await box.carry_until(courier, lambda: box.counts("given_up"))
            assert began + 24 * HOUR_MS <= box.clock.ms <= began + 24 * HOUR_MS + 600_000
            assert (box.counts("given_up"), courier.delivered_through) == (3, 3)
            await box.carry_until(courier, lambda: box.counts("given_up") == 5)
            assert box.clock.ms >= half_way + 24 * HOUR_MS
            assert sink.taken == []
            sink.failures = 0
            await box.add()
            await box.deliver(courier)
            assert sink.taken == [6]

    asyncio.run(scenario())


def test_a_long_stop_of_the_server_gives_nothing_up(path):
    async def scenario():
        async with outbox(path) as box:
            courier = await box.courier(ListSink())
            await box.add(2)
            await courier.end()
            box.clock.ms += 48 * HOUR_MS
            sink = ListSink(failures=3)
            await box.deliver(await box.courier(sink))
            assert sink.taken == [1, 2]
            assert box.counts("given_up") == 0

    asyncio.run(scenario())


def test_a_success_ends_the_24_hours(path):
    async def scenario():
        async with outbox(path) as box:
            sink = ListSink(failures=1)
            courier = await box.courier(sink)
            await box.add()
            await box.deliver(courier)
            box.clock.ms += 48 * HOUR_MS
            sink.failures = 1
            await box.add()
            box.clock.ms += 25 * HOUR_MS
            await box.deliver(courier)
            assert sink.taken == [1, 2]
            assert box.counts("given_up") == 0

    asyncio.run(scenario())


def test_failing_goes_on_counting_across_a_restart(path):
    async def scenario():
        async with outbox(path) as box:
            courier = await box.courier(ListSink(failures=1))
            await box.add()
            await courier.carry()
        async with outbox(path) as box:
            box.clock.ms += 24 * HOUR_MS
            courier = await box.courier(ListSink(failures=1))
            await courier.carry()
            assert box.counts("given_up") == 1

    asyncio.run(scenario())


def test_a_dead_sink_delays_no_other(path):
    async def scenario():
        async with outbox(path) as box:
            dead, alive = DeadSink(), ListSink("alive")
            deliveries = Deliveries(box.db, box.clock, [dead, alive], lambda *_: None)
            await deliveries.start()
            for number in range(1, 4):
                await box.add()
                deliveries.wake(number)
                await alive.until(list(range(1, number + 1)))
            assert dead.asked
            assert (deliveries.behind("dead"), deliveries.behind("alive")) == (3, 0)
            await deliveries.stop()
            assert dead.closed
            assert alive.closed
            async with box.db.reading() as tx:
                assert await store.slowest(tx, ["dead", "alive"]) == 0
                assert await store.slowest(tx, ["alive"]) == 3

    asyncio.run(scenario())


def test_a_courier_that_breaks_goes_on(path):
    async def scenario():
        async with outbox(path) as box:
            sink = BrokenSink()
            courier = await box.courier(sink)
            await box.add()
            running = asyncio.create_task(courier.run())
            await sink.until([1])
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            assert box.pauses == [300]

    asyncio.run(scenario())


def test_a_webhook_that_fails_first_gets_the_same_message_again(path):
    async def scenario(receiver):
        async with outbox(path) as box:
            sink = Webhook(receiver.url, signing.key_of(SECRET), box.clock)
            courier = await box.courier(sink)
            await box.add(2)
            await box.deliver(courier)
            await courier.end()
            return box.pauses

    with WebhookReceiver(500, 302, 429) as receiver:
        pauses = asyncio.run(scenario(receiver))
    assert [delivery.id for delivery in receiver.deliveries] == ["event-1"] * 4 + ["event-2"]
    assert [delivery.event["number"] for delivery in receiver.accepted] == [1, 2]
    assert all(delivery.is_signed_with(SECRET) for delivery in receiver.deliveries)
    assert len({delivery.body for delivery in receiver.deliveries[:4]}) == 1
    times = [int(delivery.headers["webhook-timestamp"]) for delivery in receiver.deliveries]
    assert times == sorted(times)
    assert times[3] - times[0] >= 0.8 * (1 + 2 + 4) - 1  # each attempt is signed with its own time
    assert len(pauses) == 3
    assert receiver.deliveries[0].headers["content-type"] == "application/json"


def test_another_signature_is_told_apart():
    with WebhookReceiver() as receiver:
        receiver._take({"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}, b"{}")
        assert not receiver.deliveries[0].is_signed_with(SECRET)


class DeadSink(ListSink):
    """Takes for ever."""

    def __init__(self):
        super().__init__("dead")
        self.asked = False

    async def take(self, events):
        self.asked = True
        await asyncio.get_running_loop().create_future()


class BrokenSink(ListSink):
    """Has a bug that shows once."""

    def __init__(self):
        super().__init__("broken")
        self._broken = True

    async def take(self, events):
        if self._broken:
            self._broken = False
            raise KeyError("a bug")
        await super().take(events)
