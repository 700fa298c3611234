import pytest
from botocore.loaders import Loader

from stateward.wire.java_pattern import JavaPattern


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        pytest.param("a|b", "ab", False, id="the-whole-value"),
        pytest.param("^a$", "a\n", False, id="dollar-is-the-very-end"),
        pytest.param(r"\w+", "é", False, id="word-is-ascii"),
        pytest.param(r"\d+", "٣", False, id="digit-is-ascii"),
        pytest.param(r"\p{L}+", "é", True, id="unicode-letters"),
        pytest.param(r"[\p{L}\p{Z}]+", "é è", True, id="unicode-in-a-class"),
        pytest.param("a.b", "a\rb", False, id="dot-stops-at-carriage-return"),
        pytest.param("a.b", "a\u2028b", False, id="dot-stops-at-line-separator"),
        pytest.param("a.b", "axb", True, id="dot"),
        pytest.param(r"a\.b", "axb", False, id="escaped-dot"),
        pytest.param(r"a[.\]]b", "a\rb", False, id="dot-in-a-class"),
        pytest.param(r"a[.\]]b", "a.b", True, id="dot-in-a-class-is-a-dot"),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern, value, matches):
    assert JavaPattern(pattern).matches(value) is matches


def test_a_hostile_value_is_given_up():
    with pytest.raises(TimeoutError):
        JavaPattern(r"(a|a|aa)+(b|bb)*\1c").matches("a" * 40 + "!")


def test_the_model_never_mixes_unicode_and_ascii_classes():
    shapes = Loader().load_service_model("ssm", "service-2", "2014-11-06")["shapes"]
    patterns = [shape["pattern"] for shape in shapes.values() if "pattern" in shape]
    assert len(patterns) > 50
    assert [text for text in patterns if "\\p" in text and any(cls in text for cls in ("\\w", "\\d", "\\s"))] == []
