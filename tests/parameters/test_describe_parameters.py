"""DescribeParameters and its filters over boto3 (spec 6.3)."""

import pytest

from refusals import refusal
from stateward.parameters.names import MALFORMED_PATH


@pytest.fixture
def some(put):
    """A handful of every kind."""
    put("top", Tags=[{"Key": "env", "Value": "prod"}])
    put("/app/db/host", Tags=[{"Key": "env", "Value": "preprod"}, {"Key": "team", "Value": ""}])
    put("/app/db/password", Type="SecureString")
    put("/app/key", Type="SecureString", KeyId="alias/mine")
    put("/app/list", "a,b", Type="StringList", Tier="Advanced")


EVERY = ["/app/db/host", "/app/db/password", "/app/key", "/app/list", "top"]


def found(ssm, *filters, **members):
    return [one["Name"] for one in ssm.describe_parameters(ParameterFilters=list(filters), **members)["Parameters"]]


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("Name", None, ["top"])], ["top"]),
        ([("Name", "Equals", ["/top", "/app/key", "nobody"])], ["/app/key", "top"]),
        ([("Name", "BeginsWith", ["app/db"])], ["/app/db/host", "/app/db/password"]),
        ([("Name", "BeginsWith", ["/app/k", "t"])], ["/app/key", "top"]),
        ([("Name", "Contains", ["os", "wor"])], ["/app/db/host", "/app/db/password"]),
        ([("Path", None, ["/app"])], ["/app/key", "/app/list"]),
        ([("Path", "Recursive", ["/app/"])], EVERY[:4]),
        ([("Path", "Recursive", ["/"])], EVERY),
        ([("Path", "OneLevel", ["/", "/app/db"])], ["/app/db/host", "/app/db/password", "top"]),
        ([("Type", "Equals", ["String", "StringList"])], ["/app/db/host", "/app/list", "top"]),
        ([("Type", "BeginsWith", ["Secure"])], ["/app/db/password", "/app/key"]),
        ([("Tier", None, ["Advanced"])], ["/app/list"]),
        ([("DataType", None, ["text"])], EVERY),
        ([("DataType", None, ["json"])], []),
        ([("KeyId", None, ["alias/mine"])], ["/app/key"]),
        ([("KeyId", "BeginsWith", ["alias/"])], ["/app/db/password", "/app/key"]),
        ([("tag:env", None, ["prod"])], ["top"]),
        ([("tag:env", "BeginsWith", ["pr"])], ["/app/db/host", "top"]),
        ([("tag:team", None, None)], ["/app/db/host"]),
        ([("tag:env", None, ["prod", "preprod"]), ("Path", "Recursive", ["/app"])], ["/app/db/host"]),
    ],
)
def test_filters(ssm, filters, expected):
    items = [
        {"Key": key} | ({"Option": option} if option else {}) | ({"Values": values} if values else {})
        for key, option, values in filters
    ]
    assert found(ssm, *items) == expected


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("key", "values", "expected"),
    [
        ("Name", ["/app/db"], ["/app/db/host", "/app/db/password"]),
        ("Type", ["StringList"], ["/app/list"]),
        ("KeyId", ["alias/aws/ssm"], ["/app/db/password"]),
    ],
)
def test_the_older_filters(ssm, key, values, expected):
    answer = ssm.describe_parameters(Filters=[{"Key": key, "Values": values}])
    assert [one["Name"] for one in answer["Parameters"]] == expected


@pytest.mark.parametrize(
    ("filters", "code", "text"),
    [
        (
            [{"Key": "Label", "Values": ["x"]}],
            "InvalidFilterKey",
            "The following filter key is not valid: Label. Valid filter keys include: "
            "[Path, Name, Type, KeyId, Tier, DataType, tag:<key>].",
        ),
        (
            [{"Key": "Name", "Values": ["x"]}, {"Key": "Name", "Values": ["y"]}],
            "InvalidFilterKey",
            "The following filter is duplicated in the request: Name. A request can contain only one occurrence of a "
            "specific filter.",
        ),
        (
            [{"Key": "Type"}],
            "InvalidFilterValue",
            "The following filter values are missing : null for filter key Type.",
        ),
        (
            [{"Key": "Type", "Values": ["Strong"]}],
            "InvalidFilterValue",
            "The following filter value is not valid: Strong. Valid values include: "
            "[String, StringList, SecureString].",
        ),
        (
            [{"Key": "Type", "Option": "Contains", "Values": ["String"]}],
            "InvalidFilterOption",
            "The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals].",
        ),
        (
            [{"Key": "Path", "Option": "Equals", "Values": ["/x"]}],
            "InvalidFilterOption",
            "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel].",
        ),
        ([{"Key": "Path", "Values": ["x"]}], "ValidationException", MALFORMED_PATH),
    ],
)
def test_filters_that_are_none(ssm, filters, code, text):
    assert refusal(ssm.describe_parameters, ParameterFilters=filters) == (code, text)


def test_one_form_of_filters_at_a_time(ssm):
    both = {"Filters": [{"Key": "Name", "Values": ["x"]}], "ParameterFilters": [{"Key": "Name", "Values": ["x"]}]}
    assert refusal(ssm.describe_parameters, **both) == (
        "ValidationException",
        "You can use either Filters or ParameterFilters in a single request.",
    )


def test_what_is_shown_of_a_parameter(ssm, put, scope):
    put("/a/b", "hidden", Type="SecureString", Description="text", AllowedPattern="h.*")
    (one,) = ssm.describe_parameters()["Parameters"]
    one.pop("LastModifiedDate")
    assert one.pop("LastModifiedUser").startswith("arn:aws:iam::123456789012:user/")
    assert one == {
        "Name": "/a/b",
        "ARN": f"arn:aws:ssm:{scope.region}:123456789012:parameter/a/b",
        "Type": "SecureString",
        "KeyId": "alias/aws/ssm",
        "Description": "text",
        "AllowedPattern": "h.*",
        "Version": 1,
        "Tier": "Standard",
        "Policies": [],
        "DataType": "text",
    }


@pytest.mark.usefixtures("some")
def test_nothing_is_shared(ssm):
    assert found(ssm, Shared=True) == []


def test_pages_are_full_whatever_is_filtered(ssm, put):
    """More rows than one look reads lie between two that match."""
    for number in range(30):
        put(f"p{number:02}", Type="StringList" if number % 9 == 0 else "String")
    lists = {"Key": "Type", "Values": ["StringList"]}
    first = ssm.describe_parameters(ParameterFilters=[lists], MaxResults=3)
    rest = ssm.describe_parameters(ParameterFilters=[lists], MaxResults=3, NextToken=first["NextToken"])
    assert [one["Name"] for one in first["Parameters"]] == ["p00", "p09", "p18"]
    assert [one["Name"] for one in rest["Parameters"]] == ["p27"]
    assert "NextToken" not in rest


def test_what_is_added_between_pages_doubles_nothing(ssm, put):
    for name in ("b", "d", "f"):
        put(name)
    first = ssm.describe_parameters(MaxResults=2)
    put("a")
    put("e")
    rest = ssm.describe_parameters(MaxResults=2, NextToken=first["NextToken"])
    assert [one["Name"] for one in first["Parameters"] + rest["Parameters"]] == ["b", "d", "e", "f"]
