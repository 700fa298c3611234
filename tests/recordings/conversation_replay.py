"""Whole conversations of the official agent in the order of their time, through a proxy that does to an exchange what
the recording's server did on purpose: it answers instead of the server, or after it.

A command is sent to the node just before the first such exchange. Whatever is refused or lost, the node takes it once.
"""

import json
import re
from xml.etree import ElementTree

import httpx
from fault_proxy import Fault, FaultProxy
from outcomes import Outcome
from player import Player, _public_key, new_key
from polling_player import PollingPlayer
from websockets.exceptions import InvalidStatus

from recordings import Conversation, api_parameters, in_time, load
from stateward.commands import store
from waiting import until

TEMPLATES = {
    "RegisterManagedInstance": "register-ok",
    "RequestManagedInstanceRoleToken": "role-token",
    "UpdateManagedInstancePublicKey": "update-public-key",
    "UpdateInstanceInformation": "ping-full",
    "ListInstanceAssociations": "list-associations",
    "ListAssociations": "legacy-list-associations",
    "GetDocument": "get-document",
    "GetMessages": "mds-get-messages-empty",
    "POST channel": "mgs-create-channel",
}
OPEN, UPGRADE = "POST channel", "GET channel"
UNKNOWN_THERE = ("ListAssociations",)
WAIT_S = 20
LISTED = ("Skipped", "Success", "Failed", "TimedOut")
LEASE_S, LAST_S = 5, 100_000
ONE_STEP = Conversation("command-one-step")
SCRUBBED_TOKEN = re.compile(r"(?<=<TokenValue>)[^<]+")
POLICY = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "only", "inputs": {"runCommand": ["true"]}}],
}


