"""One server for all examples. Each example has a region of its own, so that none sees what another made."""

import json

from association_calls import EVERY_NODE
from live_server import KEY_ID, SECRET
from scripted_nodes import NodePark

AGENT = "AWS-UpdateSSMAgent"
SHELL = {
    "schemaVersion": "2.2",
    "mainSteps": [{"action": "aws:runShellScript", "name": "greet", "inputs": {"runCommand": ["echo hello"]}}],
}
RUNBOOK = """
schemaVersion: "0.3"
description: Document Example
assumeRole: "{{ AutomationAssumeRole }}"
parameters:
  AutomationAssumeRole: {type: String, default: ""}
  InstanceId: {type: String, default: ""}
mainSteps:
  - {name: wait, action: "aws:sleep", inputs: {Duration: PT1S}}
"""
ONCE = """BEGIN:VCALENDAR
PRODID:-//AWS//Change Calendar 1.0//EN
VERSION:2.0
X-CALENDAR-TYPE:DEFAULT_OPEN
BEGIN:VEVENT
DTSTAMP:20200101T000000Z
UID:freeze
DTSTART:20200219T060000Z
DTEND:20200219T180000Z
SUMMARY:freeze
END:VEVENT
END:VCALENDAR
"""
WEEKLY = ONCE.replace("SUMMARY", "RRULE:FREQ=WEEKLY\nSUMMARY")


class Region:
    """What one example finds: a client, the place of its files, and things that it can be given."""

    def __init__(self, server, node_thread, name, folder):
        self.server = server
        self.name = name
        self.folder = folder
        self.ssm = server.client(region=name)
        self.url = server.url
        self._node_thread = node_thread
        self._park = None

    def client(self):
        """For the park of nodes: activations are made in this region."""
        return self.ssm

    @property
    def environment(self):
        """What somebody sets who uses the CLI with Stateward."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": self.name,
            "AWS_ENDPOINT_URL_SSM": self.url,
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AWS_DEFAULT_OUTPUT": "json",
            "AWS_PAGER": "",
        }

    def close(self):
        if self._park is not None:
            self._park.close()

    def node(self, **tags):
        """A node that reports success."""
        self._park = self._park or NodePark(self._node_thread, self)
        return self._park.one(tags=tags)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def document(self, name, content=SHELL, document_type="Command", **members):
        text = content if isinstance(content, str) else json.dumps(content)
        self.ssm.create_document(Name=name, Content=text, DocumentType=document_type, **members)

    def parameter(self, name, value="Veni", **members):
        members.setdefault("Type", "String")
        self.ssm.put_parameter(Name=name, Value=value, **members)

    def association(self, name=AGENT, **members):
        """An association that has run; its id."""
        made = self.ssm.create_association(Name=name, **(members or {"Targets": EVERY_NODE}))
        self.server.settle()
        return made["AssociationDescription"]["AssociationId"]

    def command(self, node):
        """A command that has run on a node; its id."""
        sent = self.ssm.send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[node.node_id], Parameters={"commands": ["id"]}
        )
        self.server.settle()
        return sent["Command"]["CommandId"]
