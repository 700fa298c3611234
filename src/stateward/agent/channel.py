"""The control channel seen from the node: one websocket, opened again for ever (node protocol 5)."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from stateward import ids
from stateward.agent import live_frames, messages, reports
from stateward.agent.backoff import Backoff
from stateward.agent.client import CallFailed, CallRefused, NodeClient, Opening
from stateward.agent.credentials import CredentialKeeper
from stateward.agent.intake import ACCEPTED, Answer, malformed
from stateward.agent.live_frames import MalformedOutput
from stateward.agent.live_output import LiveOutput
from stateward.agent.machine import Machine
from stateward.agent.messages import CancelJob, MalformedJob, SendJob
from stateward.agent.outbox import Outbox
from stateward.clock import Clock, monotonic_s
from stateward.ids import jitter
from stateward.wire import agent_message
from stateward.wire.agent_message import AgentMessage, MalformedMessage

PING_S = 25.0
OPEN_S = 15.0
CLOSE_S = 2.0
STABLE_S = 5.0
COME_BACK_S = 2.5
# Going away, and service restart: the server stops, and will be there again.
LEAVING = (1001, 1012)
# Tries without a channel before the node polls for its commands.
FALL_BACK_AFTER = 3
MOST_BYTES = 16 * 1024 * 1024
log = structlog.get_logger("stateward.agent")


class Commands(Protocol):
    """What takes commands in: `offer`, and after the acknowledgement `begin`."""

    def offer(self, job: SendJob) -> Answer: ...
    def begin(self, command_id: str) -> None: ...
    def cancel(self, command_id: str) -> None: ...


class ControlChannel:
    """Takes jobs, sends replies; with `live` also what steps print while they run."""

    def __init__(
        self,
        node_id: str,
        client: NodeClient,
        keeper: CredentialKeeper,
        intake: Commands,
        outbox: Outbox,
        machine: Machine,
        clock: Clock,
        tls: ssl.SSLContext,
        live: LiveOutput | None,
    ) -> None:
        self._node_id = node_id
        self._client = client
        self._keeper = keeper
        self._intake = intake
        self._outbox = outbox
        self._machine = machine
        self._clock = clock
        self._tls = tls
        self._live = live
        self._failures = 0
        self._worked = self._was_open = False
        self._socket: ClientConnection | None = None
        self._watcher: Callable[[], None] = lambda: None
        self.opened = asyncio.Event()
        self.failing = asyncio.Event()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call this whenever the channel opens or closes."""
        self._watcher = watcher

    @property
    def is_open(self) -> bool:
        return self.opened.is_set()

    def cut(self) -> None:
        """Break the connection off as a cut line does, without a word; it is opened again like any other."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self, before_opening: Callable[[], Awaitable[None]]) -> None:
        """Be connected, for ever; `before_opening` ends what else takes commands and sends replies."""
        backoff = Backoff()
        while True:
            self._worked = self._was_open = False
            try:
                await self._connection(before_opening)
            except (CallFailed, WebSocketException, OSError, TimeoutError) as error:
                if isinstance(error, CallRefused) and not error.passing:
                    self._keeper.distrust()
                event = "the control channel was closed" if self._was_open else "no control channel could be opened"
                log.warning(event, node=self._node_id, reason=_reason(error))
                self._failures += 1
                if self._failures >= FALL_BACK_AFTER:
                    self.failing.set()
            if self._worked:
                backoff.reset()
            # A fleet comes back spread over the same seconds, whether its server restarts once or five times in a row.
            await asyncio.sleep(jitter(0.0, COME_BACK_S) if self._worked else backoff.next_s())

    async def _connection(self, before_opening: Callable[[], Awaitable[None]]) -> None:
        credentials = await self._keeper.current()
        opening = await self._client.create_control_channel(credentials)
        address, headers = self._client.channel_address(credentials)
        async with connect(
            address,
            additional_headers=headers,
            compression=None,
            max_size=MOST_BYTES,
            open_timeout=OPEN_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            ssl=self._tls if address.startswith("wss") else None,
        ) as socket:
            await socket.send(self._opening(opening))
            await before_opening()
            self._outbox.connected()
            senders = [asyncio.create_task(self._send_replies(socket), name="replies")]
            if self._live is not None:
                self._live.connected(opening.live_output)
                senders.append(asyncio.create_task(self._send_output(socket, self._live), name="live output"))
            self._socket = socket
            self._failures = 0
            self.failing.clear()
            self._was_open = True
            self.opened.set()
            self._watcher()
            log.info("the control channel is open", node=self._node_id)
            opened_s = monotonic_s()
            try:
                async for frame in socket:
                    self._worked = True
                    if isinstance(frame, bytes):
                        await self._take_in(socket, frame)
                tell = log.info if socket.close_code in LEAVING else log.warning
                tell("the server closed the control channel", node=self._node_id, reason=_told(socket))
            finally:
                lasted = monotonic_s() - opened_s >= STABLE_S
                self._socket = None
                self._worked = self._worked or lasted or socket.close_code in LEAVING
                self.opened.clear()
                self._watcher()
                for sender in senders:
                    sender.cancel()
                await asyncio.gather(*senders, return_exceptions=True)

    def _opening(self, opening: Opening) -> str:
        frame: dict[str, Any] = {
            "Cookie": None,
            "MessageSchemaVersion": "1.0",
            "RequestId": ids.new_uuid(),
            "TokenValue": opening.token,
            "AgentVersion": self._machine.agent_version,
            "PlatformType": self._machine.system,
        }
        if opening.live_output and self._live is not None:
            frame[live_frames.ACCEPT_MEMBER] = 1
        return msgspec.json.encode(frame).decode()

    async def _send_replies(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(agent_message.encode(await self._outbox.next()))

    async def _send_output(self, socket: ClientConnection, live: LiveOutput) -> None:
        while True:
            payload = live_frames.encode_output(await live.next())
            message = AgentMessage(live_frames.OUTPUT, ids.new_uuid(), self._clock.wall(), payload)
            await socket.send(agent_message.encode(message))

    async def _take_in(self, socket: ClientConnection, frame: bytes) -> None:
        try:
            message = agent_message.decode(frame)
            if message.message_type == messages.REPLY_ACK:
                self._outbox.acknowledge(messages.read_reply_ack(message))
                return
            if message.message_type == live_frames.OUTPUT_ACK and self._live is not None:
                self._live.take_ack(live_frames.decode_ack(message.payload))
                return
        except (MalformedMessage, MalformedJob, MalformedOutput) as error:
            log.warning("the server sent what cannot be understood", reason=str(error))
            return
        if message.message_type == messages.JOB:
            try:
                await self._take_job(socket, message)
            except (WebSocketException, OSError):
                raise
            except Exception:
                # Without the frames' variables, which hold parameter values.
                log.error("a job could not be handled", trace=traceback.format_exc())

    async def _take_job(self, socket: ClientConnection, message: AgentMessage) -> None:
        try:
            job = messages.read_job(message, self._node_id)
        except MalformedJob as error:
            await self._refuse(socket, message, error.job_id, error.topic, malformed(str(error)))
            return
        if isinstance(job, CancelJob):
            await self._acknowledge(socket, message, job.job_id, ACCEPTED)
            self._outbox.post_passing(job.job_id, self._accepted(), topic=messages.CANCEL_TOPIC)
            self._intake.cancel(job.target_command_id)
            return
        await self._take_command(socket, message, job)

    async def _take_command(self, socket: ClientConnection, message: AgentMessage, job: SendJob) -> None:
        answer = self._intake.offer(job)
        if answer is not ACCEPTED:
            await self._refuse(socket, message, job.job_id, messages.SEND_TOPIC, answer)
            return
        log.info("command taken", command=job.command_id)
        try:
            await self._acknowledge(socket, message, job.job_id, answer)
        finally:
            # Taken is taken: without the acknowledgement the server sends it again, and hears that it is known.
            self._outbox.post_passing(job.job_id, self._accepted())
            self._intake.begin(job.command_id)

    async def _refuse(
        self, socket: ClientConnection, message: AgentMessage, job_id: str, topic: str, answer: Answer
    ) -> None:
        log.warning("a job is refused", job=job_id, code=answer.status_code, text=answer.text, reason=answer.reason)
        await self._acknowledge(socket, message, job_id, answer)
        if answer.reason:
            content = reports.refused(self._machine, answer.reason, self._clock.now())
            self._outbox.post_passing(job_id, content, topic=topic)

    async def _acknowledge(self, socket: ClientConnection, message: AgentMessage, job_id: str, answer: Answer) -> None:
        ack = messages.job_ack(message, job_id, answer.status_code, answer.text, ids.new_uuid(), self._clock.wall())
        await socket.send(agent_message.encode(ack))

    def _accepted(self) -> str:
        return reports.accepted(self._machine, self._clock.now())


def _told(socket: ClientConnection) -> str:
    """What the server said when it closed the channel."""
    return socket.close_reason or f"code {socket.close_code}"


def _reason(error: Exception) -> str:
    """Why there is no channel, in words."""
    if isinstance(error, ConnectionClosed):
        if error.rcvd is None:
            return "the connection was lost"
        return f"the server closed it: {error.rcvd.reason or f'code {error.rcvd.code}'}"
    return str(error) or type(error).__name__
