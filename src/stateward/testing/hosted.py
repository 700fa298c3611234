"""The server of one test, behind an address that outlives it (D59)."""

from __future__ import annotations

from stateward.app import Server
from stateward.config import Config
from stateward.testing.background import LoopThread
from stateward.testing.front import Calls, Front, Fronts, Guest
from stateward.testing.watching import ServerErrors
from stateward.wire.model import ServiceModel


class HostedServer:
    """A running Server object. `errors` are what went wrong inside it, `calls` what the API was asked."""

    def __init__(self, thread: LoopThread, fronts: Fronts, config: Config, model: ServiceModel) -> None:
        self.errors = ServerErrors(is_quiet=True)
        self._thread = thread
        self._front, self._guest = thread.run(self._start(fronts, config, model))

    @property
    def url(self) -> str:
        return self._front.url

    @property
    def server(self) -> Server:
        return self._guest.server

    @property
    def calls(self) -> Calls:
        return self._guest.calls

    def stop_later(self) -> None:
        """Stop beside what follows. The address is free at once."""
        self._thread.later(self._end())

    async def _start(self, fronts: Fronts, config: Config, model: ServiceModel) -> tuple[Front, Guest]:
        with self.errors.watched():  # tasks inherit the context in which they were made
            server = Server(config, model)
            await server.start()
        front, guest = await fronts.free(), Guest(server, self.errors)
        front.enter(guest)
        return front, guest

    async def _end(self) -> None:
        self._front.leave()
        await self._guest.end()
