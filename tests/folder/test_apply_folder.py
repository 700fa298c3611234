"""`stateward plan`, `apply` and `export` against a running server, as people type them."""

import json
import threading

import msgspec
import pytest
from typer.testing import CliRunner

from live_server import Refused
from programs import ISOLATED, KEYS
from stateward.cli.main import app
from stateward.folder import applying, planning, remote
from stateward.folder.files import folder_name, read

RESTART = """
Content:
  schemaVersion: "2.2"
  mainSteps:
    - {action: "aws:runShellScript", name: restart, inputs: {runCommand: ['true']}}
"""
NIGHTLY = """
AssociationName: nightly
Name: restart
Targets: [{Key: 'tag:env', Values: [prod]}]
ScheduleExpression: cron(0 3 ? * * *)
MaxConcurrency: "50"
ApplyOnlyAtCronInterval: true
"""
FREEZE = "\r\n".join(
    (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//example//freeze//EN",
        "X-CALENDAR-TYPE:DEFAULT_OPEN",
        "BEGIN:VEVENT",
        "UID:freeze@example.net",
        "DTSTAMP:20260101T000000Z",
        "DTSTART:20261224T000000Z",
        "DTEND:20261227T000000Z",
        "SUMMARY:freeze",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    )
)


@pytest.fixture
def folder(tmp_path):
    """A folder with a document, a calendar and an association that uses both."""
    return (
        Folder(tmp_path / "fleet")
        .put("documents/restart.yaml", RESTART)
        .put("associations/nightly.yaml", NIGHTLY + "CalendarNames: [freeze]\n")
        .put("calendars/freeze.ics", FREEZE)
    )


class Folder:
    def __init__(self, path):
        self.path = path

    def put(self, name, text):
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")
        return self

    def change(self, name, old, new):
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text
        return self.put(name, text.replace(old, new))

    def remove(self, name):
        (self.path / name).unlink()
        return self


@pytest.fixture
def stateward(server, tmp_path):
    def invoke(*words, code=0, **env):
        known = {"AWS_ENDPOINT_URL_SSM": server.url, "STATEWARD_DATA_DIR": str(tmp_path), **KEYS, **ISOLATED, **env}
        result = CliRunner().invoke(app, [str(word) for word in words], env=known)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result

    return invoke


def applied(stateward, folder, *options, **env):
    return stateward("apply", folder.path, "--yes", *options, **env)


def nightly(ssm):
    (found,) = ssm.list_associations()["Associations"]
    return ssm.describe_association(AssociationId=found["AssociationId"])["AssociationDescription"]


def test_plan_shows_what_would_be_and_touches_nothing(stateward, folder, ssm):
    shown = stateward("plan", folder.path, code=2).stdout
    lines = shown.splitlines()
    assert lines[0] == "+ document    restart"
    assert lines[1] == "+ calendar    freeze"
    assert lines[2].startswith("+ association nightly   matches 0 nodes now · next ")
    assert lines[3].startswith("3 to add, 0 to change, 0 unchanged   [plan ")
    assert ssm.list_associations()["Associations"] == []


def test_apply_makes_it_and_a_second_plan_is_empty(stateward, folder, ssm):
    said = applied(stateward, folder)
    assert said.stdout.endswith("3 changes are made\n")
    assert said.stderr.startswith("→ http://127.0.0.1:")
    assert nightly(ssm)["CalendarNames"] == ["freeze"]
    assert stateward("plan", folder.path).stdout == "0 to add, 0 to change, 3 unchanged\n"
    assert "nothing to do" in applied(stateward, folder).stderr


def test_a_new_content_is_the_default_at_once(stateward, folder, ssm):
    applied(stateward, folder)
    folder.change("documents/restart.yaml", "'true'", "'false'")
    shown = stateward("plan", folder.path, code=2).stdout
    assert "    -    - 'true'" in shown
    applied(stateward, folder)
    assert ssm.describe_document(Name="restart")["Document"]["DefaultVersion"] == "2"
    stateward("plan", folder.path)
    folder.change("documents/restart.yaml", "'false'", "'true'")
    applied(stateward, folder)
    assert ssm.describe_document(Name="restart")["Document"]["DefaultVersion"] == "1"


def test_nothing_is_wiped_by_an_update(stateward, folder, ssm):
    applied(stateward, folder)
    folder.change("associations/nightly.yaml", '"50"', '"20"')
    applied(stateward, folder)
    found = nightly(ssm)
    assert (found["MaxConcurrency"], found["ScheduleExpression"], found["AssociationVersion"]) == (
        "20",
        "cron(0 3 ? * * *)",
        "2",
    )


def test_all_of_it_happens_or_nothing(stateward, folder, ssm):
    folder.put("associations/wrong.yaml", "Name: no-such-document\n")
    said = stateward("apply", folder.path, "--yes", code=1)
    assert "InvalidDocument: step 4, CreateAssociation associations/wrong" in said.stderr
    assert ssm.list_associations()["Associations"] == []
    assert not ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]


