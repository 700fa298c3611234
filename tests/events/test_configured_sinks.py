"""Which sinks a configuration means, and what is wrong with one that cannot work."""

import os

import pytest
from outbox_kit import TurnedClock

from stateward.config import Config, ConfigurationError
from stateward.events import configured

TOKEN = "a-secret-token"


def names(tmp_path, **settings):
    return [sink.name for sink in configured.sinks(Config(data_dir=tmp_path, **settings), TurnedClock())]


def problem(tmp_path, **settings):
    with pytest.raises(ConfigurationError) as caught:
        names(tmp_path, **settings)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_no_sink_makes_no_secret(tmp_path):
    assert names(tmp_path) == []
    assert os.listdir(tmp_path) == []


def test_each_sink_stands_once(tmp_path):
    file = tmp_path / "events.jsonl"
    webhooks = ("https://one.example", "http://two.example:81/x", "https://one.example")
    found = names(tmp_path, event_webhooks=webhooks, event_file=file, event_stdout=True)
    assert [name.partition("#")[0] for name in found] == [
        "webhook:one.example",
        "webhook:two.example:81",
        f"file:{file}",
        "stdout",
    ]


@pytest.mark.parametrize("url", [f"ftp://x/{TOKEN}", f"https:///{TOKEN}", TOKEN, f"http://[{TOKEN}", "http://x:99999"])
def test_an_address_must_be_one(tmp_path, url):
    text = "--event-webhook: an address begins with http:// or https:// and names a host"
    assert problem(tmp_path, event_webhooks=(url,)) == text


def test_a_bad_secret_says_where_it_stands(tmp_path):
    webhooks = ("https://one.example",)
    text = "the webhook secret cannot be used: write whsec_ and 24 to 64 bytes in base64"
    given = problem(tmp_path, event_webhooks=webhooks, event_webhook_secret=TOKEN)
    assert given == f"--event-webhook-secret: {text}"
    (tmp_path / "webhook.secret").write_text(TOKEN)
    assert problem(tmp_path, event_webhooks=webhooks) == f"{tmp_path / 'webhook.secret'}: {text}"


def test_a_file_must_be_writable(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert problem(tmp_path, event_file=tmp_path / "pipe") == (
        f"--event-file {tmp_path / 'pipe'}: not a regular file; use --event-stdout for a pipe"
    )
    missing = tmp_path / "no" / "events.jsonl"
    assert problem(tmp_path, event_file=missing) == f"--event-file {missing}: there is no folder {missing.parent}"


def test_events_are_kept_for_a_day_at_least(tmp_path):
    with pytest.raises(ConfigurationError, match="--event-retention-days 0: keep at least one day"):
        Config(data_dir=tmp_path, event_retention_days=0)
