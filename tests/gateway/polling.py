"""A node that asks for its work over ec2messages; the test says every request."""

import json
import threading
import uuid

from signed_requests import call

TARGET = "EC2WindowsMessageDeliveryService."


class Poller:
    """A registered node without a control channel."""

    def __init__(self, server, node):
        self.node_id = node.node_id
        self._server = server
        self._keys = node.call(node._keys())

    def say(self, operation, service="ec2messages", **members):
        """Sign and send one call; the whole reply."""
        keys = self._keys
        return call(
            self._server,
            members=members,
            headers={"x-amz-target": TARGET + operation},
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
            service=service,
        )

    def poll(self):
        """The messages of one long poll."""
        asked = {"Destination": self.node_id, "MessagesRequestId": str(uuid.uuid4()), "VisibilityTimeoutInSeconds": 10}
        answer = self.say("GetMessages", **asked)
        assert answer.status == 200, answer.body
        assert answer.body["MessagesRequestId"] == asked["MessagesRequestId"]
        assert answer.body["Destination"] == self.node_id
        return answer.body["Messages"]

    def start_poll(self):
        """A poll in the background; call the answer for its messages."""
        found = []
        thread = threading.Thread(target=lambda: found.append(self.poll()), daemon=True)
        thread.start()

        def messages():
            thread.join(20)
            return found[0]

        return messages

    def one(self):
        """The only message of a poll: (command id, message)."""
        (message,) = self.poll()
        return command_of(message), message

    def acknowledge(self, message):
        assert self.say("AcknowledgeMessage", MessageId=message["MessageId"]).body == {}

    def reply(self, message, content):
        payload = content if isinstance(content, str) else json.dumps(content)
        reply_id = str(uuid.uuid4())
        answer = self.say("SendReply", MessageId=message["MessageId"], Payload=payload, ReplyId=reply_id)
        assert answer.body == {
            "MessageId": message["MessageId"],
            "ReplyId": reply_id,
            "ReplyStatus": "Completed",
            "Description": "",
        }


def command_of(message):
    return message["MessageId"].removeprefix("aws.ssm.").rpartition(".")[0]