def test_plan_says_what_the_server_would_refuse(stateward, folder, ssm):
    folder.change("associations/nightly.yaml", "cron(0 3 ? * * *)", "rate(1 second)")
    said = stateward("plan", folder.path, code=1)
    assert "InvalidSchedule: step 3, CreateAssociation associations/nightly" in said.stderr
    assert ssm.list_associations()["Associations"] == []


def test_a_calendar_that_cannot_be_read_is_refused(stateward, folder, ssm):
    folder.put("calendars/freeze.ics", "BEGIN:VCALENDAR\nX-CALENDAR-TYPE:DEFAULT_OPEN\n")
    said = stateward("apply", folder.path, "--yes", code=1)
    assert "InvalidDocumentContent: step 2, CreateDocument calendars/freeze" in said.stderr


def test_a_new_document_and_its_association_are_one_run(stateward, folder, ssm, server):
    folder.change("associations/nightly.yaml", "ApplyOnlyAtCronInterval: true\n", "")
    applied(stateward, folder)
    server.clock(advance="1m")
    before = len(
        ssm.describe_association_executions(AssociationId=nightly(ssm)["AssociationId"])["AssociationExecutions"]
    )
    folder.change("documents/restart.yaml", "'true'", "'false'")
    folder.change("associations/nightly.yaml", '"50"', '"20"')
    applied(stateward, folder)
    server.clock(advance="1m")
    rows = ssm.describe_association_executions(AssociationId=nightly(ssm)["AssociationId"])["AssociationExecutions"]
    assert len(rows) == before + 1


def test_an_association_that_waits_for_its_schedule_is_not_said_to_start(stateward, folder, ssm):
    applied(stateward, folder)
    folder.change("documents/restart.yaml", "'true'", "'false'")
    assert "starts" not in stateward("plan", folder.path, code=2).stdout


def test_nothing_done_without_its_flag_is_no_success(stateward, folder, ssm):
    applied(stateward, folder)
    folder.remove("associations/nightly.yaml").remove("calendars/freeze.ics")
    said = stateward("apply", folder.path, "--yes", code=2)
    assert said.stderr.endswith("nothing is done: what is left needs --delete\n")


def test_deletions_need_the_flag_and_only_concern_what_the_folder_made(stateward, folder, ssm):
    ssm.create_association(
        Name="AWS-RunShellScript",
        AssociationName="foreign",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )
    applied(stateward, folder)
    folder.remove("associations/nightly.yaml").remove("calendars/freeze.ics")
    shown = stateward("plan", folder.path, code=2).stdout
    assert "- association nightly" in shown
    assert "- calendar    freeze   used by no association" in shown
    assert "2 to delete (needs --delete)" in shown
    applied(stateward, folder, code=2)
    assert len(ssm.list_associations()["Associations"]) == 2
    applied(stateward, folder, "--delete")
    assert [one["AssociationName"] for one in ssm.list_associations()["Associations"]] == ["foreign"]


def test_an_association_that_is_there_is_adopted(stateward, folder, ssm):
    applied(stateward, folder)
    known = nightly(ssm)["AssociationId"]
    ssm.remove_tags_from_resource(
        ResourceType="Association", ResourceId=known, TagKeys=["stateward:folder", "stateward:key"]
    )
    assert "1 to adopt (needs --adopt)" in stateward("plan", folder.path).stdout
    applied(stateward, folder, "--adopt")
    assert nightly(ssm)["AssociationId"] == known
    assert "3 unchanged" in stateward("plan", folder.path).stdout


def test_a_hash_ties_apply_to_a_plan(stateward, folder, ssm):
    seen = json.loads(stateward("plan", folder.path, "-o", "json", code=2).stdout)
    assert [change["action"] for change in seen["changes"]] == ["create"] * 3
    folder.change("associations/nightly.yaml", '"50"', '"20"')
    said = stateward("apply", folder.path, "--yes", "--plan", seen["hash"], code=1)
    assert "folder or server have changed" in said.stderr
    assert ssm.list_associations()["Associations"] == []


def test_without_a_terminal_apply_asks_for_yes(stateward, folder):
    assert "give --yes" in stateward("apply", folder.path, code=64).stderr


def test_a_fresh_export_plans_nothing(stateward, folder, ssm, tmp_path):
    applied(stateward, folder)
    ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["echo 'one'\necho two\n"]},
        Targets=[{"Key": "tag:a/../b", "Values": ["*"]}],
        ScheduleExpression="rate(30 minutes)",
        OutputLocation={"S3Location": {"OutputS3BucketName": "bucket-name", "OutputS3Region": "us-east-1"}},
    )
    copy = tmp_path / "copy"
    said = stateward("export", copy)
    assert "associations/nightly.yaml" in said.stdout
    planned = stateward("plan", copy).stdout
    assert planned.splitlines()[-1].startswith("0 to add, 0 to change, 1 to adopt (needs --adopt), 3 unchanged")


