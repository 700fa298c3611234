"""GetParameter, GetParameters, GetParametersByPath and GetParameterHistory over boto3 (spec 6.3)."""

import pytest

from refusals import refusal
from stateward.parameters.names import MALFORMED, MALFORMED_PATH


@pytest.fixture
def tree(put):
    for name in ("top", "/a/x", "/a/b/y", "/a/b/z", "/a/b/c/deep", "/ab/x"):
        put(name, f"value of {name}")


def named(answer):
    return [one["Name"] for one in answer["Parameters"]]


def pages(call, **members):
    found, token = [], {}
    while True:
        answer = call(**members, **token)
        found.append(named(answer))
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


def test_one_parameter(ssm, put, scope):
    put("/a/b", "text")
    one = ssm.get_parameter(Name=" /a/b ")["Parameter"]
    one.pop("LastModifiedDate")
    assert one == {
        "Name": "/a/b",
        "Type": "String",
        "Value": "text",
        "Version": 1,
        "ARN": f"arn:aws:ssm:{scope.region}:123456789012:parameter/a/b",
        "DataType": "text",
    }


def test_a_single_name_with_and_without_a_slash(ssm, put, scope):
    put("/one")
    for name in ("one", "/one", f"arn:aws:ssm:{scope.region}:123456789012:parameter/one"):
        one = ssm.get_parameter(Name=name)["Parameter"]
        assert (one["Name"], one["ARN"].partition(":parameter")[2]) == ("one", "/one")


def test_versions_and_labels_select(ssm, put):
    put("one", "first")
    put("one", "second", Overwrite=True)
    ssm.label_parameter_version(Name="one", ParameterVersion=1, Labels=["stable"])
    found = [ssm.get_parameter(Name=f"one{selector}")["Parameter"] for selector in ("", ":1", ":2", ":stable")]
    assert [(one["Name"], one["Value"], one.get("Selector")) for one in found] == [
        ("one", "second", None),
        ("one", "first", ":1"),
        ("one", "second", ":2"),
        ("one", "first", ":stable"),
    ]


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("nobody", "ParameterNotFound", "Parameter nobody not found."),
        ("nobody:3", "ParameterNotFound", "Parameter nobody not found."),
        (
            "one:2",
            "ParameterVersionNotFound",
            "Systems Manager could not find version 2 of one. Verify the version and try again.",
        ),
        (
            "one:99999999999999999999999",
            "ParameterVersionNotFound",
            "Systems Manager could not find version 99999999999999999999999 of one. Verify the version and try again.",
        ),
        (
            "one:prod",
            "ParameterVersionNotFound",
            "Systems Manager could not find label prod of one. Verify the label and try again.",
        ),
        ("{one}", "ValidationException", MALFORMED),
        (
            "arn:aws:ssm:us-west-2:210987654321:parameter/one",
            "ParameterNotFound",
            "Parameter arn:aws:ssm:us-west-2:210987654321:parameter/one not found.",
        ),
        (
            "/aws/reference/secretsmanager/x",
            "ValidationException",
            "References to Secrets Manager are not supported by this version of Stateward",
        ),
    ],
)
def test_what_is_not_there(ssm, put, name, code, text):
    put("one")
    assert refusal(ssm.get_parameter, Name=name) == (code, text)


def test_several_parameters_by_name(ssm, put):
    put("two", "a,b", Type="StringList")
    put("one")
    put("one", "newer", Overwrite=True)
    answer = ssm.get_parameters(Names=["two", "nobody", "one:7", "one:1", "one", "one:none", "two"])
    assert [(one["Name"], one.get("Selector"), one["Value"]) for one in answer["Parameters"]] == [
        ("one", None, "newer"),
        ("one", ":1", "a value"),
        ("two", None, "a,b"),
    ]
    assert answer["InvalidParameters"] == ["nobody", "one:7", "one:none"]


def test_a_name_that_is_none_refuses_all(ssm, put):
    put("one")
    assert refusal(ssm.get_parameters, Names=["one", "a b"]) == ("ValidationException", MALFORMED)


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("path", "recursive", "expected"),
    [
        ("/", False, ["top"]),
        ("/", True, ["/a/b/c/deep", "/a/b/y", "/a/b/z", "/a/x", "/ab/x", "top"]),
        ("/a", False, ["/a/x"]),
        ("/a/", False, ["/a/x"]),
        ("/a", True, ["/a/b/c/deep", "/a/b/y", "/a/b/z", "/a/x"]),
        ("/a/b", False, ["/a/b/y", "/a/b/z"]),
        ("/a/x", True, []),
        ("/nobody", True, []),
    ],
)
def test_parameters_under_a_path(ssm, path, recursive, expected):
    answer = ssm.get_parameters_by_path(Path=path, Recursive=recursive)
    assert named(answer) == expected
    assert all(one["Value"] == f"value of {one['Name']}" for one in answer["Parameters"])


@pytest.mark.parametrize("path", ["a", "a/b", "/a//b", "/a b"])
def test_a_path_begins_with_a_slash(ssm, path):
    assert refusal(ssm.get_parameters_by_path, Path=path) == ("ValidationException", MALFORMED_PATH)


