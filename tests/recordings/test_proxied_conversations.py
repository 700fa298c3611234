"""The official agent behind a proxy that answers instead of the server, or after it: the table has the ends (D25)."""

import pytest
from conversation_replay import ConversationReplay
from fault_proxy import REACHES
from outcomes import PROXIED


@pytest.mark.parametrize("reaches", REACHES)
@pytest.mark.parametrize("name", PROXIED)
def test_a_proxied_conversation_ends_as_the_table_says(server, activation, name, reaches):
    start, instead, after = PROXIED[name]
    replay = ConversationReplay(server, activation, name, reaches=reaches, start=start)
    try:
        assert replay.play().outcome() == (after if reaches else instead)
        assert len(replay.proxy.lost) == (replay.spoiled if reaches else 0)
    finally:
        replay.close()
