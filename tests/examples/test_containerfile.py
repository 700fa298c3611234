"""What can be said of the Containerfile without a container engine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from programs import serving
from stateward.cli.main import app

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
LINES = [line for line in TEXT.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
LAST_STAGE = LINES[max(at for at, line in enumerate(LINES) if line.startswith("FROM ")) :]


def of(word):
    """What stands behind a word of the last stage."""
    return [line.removeprefix(word).strip() for line in LAST_STAGE if line.startswith(f"{word} ")]


def test_it_knows_no_word_that_builders_do_not():
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE"}
    assert {line.split()[0] for line in LINES} <= known | {"HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"}


def test_the_server_is_nobody_of_importance_and_owns_its_volume():
    (user,) = of("USER")
    made = next(line for line in of("RUN") if "useradd" in line)
    assert int(user) > 0
    assert f"--uid {user} " in made
    assert of("VOLUME") == [re.search(r"--home-dir (\S+)", made)[1]]
    order = [line.split()[0] for line in LAST_STAGE]
    assert order.index("RUN") < order.index("USER") < order.index("ENTRYPOINT")


def test_what_is_copied_is_there_and_not_kept_out():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"
    copied = [
        word for line in LINES if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    assert {name.removeprefix("./") for name in copied} == {name[1:] for name in ignored if name.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)


def test_its_variables_are_those_of_the_server():
    (settings,) = of("ENV")
    serve = typer.main.get_command(app).commands["serve"]
    known = {
        name
        for option in serve.params
        for name in ([option.envvar] if isinstance(option.envvar, str) else option.envvar or [])
    }
    assert set(re.findall(r"STATEWARD_\w+", settings)) <= known
    assert "STATEWARD_HOST=0.0.0.0" in settings.split()


def test_it_runs_the_server():
    assert (json.loads(of("ENTRYPOINT")[0]), json.loads(of("CMD")[0])) == (["stateward"], ["serve"])


@pytest.fixture
def health_check():
    (line,) = of("HEALTHCHECK")
    python, *arguments = json.loads(line[line.index("[") :])
    assert python == "python"

    def check(port):
        environment = {**os.environ, "STATEWARD_PORT": str(port)}
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, timeout=20, check=False
        )

    return check


def test_the_health_check_tells_a_server_from_none(health_check, tmp_path):
    """With the variables of the image: TLS for others, and the port without it inside the container only."""
    with serving(tmp_path / "data", "--tls-port", "0", STATEWARD_HOST="127.0.0.1") as server:
        assert health_check(server.url.rpartition(":")[2]).returncode == 0
    assert health_check(server.url.rpartition(":")[2]).returncode != 0