def test_an_export_moves_to_another_server(stateward, folder, start_server, tmp_path):
    applied(stateward, folder)
    stateward("export", tmp_path / "copy")
    other = start_server()
    stateward("apply", tmp_path / "copy", "--yes", AWS_ENDPOINT_URL_SSM=other.url)
    assert nightly(other.client())["AssociationName"] == "nightly"
    stateward("plan", tmp_path / "copy", AWS_ENDPOINT_URL_SSM=other.url)


def test_export_says_what_no_file_can_hold(stateward, ssm, nodes, tmp_path):
    (node,) = nodes.add()
    ssm.create_association(Name="AWS-RunShellScript", InstanceId=node.node_id, Parameters={"commands": ["true"]})
    said = stateward("export", tmp_path / "copy")
    assert f"made for one instance ({node.node_id})" in said.stderr
    assert node.node_id in (tmp_path / "copy" / "LEFT-OUT.md").read_text(encoding="utf-8")


def test_export_never_writes_over_a_file(stateward, folder, ssm):
    applied(stateward, folder)
    assert "is there already" in stateward("export", folder.path, code=1).stderr


def test_schemas_are_written_for_editors(stateward, tmp_path):
    stateward("schemas", tmp_path)
    schema = json.loads((tmp_path / ".schemas" / "association.json").read_text(encoding="utf-8"))
    assert schema["properties"]["ComplianceSeverity"]["enum"][0] == "CRITICAL"
    assert schema["additionalProperties"] is False


# /_stateward/apply


class Client:
    """What the plan of a folder reads through, without the command line."""

    def __init__(self, ssm):
        self._ssm = ssm

    def call(self, operation, **members):
        return getattr(self._ssm, operation)(**members)

    def pages(self, operation, member, **members):
        return self.call(operation, **members)[member]


def test_what_has_changed_meanwhile_stops_everything(server, ssm):
    made = ssm.create_association(
        Name="AWS-RunShellScript", Parameters={"commands": ["true"]}, Targets=[{"Key": "InstanceIds", "Values": ["*"]}]
    )["AssociationDescription"]["AssociationId"]
    wish = {
        "expect": [
            {
                "operation": "DescribeAssociation",
                "request": {"AssociationId": made},
                "answer": {"AssociationDescription": {"AssociationVersion": "4"}},
            }
        ],
        "steps": [{"operation": "DeleteAssociation", "request": {"AssociationId": made}}],
    }
    with pytest.raises(Refused, match="AssociationVersion was 4, and is 1") as refused:
        server.http("/_stateward/apply", json.dumps(wish).encode())
    assert refused.value.status == 409
    assert len(ssm.list_associations()["Associations"]) == 1


def test_two_people_at_once_make_one_association(server, ssm, folder):
    wanted, name = read(folder.path), folder_name(folder.path)
    planned = planning.plan(wanted, remote.read(Client(ssm), wanted, name), name)
    body = msgspec.json.encode(planning.wish(planned.changes))
    answers = []

    def post():
        try:
            answers.append(server.http("/_stateward/apply", body))
        except Refused as refused:
            answers.append(refused.status)

    both = [threading.Thread(target=post) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(answers, key=str)[0] == 409
    assert len(ssm.list_associations()["Associations"]) == 1


def test_only_changes_can_be_applied(server):
    wish = {"steps": [{"operation": "SendCommand", "request": {}}]}
    with pytest.raises(Refused, match="SendCommand cannot be done here"):
        server.http("/_stateward/apply", json.dumps(wish).encode())


# Without a transaction


def test_in_turn_it_stops_at_the_first_failure_and_goes_on_from_there(ssm, folder):
    def perform(operation, request):
        try:
            return getattr(ssm, applying.method_name(operation))(**request)
        except ssm.exceptions.ClientError as error:
            raise applying.Refused(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error

    def planned():
        wanted, name = read(folder.path), folder_name(folder.path)
        return planning.plan(wanted, remote.read(Client(ssm), wanted, name), name).changes

    folder.change("associations/nightly.yaml", "cron(0 3 ? * * *)", "rate(1 second)")
    done = []
    with pytest.raises(applying.Stopped, match="InvalidSchedule") as stop:
        applying.one_by_one(planned(), perform, done.append)
    assert [change.name for change in done] == ["restart", "freeze"]
    assert (stop.value.failed.name, stop.value.left) == ("nightly", [])
    folder.change("associations/nightly.yaml", "rate(1 second)", "cron(0 4 ? * * *)")
    again = planned()
    assert [change.name for change in again] == ["nightly"]
    applying.one_by_one(again, perform, done.append)
    assert planned() == []
