"""Many nodes in one process: registered where they are not, connected one after the other, held until told to stop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import httpx
import msgspec
import structlog

from stateward.agent import machine as machines
from stateward.agent.client import TIMEOUT_S, RegistrationClient
from stateward.agent.identity import Identity, IdentityProblem
from stateward.agent.main import RegistrationFailed, persistently
from stateward.clock import SystemClock, monotonic_s
from stateward.fleet.director import Director
from stateward.fleet.hands import Tally
from stateward.fleet.node import FleetNode, Surroundings
from stateward.fleet.roster import Roster
from stateward.fleet.script import FleetRule

CALLS_AT_ONCE = 16
STARTS_AT_ONCE = 16
OPEN_S = 15.0
LEAST_DIGITS = 3
NODE_ID = "mi-"
FAREWELL_S = 3.0
LOOK_S = 0.5
log = structlog.get_logger("stateward.fleet")


class Activation(msgspec.Struct, frozen=True):
    """What registers `limit` nodes."""

    activation_id: str
    code: str
    limit: int


class Plan(msgspec.Struct, frozen=True):
    """What a fleet is to be: so many nodes, `name-001` and so on, with these answers; `rate` a second connect."""

    endpoint: str
    count: int
    name: str
    script: Sequence[FleetRule]
    usual: str
    rate: float


class State(msgspec.Struct, frozen=True):
    """How a fleet is at a moment; `ready_s`: after how long all nodes were connected for the first time."""

    count: int
    connected: int
    running: int
    ended: int
    unwell: int
    ready_s: float | None


class Fleet:
    """The nodes of a roster, and those that it lacks."""

    def __init__(self, plan: Plan, roster: Roster, activations: Sequence[Activation], tls: ssl.SSLContext) -> None:
        self._plan = plan
        self._roster = roster
        self._tickets = _tickets(activations)
        self._tls = tls
        self._tally = Tally()
        self._nodes: list[FleetNode] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._connected = 0
        self._complete = asyncio.Event()
        self._ready_s: float | None = None
        self._failure: RegistrationFailed | IdentityProblem | None = None

    @property
    def state(self) -> State:
        tally = self._tally
        return State(self._plan.count, self._connected, tally.running, tally.ended, tally.unwell, self._ready_s)

    async def run(self, stop: asyncio.Event, look: Callable[[State], None]) -> State:
        """Hold the fleet until `stop` is set; `look` is shown its state twice a second.

        Raises RegistrationFailed, and IdentityProblem when the roster cannot be kept.
        """
        limits = httpx.Limits(max_connections=CALLS_AT_ONCE, max_keepalive_connections=CALLS_AT_ONCE)
        transport = _Queue(httpx.AsyncHTTPTransport(verify=self._tls, limits=limits))
        async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S) as http:
            machine = machines.describe()
            director = Director(self._plan.script, self._plan.usual, machine.platform_type)
            around = Surroundings(machine, SystemClock(), http, self._tls, director, self._tally)
            duties = [
                asyncio.create_task(self._ramp(around, stop), name="ramp"),
                asyncio.create_task(self._watch(look), name="state"),
            ]
            await stop.wait()
            connected = self._connected
            await self._end(duties)
        if self._failure is not None:
            raise self._failure
        return msgspec.structs.replace(self.state, connected=connected)

    async def _ramp(self, around: Surroundings, stop: asyncio.Event) -> None:
        """Start the nodes, so many a second, and few at once."""
        places = asyncio.Semaphore(STARTS_AT_ONCE)
        began_s = monotonic_s()
        registering = RegistrationClient(self._plan.endpoint, around.http)
        for number in range(1, self._plan.count + 1):
            await asyncio.sleep(max(0.0, began_s + (number - 1) / self._plan.rate - monotonic_s()))
            await places.acquire()
            self._keep(asyncio.create_task(self._start(number, around, registering, places, stop), name=f"{number}"))
        await self._complete.wait()
        self._ready_s = monotonic_s() - began_s

    async def _start(
        self,
        number: int,
        around: Surroundings,
        registering: RegistrationClient,
        places: asyncio.Semaphore,
        stop: asyncio.Event,
    ) -> None:
        try:
            identity = self._roster.identity(number) or await self._register(number, registering)
            node = FleetNode(identity, number, name_of(self._plan, number), around, self._note)
            self._nodes.append(node)
            self._keep(asyncio.create_task(node.run(), name=identity.node_id))
            with suppress(TimeoutError):
                async with asyncio.timeout(OPEN_S):
                    await node.opened.wait()
        except (RegistrationFailed, IdentityProblem) as error:
            self._failure = error
            stop.set()
        finally:
            places.release()

    def _note(self, opened: bool) -> None:
        self._connected += 1 if opened else -1
        if self._connected == self._plan.count:
            self._complete.set()

    async def _register(self, number: int, registering: RegistrationClient) -> Identity:
        key = self._roster.new_key()
        ticket = next(self._tickets)
        made = await persistently(lambda: registering.register(ticket.activation_id, ticket.code, key))
        return self._roster.add(number, made.node_id, key)

    async def _watch(self, look: Callable[[State], None]) -> None:
        while True:
            look(self.state)
            await asyncio.sleep(LOOK_S)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.append(task)
        task.add_done_callback(_tell_failure)

    async def _end(self, duties: list[asyncio.Task[None]]) -> None:
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await asyncio.gather(*(node.farewell() for node in self._nodes))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def name_of(plan: Plan, number: int) -> str:
    """What the node with this number calls itself: `fleet-001`, with more digits where there are more nodes."""
    return f"{plan.name}-{number:0{max(LEAST_DIGITS, len(str(plan.count)))}d}"


def stranger_in(plan: Plan) -> str | None:
    """What is wrong with a name in the script that no node of the fleet has; an id may be of any node."""
    known = {name_of(plan, number) for number in range(1, plan.count + 1)}
    for rule in plan.script:
        for node in rule.nodes if isinstance(rule.nodes, list) else ():
            if node not in known and not node.startswith(NODE_ID):
                all_names = f"{name_of(plan, 1)} to {name_of(plan, plan.count)}"
                return f"nodes: {node!r} is no node of this fleet, whose nodes are {all_names}; ids (mi-…) are good too"
    return None


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a node of the fleet has failed", node=task.get_name(), exc_info=task.exception())


def _tickets(activations: Sequence[Activation]) -> Iterator[Activation]:
    return (activation for activation in activations for _ in range(activation.limit))


class _Queue(httpx.AsyncBaseTransport):
    """Few calls at once, whose time begins with their turn: a server that was away is not asked by all in a moment."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._turns = asyncio.Semaphore(CALLS_AT_ONCE)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._turns:
            return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()
