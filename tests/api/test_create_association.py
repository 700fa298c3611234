"""CreateAssociation: what it answers, what it starts, what it refuses (spec 2.1 to 2.3)."""

import pytest

from association_calls import EVERY_NODE, create, describe, executions, overview, refusal, repeat_invocation, statuses
from stateward.quotas import Quotas

PARAMETERS = {
    "schemaVersion": "2.2",
    "parameters": {
        "action": {"type": "String", "allowedValues": ["Install", "Uninstall"], "default": "Install"},
        "word": {"type": "String", "allowedPattern": "[a-z]+", "maxChars": 5, "default": "abc"},
        "items": {"type": "StringList", "minItems": 2, "default": ["a", "b"]},
        "needed": {"type": "String"},
    },
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "echo",
            "inputs": {"runCommand": ["echo {{ action }} {{ word }} {{ items }} {{ needed }}"]},
        }
    ],
}
OPTIONAL = {
    "DocumentVersion": "1",
    "Parameters": {"greeting": ["hi"]},
    "ScheduleExpression": "rate(30 minutes)",
    "AssociationName": "nightly",
    "MaxErrors": "10%",
    "MaxConcurrency": "20%",
    "ComplianceSeverity": "HIGH",
    "SyncCompliance": "AUTO",
}


def test_minimal_creation_answers_pending_creating_cre_01(ssm, document):
    association = create(ssm, document())
    assert association["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    assert association["AssociationVersion"] == "1"
    assert association["DocumentVersion"] == "$DEFAULT"
    assert association["Targets"] == EVERY_NODE
    assert association["Name"] == "echo-twice"


def test_both_dates_are_the_creation_cre_02(server, ssm, document):
    association = create(ssm, document())
    assert association["Date"] == association["LastUpdateAssociationDate"]
    assert association["Date"].isoformat(timespec="milliseconds")[:19] == server.clock()["now"][:19]


def test_no_counts_before_targets_are_known_cre_03(ssm, document):
    assert "AssociationStatusAggregatedCount" not in create(ssm, document())["Overview"]


def test_a_target_association_has_no_instance_id_cre_05(ssm, document):
    association = create(ssm, document())
    assert "InstanceId" not in association
    assert "InstanceId" not in describe(ssm, association["AssociationId"])


def test_what_was_not_given_is_not_shown_gen_13_cre_36(ssm, document):
    association = create(ssm, document())
    shown = describe(ssm, association["AssociationId"])
    assert not set(OPTIONAL) - {"DocumentVersion"} & set(shown)
    assert shown["ApplyOnlyAtCronInterval"] is False


@pytest.mark.parametrize("member", OPTIONAL)
def test_what_was_given_is_echoed(ssm, document, member):
    association = create(ssm, document(), **{member: OPTIONAL[member]})
    assert association[member] == OPTIONAL[member]
    assert describe(ssm, association["AssociationId"])[member] == OPTIONAL[member]


def test_the_same_request_twice_makes_two_associations_cre_11(ssm, document):
    name = document()
    assert create(ssm, name)["AssociationId"] != create(ssm, name)["AssociationId"]


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        pytest.param(
            {"Name": "nothing-there"}, "InvalidDocument", "The specified document does not exist.", id="CRE-06"
        ),
        pytest.param(
            {"DocumentVersion": "7"},
            "InvalidDocumentVersion",
            "The document version is not valid or does not exist.",
            id="CRE-07",
        ),
        pytest.param({"Targets": []}, "ValidationException", "Must specify either instanceId or targets", id="V6"),
        pytest.param(
            {"Targets": [{"Key": "Colour", "Values": ["red"]}]}, "InvalidTarget", "Unsupported Target Type", id="CRE-21"
        ),
        pytest.param(
            {"Targets": [{"Key": "tag:a", "Values": ["b"]}] * 6},
            "ValidationException",
            "Member must have length less than or equal to 5",
            id="CRE-22 six targets",
        ),
        pytest.param(
            {"Targets": [{"Key": "tag:a", "Values": ["b"] * 51}]},
            "ValidationException",
            "Member must have length less than or equal to 50",
            id="CRE-22 fifty-one values",
        ),
        *(
            pytest.param({"MaxConcurrency": bad}, "ValidationException", "maxConcurrency", id=f"CRE-29 {bad}")
            for bad in ("0", "0%", "101%")
        ),
        pytest.param({"MaxErrors": "-1"}, "ValidationException", "maxErrors", id="CRE-29 errors"),
        pytest.param(
            {"ApplyOnlyAtCronInterval": True, "ScheduleExpression": "rate(1 hour)"},
            "InvalidSchedule",
            "ApplyOnlyAtCronInterval is not supported for rate expressions",
            id="CRE-32",
        ),
        pytest.param(
            {"ApplyOnlyAtCronInterval": True},
            "ValidationException",
            "ApplyOnlyAtCronInterval requires a ScheduleExpression",
            id="V19b",
        ),
        pytest.param(
            {"ScheduleExpression": "rate(29 minutes)"},
            "InvalidSchedule",
            "The schedule expression rate(29 minutes) is invalid.",
            id="SCH-06",
        ),
        pytest.param(
            {"Parameters": {"colour": ["red"]}},
            "InvalidParameters",
            'Parameter "colour" is not defined in document',
            id="CRE-13",
        ),
        pytest.param(
            {"Tags": [{"Key": "aws:x", "Value": "y"}]}, "InvalidTag", "keys beginning with aws: are reserved", id="V25"
        ),
        pytest.param(
            {"AssociationName": "a b"}, "ValidationException", "at 'associationName' failed to satisfy", id="GEN-04"
        ),
    ],
)
def test_bad_creations_are_refused_and_change_nothing(ssm, document, members, code, text):
    name = document()
    found, message = refusal(ssm.create_association, **{"Name": name, "Targets": EVERY_NODE, **members})
    assert found == code
    assert text in message
    assert ssm.list_associations()["Associations"] == []


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        pytest.param({}, 'Parameter "needed" requires a value.', id="CRE-14"),
        pytest.param(
            {"action": ["install"]},
            'Parameter "action" has value "install" not found in [Install, Uninstall].',
            id="CRE-15",
        ),
        pytest.param({"word": ["ABC"]}, "word", id="CRE-16 pattern"),
        pytest.param({"word": ["abcdef"]}, "word", id="CRE-16 maxChars"),
        pytest.param({"items": ["a"]}, "items", id="CRE-16 minItems"),
    ],
)
def test_bad_parameter_values_are_refused(ssm, document, parameters, text):
    name = document("choosy", PARAMETERS)
    given = parameters if parameters == {} else {"needed": ["x"], **parameters}
    code, message = refusal(ssm.create_association, Name=name, Targets=EVERY_NODE, Parameters=given)
    assert code == "InvalidParameters"
    assert text in message


