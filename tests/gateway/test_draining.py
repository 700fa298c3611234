"""An ending server sends its nodes away one after the other (node protocol 5.2)."""

import asyncio
from collections import Counter

import pytest

from stateward.gateway.draining import close_spread


def closing_times(count, over_s, stuck=()):
    """When each of so many channels was closed, in seconds since the first, and how long it took in all."""

    async def work():
        loop = asyncio.get_running_loop()
        began = loop.time()
        times = {}

        async def close(channel):
            times[channel] = loop.time() - began
            if channel in stuck:
                await asyncio.Event().wait()

        await close_spread(list(range(count)), over_s, close)
        return times, loop.time() - began

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("count", "over_s", "least", "most"),
    [
        pytest.param(0, 20, 0, 15, id="nobody"),
        pytest.param(3, 20, 0, 15, id="few are not kept waiting"),
        pytest.param(2000, 0.3, 0.2, None, id="many take the time that they are given"),
        pytest.param(300, 20, 0.2, 15, id="a thousand in a second is fast enough"),
        pytest.param(2000, 0, 0, None, id="at once"),
    ],
)
def test_channels_are_closed_evenly(count, over_s, least, most):
    """`most` is far above what it takes: a busy machine decides nothing."""
    times, took = closing_times(count, over_s)
    assert len(times) == count
    assert took >= least
    assert most is None or took <= most
    if least:
        batches = sorted(set(Counter(round(at, 2) for at in times.values()).values()))
        assert batches[-1] <= count / 2, "not all at once"


def test_one_that_cannot_be_closed_does_not_hold_up_the_others():
    times, took = closing_times(10, 0, stuck=(0, 5))
    assert len(times) == 10
    assert took < 3


def test_each_is_told_that_the_server_goes_away(start_server, node_thread):
    from scripted_nodes import NodePark

    server = start_server()
    park = NodePark(node_thread, server)
    sockets = [node._socket for node in park.add(20)]
    server.stop()
    for node in park.nodes:
        node.wait_for_closing()
    assert {socket.close_code for socket in sockets} == {1001}
    park.close()
