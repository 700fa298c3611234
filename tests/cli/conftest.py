"""The program in this process, talking to the test's server."""

import json

import pytest
from typer.testing import CliRunner

from association_calls import TAGGED, create, start_once
from programs import ISOLATED, KEYS
from stateward.cli.main import app


class Cli:
    """Runs `stateward …` with a server and its keys in the environment."""

    def __init__(self, server, folder):
        self.env = {"AWS_ENDPOINT_URL_SSM": server.url, "STATEWARD_DATA_DIR": str(folder), **KEYS, **ISOLATED}

    def __call__(self, *words, **env):
        return CliRunner().invoke(app, [str(word) for word in words], env={**self.env, **env}, prog_name="stateward")

    def told(self, *words, **env):
        """Standard output of what went well."""
        ended = self(*words, **env)
        assert ended.exit_code == 0, ended.stderr
        return ended.stdout

    def rows(self, *words):
        """The table on a pipe, a mapping of titles to values for each row."""
        titles, *rows = [line.split("\t") for line in self.told(*words).splitlines()]
        return [dict(zip(titles, row, strict=True)) for row in rows]

    def json(self, *words):
        return json.loads(self.told(*words, "-o", "json"))

    def refused(self, *words):
        """(exit code, sentence) of what did not go."""
        ended = self(*words)
        assert ended.exit_code != 0, ended.stdout
        return ended.exit_code, ended.stderr.removeprefix("stateward: ").rstrip("\n")


@pytest.fixture
def cli(server, tmp_path):
    return Cli(server, tmp_path)


@pytest.fixture
def nightly(server, ssm, fleet, document):
    """An association on ten simulated nodes that has run twice: well, then with two failures. Its id."""
    fleet.add(10, tags={"env": "prod"})
    document("patch")
    fleet.script(status="Failed", nodes=2, step="second", run=2, error="disk full", output="checking\n")
    made = create(ssm, "patch", AssociationName="nightly-patch", Targets=TAGGED)["AssociationId"]
    server.settle()
    server.clock(advance="1m")
    start_once(ssm, made)
    server.clock(advance="1m")
    return made
