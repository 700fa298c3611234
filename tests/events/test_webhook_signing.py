"""Signatures of webhooks: the specification's own example, and what a secret may be."""

import base64

import pytest

from stateward.events import signing


def test_the_example_of_standard_webhooks():
    key = signing.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signing.headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_may_come_without_its_prefix():
    key = bytes(range(32))
    assert signing.key_of(signing.secret_of(key)) == key
    assert signing.key_of(base64.b64encode(key).decode() + "\n") == key


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_????", "c2hvcnQ=", base64.b64encode(bytes(65)).decode()])
def test_a_bad_secret_is_not_shown(secret):
    with pytest.raises(signing.BadSecret) as caught:
        signing.key_of(secret)
    text = "the webhook secret cannot be used: write whsec_ and 24 to 64 bytes in base64"
    assert str(caught.value) == text
