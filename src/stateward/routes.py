"""Every address of a server but `POST /`, and what answers there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from stateward.access.principals import Scope, administrator
from stateward.alarms.posted import PostedAlarms
from stateward.api.administrators import Door
from stateward.api.agent_files import AgentFiles
from stateward.api.alarms import AlarmRoutes
from stateward.api.extension_routes import ExtensionRoutes
from stateward.api.history import HistoryRoutes
from stateward.api.nodes import NodeRoutes
from stateward.api.steering import ClockRoutes
from stateward.api.together import ApplyRoutes
from stateward.clock import VirtualClock
from stateward.commands import store_delivery
from stateward.config import AGENT_FOLDER
from stateward.events.live_routes import LiveRoutes
from stateward.events.routes import EventRoutes
from stateward.gateway.routes import ControlChannel
from stateward.probes import Probes
from stateward.simulation.fleet import REPLICA
from stateward.simulation.routes import FleetRoutes
from stateward.tls.authority import ca_path

if TYPE_CHECKING:
    from stateward.app import Server

IN_HAND_SHOWN = 100
GET, BOTH = ["GET"], ["GET", "POST"]


class Steering(NamedTuple):
    """What turns the virtual clock and changes its fleet; None where there is no such thing."""

    clock: ClockRoutes | None
    fleet: FleetRoutes | None


def routes_of(server: Server) -> Starlette:
    """The application behind `Server.__call__` for all that is no operation of AWS's."""
    config = server.config
    door = Door(server.authenticator, allowed_hosts=config.allowed_hosts)
    scope = Scope(config.account_id, config.region)
    anybody = administrator("anybody", scope)  # who asks without a key, under `--auth open`
    probes = Probes(config, server.db, server.authenticator, server.metrics, lambda: server.is_ready)
    agent_files = AgentFiles(
        config.data_dir / AGENT_FOLDER,
        ca_path(config.data_dir) if config.has_own_ca else None,
        config.tls_endpoint,
        config.allowed_hosts,
    )
    apply = ApplyRoutes(server.performer, server.db, door, anybody, server.documents.check_ahead)
    return Starlette(
        routes=[
            *probes.routes,
            *agent_files.routes,
            *NodeRoutes(server.db, server.clock, door, scope).routes,
            *ExtensionRoutes(server.performer, door, scope).routes,
            Route("/_stateward/live", LiveRoutes(server.live, door, anybody).handle, methods=GET),
            *server.output.routes,
            Route("/_stateward/events", EventRoutes(server.db, door).handle, methods=GET),
            Route("/_stateward/history", HistoryRoutes(server.db, door, scope).handle, methods=GET),
            Route("/_stateward/apply", apply.handle, methods=["POST"]),
            Mount("/v1/control-channel", ControlChannel(server.gateway, server.authenticator, config.allowed_hosts)),
            *server.console.routes,
            *_steering(server, door),
        ]
    )


def steering_of(server: Server) -> Steering:
    """The hands on the virtual clock and its fleet, for their addresses and for the console."""
    if not isinstance(server.clock, VirtualClock) or server.kept_time is None:
        return Steering(None, None)
    config = server.config
    door = Door(server.authenticator, allowed_hosts=config.allowed_hosts)

    def engine_state() -> Any:
        return server.engine.fired, server.engine.next_due

    clock = ClockRoutes(server.clock, door, _in_hand(server), engine_state, server.kept_time.keep)
    if server.simulation is None:
        return Steering(clock, None)
    scope, tags = Scope(config.account_id, config.region), config.quotas.tags
    return Steering(clock, FleetRoutes(server.simulation, server.clock, door, server.engine.wake, scope, tags))


def _steering(server: Server, door: Door) -> list[Route]:
    found: list[Route] = []
    if server.steering.clock is not None:
        found.append(Route("/_stateward/clock", server.steering.clock.handle, methods=BOTH))
    if server.steering.fleet is not None:
        found.append(Route("/_stateward/fleet", server.steering.fleet.handle, methods=BOTH))
    if isinstance(server.alarms, PostedAlarms):
        alarms = AlarmRoutes(server.alarms, door, server.engine.wake)
        found.append(Route("/_stateward/alarms", alarms.handle, methods=BOTH))
    return found


def _in_hand(server: Server) -> Callable[[], Awaitable[list[str]]]:
    """What connected nodes are still working on, for whoever turns the clock."""

    async def read() -> list[str]:
        async with server.db.reading() as tx:
            rows = await store_delivery.in_hand(tx, IN_HAND_SHOWN, REPLICA)
        return [f"command {row.command_id} on {row.resource_id}" for row in rows]

    return read
