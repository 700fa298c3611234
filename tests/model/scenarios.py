"""A scenario is played twice: through boto3 and the scripted fleet on a live server, and on the naive model."""

import json
from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st
from naive_model import Model

START = "2030-07-01T09:07:13.250Z"
TIMEOUT_S = 4000
HOUR_MS = 3_600_000
LONGEST_TURN_MS = 30 * 24 * HOUR_MS
CALENDAR = "freeze"
# Closed from 11:00 to 13:00 on every day of the scenario.
CALENDAR_TEXT = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "PRODID:-//AWS//Change Calendar 1.0//EN",
        "VERSION:2.0",
        "X-CALENDAR-TYPE:DEFAULT_OPEN",
        "BEGIN:VEVENT",
        "DTSTAMP:20300101T000000Z",
        "UID:freeze",
        "DTSTART:20300601T110000Z",
        "DTEND:20300601T130000Z",
        "RRULE:FREQ=DAILY",
        "SUMMARY:freeze",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)


class Rows(msgspec.Struct, frozen=True):
    execution_id: str
    cause: str


def ms_of(text):
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def closed_times(days):
    first = ms_of("2030-07-01T11:00:00.000Z")
    return [(first + day * 24 * HOUR_MS, first + day * 24 * HOUR_MS + 2 * HOUR_MS) for day in range(-1, days + 2)]


SCHEDULES = st.sampled_from(
    [
        None,
        "rate(30 minutes)",
        "rate(2 hours)",
        "rate(1 day)",
        "cron(0/30 * * * ? *)",
        "cron(15 13 * * ? *)",
        "cron(0 4 ? * TUE *)",
        "cron(0 2 ? * WED#1 *)",
        "at(2030-07-02T15:55:00)",
    ]
)
TARGETS = st.sampled_from(["all", "prod", "first"])


@st.composite
def definitions(draw):
    schedule = draw(SCHEDULES)
    found = {"targets": draw(TARGETS), "timeout_s": TIMEOUT_S}
    if schedule is not None:
        found["schedule"] = schedule
        if not schedule.startswith("rate") and draw(st.booleans()):
            found["only_at_interval"] = True
            if schedule.startswith("cron") and draw(st.booleans()):
                found["offset"] = draw(st.integers(1, 3))
    if draw(st.integers(0, 2)) == 0:
        found["max_concurrency"] = draw(st.sampled_from(["1", "2", "50%"]))
    if draw(st.integers(0, 2)) == 0:
        found["max_errors"] = draw(st.sampled_from(["0", "1", "50%"]))
    if draw(st.integers(0, 3)) == 0:
        found["calendars"] = [CALENDAR]
    return found


@st.composite
def actions(draw, names, node_count):
    name = st.sampled_from(names)
    node = st.integers(1, node_count)
    kind = draw(st.sampled_from(["start_once", "update", "document", "tag", "untag", "offline", "online", "join"]))
    if kind in ("start_once", "document"):
        return kind, draw(name)
    if kind == "update":
        return kind, draw(name), {"max_concurrency": draw(st.sampled_from(["1", "3"]))}
    return (kind,) if kind == "join" else (kind, draw(node))