def test_pages_of_a_path(ssm, put):
    for number in range(13):
        put(f"/many/p{number:02}")
    every = [f"/many/p{number:02}" for number in range(13)]
    assert pages(ssm.get_parameters_by_path, Path="/many") == [every[:10], every[10:]]
    assert pages(ssm.get_parameters_by_path, Path="/many", MaxResults=5) == [every[:5], every[5:10], every[10:]]
    token = ssm.get_parameters_by_path(Path="/many", MaxResults=5)["NextToken"]
    assert refusal(ssm.get_parameters_by_path, Path="/other", NextToken=token)[0] == "InvalidNextToken"
    code, text = refusal(ssm.get_parameters_by_path, Path="/many", MaxResults=11)
    assert code == "ValidationException"
    assert "Value '11' at 'maxResults'" in text


def test_filters_of_a_path_leave_no_page_short(ssm, put):
    for number in range(12):
        secret = {"Type": "SecureString", "KeyId": "alias/mine"} if number % 3 == 0 else {}
        put(f"/m/p{number:02}", **secret)
    secure = [{"Key": "Type", "Values": ["SecureString"]}]
    assert pages(ssm.get_parameters_by_path, Path="/m", ParameterFilters=secure, MaxResults=2) == [
        ["/m/p00", "/m/p03"],
        ["/m/p06", "/m/p09"],
    ]
    mine = [{"Key": "KeyId", "Option": "BeginsWith", "Values": ["alias/m"]}]
    assert len(named(ssm.get_parameters_by_path(Path="/m", ParameterFilters=mine))) == 4


def test_labels_of_a_path_give_the_labelled_versions(ssm, put):
    for name in ("/l/a", "/l/b", "/l/c"):
        for value in ("one", "two", "three"):
            put(name, value, Overwrite=True)
    ssm.label_parameter_version(Name="/l/a", ParameterVersion=1, Labels=["prod"])
    ssm.label_parameter_version(Name="/l/a", ParameterVersion=2, Labels=["test", "both"])
    ssm.label_parameter_version(Name="/l/c", ParameterVersion=2, Labels=["prod"])

    def labelled(*labels, **members):
        filters = [{"Key": "Label", "Values": list(labels)}]
        answer = ssm.get_parameters_by_path(Path="/l", ParameterFilters=filters, **members)
        return [(one["Name"], one["Value"]) for one in answer["Parameters"]], answer.get("NextToken")

    assert labelled("prod") == ([("/l/a", "one"), ("/l/c", "two")], None)
    assert labelled("nobody") == ([], None)
    first, token = labelled("prod", "test", "both", MaxResults=1)
    second, token = labelled("prod", "test", "both", MaxResults=1, NextToken=token)
    third, token = labelled("prod", "test", "both", MaxResults=1, NextToken=token)
    assert first + second + third == [("/l/a", "one"), ("/l/a", "two"), ("/l/c", "two")]
    assert token is None


@pytest.mark.parametrize(
    ("one", "code", "text"),
    [
        (
            {"Key": "Name", "Values": ["x"]},
            "InvalidFilterKey",
            "The following filter key is not valid: Name. Valid filter keys include: [Type, KeyId, Label].",
        ),
        (
            {"Key": "tag:a", "Values": ["x"]},
            "InvalidFilterKey",
            "The following filter key is not valid: tag:a. Valid filter keys include: [Type, KeyId, Label].",
        ),
        (
            {"Key": "Label", "Option": "BeginsWith", "Values": ["x"]},
            "InvalidFilterOption",
            "The following filter option is not valid: BeginsWith. Valid options include: [Equals].",
        ),
    ],
)
def test_a_path_has_other_filters(ssm, one, code, text):
    assert refusal(ssm.get_parameters_by_path, Path="/", ParameterFilters=[one]) == (code, text)


def test_the_history_of_a_parameter(ssm, put):
    put("one", "first", Description="a text")
    put("one", "second", Overwrite=True)
    put("one", "third", Description="another", Overwrite=True)
    ssm.label_parameter_version(Name="one", ParameterVersion=2, Labels=["b", "a"])
    past = ssm.get_parameter_history(Name="one")["Parameters"]
    assert [(one["Version"], one["Value"], one["Labels"], one["Description"]) for one in past] == [
        (1, "first", [], "a text"),
        (2, "second", ["a", "b"], "a text"),
        (3, "third", [], "another"),
    ]
    assert {one["Tier"] for one in past} == {"Standard"}
    first = ssm.get_parameter_history(Name="one", MaxResults=2)
    rest = ssm.get_parameter_history(Name="one", MaxResults=2, NextToken=first["NextToken"])
    assert [one["Version"] for one in first["Parameters"] + rest["Parameters"]] == [1, 2, 3]
    assert "NextToken" not in rest
    assert refusal(ssm.get_parameter_history, Name="one:2") == (
        "ValidationException",
        "one:2: a history has no version or label selector.",
    )
