"""The JSON of both events, against the examples that AWS publishes (spec 6.6)."""

import json

import msgspec
import pytest

from stateward.associations.rows import AssociationRow, NodeStatusRow
from stateward.events.messages import association_event, instance_event, instant
from stateward.wire.protocol import parse_instant

ASSOCIATION_EXAMPLE = r"""
{"version":"0","id":"the-id","detail-type":"EC2 State Manager Association State Change","source":"aws.ssm","account":"123456789012",
 "time":"2017-05-16T23:01:10Z","region":"us-east-2","resources":["arn:aws:ssm:us-east-2::document/AWS-RunPowerShellScript"],
 "detail":{"association-id":"6e37940a-23ba-4ab0-9b96-5d0a1a05464f","document-name":"AWS-RunPowerShellScript","association-version":"1",
  "document-version":"Optional.empty","targets":"[{\"key\":\"InstanceIds\",\"values\":[\"i-12345678\"]}]",
  "creation-date":"2017-02-13T17:22:54.458Z","last-successful-execution-date":"2017-05-16T23:00:01Z","last-execution-date":"2017-05-16T23:00:01Z",
  "last-updated-date":"2017-02-13T17:22:54.458Z","status":"Success","association-status-aggregated-count":"{\"Success\":1}",
  "schedule-expression":"cron(0 */30 * * * ? *)","association-cwe-version":"1.0"}}
"""  # noqa: E501
INSTANCE_EXAMPLE = r"""
{"version":"0","id":"the-id","detail-type":"EC2 State Manager Instance Association State Change","source":"aws.ssm","account":"123456789012",
 "time":"2017-02-23T15:23:48Z","region":"us-east-2",
 "resources":["arn:aws:ec2:us-east-2:123456789012:instance/i-12345678","arn:aws:ssm:us-east-2:123456789012:document/my-custom-document"],
 "detail":{"association-id":"34fcb7e0-9a14-4984-9989-0e04e3f60bd8","instance-id":"i-12345678","document-name":"my-custom-document","document-version":"1",
  "targets":"[{\"key\":\"instanceids\",\"values\":[\"i-12345678\"]}]","creation-date":"2017-02-23T15:23:48Z",
  "last-successful-execution-date":"2017-02-23T16:23:48Z","last-execution-date":"2017-02-23T16:23:48Z","status":"Success","detailed-status":"",
  "error-code":"","execution-summary":"","output-url":"","instance-association-cwe-version":"1"}}
"""  # noqa: E501
CREATED = parse_instant("2017-02-13T17:22:54.458Z")
RAN = parse_instant("2017-05-16T23:00:01Z")
NOW = parse_instant("2017-05-16T23:01:10.777Z")


def association(**members):
    row = AssociationRow(
        association_id="6e37940a-23ba-4ab0-9b96-5d0a1a05464f",
        account_id="123456789012",
        region="us-east-2",
        created_ms=CREATED,
        updated_ms=CREATED,
        version=1,
        name="AWS-RunPowerShellScript",
        association_name=None,
        anchor_ms=CREATED,
        next_due_ms=None,
        overview_status="Success",
        last_execution_ms=RAN,
        last_success_ms=RAN,
        n_success=1,
    )
    return msgspec.structs.replace(row, **members)


def definition(key="InstanceIds", **members):
    return {
        "Name": "AWS-RunPowerShellScript",
        "DocumentVersion": "$DEFAULT",
        "Targets": [{"Key": key, "Values": ["i-12345678"]}],
        "ScheduleExpression": "cron(0 */30 * * * ? *)",
        **members,
    }


def node(node_id="i-12345678", **members):
    ran = parse_instant("2017-02-23T16:23:48Z")
    row = NodeStatusRow(
        association_id="34fcb7e0-9a14-4984-9989-0e04e3f60bd8",
        node_id=node_id,
        number=1,
        status="Success",
        detailed_status="",
        last_run_ms=ran,
        last_success_ms=ran,
    )
    return msgspec.structs.replace(row, **members)


def detail(row=None, given=None):
    return association_event("the-id", NOW, row or association(), given or definition())["detail"]


def test_the_association_event_is_the_example_evt_01():
    event = association_event("the-id", NOW, association(), definition())
    assert msgspec.json.encode(event) == msgspec.json.encode(json.loads(ASSOCIATION_EXAMPLE))


def test_the_instance_event_is_the_example_evt_02():
    created = parse_instant("2017-02-23T15:23:48Z")
    row = association(association_id="34fcb7e0-9a14-4984-9989-0e04e3f60bd8", created_ms=created)
    given = definition("instanceids", Name="my-custom-document")
    event = instance_event("the-id", created, row, given, node(), "1")
    assert msgspec.json.encode(event) == msgspec.json.encode(json.loads(INSTANCE_EXAMPLE))


def test_a_managed_node_has_its_own_arn_evt_02():
    event = instance_event("the-id", NOW, association(), definition(), node("mi-0123456789abcdef0"), None)
    assert event["resources"] == [
        "arn:aws:ssm:us-east-2:123456789012:managed-instance/mi-0123456789abcdef0",
        "arn:aws:ssm:us-east-2::document/AWS-RunPowerShellScript",
    ]
    assert event["detail"]["document-version"] == "Optional.empty"


def test_a_shared_document_keeps_its_arn_evt_01():
    arn = "arn:aws:ssm:us-east-2:999999999999:document/theirs"
    assert association_event("the-id", NOW, association(), definition(Name=arn))["resources"] == [arn]


@pytest.mark.parametrize(("given", "shown"), [("$DEFAULT", "Optional.empty"), ("$LATEST", "$LATEST"), ("3", "3")])
def test_the_document_version_is_the_callers_evt_01(given, shown):
    assert detail(given=definition(DocumentVersion=given))["document-version"] == shown


def test_counts_are_text_by_name_evt_01():
    row = association(n_success=2, n_failed=1, n_in_progress=3)
    counts = '{"Failed":1,"InProgress":3,"Success":2}'
    assert detail(row)["association-status-aggregated-count"] == counts
    assert detail(association(n_success=0))["association-status-aggregated-count"] == "{}"


def test_what_never_was_is_left_out_evt_01():
    given = definition()
    del given["ScheduleExpression"], given["Targets"]
    shown = detail(association(last_execution_ms=None, last_success_ms=None), given)
    assert not {"last-execution-date", "last-successful-execution-date", "schedule-expression"} & set(shown)
    assert shown["targets"] == "[]"


def test_target_keys_keep_their_spelling_evt_01():
    targets = [{"Key": "tag:Env", "Values": ["prod", "täst"]}, {"Key": "tag-key", "Values": ["a"]}]
    assert detail(given=definition(Targets=targets))["targets"] == (
        '[{"key":"tag:Env","values":["prod","täst"]},{"key":"tag-key","values":["a"]}]'
    )


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1487006574458, "2017-02-13T17:22:54.458Z"),
        (1494975601000, "2017-05-16T23:00:01Z"),
        (4102444800100, "2100-01-01T00:00:00.100Z"),
    ],
)
def test_instants_show_milliseconds_where_there_are_some(ms, text):
    assert instant(ms) == text
