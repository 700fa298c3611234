"""Names, references and ARNs of parameters (spec 6.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.access.principals import Scope
from stateward.parameters import names
from stateward.parameters.names import Reference
from stateward.wire.errors import AwsError

SCOPE = Scope("123456789012", "us-east-1")
ARN = "arn:aws:ssm:us-east-1:123456789012:parameter"
DEEPEST = "/a" * 15
SEGMENTS = st.lists(st.text("bcdXYZ019_.-", min_size=1, max_size=9), min_size=1, max_size=15)


def refused(call, *arguments):
    with pytest.raises(AwsError) as caught:
        call(*arguments)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("given_name", "stored"),
    [
        ("one", "one"),
        ("/one", "one"),
        ("  one ", "one"),
        ("/a/b.c/d_e-f", "/a/b.c/d_e-f"),
        (DEEPEST, DEEPEST),
        ("/d9d01087/ssm/aws", "/d9d01087/ssm/aws"),
        ("myaws", "myaws"),
    ],
)
def test_a_name_is_stored_in_one_form(given_name, stored):
    assert names.to_create(given_name, SCOPE) == stored


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("aws-thing", "ValidationException", names.PREFIXED),
        ("SSMthing", "ValidationException", names.PREFIXED),
        ("/awS", "ValidationException", names.PREFIXED),
        ("/aws/service/x", "AccessDeniedException", "No access to reserved parameter name: /aws/service/x."),
        ("/ssm/x", "ValidationException", names.MALFORMED),
        ("a b", "ValidationException", names.MALFORMED),
        ("a:3", "ValidationException", names.MALFORMED),
        (f"{ARN}/one", "ValidationException", names.MALFORMED),
        ("/", "ValidationException", names.MALFORMED),
        ("/a//b", "ValidationException", names.MALFORMED),
        ("/a/b/", "ValidationException", names.MALFORMED),
        ("{one}", "ValidationException", names.MALFORMED),
        ("ä", "ValidationException", names.MALFORMED),
        ("one\n", "ValidationException", names.MALFORMED),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name"),
        (
            DEEPEST + "/b",
            "HierarchyLevelLimitExceededException",
            f"A hierarchy can have 15 levels, {DEEPEST}/b has 16.",
        ),
        (
            "n" * 967,
            "ValidationException",
            "Parameter name: its ARN would have 1012 characters, 1011 are allowed.",
        ),
    ],
)
def test_a_name_that_cannot_be_created(name, code, text):
    assert refused(names.to_create, name, SCOPE) == (code, text)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("one", Reference("one")),
        ("/one:3", Reference("one", "3")),
        ("/a/b:label", Reference("/a/b", "label")),
        (f"{ARN}/one", Reference("one")),
        (f"{ARN}/a/b:7", Reference("/a/b", "7")),
        (f"{ARN.replace('us-east-1', 'eu-west-1')}/one", Reference(f"{ARN.replace('us-east-1', 'eu-west-1')}/one")),
        ("/aws/service/x", Reference("/aws/service/x")),
    ],
)
def test_a_reference_is_taken_apart(text, reference):
    assert names.reference(text, SCOPE) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one:", "one:: write name, name:version or name:label."),
        ("one:2:3", "one:2:3: write name, name:version or name:label."),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket is not the ARN of a parameter."),
        ("one two", names.MALFORMED),
        (
            "/aws/reference/secretsmanager/a+b",
            "References to Secrets Manager are not supported by this version of Stateward",
        ),
    ],
)
def test_what_is_no_reference(text, message):
    assert refused(names.reference, text, SCOPE) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("selector", "version"),
    [("", None), ("3", 3), ("prod", None), ("v3", None), ("9" * 18, int("9" * 18)), ("9" * 19, 0), ("9" * 500, 0)],
)
def test_digits_select_a_version(selector, version):
    assert Reference("one", selector).version == version


@pytest.mark.parametrize(
    ("name", "path", "parent", "level"),
    [("one", "/one", "/", 1), ("/a/b", "/a/b", "/a", 2), ("/a/b/c", "/a/b/c", "/a/b", 3)],
)
def test_where_a_name_stands(name, path, parent, level):
    assert (names.path_of(name), names.parent_of(name), names.level_of(name)) == (path, parent, level)


@given(SEGMENTS)
def test_an_arn_leads_back_to_its_name(segments):
    name = names.to_create("/" + "/".join(segments), SCOPE)
    assert names.reference(names.arn(SCOPE, name), SCOPE) == Reference(name)
    assert names.reference(f"{name}:12", SCOPE) == Reference(name, "12")


@pytest.mark.parametrize(("path", "top"), [("/", "/"), ("/a", "/a"), ("/a/b/", "/a/b")])
def test_a_path_to_look_under(path, top):
    assert names.hierarchy(path) == top


@pytest.mark.parametrize("path", ["a", "a/b", "//", "/a//", "/a b", ""])
def test_what_is_no_path(path):
    assert refused(names.hierarchy, path) == ("ValidationException", names.MALFORMED_PATH)