@st.composite
def scenarios(draw, hours=30, most_actions=8):
    node_count = draw(st.integers(1, 4))
    names = [f"a{n}" for n in range(draw(st.integers(1, 3)))]
    outcome = st.sampled_from(["Success", "Failed", "Failed", "TimedOut", "silent"])
    answers = draw(
        st.lists(
            st.tuples(
                st.sampled_from(names),
                st.integers(1, 6),
                st.integers(1, node_count),
                outcome,
                st.sampled_from([1, 1, 1, 97, 2417]),
            ),
            max_size=8,
            unique_by=lambda one: one[:3],
        )
    )
    timeline = draw(
        st.lists(st.tuples(st.integers(1, hours * 60 // 4), actions(names, node_count)), max_size=most_actions)
    )
    return {
        "prod": [draw(st.booleans()) for _ in range(node_count)],
        "associations": {name: draw(definitions()) for name in names},
        "answers": answers,
        "timeline": timeline,
        "hours": hours,
    }


def node_id(number):
    return f"mi-{number:017d}"


class Play:
    """One scenario on both sides."""

    def __init__(self, server, scenario):
        self.server = server
        self.ssm = server.client()
        self.scenario = scenario
        self.server.clock(to=START)
        self.now = ms_of(START)
        self.model = Model(self.now)
        self.model.closed_times[CALENDAR] = closed_times(scenario["hours"] // 24 + 3)
        self.ids = {}
        self.versions = {}
        self.node_count = 0

    def run(self):
        self._prepare()
        left = self.scenario["hours"] * HOUR_MS
        for gap_minutes, action in self.scenario["timeline"]:
            # Half a second off, so that nothing that is due falls on the same instant.
            gap = gap_minutes * 60_000 + 30_500
            if gap >= left:
                break
            self._advance(gap)
            left -= gap
            getattr(self, action[0])(*action[1:])
        self._advance(left)
        return {name: self._expected(name) for name in self.ids}, {name: self._found(name) for name in self.ids}

    def start_once(self, name):
        self.ssm.start_associations_once(AssociationIds=[self.ids[name]])
        self.server.settle()
        self.model.start_once(name)

    def update(self, name, changes):
        definition = {**self.model.associations[name].definition, **changes}
        members = self._members(name, definition)
        members.pop("Targets")
        self.ssm.update_association(AssociationId=self.ids[name], **members)
        self.server.settle()
        self.model.update(name, **changes)

    def document(self, name):
        self.versions[name] += 1
        version = str(self.versions[name])
        content = self._document(f"version {version}")
        self.ssm.update_document(Name=f"document-{name}", Content=content, DocumentVersion="$LATEST")
        self.ssm.update_document_default_version(Name=f"document-{name}", DocumentVersion=version)
        self.server.settle()
        self.model.move_document(name, version)

    def tag(self, number):
        self.ssm.add_tags_to_resource(
            ResourceType="ManagedInstance", ResourceId=node_id(number), Tags=[{"Key": "env", "Value": "prod"}]
        )
        self.server.settle()
        self.model.tag(node_id(number), env="prod")

    def untag(self, number):
        self.ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=node_id(number), TagKeys=["env"])
        self.server.settle()
        self.model.tag(node_id(number), env=None)

    def offline(self, number):
        if self.model.nodes[node_id(number)].online and not self._at_work(number):
            self._fleet({"offline": [node_id(number)]})
            self.model.offline(node_id(number))

    def online(self, number):
        if not self.model.nodes[node_id(number)].online:
            self._fleet({"online": [node_id(number)]})
            self.server.settle()
            self.model.online(node_id(number))

    def join(self):
        self._add_node(prod=True)

    def _prepare(self):
        self.ssm.create_document(
            Name=CALENDAR, Content=CALENDAR_TEXT, DocumentType="ChangeCalendar", DocumentFormat="TEXT"
        )
        for prod in self.scenario["prod"]:
            self._add_node(prod)
        for name in self.scenario["associations"]:
            self.ssm.create_document(
                Name=f"document-{name}", Content=self._document("version 1"), DocumentType="Command"
            )
            self.versions[name] = 1
        scripts = []
        for name, run, number, status, delay_s in self.scenario["answers"]:
            rule = {"document": f"document-{name}", "run": run, "nodes": [node_id(number)]}
            rule |= {"silent": True} if status == "silent" else {"status": status, "delay": f"{delay_s}s"}
            scripts.append(rule)
            self.model.answers[name, run, node_id(number)] = (status, delay_s * 1000)
        self._fleet({"scripts": scripts})
        for name, drawn in self.scenario["associations"].items():
            definition = {**drawn, "targets": self._targets(drawn["targets"])}
            answer = self.ssm.create_association(**self._members(name, definition))
            self.ids[name] = answer["AssociationDescription"]["AssociationId"]
            self.server.settle()
            self.model.create(name, definition)

    def _targets(self, kind):
        return {
            "all": ("all", None),
            "prod": ("tags", {"env": ["prod"]}),
            "first": ("ids", [node_id(1), node_id(9)]),
        }[kind]

    def _members(self, name, definition):
        kind, wanted = definition["targets"]
        targets = {
            "all": [{"Key": "InstanceIds", "Values": ["*"]}],
            "ids": [{"Key": "InstanceIds", "Values": wanted}],
            "tags": [{"Key": "tag:env", "Values": ["prod"]}],
        }[kind]
        members = {"Name": f"document-{name}", "Targets": targets}
        for ours, theirs in {
            "schedule": "ScheduleExpression",
            "only_at_interval": "ApplyOnlyAtCronInterval",
            "offset": "ScheduleOffset",
            "max_concurrency": "MaxConcurrency",
            "max_errors": "MaxErrors",
            "calendars": "CalendarNames",
        }.items():
            if ours in definition:
                members[theirs] = definition[ours]
        return members

    def _document(self, words):
        step = {
            "action": "aws:runShellScript",
            "name": "only",
            "inputs": {"runCommand": [f"echo {words}"], "timeoutSeconds": str(TIMEOUT_S)},
        }
        return json.dumps({"schemaVersion": "2.2", "mainSteps": [step]})

    def _add_node(self, prod):
        self.node_count += 1
        tags = {"env": "prod"} if prod else {}
        (added,) = self._fleet({"add": 1, "tags": tags})["nodes"]
        assert added == node_id(self.node_count)
        self.server.settle()
        self.model.add_node(added, tags)

    def _at_work(self, number):
        return any(
            row.node.id == node_id(number) and row.sent is not None and not row.final for row in self.model._rows()
        )

    def _fleet(self, body):
        return self.server.http("/_stateward/fleet", json.dumps(body).encode())

    def _advance(self, gap_ms):
        end = self.now + gap_ms
        while self.now < end:
            # A year at once would outlast the patience of the test's HTTP client.
            step = min(end - self.now, LONGEST_TURN_MS)
            self.now += step
            self.server.clock(advance=f"{step}ms")
        self.model.advance(self.now)

    def _expected(self, name):
        return [
            (
                _cause(execution.cause),
                execution.created,
                execution.status,
                execution.detail,
                {row.node.id: (row.status, row.detail) for row in execution.rows},
            )
            for execution in self.model.associations[name].executions
        ]

    def _found(self, name):
        association_id = self.ids[name]
        causes = self.server.reading(lambda tx: _causes(tx, association_id))
        pages = self.ssm.get_paginator("describe_association_executions").paginate(AssociationId=association_id)
        rows = [row for page in pages for row in page["AssociationExecutions"]]
        return [
            (
                _cause(causes[row["ExecutionId"]]),
                round(row["CreatedTime"].timestamp() * 1000),
                row["Status"],
                row["DetailedStatus"],
                self._targets_of(association_id, row["ExecutionId"]),
            )
            for row in reversed(rows)
        ]

    def _targets_of(self, association_id, execution_id):
        answer = self.ssm.describe_association_execution_targets(AssociationId=association_id, ExecutionId=execution_id)
        return {
            row["ResourceId"]: (row["Status"], row["DetailedStatus"]) for row in answer["AssociationExecutionTargets"]
        }


async def _causes(tx, association_id):
    sql = "SELECT execution_id, cause FROM executions WHERE association_id = $1"
    return {row.execution_id: row.cause for row in await tx.rows(Rows, sql, association_id)}


def _cause(text):
    """Ids of requests and executions are random; what is compared is the kind, and the instant where there is one."""
    kind, _, rest = text.partition(":")
    if kind == "manual":
        return kind
    return f"catchup:{rest.rpartition(':')[2]}" if kind == "catchup" else text
