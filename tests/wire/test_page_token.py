import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stateward.wire.errors import AwsError
from stateward.wire.page_token import filters_hash, open_token, seal

KEY = b"k" * 32
CALL = {
    "operation": "DescribeAssociationExecutions",
    "scope": ("123456789012", "eu-central-1"),
    "filters_hash": filters_hash({"AssociationId": "a"}),
}

positions = st.lists(st.one_of(st.none(), st.text(), st.integers(-(2**63), 2**63 - 1)), max_size=5)


def assert_refused(token, key=KEY, **call):
    with pytest.raises(AwsError) as raised:
        open_token(key, token, **{**CALL, **call})
    assert (raised.value.code, raised.value.message) == ("InvalidNextToken", "The specified token is not valid.")


@settings(deadline=None)
@given(positions)
def test_a_token_leads_back_to_its_position(position):
    assert open_token(KEY, seal(KEY, position=position, **CALL), **CALL) == position


@settings(deadline=None)
@given(positions, st.data())
def test_an_altered_token_is_refused(position, data):
    token = seal(KEY, position=position, **CALL)
    at = data.draw(st.integers(0, len(token) - 1))
    width = data.draw(st.integers(0, 3))
    inserted = data.draw(st.text(max_size=3))
    altered = token[:at] + inserted + token[at + width :]
    assume(altered != token)
    assert_refused(altered)


@settings(deadline=None)
@given(st.text())
def test_any_other_text_is_refused(text):
    assert_refused(text)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"operation": "ListAssociations"}, id="GEN-09-operation"),
        pytest.param({"scope": ("123456789012", "us-east-1")}, id="region"),
        pytest.param({"scope": ("999999999999", "eu-central-1")}, id="account"),
        pytest.param({"scope": ("123456789012eu", "-central-1")}, id="account-and-region-run-together"),
        pytest.param({"filters_hash": filters_hash({"AssociationId": "b"})}, id="filters"),
        pytest.param({"key": b"l" * 32}, id="key"),
    ],
)
def test_a_token_of_another_call_is_refused(other):
    assert_refused(seal(KEY, position=[1], **CALL), **other)


def test_page_size_and_token_are_no_filters():
    request = {"AssociationId": "a", "Filters": [{"Key": "Status", "Value": "Success", "Type": "EQUAL"}]}
    assert filters_hash({**request, "MaxResults": 5, "NextToken": "x"}) == filters_hash(request)
    assert filters_hash(dict(reversed(request.items()))) == filters_hash(request)
    assert filters_hash({"AssociationId": "a"}) != filters_hash(request)
