"""Recorded commands, sent again through the API and answered by the recorded agent."""

import itertools
import json
import random
from typing import NamedTuple

from recordings import NODE_ID, Conversation, api_parameters, content_of, is_cancel

LEAVING = ("websocket closed", "connection cut", "agent has ended", "server down")
MOST_ORDERS = 24
SHORTEST_NAME = 4
STAND_IN = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "stand-in", "inputs": {"runCommand": ["true"]}}],
}


class StepEnd(NamedTuple):
    """A step in the history; without standard output and error where boto3 refuses to ask for so short a name."""

    name: str
    details: str
    code: int
    output: str
    standard_output: str | None
    standard_error: str | None
    times: list[str]


class End(NamedTuple):
    """What became of a command on its node."""

    status: str
    details: str
    steps: list[StepEnd]


class Replay:
    """One recording, one or several times, on one node."""

    def __init__(self, ssm, player, name, *, stands_in=False):
        self.recorded = Conversation(name)
        self._ssm = ssm
        self._player = player
        self._stands_in = stands_in
        self._documents = {}
        self._commands = {}
        self._acknowledged = set()
        self._online = True

    def play(self):
        """As recorded; the ids of the commands."""
        self._commands, self._acknowledged = {}, set()
        for event in self.recorded.events:
            if str(event.get("event", "")).startswith(LEAVING):
                self._leave()
            elif "frame" in event:
                self._come_back()
                self._frame(event["frame"])
        self._come_back()
        self._player.barrier()
        return list(self._commands.values())

    def once(self, replies=None, *, ack_last=False, leave_before=None):
        """Its only command with these replies; without a connection for a moment before one of them."""
        self._commands, self._acknowledged = {}, set()
        (job,), (ack, *_), seen = self.recorded.jobs, self.recorded.acks, set()
        self._send(job)
        if not ack_last:
            self._player.send(ack)
        if self.recorded.is_cancelled:
            self._cancel(next(frame for frame in self.recorded.frames("agent_job") if is_cancel(frame)))
        for position, reply in enumerate(self.recorded.replies if replies is None else replies):
            if position == leave_before:
                self._leave()
                self._come_back()
            self._player.reply(reply, again=reply["messageId"] in seen)
            seen.add(reply["messageId"])
        if ack_last:
            self._player.send(ack)
        self._player.barrier()
        (command_id,) = self._commands.values()
        return command_id

    def variants(self):
        """(what is different, id of the command that was run so): the end must always be the same."""
        replies = self.recorded.replies
        yield "as recorded", self.once()
        yield "the acknowledgement comes last", self.once(ack_last=True)
        for how, changed in rearranged(replies):
            yield how, self.once(changed)
        for lost in range(len(replies)):
            rest = replies[:lost] + replies[lost + 1 :]
            told = self.once([*rest, replies[lost]], leave_before=len(rest))
            yield f"reply {lost + 1} lost and sent after a reconnect", told

    def end(self, command_id):
        """How a command stands in the history: status, and every step with its outputs, in order; ids unified."""
        (row,) = self._ssm.list_command_invocations(CommandId=command_id, Details=True)["CommandInvocations"]
        steps = json.dumps([self._step(row, step) for step in row["CommandPlugins"]], default=str)
        told = json.loads(steps.replace(command_id, "<command>").replace(self._player.node_id, "<node>"))
        return End(row["Status"], row["StatusDetails"], [StepEnd(*step) for step in told])

    def recorded_steps(self):
        """Step → its last recorded result, with the ids unified as in `end`."""
        found, jobs = {}, {job["payload"]["JobId"] for job in self.recorded.jobs}
        for reply in self.recorded.replies:
            if reply["payload"]["jobId"] in jobs:  # else it is one that an earlier recording left behind
                found.update(reply["payload"]["content"]["runtimeStatus"] or {})
        text = NODE_ID.sub("<node>", json.dumps(found))
        for job in self.recorded.jobs:
            text = text.replace(content_of(job)["CommandId"], "<command>")
        return json.loads(text)

    def _step(self, row, step):
        told = {}
        if len(step["Name"]) >= SHORTEST_NAME or len(row["CommandPlugins"]) == 1:
            named = {"PluginName": step["Name"]} if len(step["Name"]) >= SHORTEST_NAME else {}
            told = self._ssm.get_command_invocation(CommandId=row["CommandId"], InstanceId=row["InstanceId"], **named)
        return StepEnd(
            step["Name"],
            step["StatusDetails"],
            step["ResponseCode"],
            step["Output"],
            told.get("StandardOutputContent"),
            told.get("StandardErrorContent"),
            (step["ResponseStartDateTime"], step["ResponseFinishDateTime"]),
        )

    def _leave(self):
        self._player.disconnect()
        self._online = False

    def _come_back(self):
        if not self._online:
            self._player.connect()
            self._online = True

    def _frame(self, frame):
        kind = frame["messageType"]
        if kind == "agent_job":
            self._job(frame)
        elif kind == "agent_job_ack":
            self._acknowledged.add(frame["payload"]["jobId"])
            self._player.send(frame)
        elif kind == "agent_job_reply":
            self._player.reply(frame, again=True)

    def _job(self, frame):
        job_id = frame["payload"]["JobId"]
        if is_cancel(frame):
            self._cancel(frame)
        elif job_id not in self._commands:
            self._send(frame)
        elif job_id not in self._acknowledged:
            # What a server sends again without having heard of it: after a reconnect.
            self._leave()
            self._come_back()
            payload = self._player.job(frame)
            assert payload == self._player.rebound(frame["payload"])

    def _send(self, frame):
        """SendCommand, and what the node is told of it beside the recording."""
        content = content_of(frame)
        document = STAND_IN if self._stands_in else content["DocumentContent"]
        name = self._provide(content["DocumentName"], json.dumps(document))
        parameters = {} if self._stands_in else api_parameters(content)
        sent = self._ssm.send_command(
            InstanceIds=[self._player.node_id],
            DocumentName=name,
            Parameters=parameters,
        )
        payload = self._player.job(frame)
        expected = self._player.rebound(frame["payload"])
        expected["Content"]["DocumentName"] = name
        if self._stands_in:
            expected["Content"].update(DocumentContent=STAND_IN, Parameters={})
        assert payload == expected
        self._commands[frame["payload"]["JobId"]] = sent["Command"]["CommandId"]

    def _provide(self, name, content):
        """A document with this content: its name, which has a number where the name was used before."""
        name = name.replace("AWS-", "Lab-")  # the recording's is not the one that Stateward ships
        if content not in self._documents:
            used = len([one for one in self._documents.values() if one.startswith(name)])
            self._documents[content] = f"{name}-{used}" if used else name
            self._ssm.create_document(Name=self._documents[content], Content=content, DocumentType="Command")
        return self._documents[content]

    def _cancel(self, frame):
        """CancelCommand; the node is told unless the command has ended before."""
        target = self._commands.get(frame["payload"]["Content"]["CancelMessageId"])
        if target is None:
            return
        self._ssm.cancel_command(CommandId=target)
        (row,) = self._ssm.list_command_invocations(CommandId=target)["CommandInvocations"]
        if row["Status"] == "Cancelling":
            payload = self._player.job(frame)
            assert payload == self._player.rebound(frame["payload"])
            if frame["payload"]["JobId"] not in self._acknowledged:
                self._player.acknowledge(frame)


def rearranged(replies):
    """(what is different, the replies): each doubled, then in every order."""
    yield "every reply twice", [reply for reply in replies for _ in (1, 2)]
    yield "all of it twice", replies * 2
    for order in orders(len(replies)):
        yield f"replies in the order {order}", [replies[number] for number in order]


def orders(count):
    """Every order of so many replies but the recorded one, or a fixed choice where there are too many."""
    every = list(itertools.islice(itertools.permutations(range(count)), 1, None))
    if len(every) <= MOST_ORDERS:
        return every
    return random.Random(count).sample(every, MOST_ORDERS)
