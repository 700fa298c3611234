"""ScheduleOffset on a running server: when a run really starts (spec 3.4, 3.6)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from association_calls import create, executions

VECTORS = json.loads((Path(__file__).parent.parent / "associations" / "schedule_vectors.json").read_text())["offset"]
LATER = timedelta(days=4018)
"""A clock does not go back: the summer of 2018 comes again, day of the week by day, in 2029."""


def moved(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")) + LATER


def turn(server, instant):
    server.clock(to=instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def test_runs_start_at_the_times_of_the_vectors_sch_02_sch_12(start_server):
    server = start_server(retention_days=None)
    ssm, made = server.client(), {}
    for vector in sorted(VECTORS, key=lambda one: one["anchor"]):
        turn(server, moved(vector["anchor"]))
        made[vector["id"]] = create(
            ssm,
            "AWS-RunShellScript",
            Parameters={"commands": ["true"]},
            ScheduleExpression=vector["expression"],
            ScheduleOffset=vector["offset_days"],
            ApplyOnlyAtCronInterval=True,
        )["AssociationId"]
    turn(server, max(moved(vector["next"][-1]) for vector in VECTORS))
    for vector in VECTORS:
        started = [row["CreatedTime"] for row in executions(ssm, made[vector["id"]])][::-1]
        assert started[:3] == [moved(one) for one in vector["next"]], vector["id"]
