"""`/_stateward/fleet`: simulated nodes and the script of their answers, with the virtual clock (D45 to D47)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stateward.access import roles
from stateward.access.principals import Scope
from stateward.api.administrators import Door, refusal
from stateward.clock import VirtualClock
from stateward.simulation import requests
from stateward.simulation.simulation import Simulation
from stateward.wire.errors import AwsError

NOBODY = "anybody"


class FleetRoutes:
    """The hand on the fleet. Changes are made when all that is due now has been done, and answered likewise, so
    that a scenario has one history. `wake` has the engine look; `default_scope` is whose fleet nobody in particular
    changes."""

    def __init__(
        self,
        simulation: Simulation,
        clock: VirtualClock,
        door: Door,
        wake: Callable[[], None],
        default_scope: Scope,
        tags_allowed: int,
    ) -> None:
        self._simulation = simulation
        self._clock = clock
        self._door = door
        self._wake = wake
        self._default_scope = default_scope
        self._tags_allowed = tags_allowed

    async def handle(self, request: Request) -> Response:
        """GET: the nodes and the rules. POST: change one or the other."""
        try:
            needed = roles.READER if request.method == "GET" else roles.ADMINISTRATOR
            principal, body = await self._door.enter(request, "changing the simulated fleet", needed)
            scope = self._default_scope if principal is None else principal.scope
            if request.method == "GET":
                return JSONResponse(await self._simulation.describe(scope))
            wish = requests.parse(body, self._tags_allowed)
            await self._clock.settled()
            answer = await self._simulation.change(scope, NOBODY if principal is None else principal.name, wish)
            self._wake()
            await self._clock.settled()
            return JSONResponse(answer)
        except AwsError as error:
            return refusal(error)
