"""`/_stateward/fleet`: simulated nodes and the script of their answers, with the virtual clock (D45 to D47)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
                return JSONResponse(await self.described(scope))
            return JSONResponse(await self.change(scope, NOBODY if principal is None else principal.name, body))
        except AwsError as error:
            return refusal(error)

    async def described(self, scope: Scope) -> dict[str, Any]:
        """The nodes and the rules of an account and region."""
        return await self._simulation.describe(scope)

    async def change(self, scope: Scope, who: str, body: bytes) -> dict[str, Any]:
        """Do what a request's body says, when all that is due has been done, before and after. Raises AwsError."""
        wish = requests.parse(body, self._tags_allowed)
        await self._clock.settled()
        answer = await self._simulation.change(scope, who, wish)
        self._wake()
        await self._clock.settled()
        return answer
