"""The agent as a whole: registering this machine, and being its node until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import structlog

from stateward.agent import client as calls
from stateward.agent import identity as identities
from stateward.agent import machine as machines
from stateward.agent import reaching
from stateward.agent.backoff import Backoff
from stateward.agent.channel import ControlChannel
from stateward.agent.client import CallFailed, CallRefused, NodeClient, RegistrationClient
from stateward.agent.credentials import CredentialKeeper
from stateward.agent.durable import private_folder
from stateward.agent.heartbeat import Heartbeat
from stateward.agent.identity import Identity, IdentityProblem, Registration
from stateward.agent.intake import Intake
from stateward.agent.journal import Journal
from stateward.agent.link import Link
from stateward.agent.live_output import LiveOutput
from stateward.agent.outbox import Outbox
from stateward.agent.polling import MessagePolling
from stateward.agent.processes import Drains, birth_of
from stateward.agent.reaching import NoTrust
from stateward.agent.server_calls import NodeServer
from stateward.agent.sources import Sources
from stateward.agent.status import Status, StatusFile
from stateward.agent.workshop import Workshop
from stateward.clock import Clock, SystemClock

DEFAULT_REGION = "us-east-1"
REGISTRATION_TRIES = 4
FAREWELL_S = 3.0
TIDY_S = 3600.0
_Made = TypeVar("_Made")
log = structlog.get_logger("stateward.agent")


class RegistrationFailed(Exception):
    """This machine could not be registered; the text says why."""


async def register(
    state_dir: Path,
    endpoint: str,
    activation_id: str,
    activation_code: str,
    region: str = DEFAULT_REGION,
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> str:
    """Register this machine as a node and store its identity in `state_dir`; the node id.

    What may pass is tried four times within some seconds (node protocol 1.5). Raises RegistrationFailed and
    IdentityProblem.
    """
    try:
        endpoint = calls.checked_endpoint(endpoint)
    except ValueError as error:
        raise RegistrationFailed(str(error)) from error
    try:
        tls = reaching.trust()
    except NoTrust as error:
        raise RegistrationFailed(str(error)) from error
    with identities.exclusively(state_dir):
        present = identities.registered(state_dir)
        if present is not None:
            raise RegistrationFailed(
                f"{state_dir}: already registered as {present.node_id} at {present.endpoint}, "
                "use another --state-dir or remove that folder"
            )
        key = identities.prepare_key(state_dir)
        async with calls.new_http(tls) as http:
            caller = RegistrationClient(endpoint, http)
            made = await persistently(lambda: caller.register(activation_id, activation_code, key), pause)
        if made.region not in ("", region):
            log.warning("the activation is of another region, which the node takes", given=region, region=made.region)
        identities.save(state_dir, Registration(made.node_id, made.region or region, endpoint))
    log.info("registered", node=made.node_id, endpoint=endpoint)
    return made.node_id


async def run_agent(
    state_dir: Path,
    *,
    stop: asyncio.Event | None = None,
    reboot_command: str = "",
    sources: Sources | None = None,
) -> None:
    """Be the node that is registered in `state_dir`, until SIGTERM, Ctrl-C or `stop`. Raises IdentityProblem.

    `reboot_command` is what a step that ends with exit code 194 brings about; empty: such a step has failed.
    """
    with identities.exclusively(state_dir):
        identity = identities.load(state_dir)
        stop = stop or asyncio.Event()
        stop_on_signals(stop)
        try:
            tls = reaching.trust()
        except NoTrust as error:
            raise IdentityProblem(str(error)) from error
        async with calls.new_http(tls) as http:
            clock = SystemClock()
            client = NodeClient(identity, clock, http)
            agent = Agent(identity, state_dir, clock, client, tls, reboot_command, sources or Sources())
            await agent.run(stop)


class Agent:
    """The parts of an agent, put together."""

    def __init__(
        self,
        identity: Identity,
        state_dir: Path,
        clock: Clock,
        client: NodeClient,
        tls: ssl.SSLContext,
        reboot_command: str,
        sources: Sources,
    ) -> None:
        machine = machines.describe()
        # Steps run in their own folders, where a relative path would lead elsewhere.
        state_dir = state_dir.absolute()
        node_id = identity.node_id
        changed = asyncio.Event()
        self._node_id = node_id
        self._registration = identity.registration
        self._machine = machine
        self._clock = clock
        self._started_ms = clock.now()
        self._way_since = ("", self._started_ms)
        try:
            self._journal = Journal(state_dir / "commands")
            self._outbox = Outbox(state_dir / "replies", clock, changed)
            private_folder(state_dir / "runs")
            live = LiveOutput(state_dir / "output")
        except OSError as error:
            raise IdentityProblem(f"{state_dir}: the state folder cannot be used ({error})") from error
        self._drains = Drains()
        self._keeper = CredentialKeeper(client.request_role_token, clock, changed)
        workshop = Workshop(
            registration=identity.registration,
            machine=machine,
            clock=clock,
            journal=self._journal,
            outbox=self._outbox,
            state_dir=state_dir,
            server=NodeServer(client, self._keeper),
            drains=self._drains,
            live=live,
            changed=changed,
            sources=sources,
            reboot_command=reboot_command,
        )
        self._intake = Intake(workshop)
        parts = (node_id, client, self._keeper, self._intake, self._outbox, machine, clock)
        self._link = Link(ControlChannel(*parts, tls, live), MessagePolling(*parts), changed)
        self._status = StatusFile(state_dir, self._look, changed)
        self._heartbeat = Heartbeat(node_id, client, self._keeper, machine, lambda: self._link.way)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end what runs, say so if possible, and return."""
        log.info("the agent starts", node=self._node_id)
        self._intake.take_up()
        try:
            async with asyncio.TaskGroup() as group:
                duties = [
                    group.create_task(self._keeper.keep(), name="credentials"),
                    group.create_task(self._heartbeat.beat(), name="heartbeat"),
                    group.create_task(self._connect(), name="control channel"),
                    group.create_task(self._tidy(), name="tidying"),
                    group.create_task(self._status.keep(), name="status"),
                ]
                await stop.wait()
                await self._farewell()
                for duty in duties:
                    duty.cancel()
        finally:
            await self._intake.stop()
            self._drains.close()
            log.info("the agent has ended", node=self._node_id)

    async def _connect(self) -> None:
        await self._heartbeat.online.wait()
        await self._link.run()

    def _look(self) -> Status:
        """How the agent is at this moment."""
        if self._link.way != self._way_since[0]:
            self._way_since = (self._link.way, self._clock.now())
        registration = self._registration
        return Status(
            node_id=registration.node_id,
            endpoint=registration.endpoint,
            region=registration.region,
            agent_version=self._machine.agent_version,
            process_id=os.getpid(),
            birth=birth_of(os.getpid()) or "",
            started_ms=self._started_ms,
            way=self._way_since[0],
            since_ms=self._way_since[1],
            refusal=self._keeper.refusal,
            running=self._intake.running,
            waiting=self._intake.waiting,
            rebooting=self._intake.rebooting,
            unsent_replies=self._outbox.unsent,
        )

    async def _farewell(self) -> None:
        await self._intake.stop()
        if self._link.way:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._outbox.emptied()

    async def _tidy(self) -> None:
        while True:
            try:
                self._journal.forget_old(self._clock.now())
            except OSError as error:
                log.warning("old journal entries cannot be removed", reason=str(error))
            await asyncio.sleep(TIDY_S)


async def persistently(
    call: Callable[[], Awaitable[_Made]], pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> _Made:
    """A registration, tried again while what went wrong may pass. Raises RegistrationFailed."""
    backoff = Backoff()
    for attempt in range(1, REGISTRATION_TRIES + 1):
        try:
            return await call()
        except CallFailed as error:
            final = isinstance(error, CallRefused) and not error.passing
            if final or attempt == REGISTRATION_TRIES:
                raise RegistrationFailed(f"the registration failed: {error}") from error
            log.warning("the registration is tried again", reason=str(error))
        await pause(backoff.next_s())
    raise AssertionError("the last try returns or raises")


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and Ctrl-C."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Only the main thread can have signal handlers; elsewhere `stop` is all.
        with suppress(ValueError, RuntimeError):
            loop.add_signal_handler(number, stop.set)
