"""Throttling: off by default, a bucket of tokens per key, nodes exempt (spec 0.1, D43)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from association_calls import refusal
from scripted_nodes import NodePark
from stateward.access.principals import Principal, Scope, administrator, node
from stateward.api import token_bucket
from stateward.api.token_bucket import Bucket, Throttle, filled
from stateward.config import ConfigurationError, requests_per_second
from stateward.wire.errors import AwsError

SCOPE = Scope("123456789012", "us-east-1")
SOMEBODY = administrator("AKIASOMEBODY", SCOPE)


def admitted(throttle, now_ms, principal=SOMEBODY, tries=100):
    """How many of some requests at one instant get in."""
    refusals = []
    for _ in range(tries):
        try:
            throttle.admit(principal, now_ms)
        except AwsError as error:
            refusals.append((error.code, error.message, error.status))
    assert set(refusals) <= {("ThrottlingException", "Rate exceeded", 400)}
    return tries - len(refusals)


@pytest.mark.parametrize(("rate", "burst"), [(10, 20), (1, 2), (0.5, 1), (0.01, 1), (2.5, 5)])
def test_the_burst_is_twice_the_rate(rate, burst):
    assert admitted(Throttle(rate), 1_000_000) == burst


def test_the_bucket_fills_at_the_rate():
    throttle = Throttle(10)
    assert admitted(throttle, 0) == 20
    assert admitted(throttle, 99) == 0
    assert admitted(throttle, 100) == 1
    assert admitted(throttle, 1_100) == 10
    assert admitted(throttle, 60_000) == 20


def test_a_wall_that_is_set_back_gives_and_takes_nothing():
    throttle = Throttle(10)
    assert admitted(throttle, 10_000, tries=15) == 15
    assert admitted(throttle, 5_000) == 5
    assert admitted(throttle, 5_100) == 1


def test_each_key_has_its_own_bucket():
    throttle = Throttle(1)
    assert admitted(throttle, 0) == 2
    assert admitted(throttle, 0, administrator("AKIAOTHER", SCOPE)) == 2


def test_nodes_and_registrations_are_exempt():
    throttle = Throttle(1)
    assert admitted(throttle, 0, node("mi-0123456789abcdef0", SCOPE)) == 100
    assert admitted(throttle, 0, Principal("nobody", "nobody", Scope("", ""))) == 100


def test_buckets_of_keys_that_are_gone_are_forgotten(monkeypatch):
    monkeypatch.setattr(token_bucket, "MOST_BUCKETS", 10)
    throttle = Throttle(1)
    for number in range(100):
        throttle.admit(administrator(f"key-{number}", SCOPE), number * 1_000)
    assert len(throttle._buckets) <= 10
    assert admitted(throttle, 99_000, administrator("key-99", SCOPE)) == 1  # whoever just called is not forgotten


@given(
    rate=st.floats(0.01, 1000),
    steps=st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 50)), min_size=1, max_size=30),
)
def test_never_more_than_burst_and_rate_allow(rate, steps):
    throttle, now_ms, total = Throttle(rate), 0, 0
    for wait_ms, tries in steps:
        now_ms += wait_ms
        total += admitted(throttle, now_ms, tries=tries)
    assert total <= max(2 * rate, 1) + rate * now_ms / 1000 + 1e-6


def test_a_bucket_never_holds_more_than_its_burst():
    assert filled(Bucket(0.0, 0), 10, 10**12).tokens == 20


@pytest.mark.parametrize(("text", "rate"), [("20/s", 20), (" 0.5/s ", 0.5), ("1000000/s", 1_000_000)])
def test_rates_are_requests_per_second(text, rate):
    assert requests_per_second(text) == rate


@pytest.mark.parametrize("text", ["20", "20/m", "/s", "0/s", "-1/s", "nan/s", "inf/s", "1000001/s", "20/s/s"])
def test_other_rates_are_refused(text):
    with pytest.raises(ConfigurationError) as caught:
        requests_per_second(text)
    assert str(caught.value) == f"--rate-limit {text!r}: write requests per second and key, such as 20/s"


def test_too_many_calls_are_throttled(start_server):
    server = start_server(rate_limit=0.01)
    ssm = server.client()
    ssm.list_associations()
    assert refusal(ssm.list_associations) == ("ThrottlingException", "Rate exceeded")
    # Validation comes later: the same answer to a request that could not be taken anyway.
    assert refusal(ssm.list_documents, Filters=[{"Key": "?", "Values": ["x"]}])[0] == "ThrottlingException"


def test_nodes_go_on_while_their_administrator_is_throttled(start_server, node_thread):
    server = start_server(rate_limit=0.01)
    park = NodePark(node_thread, server)
    try:
        one = park.one()  # its activation takes the only token
        for _ in range(5):
            node_thread.run(one.ping())
        assert refusal(server.client().list_associations)[0] == "ThrottlingException"
    finally:
        park.close()


def test_without_a_limit_nothing_is_throttled(ssm):
    for _ in range(50):
        ssm.list_associations()
