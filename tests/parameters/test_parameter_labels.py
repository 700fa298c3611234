"""LabelParameterVersion and UnlabelParameterVersion over boto3."""

import pytest

from refusals import refusal


@pytest.fixture
def three(put):
    for value in ("one", "two", "three"):
        put("p", value, Overwrite=True)


def labels(ssm):
    return [one["Labels"] for one in ssm.get_parameter_history(Name="p")["Parameters"]]


pytestmark = pytest.mark.usefixtures("three")


def test_the_newest_version_is_labelled_unless_told(ssm):
    answer = ssm.label_parameter_version(Name="p", Labels=["prod"])
    assert (answer["ParameterVersion"], answer["InvalidLabels"]) == (3, [])
    answer = ssm.label_parameter_version(Name="/p", ParameterVersion=1, Labels=["old", "older"])
    assert answer["ParameterVersion"] == 1
    assert labels(ssm) == [["old", "older"], [], ["prod"]]


def test_a_label_moves(ssm):
    ssm.label_parameter_version(Name="p", ParameterVersion=1, Labels=["prod", "other"])
    ssm.label_parameter_version(Name="p", ParameterVersion=2, Labels=["prod"])
    assert labels(ssm) == [["other"], ["prod"], []]
    assert ssm.get_parameter(Name="p:prod")["Parameter"]["Value"] == "two"


def test_labels_that_are_none_are_named(ssm):
    answer = ssm.label_parameter_version(Name="p", Labels=["prod", "1st", "AWS-x", "ssm", "a b"])
    assert answer["InvalidLabels"] == ["1st", "AWS-x", "ssm", "a b"]
    assert labels(ssm)[2] == ["prod"]


def test_a_version_has_ten_labels_at_most(ssm):
    ten = [f"l{number}" for number in range(10)]
    ssm.label_parameter_version(Name="p", Labels=ten)
    ssm.label_parameter_version(Name="p", Labels=ten[:1])
    code, text = refusal(ssm.label_parameter_version, Name="p", Labels=["one-more"])
    assert code == "ParameterVersionLabelLimitExceeded"
    assert text.startswith("A parameter version can have a maximum of 10 labels, this one would have 11.")
    assert labels(ssm) == [[], [], ten]


def test_labels_are_removed(ssm):
    ssm.label_parameter_version(Name="p", ParameterVersion=2, Labels=["a", "b"])
    answer = ssm.unlabel_parameter_version(Name="p", ParameterVersion=2, Labels=["b", "c", "b"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["b"], ["c"])
    answer = ssm.unlabel_parameter_version(Name="p", ParameterVersion=1, Labels=["a"])
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == ([], ["a"])
    assert labels(ssm) == [[], ["a"], []]


@pytest.mark.parametrize("operation", ["label_parameter_version", "unlabel_parameter_version"])
@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"Name": "nobody"}, "ParameterNotFound", "Parameter nobody not found."),
        (
            {"ParameterVersion": 9},
            "ParameterVersionNotFound",
            "Systems Manager could not find version 9 of p. Verify the version and try again.",
        ),
        (
            {"ParameterVersion": -1},
            "ParameterVersionNotFound",
            "Systems Manager could not find version -1 of p. Verify the version and try again.",
        ),
        (
            {"Labels": [f"l{number}" for number in range(11)]},
            "ValidationException",
            "1 validation error detected: Value '[l0, l1",
        ),
    ],
)
def test_what_cannot_be_labelled(ssm, operation, members, code, text):
    found = refusal(getattr(ssm, operation), **{"Name": "p", "ParameterVersion": 1, "Labels": ["a"], **members})
    assert found[0] == code
    assert found[1].startswith(text)


def test_another_parameter_has_its_own_labels(ssm, put):
    put("q")
    ssm.label_parameter_version(Name="p", Labels=["prod"])
    ssm.label_parameter_version(Name="q", Labels=["prod"])
    assert labels(ssm)[2] == ["prod"]
    assert ssm.get_parameter(Name="q:prod")["Parameter"]["Name"] == "q"
