"""Tiers, labels and values: the pure rules of the Parameter Store (D41)."""

import pytest

from stateward.documents import patterns
from stateward.parameters import labels, tiers, values
from stateward.wire.errors import AwsError

DOWNGRADE = (
    "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier "
    "to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard "
    "parameter."
)


class Stopwatch:
    """Shows a hundredth of a second more at each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.01
        return self.now


def refused(call, *arguments):
    with pytest.raises(AwsError) as caught:
        call(*arguments)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("requested", "current", "size", "default", "tier"),
    [
        (None, None, 4096, "Standard", "Standard"),
        (None, None, 10, "Advanced", "Advanced"),
        (None, None, 4097, "Intelligent-Tiering", "Advanced"),
        (None, "Standard", 10, "Advanced", "Advanced"),
        (None, "Advanced", 10, "Standard", "Advanced"),
        ("Standard", None, 10, "Advanced", "Standard"),
        ("Advanced", "Standard", 8192, "Standard", "Advanced"),
        ("Intelligent-Tiering", None, 4096, "Standard", "Standard"),
        ("Intelligent-Tiering", None, 4097, "Standard", "Advanced"),
        ("Intelligent-Tiering", "Standard", 10, "Standard", "Standard"),
        ("Intelligent-Tiering", "Advanced", 10, "Standard", "Advanced"),
    ],
)
def test_the_tier_of_a_version(requested, current, size, default, tier):
    assert tiers.tier_of(requested, current, size, default) == tier


@pytest.mark.parametrize(
    ("requested", "current", "size", "text"),
    [
        (None, None, 4097, "Standard tier parameters support a maximum parameter value of 4096 characters. To create"),
        ("Standard", "Standard", 4097, "Standard tier parameters support a maximum parameter value of 4096 characters"),
        ("Advanced", None, 8193, "Advanced tier parameters support a maximum parameter value of 8192 characters."),
        ("Intelligent-Tiering", None, 8193, "Advanced tier parameters support a maximum parameter value of 8192"),
        ("Standard", "Advanced", 10, DOWNGRADE),
    ],
)
def test_a_tier_that_cannot_be(requested, current, size, text):
    code, message = refused(tiers.tier_of, requested, current, size)
    assert code == "ValidationException"
    assert message.startswith(text)


def test_labels_are_sorted_out():
    good = ["prod", "A.b-c_9", "_x", "-", "saws"]
    bad = ["1st", "aws", "AwsLabel", "ssm-x", "a b", "a/b", "ä", "a:b"]
    assert labels.sort_out([*bad, *good, *good]) == (good, bad)


def test_a_version_has_ten_labels_at_most():
    labels.check_count([f"l{number}" for number in range(9)], ["l0", "new"])
    code, text = refused(labels.check_count, [f"l{number}" for number in range(9)], ["new", "newer"])
    assert code == "ParameterVersionLabelLimitExceeded"
    assert text.startswith("A parameter version can have a maximum of 10 labels, this one would have 11.")


@pytest.mark.parametrize("value", ["{{ssm:other}}", "a {{ b }} c", "{{}}", "{{\n}}"])
def test_a_value_does_not_refer_to_others(value):
    expected = 'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.'
    assert refused(values.check, value) == ("ValidationException", expected)


@pytest.mark.parametrize("value", [" ", "{a}", "{{ a", "}}{{", "a,b,,c"])
def test_any_other_value_will_do(value):
    values.check(value)


def test_a_value_is_not_empty():
    assert refused(values.check, "") == (
        "ValidationException",
        "1 validation error detected: Value '' at 'value' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1",
    )


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        ("aws:ec2:image", "DataType aws:ec2:image is not supported by this version of Stateward"),
        ("json", "DataType json is not supported by this version of Stateward"),
        ("Text", "The following data type is not supported: Text (Data type names are all lowercase.)"),
    ],
)
def test_text_is_the_only_data_type(data_type, text):
    values.check_data_type("text")
    assert refused(values.check_data_type, data_type) == ("ValidationException", text)


@pytest.mark.parametrize(
    ("pattern", "value", "parameter_type"),
    [
        (r"\d{1,4}", "1234", "String"),
        (r"^\d{1,4}$", "1234", "SecureString"),
        (r"\w+", "a,b,c", "StringList"),
        (r"\w*", "a,,c", "StringList"),
        (r"[\w,]+", "a,b,c", "String"),
    ],
)
def test_a_value_that_matches(pattern, value, parameter_type):
    values.check_match(pattern, value, parameter_type, patterns.matches, lambda: 0.0)


@pytest.mark.parametrize(
    ("pattern", "value", "parameter_type"),
    [
        (r"\d{1,4}", "12345", "String"),
        (r"\d{1,4}", "x1234", "String"),
        (r"\d", "٣", "String"),
        (r"\w+", "a,b,", "StringList"),
        (r"[\w,]+", "a,b;", "StringList"),
    ],
)
def test_a_value_that_does_not_match(pattern, value, parameter_type):
    assert refused(values.check_match, pattern, value, parameter_type, patterns.matches, lambda: 0.0) == (
        "ParameterPatternMismatchException",
        f"Parameter value, cannot be validated against allowedPattern: {pattern}",
    )


def test_matching_is_given_up_after_a_while():
    slow = (r"(a|aa)+", "a" * 60 + "!", "String", patterns.matches, lambda: 0.0)
    many = ("a", "a,b,c", "StringList", lambda pattern, value, timeout_s: timeout_s > 0, Stopwatch())
    for arguments in (slow, many):
        code, text = refused(values.check_match, *arguments)
        assert code == "ParameterPatternMismatchException"
        assert text.endswith(f"allowedPattern: {arguments[0]} (it takes longer than 50 ms)")


@pytest.mark.parametrize(("pattern", "why"), [("[", "not a regular expression"), ("(a{1000}){1000}", "counted rep")])
def test_a_pattern_must_be_usable(pattern, why):
    values.check_pattern(r"^\d+$", patterns.matches)
    code, text = refused(values.check_pattern, pattern, patterns.matches)
    assert code == "InvalidAllowedPatternException"
    assert text.startswith(f"AllowedPattern {pattern}: ")
    assert why in text
