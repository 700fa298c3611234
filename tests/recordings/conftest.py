import pytest

pytest.register_assert_rewrite(
    "player", "replay", "polling_player", "message_replay", "refresh_replay", "conversation_replay"
)

from player import Player  # noqa: E402 - after the rewriting was asked for
from polling_player import PollingPlayer  # noqa: E402


@pytest.fixture
def new_player(server):
    """Makes players, each of which ends with the test."""
    players = []

    def make():
        players.append(Player(server.url))
        return players[-1]

    yield make
    for one in players:
        one.close()


@pytest.fixture
def activation(ssm):
    return ssm.create_activation(IamRole="role", RegistrationLimit=10)


@pytest.fixture
def player(new_player, activation):
    """A node whose channel is open."""
    return new_player().start(activation)


@pytest.fixture
def polling(server, activation):
    """A node that is registered and polls."""
    player = PollingPlayer(server.url).start(activation)
    yield player
    player.close()
