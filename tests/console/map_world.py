"""A history to look at: forty nodes, fourteen runs, nodes that fail, come later, flap and are well."""

import json

from simulated_fleet import Fleet

STEPS = {
    "schemaVersion": "2.2",
    "mainSteps": [
        {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": ["true"]}}
        for name in ("check", "restart", "verify")
    ],
}


class MapWorld:
    """`bad` fail since run 8, `slow` time out in run 10, `flaky` fail every other run, `late` have come by run 6."""

    def __init__(self, server, nodes=36):
        self.server = server
        self.ssm = server.client()
        self.fleet = fleet = Fleet(server)
        self.nodes = fleet.add(nodes, tags={"env": "prod"}, name="web")
        self.bad, self.slow, self.flaky = self.nodes[4:7], self.nodes[9:10], self.nodes[12:13]
        self.ssm.create_document(Name="restart-web", Content=json.dumps(STEPS), DocumentType="Command")
        self.association = self.ssm.create_association(
            Name="restart-web",
            AssociationName="nightly-restart",
            Targets=[{"Key": "tag:env", "Values": ["prod"]}],
            ScheduleExpression="cron(0 3 ? * * *)",
        )["AssociationDescription"]["AssociationId"]
        server.settle()
        self.turn(4)
        self.late = fleet.add(4, tags={"env": "prod"}, name="late")
        server.settle()
        for number in range(7, 15):
            rules = [{"status": "Failed", "nodes": self.bad, "step": "restart", "error": "disk full", "exit_code": 1}]
            if number % 2:
                rules.append({"status": "Failed", "nodes": self.flaky, "step": "check", "error": "no route"})
            if number == 10:
                rules.append({"status": "TimedOut", "nodes": self.slow, "step": "verify"})
            fleet(scripts=rules if number >= 8 else [])
            self.turn(1)

    def turn(self, days):
        self.server.clock(advance=f"{days}d")
        self.server.settle()

    @property
    def path(self):
        return f"/associations/{self.association}"


def long_history(server):
    """What a picture for the documentation shows: two hundred nodes, fifty nights, troubles that come and go."""
    fleet, ssm = Fleet(server), server.client()
    nodes = [fleet.add(1, tags={"env": "prod"}, name=f"web-{number:03}")[0] for number in range(1, 181)]
    ssm.create_document(Name="restart-web", Content=json.dumps(STEPS), DocumentType="Command")
    wanted = {
        "Name": "restart-web",
        "AssociationName": "nightly-restart",
        "Targets": [{"Key": "tag:env", "Values": ["prod"]}],
        "ScheduleExpression": "cron(0 3 ? * * *)",
        "MaxConcurrency": "50",
    }
    association = ssm.create_association(**wanted)["AssociationDescription"]["AssociationId"]

    def nights(count, *rules):
        now_and_then = [
            {"status": "Failed", "share": 0.004, "step": "check", "error": "no route to host", "delay": "2s..40s"},
            {"status": "TimedOut", "share": 0.002, "step": "verify"},
        ]
        fleet(scripts=[*now_and_then, *rules])
        server.clock(advance=f"{count}d")
        server.settle()

    disk = {"status": "Failed", "nodes": nodes[20:27], "step": "restart", "error": "disk full", "exit_code": 1}
    slow = {"status": "TimedOut", "nodes": nodes[60:63], "step": "verify"}
    lock = {"status": "Failed", "nodes": nodes[100:112], "step": "check", "error": "package lock is held"}
    nights(18)
    for number in range(1, 25):
        fleet.add(1, tags={"env": "prod"}, name=f"edge-{number:02}")
    nights(9, lock)
    nights(12)
    nights(4, slow)
    ssm.update_association(AssociationId=association, **wanted | {"MaxConcurrency": "20"})
    nights(8, slow, disk)
    fleet(offline=nodes[140:143])
    nights(1, slow, disk)
    return association
