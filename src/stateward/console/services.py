"""What the console is given: the rest of the server, as far as pages need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from stateward.access.authentication import Authenticator
from stateward.access.principals import Scope
from stateward.access.sealing import MasterKey
from stateward.api.event_stream import Readers
from stateward.api.perform import Performer
from stateward.clock import Clock
from stateward.commands.output_news import OutputNews
from stateward.config import Config
from stateward.events.delivery import Deliveries
from stateward.events.live import Live
from stateward.nodes.groups import ResourceGroups
from stateward.storage import Database


class ClockHand(Protocol):
    """Turns the virtual clock."""

    def time(self) -> dict[str, Any]: ...
    async def turn(self, body: bytes) -> dict[str, Any]: ...


class FleetHand(Protocol):
    """Changes the simulated fleet."""

    async def described(self, scope: Scope) -> dict[str, Any]: ...
    async def change(self, scope: Scope, who: str, body: bytes) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Services:
    """The doors of one server: reads go through `db`, changes through `performer`."""

    config: Config
    db: Database
    clock: Clock
    master: MasterKey
    authenticator: Authenticator
    performer: Performer
    groups: ResourceGroups
    deliveries: Deliveries
    live: Live
    output_news: OutputNews
    readers: Readers
    clock_hand: ClockHand | None
    fleet_hand: FleetHand | None

    @property
    def is_open(self) -> bool:
        """Whether whoever reaches the port is administrator."""
        return self.config.auth == "open"

    @property
    def hosts(self) -> tuple[str, ...]:
        return self.config.allowed_hosts

    @property
    def is_virtual(self) -> bool:
        return self.config.clock == "virtual"

    @property
    def default_scope(self) -> Scope:
        return Scope(self.config.account_id, self.config.region)
