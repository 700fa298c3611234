"""Recorded runs of associations, started by our refreshes and told of by the recorded agent (D53).

The recording's server scheduled by what it listed; ours lists nothing that starts. So each recorded run is asked for
here, one after the other, and the agent's words on it are the recorded ones.
"""

import json

import httpx
import pytest
from fault_proxy import Fault

from recordings import load

PREFIX = "AmazonSSM."
TEMPLATES = {
    "UpdateInstanceAssociationStatus": "report-1-pending",
    "UpdateAssociationStatus": "legacy-update-association-status",
    "GetDocument": "get-document",
    "ListInstanceAssociations": "list-associations",
    "PutComplianceItems": "put-compliance-items",
    "PutInventory": "put-inventory",
}
NEEDED = ("AssociationId", "Name", "InstanceId", "DocumentVersion", "Checksum", "DetailedStatus")
TERMINAL = ("Success", "Failed", "TimedOut")
LISTED = ("Skipped", "Success", "Failed", "TimedOut")
SHIPPED = "AWS-GatherSoftwareInventory"
HANDLED = "handled"


class Turn:
    """One run of one association: what the recorded agent reported of it, in order."""

    def __init__(self, association_id):
        self.association_id = association_id
        self.reports = []
        self.is_over = False


class RefreshReplay:
    """One recording on one node. What its server refused on purpose never reaches ours.

    Behind a proxy the agent says it all the same, and the proxy answers as recorded: instead of the server, or
    (`reaches`) after it.
    """

    def __init__(self, ssm, player, name, *, times=1, proxy=None, reaches=False):
        self._proxy, self._reaches = proxy, reaches
        self._times = times
        self.events = [event for event in load(name)["events"] if isinstance(event, dict)]
        self._ssm = ssm
        self._player = player
        self._made = {}
        self._listed = {}
        self._documents = {}
        self._contents = {}
        self._hashes = {}
        self._parameters = {}
        self._look()
        for parameter, value in self._parameters.items():
            ssm.put_parameter(Name=parameter, Value=value, Type="String")

    def play(self):
        """Play every run; (Status, ErrorCode) of its association on the node after each."""
        ends = []
        for number, turn in enumerate(self.turns):
            self._begin(turn)
            if number == 0:
                self._refresh_talk()
            self._check_listing()
            for event in turn.reports:
                for _ in range(self._times):
                    self._say(event)
            ends.append(self._end(turn))
        self._after()
        return ends

    @property
    def turns(self):
        """The runs, in the order of their ends; those without an end last."""
        over, open_ones = [], {}
        for event in self.events:
            if operation_of(event) != "UpdateInstanceAssociationStatus":
                continue
            body = event["request"]["body"]
            turn = open_ones.setdefault(body["AssociationId"], Turn(body["AssociationId"]))
            turn.reports.append(event)
            if reached(event) and body["ExecutionResult"]["Status"] in TERMINAL:
                turn.is_over = True
                over.append(open_ones.pop(body["AssociationId"]))
        return over + list(open_ones.values())

    def _look(self):
        """What the recording's server listed and gave out."""
        for event in self.events:
            answer = event.get("response", {}).get("body") if event.get("response") else None
            if operation_of(event) == "ListInstanceAssociations" and isinstance(answer, dict):
                self._listed.update({one.get("AssociationId"): one for one in answer.get("Associations", [])})
            if operation_of(event) == "GetDocument" and event["response"]["status"] == 200:
                content = answer["Content"]
                self._documents[answer["Name"]] = content if isinstance(content, str) else json.dumps(content)
            if operation_of(event) == "GetParameters":
                self._parameters.update({one["Name"]: one["Value"] for one in answer["Parameters"]})

    def _begin(self, turn):
        """The association's first run comes with its creation, every other is asked for; then its refresh comes."""
        theirs = turn.association_id
        if theirs in self._made:
            self._ssm.start_associations_once(AssociationIds=[self._made[theirs]])
        else:
            self._create(theirs)
        frame = next((frame for frame in self._frames("agent_job") if names_refresh(frame)), REFRESH_FRAME)
        expected = frame["payload"]["Content"]["Parameters"]
        payload = self._player.job(frame)
        wanted = self._player.rebound(frame["payload"])
        wanted["Content"]["Parameters"] = {**expected, "associationIds": [self._made[theirs]]}
        assert payload == wanted

    def _create(self, theirs):
        listed = self._listed.get(theirs, {"Name": "lab-shell"})
        name = listed["Name"]
        content = self._documents.get(name) or load("get-document")["response"]["body"]["Content"]
        declared = json.loads(content).get("parameters", {})
        is_old = json.loads(content)["schemaVersion"] == "1.2"
        if name != SHIPPED:
            name = self._provide(name, content, "Command" if is_old else "Policy")
        given = {key: value for key, value in listed.get("Parameters", {}).items() if key in declared}
        # What the recording's server left out on purpose, ours insists on.
        given |= {key: ["true"] for key, of in declared.items() if "default" not in of and key not in given}
        made = self._ssm.create_association(
            Name=name,
            **self._target(is_old),
            **({"Parameters": given} if given and name != SHIPPED else {}),
        )["AssociationDescription"]
        self._made[theirs] = made["AssociationId"]
        if theirs:
            self._player.bind(theirs, made["AssociationId"])

    def _target(self, is_old):
        """A document of schema 1.2 is no Policy: the node's id makes its association one of the agent's own."""
        if is_old:
            return {"InstanceId": self._player.node_id}
        return {"Targets": [{"Key": "InstanceIds", "Values": [self._player.node_id]}]}

    def _provide(self, name, content, kind):
        """The document, whose associations are applied by the agent itself if it is a Policy."""
        mine = f"{name.replace('AWS-', 'Lab-')}-own"
        if mine not in {one["Name"] for one in self._own_documents()}:
            self._ssm.create_document(Name=mine, Content=content, DocumentType=kind)
            self._contents[mine] = json.loads(content)
        return mine

    def _own_documents(self):
        return self._ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]

    def _refresh_talk(self):
        """What the agent says of the refresh itself: acknowledged, and without any consequence."""
        jobs = [frame["payload"]["JobId"] for frame in self._frames("agent_job") if names_refresh(frame)][:1]
        for frame in self._frames("agent_job_ack"):
            if frame["payload"]["jobId"] in jobs:
                self._player.send(frame)
        seen = set()
        for frame in self._frames("agent_job_reply"):
            if frame["payload"]["jobId"] in jobs:
                self._player.reply(frame, again=frame["messageId"] in seen)
                seen.add(frame["messageId"])

    def _check_listing(self):
        """The agent reads the list: all that it needs, and nothing that it would start by itself."""
        answer = self._call("ListInstanceAssociations", {"InstanceId": self._player.node_id, "MaxResults": 20})
        assert answer.status_code == 200
        found = {one["AssociationId"]: one for one in answer.json()["Associations"]}
        assert set(found) == set(self._made.values())
        for one in found.values():
            assert all(one[member] for member in NEEDED)
            assert "ScheduleExpression" not in one
            assert one["DetailedStatus"] in LISTED
            document = self._call("GetDocument", {"Name": one["Name"], "DocumentVersion": one["DocumentVersion"]})
            content = json.loads(document.json()["Content"])
            assert content == self._contents.get(one["Name"], content)  # else one that Stateward ships

    def _say(self, event):
        operation = operation_of(event)
        if not reached(event) or (self._proxy and is_spoiled(event)):
            self._say_in_vain(event)
            return
        answer = self._call(operation, event["request"]["body"])
        assert (answer.status_code, answer.json()) == (200, {}), answer.text

    def _say_in_vain(self, event):
        """What the agent hears is the proxy's; whether the server has heard the agent is the proxy's too."""
        if self._proxy is None:
            return
        response = event["response"]
        self._proxy.spoil(Fault(response["status"], response.get("body") or "", self._reaches or reached(event)))
        if response["status"] is None:
            with pytest.raises(httpx.TransportError):
                self._call(operation_of(event), event["request"]["body"])
        else:
            answer = self._call(operation_of(event), event["request"]["body"])
            assert answer.status_code == response["status"]

    def _end(self, turn):
        rows = self._ssm.describe_instance_associations_status(InstanceId=self._player.node_id)
        mine = self._made[turn.association_id]
        (row,) = [row for row in rows["InstanceAssociationStatusInfos"] if row["AssociationId"] == mine]
        told = [event["request"]["body"]["ExecutionResult"] for event in turn.reports if self._heard(event)]
        if told:
            assert row["ExecutionSummary"] == self._player.rebound(told[-1])["ExecutionSummary"]
        return row["Status"], row.get("ErrorCode", "")

    def _heard(self, event):
        return reached(event) or (self._proxy is not None and self._reaches)

    def _after(self):
        """Compliance and inventory, as far as the recording's server took them."""
        for event in self.events:
            if operation_of(event) in ("PutComplianceItems", "PutInventory"):
                self._put(event)

    def _put(self, event):
        if not reached(event):
            self._say_in_vain(event)
            return
        body = event["request"]["body"]
        items = [whole(item) for item in body["Items"]]
        answer = self._call(operation_of(event), {**body, "Items": items})
        if self._is_known(items):
            assert (answer.status_code, answer.json()) == (200, {}), answer.text
        else:
            assert (answer.status_code, answer.json()["__type"]) == (400, "ItemContentMismatchException")

    def _is_known(self, items):
        """Whether the server has the content of every item that comes as a hash only."""
        known = all(
            "Content" in item or self._hashes.get(item["TypeName"]) == item["ContentHash"]
            for item in items
            if "TypeName" in item
        )
        self._hashes.update({item["TypeName"]: item.get("ContentHash") for item in items if item.get("Content")})
        return known

    def _call(self, operation, body):
        template = load(TEMPLATES[operation])["request"]
        return self._player.say({**template, "body": body})

    def _frames(self, kind):
        return [event["frame"] for event in self.events if event.get("frame", {}).get("messageType") == kind]


def operation_of(event):
    return (event.get("request", {}).get("target") or "").removeprefix(PREFIX)


def reached(event):
    """Whether the recording's server took it: what was refused, or lost on its way, never came."""
    status = event["response"].get("status") if event.get("response") else None
    return status == 200 or (status is None and HANDLED in json.dumps(event))


def whole(item):
    """An item of inventory without the texts that say where the recording was cut short."""
    if "Content" not in item:
        return item
    return {**item, "Content": [entry for entry in item["Content"] if isinstance(entry, dict)]}


def is_spoiled(event):
    """Whether the agent was told of an error, or of nothing."""
    return event["response"].get("status") != 200


def names_refresh(frame):
    content = frame["payload"].get("Content")
    return isinstance(content, dict) and content.get("DocumentName") == "AWS-RefreshAssociation"


REFRESH_FRAME = next(
    event["frame"]
    for event in load("ondemand-refresh-unscheduled-never-run")["events"]
    if event.get("frame", {}).get("messageType") == "agent_job"
)
"""What every run is told with."""
