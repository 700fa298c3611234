"""The members of an association: what is refused, what is kept and shown (spec 2.2)."""

import pytest

from association_calls import EVERY_NODE, create, describe, refusal

CRON = {"ScheduleExpression": "cron(0 2 ? * SUN#2 *)", "ApplyOnlyAtCronInterval": True}
LOCATION = {"OutputS3BucketName": "bucket"}
ALARM = {"Alarms": [{"Name": "disk-full"}]}
ROLE = "arn:aws:iam::123456789012:role/dispatch"
OFFSET_NEEDS = "ScheduleOffset requires a cron ScheduleExpression and ApplyOnlyAtCronInterval"
NO_BUCKET = "OutputLocation needs an S3Location with the name of a bucket."
GROUPS = {"Key": "resource-groups:Name", "Values": ["web", "db"]}


def broken(member, rule):
    return f"at '{member}' failed to satisfy constraint: Member must have value {rule}"


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        pytest.param({"Targets": [GROUPS]}, "InvalidTarget", "exactly one group", id="CRE-27"),
        pytest.param(
            {"TargetMaps": [{"a": ["b"]}]},
            "InvalidTargetMaps",
            "Targets and TargetMaps can not both be specified.",
            id="CRE-28",
        ),
        pytest.param(
            {**CRON, "ScheduleOffset": 0},
            "ValidationException",
            broken("scheduleOffset", "greater than or equal to 1"),
            id="CRE-30 none",
        ),
        pytest.param(
            {**CRON, "ScheduleOffset": 7},
            "ValidationException",
            broken("scheduleOffset", "less than or equal to 6"),
            id="CRE-30 seven",
        ),
        pytest.param(
            {**CRON, "ApplyOnlyAtCronInterval": False, "ScheduleOffset": 2},
            "ValidationException",
            OFFSET_NEEDS,
            id="CRE-31 false",
        ),
        pytest.param({"ScheduleOffset": 2}, "ValidationException", OFFSET_NEEDS, id="CRE-31 no schedule"),
        pytest.param(
            {"ScheduleExpression": "at(2099-01-01T00:00:00)", "ApplyOnlyAtCronInterval": True, "ScheduleOffset": 1},
            "ValidationException",
            OFFSET_NEEDS,
            id="CRE-31 at",
        ),
        pytest.param(
            {"Duration": 0}, "ValidationException", broken("duration", "greater than or equal to 1"), id="CRE-33 none"
        ),
        pytest.param(
            {"Duration": 25}, "ValidationException", broken("duration", "less than or equal to 24"), id="CRE-33 25"
        ),
        pytest.param({"OutputLocation": {}}, "InvalidOutputLocation", NO_BUCKET, id="V22 empty"),
        pytest.param({"OutputLocation": {"S3Location": {}}}, "InvalidOutputLocation", NO_BUCKET, id="V22 no bucket"),
        pytest.param(
            {"OutputLocation": {"S3Location": {"OutputS3BucketName": "No Bucket"}}},
            "InvalidOutputLocation",
            NO_BUCKET,
            id="V22 bad bucket",
        ),
        pytest.param(
            {"CalendarNames": ["nothing"]}, "InvalidDocument", "Document with name nothing does not exist.", id="V23"
        ),
        pytest.param(
            {"CalendarNames": ["echo-twice"]},
            "InvalidDocument",
            "Document echo-twice is not a change calendar.",
            id="V23 command",
        ),
        pytest.param(
            {"AlarmConfiguration": {"Alarms": [{"Name": "a"}, {"Name": "b"}]}},
            "ValidationException",
            "at 'alarmConfiguration.alarms' failed to satisfy constraint: Member must have length less than or equal",
            id="two alarms",
        ),
        pytest.param(
            {"Parameters": {"greeting": ["{{ssm:nothing}}"]}},
            "InvalidParameters",
            "nothing",
            id="V17",
        ),
        pytest.param(
            {"Tags": [{"Key": "aws:own", "Value": "x"}]},
            "InvalidTag",
            "aws:",
            id="V25",
        ),
    ],
)
def test_what_is_refused(server, document, members, code, text):
    ssm = server.client(parameter_validation=False)
    refused = refusal(create, ssm, document(), **members)
    assert refused[0] == code
    assert text in refused[1]
    assert ssm.list_associations()["Associations"] == []


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"OutputLocation": {"S3Location": LOCATION}}, id="CRE-34 bucket alone"),
        pytest.param({"OutputLocation": {"S3Location": {**LOCATION, "OutputS3KeyPrefix": "a/b"}}}, id="CRE-34 prefix"),
        pytest.param({"OutputLocation": {"S3Location": {**LOCATION, "OutputS3Region": "eu-west-1"}}}, id="region"),
        pytest.param({**CRON, "ScheduleOffset": 2}, id="offset"),
        pytest.param({"Duration": 24}, id="duration without a schedule"),
        pytest.param({"AlarmConfiguration": {**ALARM, "IgnorePollAlarmFailure": True}}, id="alarm"),
        pytest.param({"AssociationDispatchAssumeRole": ROLE}, id="role"),
        pytest.param({"Targets": [{**GROUPS, "Values": ["web"]}]}, id="group"),
        pytest.param({"Targets": [{"Key": "tag-key", "Values": ["env"]}]}, id="tag key"),
    ],
)
def test_what_is_given_is_shown_and_nothing_else(ssm, document, members):
    made = create(ssm, document(), **members)
    shown = describe(ssm, made["AssociationId"])
    assert {member: shown[member] for member in members} == members
    always = {"AssociationId", "AssociationVersion", "Name", "Date", "LastUpdateAssociationDate", "Overview"}
    assert set(made) == always | {"DocumentVersion", "ApplyOnlyAtCronInterval", "Targets"} | set(members)


@pytest.mark.parametrize("given", [{}, {"Operation": ["Scan"]}])
def test_a_declared_association_id_is_filled_in_cre_39(ssm, given):
    parameters = {"Operation": ["Scan"], **given}
    made = create(ssm, "AWS-RunPatchBaselineAssociation", Parameters=parameters, SyncCompliance="MANUAL")
    own = made["AssociationId"]
    assert made["Parameters"] == {**parameters, "AssociationId": [own]}
    changed = ssm.update_association(AssociationId=own, Parameters=parameters)["AssociationDescription"]
    assert changed["Parameters"]["AssociationId"] == [own]


def test_a_given_association_id_is_kept_v14b(ssm):
    parameters = {"Operation": ["Scan"], "AssociationId": ["01234567-89ab-cdef-0123-456789abcdef"]}
    assert create(ssm, "AWS-RunPatchBaselineAssociation", Parameters=parameters)["Parameters"] == parameters


def test_list_elements_show_their_members(ssm, document):
    create(ssm, document(), **CRON, ScheduleOffset=2, Duration=3)
    (element,) = ssm.list_associations()["Associations"]
    assert (element["ScheduleOffset"], element["Duration"]) == (2, 3)
    assert element["Targets"] == EVERY_NODE
