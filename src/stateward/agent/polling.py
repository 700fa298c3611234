"""ec2messages seen from the node: the long poll while there is no control channel (node protocol 6)."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable

import structlog

from stateward.agent import messages, reports
from stateward.agent.backoff import Backoff
from stateward.agent.client import CallFailed, CallRefused, Delivered, NodeClient
from stateward.agent.credentials import CredentialKeeper
from stateward.agent.intake import ACCEPTED, DUPLICATE, Intake
from stateward.agent.machine import Machine
from stateward.agent.messages import CancelJob, MalformedJob
from stateward.agent.outbox import Outbox
from stateward.clock import Clock
from stateward.ids import jitter

# A server that does not hold the request is not asked more often than this.
SHORTEST_S = 2.0
log = structlog.get_logger("stateward.agent")


class MessagePolling:
    """Takes commands and sends replies, one request each."""

    def __init__(
        self,
        node_id: str,
        client: NodeClient,
        keeper: CredentialKeeper,
        intake: Intake,
        outbox: Outbox,
        machine: Machine,
        clock: Clock,
    ) -> None:
        self._node_id = node_id
        self._client = client
        self._keeper = keeper
        self._intake = intake
        self._outbox = outbox
        self._machine = machine
        self._clock = clock
        self._watcher: Callable[[], None] = lambda: None
        self.answered = asyncio.Event()

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call this whenever polling begins or ends to work."""
        self._watcher = watcher

    async def run(self) -> None:
        """Poll and send until cancelled."""
        self.answered.clear()
        self._outbox.connected()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._poll(), name="long poll")
                group.create_task(self._send_replies(), name="polled replies")
        finally:
            self.answered.clear()
            self._watcher()

    async def _poll(self) -> None:
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            credentials = await self._keeper.current()
            try:
                found = await self._client.get_messages(credentials)
            except CallFailed as error:
                self._note_failure("a long poll failed", error)
                self.answered.clear()
                self._watcher()
                await asyncio.sleep(backoff.next_s())
                continue
            backoff.reset()
            if not self.answered.is_set():
                self.answered.set()
                self._watcher()
            for message in found:
                await self._take(message)
            if not found and loop.time() - began_s < SHORTEST_S:
                await asyncio.sleep(jitter(SHORTEST_S, 1.25 * SHORTEST_S))

    async def _take(self, message: Delivered) -> None:
        credentials = await self._keeper.current()
        try:
            if self._handled(message):
                await self._client.acknowledge_message(credentials, message.MessageId)
        except MalformedJob as error:
            log.warning("a message cannot be understood", message=message.MessageId[:120], reason=str(error))
            await self._fail(message)
        except CallFailed as error:
            # Taken is taken: the server offers it again, and hears that it is known.
            self._note_failure("a message could not be acknowledged", error)
        except Exception:
            # Without the frames' variables, which hold parameter values.
            log.error("a message could not be handled", trace=traceback.format_exc())

    def _handled(self, message: Delivered) -> bool:
        """Whether the message need not come again."""
        job = messages.read_parts(message.MessageId, message.Topic, message.Payload, self._node_id)
        if isinstance(job, CancelJob):
            self._outbox.post_passing(job.job_id, self._accepted(), topic=messages.CANCEL_TOPIC)
            self._intake.cancel(job.target_command_id)
            return True
        answer = self._intake.offer(job)
        if answer is ACCEPTED:
            log.info("command taken", command=job.command_id)
            self._outbox.post_passing(job.job_id, self._accepted())
            self._intake.begin(job.command_id)
            return True
        log.warning("a command is refused", command=job.command_id, text=answer.text, reason=answer.reason)
        if answer.reason:
            content = reports.refused(self._machine, answer.reason, self._clock.now())
            self._outbox.post_passing(job.job_id, content)
        return answer is DUPLICATE

    async def _fail(self, message: Delivered) -> None:
        try:
            await self._client.fail_message(await self._keeper.current(), message.MessageId)
        except CallFailed as error:
            self._note_failure("a message could not be given back", error)

    async def _send_replies(self) -> None:
        backoff = Backoff()
        while True:
            reply = await self._outbox.next()
            job_id, payload = messages.polled_reply(reply)
            try:
                await self._client.send_reply(await self._keeper.current(), job_id, reply.message_id, payload)
                self._outbox.acknowledge(reply.message_id)
                backoff.reset()
            except CallFailed as error:
                self._note_failure("a reply did not arrive", error)
                if not isinstance(error, CallRefused) or error.passing:
                    self._outbox.put_back(reply.message_id)
                # What was refused stays in the outbox, and is sent again as a late one.
                await asyncio.sleep(backoff.next_s())

    def _note_failure(self, what: str, error: CallFailed) -> None:
        if isinstance(error, CallRefused) and not error.passing:
            self._keeper.distrust()
        log.warning(what, reason=str(error))

    def _accepted(self) -> str:
        return reports.accepted(self._machine, self._clock.now())
