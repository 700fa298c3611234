"""A control channel as a socket and nothing else: the test says every frame, right or wrong."""

import json
import uuid
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from stateward.agent import live_frames
from stateward.agent.live_frames import Output, StreamKey
from stateward.clock import wall_ms
from stateward.wire import agent_message
from stateward.wire.agent_message import AgentMessage

WAIT_S = 20


class RawChannel:
    """An open websocket of a node."""

    def __init__(self, node, socket):
        self.node_id = node.node_id
        self._socket = socket
        self._waiting = []
        self.told = None

    def say(self, data):
        """Send a frame as it is: text or bytes."""
        self._socket.send(data)

    def send(self, kind, payload):
        """Send an agent message; its id."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        message_id = str(uuid.uuid4())
        self._socket.send(agent_message.encode(AgentMessage(kind, message_id, wall_ms(), body)))
        return message_id

    def job(self):
        """The next job: (command id, payload)."""
        payload = self._next("agent_job")
        return payload["JobId"].removeprefix("aws.ssm.").rpartition(".")[0], payload

    def acknowledge(self, command_id, code="200"):
        self.send("agent_job_ack", {"jobId": self.job_id(command_id), "statusCode": code})

    def report(self, command_id, content, topic="aws.ssm.sendCommand", node_id=None):
        """Send a reply; its message id."""
        job_id = self.job_id(command_id, node_id)
        text = content if isinstance(content, str) else json.dumps(content)
        return self.send("agent_job_reply", {"schemaVersion": 1, "jobId": job_id, "topic": topic, "content": text})

    def stored(self, message_id):
        """Wait for the acknowledgement of a reply."""
        assert self._next("agent_job_reply_ack")["acknowledgedMessageId"] == message_id

    def finish(self, command_id, status="Success", **steps):
        """Report the end with steps by name, and wait until it is stored."""
        self.stored(self.report(command_id, end(status, **steps)))

    def output(self, command_id, data, offset=0, end=False, step="only", stream="stdout", node_id=None):
        """Send a piece of live output."""
        key = StreamKey(self.job_id(command_id, node_id), step, stream)
        self.send(live_frames.OUTPUT, live_frames.encode_output(Output(key, offset, data, end)))

    def output_ack(self):
        """The next word on live output: (credit, [(step, stream, offset, end)])."""
        told = self._next(live_frames.OUTPUT_ACK)
        stored = [(one["key"]["step"], one["key"]["stream"], one["offset"], one["end"]) for one in told["stored"]]
        return told["credit"], stored

    def output_stored(self, offset, end=False):
        """Wait until a stream is stored so far; the credit that came meanwhile."""
        credit = 0
        while True:
            more, stored = self.output_ack()
            credit += more
            if any(one[2:] == (offset, end) for one in stored):
                return credit

    def barrier(self):
        """Wait until the server has dealt with everything said so far; the jobs that have come meanwhile."""
        self.stored(self.report(str(uuid.uuid4()), "{}", "aws.ssm.cancelCommand"))
        return [payload for kind, payload in self._waiting if kind == "agent_job"]

    def closed(self, within_s=WAIT_S):
        """Wait for the server to close; its code."""
        try:
            while True:
                self._socket.recv(timeout=within_s)
        except ConnectionClosed as error:
            self.told = error.rcvd.reason if error.rcvd else None
            return error.rcvd.code if error.rcvd else None

    def job_id(self, command_id, node_id=None):
        return f"aws.ssm.{command_id}.{node_id or self.node_id}"

    def _next(self, kind):
        for position, (waiting, payload) in enumerate(self._waiting):
            if waiting == kind:
                del self._waiting[position]
                return payload
        while True:
            message = agent_message.decode(self._socket.recv(timeout=WAIT_S))
            payload = json.loads(message.payload)
            if message.message_type == kind:
                return payload
            self._waiting.append((message.message_type, payload))


def end(status="Success", **steps):
    """The content of a final reply that holds steps: name → status, or the whole result."""
    told = {name: one if isinstance(one, dict) else {"status": one} for name, one in steps.items()}
    counts = {status: len(told)} if told else None
    return {
        "additionalInfo": {"runtimeStatusCounts": counts},
        "documentStatus": status,
        "runtimeStatus": told,
    }


def token_of(node):
    return node.call(_token_of(node))


async def _token_of(node):
    return (await node._client.create_control_channel(await node._keys())).token


@contextmanager
def socket_of(node, address=None):
    """The websocket of a node without any frame, at another node's address if one is given."""
    own, headers = node._client.channel_address(node.call(node._keys()))
    with connect(address or own, additional_headers=headers, compression=None, open_timeout=WAIT_S) as socket:
        yield RawChannel(node, socket)


@contextmanager
def channel_of(node, token=None, **members):
    """An open channel of a node, with more members in its opening frame."""
    with socket_of(node) as channel:
        channel.say(json.dumps({"TokenValue": token or token_of(node), **members}))
        yield channel


def refusal(node, address):
    """The HTTP status with which a websocket is refused."""
    try:
        with socket_of(node, address):
            return 101
    except InvalidStatus as error:
        return error.response.status_code