@pytest.mark.parametrize(("member", "value"), [("MaxErrors", "0"), ("MaxErrors", "0%"), ("MaxConcurrency", "1")])
def test_smallest_limits_are_accepted_cre_29(ssm, document, member, value):
    assert create(ssm, document(), **{member: value})[member] == value


def test_tags_are_kept_cre_35(ssm, document):
    given = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": ""}]
    association = create(ssm, document(), Tags=given)
    found = ssm.list_tags_for_resource(ResourceType="Association", ResourceId=association["AssociationId"])
    assert found["TagList"] == sorted(given, key=lambda tag: tag["Key"])


def test_the_limit_of_associations_cre_12(start_server):
    ssm = start_server(quotas=Quotas(associations=2)).client()
    wanted = {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "Targets": EVERY_NODE}
    first = ssm.create_association(**wanted)["AssociationDescription"]
    ssm.create_association(**wanted)
    assert refusal(ssm.create_association, **wanted) == (
        "AssociationLimitExceeded",
        "You can have at most 2 active associations.",
    )
    ssm.delete_association(AssociationId=first["AssociationId"])
    ssm.create_association(**wanted)


def test_creation_runs_at_once_cre_37(server, ssm, nodes, document):
    node = nodes.one()
    association = create(ssm, document())
    server.settle()
    assert statuses(ssm, association["AssociationId"]) == [("Success", "Success", "{Success=1}")]
    assert len(node.wait_for_jobs()) == 1


def test_only_at_cron_interval_starts_nothing_cre_38(server, ssm, nodes, document):
    node = nodes.one()
    association = create(ssm, document(), ScheduleExpression="cron(0 0/1 * * ? *)", ApplyOnlyAtCronInterval=True)
    server.settle()
    assert executions(ssm, association["AssociationId"]) == []
    assert overview(ssm, association["AssociationId"]) == ("Pending", "Associated", None)
    assert node.jobs == []


def test_every_read_after_the_creation_shows_associated_d8(ssm, document, nodes):
    nodes.one(holds=True)
    association = create(ssm, document())
    status, detail, _ = overview(ssm, association["AssociationId"])
    assert status == "Pending"
    assert detail in ("Associated", "Pending", "InProgress")


def test_a_retry_of_the_sdk_makes_no_second_association_d32(server, ssm, document):
    name = document()

    repeat_invocation(ssm, "CreateAssociation")
    first, second = create(ssm, name), create(ssm, name)
    assert first["AssociationId"] == second["AssociationId"]
    assert len(ssm.list_associations()["Associations"]) == 1
    other = create(ssm, name, AssociationName="another")
    assert other["AssociationId"] != first["AssociationId"]
