"""The recorded agent without a control channel: what it says in frames it says over ec2messages instead."""

import hashlib
import json
import uuid

from player import Player

from recordings import load

TARGET = "EC2WindowsMessageDeliveryService."


class PollingPlayer(Player):
    """A node that polls; to a test it is a Player."""

    def start(self, activation):
        """Everything from registration to the first ping."""
        self.register(activation)
        self.request_token()
        for name in ("ping-startup", "ping-full"):
            assert self.say(load(name)["request"]).status_code == 200
        return self

    def connect(self):
        """There is nothing to open."""

    def disconnect(self):
        self._waiting = []

    def adopt(self, player):
        """Be the same node."""
        self.node_id, self.fingerprint, self.key = player.node_id, player.fingerprint, player.key
        self.credentials = player.credentials
        return self

    def call(self, operation, body):
        """One call as the agent makes it; httpx's response."""
        template = load("mds-get-messages-send-command")["request"]
        headers = {**template["headers"], "X-Amz-Target": TARGET + operation}
        return self.say({**template, "headers": headers, "body": body})

    def poll(self):
        """The messages of one poll."""
        asked = {"Destination": self.node_id, "MessagesRequestId": str(uuid.uuid4()), "VisibilityTimeoutInSeconds": 10}
        answer = self.call("GetMessages", asked)
        assert answer.status_code == 200, answer.text
        return self.messages_of(answer, asked)

    def messages_of(self, answer, asked):
        """The messages of an answer, all of whose members are as they must be."""
        found = answer.json()
        assert set(found) == {"Destination", "MessagesRequestId", "Messages"}
        assert (found["Destination"], found["MessagesRequestId"]) == (self.node_id, asked["MessagesRequestId"])
        for message in found["Messages"]:
            assert set(message) == {"CreatedDate", "Destination", "MessageId", "Payload", "PayloadDigest", "Topic"}
            assert message["Destination"] == self.node_id
            assert message["PayloadDigest"] == hashlib.sha256(message["Payload"].encode()).hexdigest()
        return found["Messages"]

    def _next(self, kind):
        assert kind == "agent_job"
        while not self._waiting:
            self.receive(self.poll())
        return self._waiting.pop(0)

    def receive(self, messages):
        """What a poll brought waits to be taken, in the form of frames."""
        self._waiting += [
            {
                "messageType": "agent_job",
                "messageId": message["MessageId"],
                "payload": {
                    "SchemaVersion": 1,
                    "JobId": message["MessageId"],
                    "Topic": message["Topic"],
                    "Content": json.loads(message["Payload"]),
                },
            }
            for message in messages
        ]

    def send(self, recorded, *, again=False):
        """An acknowledgement; a refusal has no words of its own here: only a reply follows (node protocol 6.2)."""
        payload = self.rebound(recorded["payload"])
        if payload["statusCode"] in ("200", "51405"):
            answer = self.call("AcknowledgeMessage", {"MessageId": payload["jobId"]})
            assert (answer.status_code, answer.json()) == (200, {})

    def reply(self, recorded, *, again=False):
        payload = self.rebound(recorded["payload"])
        told = {"ableToOpenMGSConnection": False, **payload["content"].get("additionalInfo", {})}
        self.send_reply(payload["jobId"], {**payload["content"], "additionalInfo": told})

    def send_reply(self, message_id, content):
        reply_id = str(uuid.uuid4())
        answer = self.call("SendReply", {"MessageId": message_id, "Payload": json.dumps(content), "ReplyId": reply_id})
        assert answer.status_code == 200, answer.text
        expected = {"MessageId": message_id, "ReplyId": reply_id, "ReplyStatus": "Completed", "Description": ""}
        assert answer.json() == expected

    def barrier(self):
        """Every call was answered when it was dealt with."""
