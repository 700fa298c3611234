"""Quotas: AWS's numbers unless told otherwise, and each one is heeded (spec 6.8)."""

import pytest
from typer.testing import CliRunner

from association_calls import create, refusal
from stateward import serving
from stateward.cli import logs
from stateward.cli.main import app
from stateward.quotas import BadQuota, Quotas

PARAMETERS = {"commands": ["true"]}
NAMES = "associations, association-versions, documents, document-versions, document-shares, parameters, tags"


def test_the_numbers_of_aws():
    assert Quotas() == Quotas(
        associations=2_000,
        association_versions=1_000,
        documents=500,
        document_versions=1_000,
        document_shares=1_000,
        parameters=10_000,
        tags=50,
    )


def test_some_may_be_others():
    assert Quotas.parse([]) == Quotas()
    assert Quotas.parse(["association-versions=3", " tags = 0 "]) == Quotas(association_versions=3, tags=0)
    assert Quotas.parse(["tags=1", "tags=2"]) == Quotas(tags=2)


@pytest.mark.parametrize("given", ["nodes=3", "association_versions=3", "=3", "3", ""])
def test_an_unknown_name_lists_the_known(given):
    with pytest.raises(BadQuota) as caught:
        Quotas.parse([given])
    name = given.partition("=")[0]
    assert str(caught.value) == f"--quota {given!r}: there is no quota {name!r}, use one of {NAMES}"


@pytest.mark.parametrize("number", ["", "-1", "1.5", "many", "1000000000", "١"])
def test_a_quota_is_a_whole_number(number):
    with pytest.raises(BadQuota) as caught:
        Quotas.parse([f"tags={number}"])
    assert str(caught.value) == f"--quota {f'tags={number}'!r}: write tags=N with a whole number from 0 to 999999999"


def test_tags_above_the_quota_are_refused(start_server):
    ssm = start_server(quotas=Quotas(tags=1)).client()
    two = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    made = create(ssm, "AWS-RunShellScript", Parameters=PARAMETERS, Tags=two[:1])
    on = {"ResourceType": "Association", "ResourceId": made["AssociationId"]}
    assert refusal(ssm.add_tags_to_resource, Tags=two[1:], **on) == (
        "TooManyTagsError",
        f"Association {made['AssociationId']} would have 2 tags; 1 are allowed.",
    )
    assert refusal(ssm.create_activation, IamRole="role", Tags=two) == (
        "ValidationException",
        "A resource can have 1 tags, 2 were given.",
    )


@pytest.fixture
def served(monkeypatch):
    """Runs `stateward serve` with arguments and environment up to where it would serve: (config, output)."""

    def run(*arguments, **environment):
        seen = []

        async def serve(config, on_ready):
            seen.append(config)
            on_ready("http://127.0.0.1:1")

        monkeypatch.setattr(serving, "serve", serve)
        monkeypatch.setattr(logs, "configure_logs", lambda *_: None)  # else it would hold the runner's standard error
        result = CliRunner().invoke(app, ["serve", *arguments], env=environment)
        return (seen or [None])[0], result

    return run


def test_serve_takes_quotas_and_rates(served, tmp_path):
    folder = ["--data-dir", str(tmp_path)]
    config, _ = served(*folder, "--quota", "tags=5", "--quota", "documents=7,parameters=8", "--rate-limit", "20/s")
    assert config.quotas == Quotas(tags=5, documents=7, parameters=8)
    assert config.rate_limit == 20
    config, _ = served(*folder, STATEWARD_QUOTAS="tags=5,documents=7", STATEWARD_RATE_LIMIT="2/s")
    assert (config.quotas, config.rate_limit) == (Quotas(tags=5, documents=7), 2)
    config, _ = served(*folder)
    assert (config.quotas, config.rate_limit) == (Quotas(), None)


def test_serve_refuses_an_unknown_quota(served, tmp_path):
    config, result = served("--data-dir", str(tmp_path), "--quota", "nodes=3")
    assert (config, result.exit_code) == (None, 1)
    assert result.stderr == f"stateward: --quota 'nodes=3': there is no quota 'nodes', use one of {NAMES}\n"


def test_serve_takes_sinks_of_events(served, tmp_path):
    folder = ["--data-dir", str(tmp_path)]
    file = tmp_path / "events.jsonl"
    config, result = served(
        *folder, "--event-webhook", "https://a", "--event-webhook", "https://b", "--event-file", str(file)
    )
    assert (config.event_webhooks, config.event_file) == (("https://a", "https://b"), file)
    assert result.stdout == "Stateward is listening on http://127.0.0.1:1\n"
    config, result = served(
        *folder,
        "--event-stdout",
        STATEWARD_EVENT_WEBHOOKS="https://a, https://b",
        STATEWARD_EVENT_WEBHOOK_SECRET="whsec_x",
        STATEWARD_EVENT_RETENTION_DAYS="7",
    )
    assert config.event_webhooks == ("https://a", "https://b")
    assert (config.event_webhook_secret, config.event_stdout, config.event_retention_days) == ("whsec_x", True, 7)
    assert (result.stdout, result.stderr) == ("", "Stateward is listening on http://127.0.0.1:1\n")
