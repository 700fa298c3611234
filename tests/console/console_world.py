"""A small world for the pages: nodes, documents, an association that fails on some, commands, parameters."""

import json

from live_server import KEY_ID
from simulated_fleet import Fleet

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31mred\x1b[0m\u202egnp.exe\u0000"
STEPS = {
    "schemaVersion": "2.2",
    "description": "Restarts a <b>service</b>.",
    "parameters": {"service": {"type": "String", "default": "web", "description": "Which <i>service</i>."}},
    "mainSteps": [
        {"action": "aws:runShellScript", "name": "check", "inputs": {"runCommand": ["df -h /"]}},
        {
            "action": "aws:runShellScript",
            "name": "restart",
            "precondition": {"StringEquals": ["platformType", "Linux"]},
            "inputs": {"timeoutSeconds": "600", "runCommand": ["systemctl restart {{ service }}"]},
        },
        {"action": "aws:runShellScript", "name": "verify", "inputs": {"runCommand": ["curl -fsS localhost"]}},
    ],
}
CALENDAR = """BEGIN:VCALENDAR
PRODID:-//AWS//Change Calendar 1.0//EN
VERSION:2.0
X-CALENDAR-TYPE:DEFAULT_OPEN
BEGIN:VEVENT
UID:freeze
DTSTAMP:20200101T000000Z
DTSTART:20200101T000000Z
DTEND:20200101T060000Z
RRULE:FREQ=WEEKLY
SUMMARY:Freeze
END:VEVENT
END:VCALENDAR
"""


class World:
    """What pages show; the addresses' parts by the names that the pages' paths have."""

    def __init__(self, server):
        self.server = server
        self.ssm = ssm = server.client()
        self.fleet = Fleet(server)
        self.nodes = self.fleet.add(12, tags={"env": "prod"}, name="web")
        ssm.create_document(Name="restart-service", Content=json.dumps(STEPS), DocumentType="Command")
        changed = {**STEPS, "description": "Restarts a service and checks it."}
        ssm.update_document(Name="restart-service", Content=json.dumps(changed), DocumentVersion="$LATEST")
        ssm.create_document(Name="freeze", Content=CALENDAR, DocumentType="ChangeCalendar", DocumentFormat="TEXT")
        ssm.put_parameter(Name="/app/colour", Value="green", Type="String")
        ssm.put_parameter(Name="/app/password", Value="only-for-operators", Type="SecureString")
        self.fleet.script(status="Failed", nodes=self.nodes[:3], step="restart", error=f"disk full {HOSTILE}")
        self.association = ssm.create_association(
            Name="restart-service",
            AssociationName="nightly-restart",
            Targets=[{"Key": "tag:env", "Values": ["prod"]}],
            ScheduleExpression="cron(0 3 * * ? *)",
        )["AssociationDescription"]["AssociationId"]
        server.settle()
        server.clock(advance="2d")
        self.activation = ssm.create_activation(IamRole="stateward", DefaultInstanceName="web")["ActivationId"]
        sent = ssm.send_command(
            DocumentName="AWS-RunShellScript",
            Targets=[{"Key": "tag:env", "Values": ["prod"]}],
            Parameters={"commands": ["df -h"]},
        )
        self.command = sent["Command"]["CommandId"]
        server.clock(advance="1m")
        newest = ssm.describe_association_executions(AssociationId=self.association)["AssociationExecutions"]
        self.executions = [one["ExecutionId"] for one in newest]

    @property
    def parts(self):
        """What stands for each name in a page's path."""
        return {
            "node_id": self.nodes[0],
            "name": "restart-service",
            "access_key_id": KEY_ID,
            "activation_id": self.activation,
            "command_id": self.command,
            "association_id": self.association,
            "execution_id": self.executions[0],
            "window": "60.worst.1.-.0.8",
            "theme": "light",
            "before_id": self.executions[1],
            "rest": f"1/nodes/{self.nodes[0]}",
        }


class Showcase:
    """A fleet as the documentation shows it: some nodes trouble, most are well, a run is under way."""

    def __init__(self, server):
        self.server = server
        self.ssm = ssm = server.client()
        self.fleet = fleet = Fleet(server)
        steps = {**STEPS, "description": "Installs patches, restarts what needs it, and looks whether it came back."}
        ssm.create_document(Name="patch-and-restart", Content=json.dumps(steps), DocumentType="Command")
        self.nodes = [
            fleet.add(1, tags={"env": "prod", "role": role}, name=f"{role}-{number:03d}")[0]
            for role, count in (("web", 40), ("db", 12))
            for number in range(1, count + 1)
        ]
        nodes = self.nodes
        self.association = self._association("nightly-patch", "patch-and-restart", "env", "prod", "cron(0 3 * * ? *)")
        self._association("inventory", "AWS-RunShellScript", "role", "web", "rate(12 hours)", commands=["uptime"])
        for chosen, rule in (
            (nodes[16:17], {"step": "restart", "error": "disk full: /var", "share": 0.45}),
            (nodes[20:30], {"step": "check", "error": "mirror did not answer", "share": 0.05}),
            (nodes[41:42], {"step": "verify", "status": "TimedOut", "share": 0.2}),
        ):
            fleet.script(**{"status": "Failed", "nodes": chosen, "document": "patch-and-restart", **rule})
        server.clock(advance="45d")
        bad = [nodes[16], nodes[20], nodes[3]]
        fleet.script(status="Failed", nodes=bad, document="patch-and-restart", step="restart", error="disk full: /var")
        server.clock(advance="2d")
        newest = ssm.describe_association_executions(AssociationId=self.association)["AssociationExecutions"][0]
        self.execution = newest["ExecutionId"]
        self.failing = nodes[16]

    def _association(self, name, document, key, value, schedule, **parameters):
        return self.ssm.create_association(
            Name=document,
            AssociationName=name,
            Targets=[{"Key": f"tag:{key}", "Values": [value]}],
            ScheduleExpression=schedule,
            Parameters=parameters,
        )["AssociationDescription"]["AssociationId"]
