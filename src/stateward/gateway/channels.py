"""The control channel: one websocket a node, over which commands go out and replies come in (node protocol 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
import structlog

from stateward import ids
from stateward.access import store as keys
from stateward.access.principals import Principal, Scope
from stateward.access.sealing import MasterKey, SealBroken
from stateward.agent import live_frames
from stateward.clock import Clock, monotonic_s
from stateward.commands import delivery, reports, results, store_delivery
from stateward.commands.facts import InvocationChanged, NodeFreed
from stateward.commands.results import Reply
from stateward.gateway import frames
from stateward.gateway.draining import close_spread
from stateward.gateway.output_lanes import Lane, OutputLanes, OverCredit
from stateward.gateway.polls import LongPolls
from stateward.gateway.replies import ReplyWriter
from stateward.gateway.take_overs import TakeOvers
from stateward.nodes import clones, connection
from stateward.nodes import store as nodes
from stateward.nodes.facts import FingerprintAccepted, NodeRemoved
from stateward.storage import Database, Transaction
from stateward.wire import agent_message
from stateward.wire.agent_message import AgentMessage, MalformedMessage

TOKEN_LIFE_MS = 5 * 60 * 1000
FIRST_FRAME_S = 10.0
REMINDER_S = 2.0
RETURN_S = 35.0
"""How long nodes take to come back to a server that was started anew: their longest pause, and a little."""
MOST_NONSENSE = 50
NONSENSE = (MalformedMessage, frames.MalformedPayload, reports.MalformedReport, live_frames.MalformedOutput)
GOING_AWAY, POLICY, REPLACED = 1001, 1008, 1000
STOPPING = "the server stops"
TAKEN = "another agent took this channel"
REMOVED = "the node was deregistered"
NOT_THE_NODE = "another machine is the node now"
NOT_TAKEN = "it sent what cannot be taken"
LOST, LEFT = "the connection was lost", "the agent closed it"
LEAVING = (1000, 1001)
MANY = "two machines take a node's channel from each other"
MANY_FROM_ONE = "a node's channel is taken over again and again: two agents behind one address, or a line that breaks"

log = structlog.get_logger("stateward.gateway")
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class ChannelToken(msgspec.Struct, frozen=True):
    """What opens a channel; sealed, never stored."""

    node_id: str
    expires_ms: int


class OpeningFrame(msgspec.Struct, frozen=True):
    """The first text frame of a node."""

    TokenValue: str
    LiveOutput: Any = None


class Channel:
    """One open websocket of a node."""

    def __init__(self, principal: Principal, epoch: str, send: Send, address: str = "") -> None:
        self.address = address
        self.node_id = principal.name
        self.region = principal.scope.region
        self.epoch = epoch
        self.woken = asyncio.Event()
        self.is_over = False
        self.reason = LOST
        self.lane: Lane | None = None
        self._send = send

    async def send(self, message: AgentMessage) -> None:
        await self._send({"type": "websocket.send", "bytes": agent_message.encode(message)})

    async def close(self, code: int, reason: str) -> None:
        """Close the socket; what the node still says on it is not heard."""
        self.is_over, self.reason = True, reason
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


class Gateway:
    """Holds the channels of this process. A hint is only a hint: what to send is asked of the database."""

    def __init__(self, db: Database, clock: Clock, master: MasterKey, output_limit: int = 0) -> None:
        self._db = db
        self._clock = clock
        self._master = master
        self.replies = ReplyWriter(db, clock)
        self.output = OutputLanes(db, output_limit)
        self._channels: dict[str, Channel] = {}
        self._take_overs = TakeOvers()
        self._replica = ids.new_uuid()
        self.polls = LongPolls(db, clock, self._replica, self._channels.__contains__)
        self._reminding: asyncio.Task[None] | None = None
        self._began_s = monotonic_s()
        self._seen: set[str] = set()

    @property
    def open_channels(self) -> int:
        return len(self._channels)

    def has_live_output(self, node_id: str) -> bool:
        """Whether a node is there that sends what its steps print while they run."""
        channel = self._channels.get(node_id)
        return channel is not None and channel.lane is not None

    def is_awaited(self, node_id: str) -> bool:
        """Whether a node may be on its way back: it has not been here since this server began, a moment ago."""
        return node_id not in self._seen and monotonic_s() - self._began_s < RETURN_S

    def start(self) -> None:
        self._began_s = monotonic_s()
        self._reminding = asyncio.create_task(self._remind(), name="gateway reminders")

    async def stop(self, over_s: float = 0.0) -> None:
        """Close every channel as going away, over some seconds, answer every poll; nodes come back by themselves."""
        self.polls.stop()
        if self._reminding is not None:
            self._reminding.cancel()
            await asyncio.gather(self._reminding, return_exceptions=True)
        await close_spread(list(self._channels.values()), over_s, lambda channel: channel.close(GOING_AWAY, STOPPING))
        await self.output.stop()

    def channel_token(self, node_id: str) -> str:
        """What CreateControlChannel answers: good for one node, for five minutes."""
        token = ChannelToken(node_id, self._clock.wall() + TOKEN_LIFE_MS)
        return self._master.seal("channel", msgspec.json.encode(token))

    async def note_changes(self, tx: Transaction, facts: list[InvocationChanged]) -> None:
        """Look at nodes for which something became deliverable."""
        self._hint_after(tx, delivery.concerned(facts))

    async def note_freed(self, tx: Transaction, facts: list[NodeFreed]) -> None:
        self._hint_after(tx, {fact.node_id for fact in facts})

    async def note_removals(self, tx: Transaction, facts: list[NodeRemoved] | list[FingerprintAccepted]) -> None:
        """A deregistered node, or the machine that is it no more, is out at once, also of its channel (design 5)."""
        out = {fact.node_id: REMOVED if isinstance(fact, NodeRemoved) else NOT_THE_NODE for fact in facts}
        tx.after_commit(lambda: self._throw_out(out))

    def hint(self, node_ids: Iterable[str]) -> None:
        node_ids = list(node_ids)
        self.polls.hint(node_ids)
        for node_id in node_ids:
            channel = self._channels.get(node_id)
            if channel is not None:
                channel.woken.set()

    async def serve(self, principal: Principal, receive: Receive, send: Send, address: str = "") -> None:
        """Run one accepted websocket of a node to its end."""
        try:
            async with asyncio.timeout(FIRST_FRAME_S):
                opening = self._opening(principal, await receive())
        except TimeoutError:
            opening = None
        if opening is None:
            log.warning("a channel was closed: its first frame has no valid token", node=principal.name)
            await send({"type": "websocket.close", "code": POLICY})
            return
        channel = Channel(principal, ids.new_uuid(), send, address)
        if self.output.limit and opening.LiveOutput == 1:
            channel.lane = self.output.open(len(self._channels) + 1, channel.woken.set)
        await self._enter(channel)
        pump = asyncio.create_task(self._pump(channel), name=f"channel of {channel.node_id}")
        try:
            await self._listen(channel, receive)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await self._leave(channel)

    def _opening(self, principal: Principal, message: dict[str, Any]) -> OpeningFrame | None:
        try:
            frame = msgspec.json.decode(message.get("text") or b"", type=OpeningFrame)
            token = msgspec.json.decode(self._master.open("channel", frame.TokenValue), type=ChannelToken)
        except (msgspec.DecodeError, msgspec.ValidationError, SealBroken):
            return None
        is_good = token.node_id == principal.name and token.expires_ms > self._clock.wall()
        return frame if is_good else None

    async def _enter(self, channel: Channel) -> None:
        old = self._channels.get(channel.node_id)
        self._channels[channel.node_id] = channel
        self._seen.add(channel.node_id)
        rivals = self._rivals(channel, old)
        just_polled = self.polls.channel_opened(channel.node_id)

        async def work(tx: Transaction) -> None:
            key = await keys.node_key(tx, channel.node_id)
            if key is None or key.removed_ms is not None:
                channel.is_over, channel.reason = True, REMOVED  # since its signature was checked
                return
            scope = Scope(key.account_id, key.region)
            await connection.connect(tx, scope, channel.node_id, self._replica, channel.epoch)
            if rivals:
                await clones.note_channels(tx, scope, channel.node_id, rivals)
            if just_polled:  # what the node has just fetched is sent a second time only when its lease is over
                await store_delivery.forget_sends(tx, channel.node_id)
            else:
                await store_delivery.forget_leases(tx, channel.node_id)

        await self._db.write(work)
        channel.woken.set()
        log.info("channel opened", node=channel.node_id)
        if old is not None:
            await close_spread([old], 0, lambda channel: channel.close(REPLACED, TAKEN))

    def _rivals(self, channel: Channel, old: Channel | None) -> tuple[str, ...]:
        if old is None:
            return ()
        rivals = self._take_overs.note(channel.node_id, old.address, channel.address, self._clock.wall())
        if self._take_overs.is_news(channel.node_id, self._clock.wall()):
            log.warning(MANY if rivals else MANY_FROM_ONE, node=channel.node_id, addresses=rivals or (channel.address,))
        return rivals

    async def _leave(self, channel: Channel) -> None:
        if channel.lane is not None:
            channel.lane.close()
        if self._channels.get(channel.node_id) is channel:
            del self._channels[channel.node_id]

        async def work(tx: Transaction) -> None:
            await nodes.close_channel(tx, channel.node_id, channel.epoch)

        await self._db.write(work)
        log.info("channel closed", node=channel.node_id, reason=channel.reason)

    def _throw_out(self, reasons: Mapping[str, str]) -> None:
        self.polls.throw_out(list(reasons))
        for node_id, reason in reasons.items():
            channel = self._channels.pop(node_id, None)
            if channel is not None:
                channel.is_over, channel.reason = True, reason
                channel.woken.set()

    async def _pump(self, channel: Channel) -> None:
        while True:
            await channel.woken.wait()
            channel.woken.clear()
            try:
                if channel.is_over:
                    await channel.close(POLICY, channel.reason)
                    return
                await self._send_output_ack(channel)
                await self._send_what_is_due(channel)
            except Exception as error:  # the socket has gone: the listener ends the channel
                log.warning("sending to a node failed", node=channel.node_id, reason=str(error))

    async def _send_what_is_due(self, channel: Channel) -> None:
        wall_ms = self._clock.wall()

        async with self._db.reading() as tx:
            if not await delivery.anything(tx, channel.node_id, wall_ms):
                return

        async def take(tx: Transaction) -> delivery.Parcel:
            return await delivery.take(tx, channel.node_id, wall_ms)

        parcel = await self._db.write(take)
        for job in parcel.jobs:
            await channel.send(frames.job_message(job, channel.region, ids.new_uuid(), wall_ms))
        for cancel in parcel.cancels:
            await channel.send(frames.cancel_message(cancel, channel.region, ids.new_uuid(), wall_ms))
        if parcel.jobs:
            channel.woken.set()

    async def _send_output_ack(self, channel: Channel) -> None:
        ack = None if channel.lane is None else channel.lane.take_ack()
        if ack is not None:
            await channel.send(frames.output_ack(ack, ids.new_uuid(), self._clock.wall()))

    async def _listen(self, channel: Channel, receive: Receive) -> None:
        nonsense = 0
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect" or channel.is_over:
                if not channel.is_over and message.get("code") in LEAVING:
                    channel.reason = LEFT
                return
            data = message.get("bytes")
            if data is None:
                continue  # text after the first frame means nothing (node protocol 5.2)
            try:
                await self._take_in(channel, agent_message.decode(data))
            except OverCredit as error:
                log.warning("a node sent more than it was let", node=channel.node_id, reason=str(error))
                await channel.close(POLICY, NOT_TAKEN)
                return
            except NONSENSE as error:
                nonsense += 1
                log.warning("a node sent what cannot be understood", node=channel.node_id, reason=str(error))
                if nonsense >= MOST_NONSENSE:
                    await channel.close(POLICY, NOT_TAKEN)
                    return

    async def _take_in(self, channel: Channel, message: AgentMessage) -> None:
        if message.message_type == frames.ACK:
            await self._take_ack(channel, frames.read_ack(message.payload))
        elif message.message_type == frames.REPLY:
            await self._take_reply(channel, message)
        elif message.message_type == live_frames.OUTPUT:
            await self._take_output(channel, live_frames.decode_output(message.payload))

    async def _take_output(self, channel: Channel, output: live_frames.Output) -> None:
        """Nobody waits here for the disk: replies come behind it on the same socket."""
        if channel.lane is None:
            raise frames.MalformedPayload("live output without an offer that was taken")
        channel.lane.charge(output)
        command_id = frames.command_of(output.key.jobId, channel.node_id)
        await self.output.add(channel.lane, channel.node_id, command_id, output)

    async def _take_ack(self, channel: Channel, ack: frames.JobAck) -> None:
        command_id = frames.command_of(ack.jobId, channel.node_id)

        async def work(tx: Transaction) -> bool:
            return await delivery.acknowledged(tx, channel.node_id, command_id, ack.statusCode, self._clock.wall())

        if not await self._db.write(work):
            log.warning("a node acknowledged what it was not sent", node=channel.node_id, command=command_id[:80])

    async def _take_reply(self, channel: Channel, message: AgentMessage) -> None:
        reply = frames.read_reply(message.payload)
        command_id = frames.command_of(reply.jobId, channel.node_id)
        if not reply.topic.startswith(frames.CANCEL_TOPIC):
            try:
                report = reports.parse(reply.content)
                known = await self.replies.store(Reply(channel.node_id, command_id, report))
            except reports.MalformedReport:
                # Acknowledged all the same: the node would only send it again.
                await self._acknowledge(channel, reply, message.message_id)
                raise
            if not known:
                log.warning("a node reported on what it was not sent", node=channel.node_id, command=command_id[:80])
        await self._acknowledge(channel, reply, message.message_id)

    async def _acknowledge(self, channel: Channel, reply: frames.JobReply, message_id: str) -> None:
        await channel.send(frames.reply_ack(reply, message_id, ids.new_uuid(), self._clock.wall()))

    async def _remind(self) -> None:
        while True:
            await asyncio.sleep(REMINDER_S)
            try:
                await self._remind_once()
            except Exception:
                log.exception("reminding nodes failed and is tried again", retry_s=REMINDER_S)

    async def _remind_once(self) -> None:
        wall_ms = self._clock.wall()
        async with self._db.reading() as tx:
            waiting = await store_delivery.nodes_to_remind(tx)
            overdue = await store_delivery.overdue(tx, wall_ms, 1)
        self.hint(waiting)
        await self.polls.close_quiet()
        if overdue:

            async def work(tx: Transaction) -> None:
                await results.close_overdue(tx, wall_ms)

            await self._db.write(work)

    def _hint_after(self, tx: Transaction, node_ids: set[str]) -> None:
        if node_ids:
            tx.after_commit(lambda: self.hint(node_ids))
