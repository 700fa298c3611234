"""Conversations over ec2messages, sent again through the API and answered by the recorded agent."""

import json
import uuid

from replay import Replay, rearranged

from recordings import JOB_ID, in_time, load

TARGET = "EC2WindowsMessageDeliveryService."
REPORTS = ("AcknowledgeMessage", "SendReply", "FailMessage", "DeleteMessage")


class MessageReplay(Replay):
    """One recording. What its server refused on purpose is not sent: it was lost on the way."""

    def __init__(self, ssm, player, name):
        super().__init__(ssm, player, name)
        self.events = load(name)["events"]

    def play(self):
        """As recorded; the ids of the commands."""
        return self._sent(self._conversation())

    def variants(self):
        """(what is different, ids of the commands that were run so): the ends must always be the same."""
        said = list(self._conversation())
        replies = [one for one in said if one[0] == "SendReply"]
        before = [one for one in said if one[0] in ("", "AcknowledgeMessage")]
        after = [one for one in said if one[0] in ("FailMessage", "DeleteMessage")]
        yield (
            "the acknowledgements come last",
            self._sent([*(one for one in before if not one[0]), *replies, *after, *(one for one in before if one[0])]),
        )
        for lost in range(len(replies)):
            late = [*replies[:lost], *replies[lost + 1 :], replies[lost]]
            yield f"reply {lost + 1} lost and sent later", self._sent([*before, *late, *after])
        for how, changed in rearranged(replies):
            yield how, self._sent([*before, *changed, *after])

    def _conversation(self):
        """What was said and taken, in time: a message of the server without a word before it, or a report."""
        fresh = iter(self._named())
        for _, event in in_time(self.events):
            operation = (event.get("request", {}).get("target") or "").removeprefix(TARGET)
            if operation == "GetMessages" and event["response"]["status"] == 200:
                for message in event["response"]["body"]["Messages"]:
                    yield "", _renamed(message, next(fresh, None)) if "again_at_s" in event else message
            elif operation in REPORTS and event["response"]["status"] == 200:
                yield operation, event

    def _sent(self, conversation):
        self._commands = {}
        for operation, what in conversation:
            if operation:
                self._report(operation, what["request"]["body"], what["response"])
            else:
                self._message(what)
        return list(self._commands.values())

    def recorded_steps(self):
        found = {}
        for event in self.events:
            if (event.get("request", {}).get("target") or "") == TARGET + "SendReply":
                found.update(event["request"]["body"]["Payload"].get("runtimeStatus") or {})
        return found

    def _named(self):
        """Ids of the messages, in the order of the node's first words on them: folded polls show the first one only."""
        told = [event["request"]["body"].get("MessageId") for event in self.events if "request" in event]
        return list(dict.fromkeys(one for one in told if one))

    def _message(self, message):
        """A message as a frame: the command of it, unless it has come before."""
        if message is None:
            return
        payload = {
            "SchemaVersion": 1,
            "JobId": message["MessageId"],
            "Topic": message["Topic"],
            "Content": message["Payload"],
        }
        if message["MessageId"] not in self._commands:
            self._job({"messageType": "agent_job", "messageId": str(uuid.uuid4()), "payload": payload})

    def _report(self, operation, body, response):
        told = self._player.rebound(body)
        if "Payload" in told:
            told["Payload"] = json.dumps(told["Payload"])
        answer = self._player.call(operation, told)
        assert answer.status_code == response["status"]
        assert answer.json() == self._player.rebound(response["body"])


def _renamed(message, message_id):
    """The same message with another id; None when there is none."""
    if message_id is None:
        return None
    command_id = JOB_ID.fullmatch(message_id)[1]
    return {**message, "MessageId": message_id, "Payload": {**message["Payload"], "CommandId": command_id}}
