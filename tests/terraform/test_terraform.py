"""The real Terraform with its AWS provider: create, plan again, import, change in place, destroy (spec 9, UPD-12).

No skip_* flag is set: the provider checks its credentials with GetCallerIdentity, as it does against AWS.
"""

import pytest
from terraform_program import Terraform

from association_calls import describe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ASSOCIATION = "aws_ssm_association."
CHANGED = {
    2: {
        *("aws_ssm_document.shell", "aws_ssm_document.shared"),
        *("aws_ssm_parameter.text", "aws_ssm_parameter.list", "aws_ssm_parameter.secret"),
        "aws_ssm_service_setting.sharing",
        *(
            f"{ASSOCIATION}{name}"
            for name in ("legacy", "targets", "named", "cron_only", "output", "limits", "baseline", "automation")
        ),
    },
    3: {f"{ASSOCIATION}{name}" for name in ("targets", "named", "output", "versioned")},
}
"""Phase → what changes in it, all of it in place."""

NOT_IMPORTED = {"aws_ssm_association.success"}
"""Its wait_for_success_timeout_seconds is known to Terraform alone, which no import can tell."""


@pytest.fixture
def terraform(server, tmp_path):
    return Terraform(tmp_path, server.url)


def test_every_configuration_is_made_and_stays_as_planned(terraform, ssm):
    terraform.apply(1)
    check_first(ssm, terraform.ids())
    assert terraform.plan(1) == {}


@pytest.mark.slow_all  # most of a minute of processor time
def test_every_configuration_lives_its_whole_life_upd_12(terraform, ssm):
    everything = set(terraform.apply(1))
    assert len(everything) == 19
    assert terraform.plan(1) == {}
    assert terraform.outputs() == {
        "account": "123456789012",
        "document": "Says it.",
        "names": ["/tf/list", "/tf/secret", "/tf/text"],
        "nodes": [],
        "secret": "hush",
    }
    ids = terraform.ids()
    check_first(ssm, ids)
    assert terraform.apply(2) == dict.fromkeys(CHANGED[2], "update")
    assert terraform.plan(2) == {}
    assert terraform.apply(3) == dict.fromkeys(CHANGED[3], "update")
    check_last(ssm, ids)
    check_import(terraform, ids)
    check_deletions_outside(terraform, ssm, ids)
    assert set(terraform.destroy(3)) == everything - {"aws_ssm_association.named", "aws_ssm_document.shell"}
    assert ssm.list_associations()["Associations"] == []


def check_first(ssm, ids):
    """What the provider's own acceptance tests look at after the creation."""
    legacy = describe(ssm, ids["aws_ssm_association.legacy"])
    assert legacy["Targets"] == [{"Key": "InstanceIds", "Values": ["i-0123456789abcdef0"]}]
    assert legacy["InstanceId"] == "i-0123456789abcdef0"
    assert "Parameters" not in legacy
    assert legacy["DocumentVersion"] == "$DEFAULT"
    assert describe(ssm, ids["aws_ssm_association.versioned"])["DocumentVersion"] == "1"
    waited = describe(ssm, ids["aws_ssm_association.success"])
    assert waited["Overview"]["Status"] == "Success"
    baseline = describe(ssm, ids["aws_ssm_association.baseline"])
    assert baseline["Parameters"]["AssociationId"] == [ids["aws_ssm_association.baseline"]]


def check_last(ssm, ids):
    output = describe(ssm, ids["aws_ssm_association.output"])["OutputLocation"]["S3Location"]
    assert output == {"OutputS3BucketName": "acceptance-output", "OutputS3KeyPrefix": "later"}
    named = describe(ssm, ids["aws_ssm_association.named"])
    assert (named["AssociationVersion"], named["AssociationName"]) == ("3", "weekly")
    assert [one["Key"] for one in describe(ssm, ids["aws_ssm_association.targets"])["Targets"]] == ["tag:Name"]


def check_import(terraform, ids):
    """A folder without state takes over everything, and nothing differs from its configuration."""
    planned = terraform.plan_of_import(3, {address: own for address, own in ids.items() if address not in NOT_IMPORTED})
    assert planned == {address: "create" if address in NOT_IMPORTED else "import" for address in ids}


def check_deletions_outside(terraform, ssm, ids):
    """An association that is gone is planned anew; those whose document is gone stay, and nothing else differs."""
    ssm.delete_association(AssociationId=ids["aws_ssm_association.named"])
    ssm.delete_document(Name="tf-shell")
    gone = ("aws_ssm_association.named", "aws_ssm_document.shell")
    assert terraform.plan(3) == dict.fromkeys(gone, "create")