class ConversationReplay:
    """One recording, one node, one proxy."""

    def __init__(self, server, activation, name, *, reaches=False, start=None, turns_clock=False):
        self.proxy = FaultProxy(server.url)
        self.player = Player(self.proxy.url)
        self._poller = PollingPlayer(self.proxy.url)
        self._server, self._ssm, self._activation = server, server.client(), activation
        recorded = load(name)
        self._events = recorded.get("events", [recorded])
        self._reaches = reaches
        self._command_id = None
        self.taken = []
        self.spoiled = 0
        self.differs = []
        self._association_id = None
        self._offered = None
        self._turns_clock = turns_clock
        self._aged_s = self._turned_s = 0.0
        self.listed = []
        """Every association that a listing named."""
        self._next_token = None
        self._is_connected = False
        server.thread_server.gateway.polls.hold_s = 0.02
        self._start(start)

    def close(self):
        self.proxy.cut()
        self.player.close()
        self._poller.close()
        self.proxy.close()

    def play(self):
        """All of it, as recorded."""
        for at_s, event in in_time(self._events):
            self._age(at_s)
            if "request" in event:
                self._exchange(event)
            elif "frame" in event:
                self._frame(event["frame"])
            elif "websocket" in event:
                self._keep_alive(event)
            else:
                self._happen(str(event.get("event", "")))
        assert self.proxy.is_spent
        return self

    def _happen(self, what):
        """Something is done to the node or to the server."""
        if what.startswith("websocket closed"):
            assert self.player.waiting == [], "an idle node is told nothing"
            self._leave()
        elif what == "server down":
            self._leave()
            self._server.stop()
        elif what == "server up":
            self._restart()

    def _leave(self):
        self.proxy.cut()
        self.player.disconnect()
        self._is_connected = False

    def restart_server(self):
        """The server ends in good order, and is there again; with which code it sent the node away."""
        self._server.stop()
        code = self.player.wait_for_close()
        self._leave()
        self._restart()
        return code

    def _restart(self):
        """Something waits for the node when it comes back."""
        self._server.start()
        self._server.thread_server.gateway.polls.hold_s = 0.02
        self.proxy.upstream, self._ssm = self._server.url, self._server.client()
        self._send_command()

    def document_content(self):
        """The document that the node reads."""
        return next(
            event["response"]["body"]["Content"] for event in self._events if operation_of(event) == "GetDocument"
        )

    def _start(self, start):
        """What the node had done before the recording began."""
        if start is None:
            return
        self.player.register(self._activation)
        if start == "register":
            return
        self.player.request_token()
        if start == "token":
            return
        for name in ("ping-startup", "ping-full"):
            assert self.player.say(load(name)["request"]).status_code == 200
        if start == "channel":
            self.player.connect()
            self.player.barrier()
            self._is_connected = True

    def _age(self, at_s):
        """Leases run by the wall's time; here as much has passed as in the recording."""
        if self._turns_clock and at_s - self._turned_s >= 1:
            self._server.clock(advance=f"{int(at_s - self._turned_s)}s")
            self._turned_s += int(at_s - self._turned_s)
        if at_s - self._aged_s < LEASE_S:
            return
        self._aged_s = at_s

        async def end(tx):
            await tx.execute("UPDATE invocations SET lease_until_wall_ms = 0 WHERE lease_until_wall_ms IS NOT NULL")

        self._server.writing(end)

    def _exchange(self, event):
        operation, recorded = operation_of(event), event["response"]
        is_spoiled = misbehaved(operation, recorded)
        if is_spoiled:
            if not self._is_connected:
                self._send_command()
            self.spoiled += 1
            self.proxy.spoil(Fault(recorded["status"], recorded.get("body", ""), self._reaches))
        status, body = self._ask(operation, event["request"])
        if is_spoiled:
            assert (status, body) == (recorded["status"], recorded.get("body"))
        else:
            self._compare(operation, recorded, status, body)
        self._follow(operation, status, body)

    def _ask(self, operation, request):
        """(status, body) of what the node is told."""
        if operation == UPGRADE:
            return self._upgrade()
        told = {**load(TEMPLATES[operation])["request"], "body": request["body"]}
        members = {"NextToken": self._next_token} if "NextToken" in request["body"] else {}
        if operation == "RegisterManagedInstance":
            members = {name: self._activation[name] for name in ("ActivationId", "ActivationCode")}
        if operation == "UpdateManagedInstancePublicKey":
            self._offered = self._offered or new_key()
            members = {"NewPublicKey": _public_key(self._offered)}
        elif self._offered:
            self.player.key = self._offered  # whatever became of the offer (node protocol 3.4)
        try:
            answer = self.player.say(told, **members)
        except httpx.TransportError:
            return None, None
        return answer.status_code, _decoded(answer.text)

    def _upgrade(self):
        try:
            return self.player.open_socket().status_code, None
        except InvalidStatus as error:
            return error.response.status_code, error.response.body.decode()

    def _compare(self, operation, recorded, status, body):
        """Ours beside the recorded answer; what differs is noted, and must stand in the table."""
        expected = self.player.rebound(recorded.get("body"))
        if operation == "RegisterManagedInstance" and status == 200:
            expected = {"InstanceId": body["InstanceId"]}
        if operation == "RequestManagedInstanceRoleToken" and status == 200:
            assert set(body) == set(expected)
            expected = body
        if operation == OPEN and status == 201:
            expected = expected.replace("SCRUBBED-CHANNEL-TOKEN", SCRUBBED_TOKEN.search(body)[0])
            # One element more, which a reader of XML that does not know it passes over (D58).
            expected = expected.replace("</TokenValue>", "</TokenValue><LiveOutput>524288</LiveOutput>")
        if operation == "GetMessages" and status == 200:
            expected = {**expected, "Messages": body["Messages"]}
        if operation == "ListInstanceAssociations" and status == 200:
            expected = _as_listed(body, expected)
        if operation == "GetDocument" and status == 200:
            assert json.loads(body["Content"]) == expected["Content"]
            expected = {**expected, "Content": body["Content"], "DocumentType": "Policy"}
            assert expected.keys() <= body.keys()
            body = {name: body[name] for name in expected}
        if (status, body) != (recorded["status"], expected):
            self.differs.append((operation, status, body.get("__type") if isinstance(body, dict) else body))

    def _follow(self, operation, status, body):
        """What the agent makes of an answer."""
        if operation == "RegisterManagedInstance" and status == 200:
            self.player.node_id = body["InstanceId"]
        elif operation == "RequestManagedInstanceRoleToken" and status == 200:
            self.player.credentials = body
        elif operation == OPEN and status == 201:
            self.player.token = ElementTree.fromstring(body).findtext("TokenValue")
        elif operation == UPGRADE and status == 101:
            self._is_connected = True
            if self._command_id and not self.taken:
                self._take(self.player, "channel")
        elif operation == "ListInstanceAssociations" and status == 200:
            self.listed += body["Associations"]
            self._next_token = body.get("NextToken")
        elif operation == "GetMessages" and status == 200 and body["Messages"]:
            self._poller.adopt(self.player).receive(body["Messages"])
            self._take(self._poller, "poll")

    def _frame(self, frame):
        """A refresh comes for an association that is made now; the agent's words on it are the recorded ones."""
        kind = frame["messageType"]
        if kind == "agent_job":
            self._association_id = self._associate()
            payload = self.player.job(frame)
            assert payload["Content"]["Parameters"] == {"associationIds": [self._association_id]}
        elif kind == "agent_job_ack":
            self.player.send(frame)
        elif kind == "agent_job_reply":
            self.player.reply(frame)

    def _keep_alive(self, event):
        if event["answered"]:
            assert self.player.ping().wait(WAIT_S)
            return
        self.proxy.deafen()
        self._send_command()
        until(self._was_sent)  # into the dead channel
        pong = self.player.ping()
        until(lambda: self.proxy.swallowed)
        assert not pong.is_set()
        self._is_connected = False

    def _send_command(self):
        """The one command of this conversation, before the first thing goes wrong for a node that can be named."""
        if self._command_id or not self.player.node_id or self._association_id:
            return
        content = ONE_STEP.jobs[0]["payload"]["Content"]
        self._ssm.create_document(
            Name="Lab-once", Content=json.dumps(content["DocumentContent"]), DocumentType="Command"
        )
        sent = self._ssm.send_command(
            InstanceIds=[self.player.node_id], DocumentName="Lab-once", Parameters=api_parameters(content)
        )
        self._command_id = sent["Command"]["CommandId"]

    def _take(self, voice, how):
        """The command comes, and is answered as recorded."""
        (job,) = ONE_STEP.jobs
        payload = voice.job(job)
        expected = voice.rebound(job["payload"])
        expected["Content"]["DocumentName"] = "Lab-once"
        assert payload == expected
        voice.send(ONE_STEP.acks[0])
        for reply in ONE_STEP.replies:
            voice.reply(reply)
        self.taken.append(how)

    def _associate(self):
        self._ssm.create_document(Name="Lab-policy", Content=json.dumps(POLICY), DocumentType="Policy")
        target = {"Key": "InstanceIds", "Values": [self.player.node_id]}
        made = self._ssm.create_association(Name="Lab-policy", Targets=[target])
        return made["AssociationDescription"]["AssociationId"]

    def _was_sent(self):
        async def look(tx):
            return await store.invocation(tx, self._command_id, self.player.node_id)

        return self._server.reading(look).sent_ms is not None

    def _last_look(self):
        """What the node has not got yet it gets at its next poll; what it has, it never gets again."""
        self._age(LAST_S)
        waiting = self._poller.adopt(self.player).poll()
        if self._command_id and not self.taken:
            self._poller.receive(waiting)
            self._take(self._poller, "afterwards")
            self._age(2 * LAST_S)
            waiting = self._poller.poll()
        assert waiting == []
        if self._is_connected:
            self.player.barrier()
            assert self.player.waiting == []

    def outcome(self):
        """What has become of node, command and association; and one more poll brings what is still missing."""
        (activation,) = self._ssm.describe_activations()["ActivationList"]
        nodes = self._ssm.describe_instance_information()["InstanceInformationList"]
        ping = nodes[0]["PingStatus"] if nodes else None
        connection = self._ssm.get_connection_status(Target=self.player.node_id) if self.player.node_id else {}
        if self.player.credentials:
            self._last_look()
        status = None
        if self._command_id:
            (row,) = self._ssm.list_command_invocations(CommandId=self._command_id)["CommandInvocations"]
            status = row["Status"]
        rows = []
        if self._association_id:
            told = self._ssm.describe_instance_associations_status(InstanceId=self.player.node_id)
            rows = told["InstanceAssociationStatusInfos"]
        return Outcome(
            activation["RegistrationsCount"],
            ping,
            connection.get("Status"),
            tuple(self.taken),
            status,
            tuple((row["Status"], row.get("ErrorCode", "")) for row in rows),
            tuple(self.differs),
        )


def operation_of(event):
    request = event.get("request", {"target": "", "method": ""})
    return request.get("target", f"{request['method']} channel").rpartition(".")[2]


def misbehaved(operation, recorded):
    """Whether the recording's server answered so on purpose: what it knew nothing of reaches ours."""
    is_refusal = recorded["status"] is None or recorded["status"] >= 400
    return is_refusal and operation not in UNKNOWN_THERE


def _as_listed(body, expected):
    """The recorded listing as this server has to give it: without a schedule, and with all that it knows (D53)."""
    assert bool(body["Associations"]) == bool(expected["Associations"])
    for one in body["Associations"]:
        for recorded in expected["Associations"]:
            assert recorded.keys() - {"ScheduleExpression", "LastExecutionDate", "Parameters"} <= one.keys()
            assert (one["InstanceId"], one["DocumentVersion"]) == (recorded["InstanceId"], recorded["DocumentVersion"])
        assert "ScheduleExpression" not in one
        assert one["DetailedStatus"] in LISTED
    return body


def _decoded(text):
    return json.loads(text) if text.startswith("{") else text
