"""The page about the test kit stands alone: its files, in an empty folder, do what it says."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stateward.testing import StateManager
from stateward.testing.fleet import Alarms, Fleet
from stateward.testing.turning import Clock

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "test-kit.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"<!-- (?P<kind>file|run|shows|not run):? ?(?P<what>[^\n]*?) ?-->\n```\w+\n(?P<text>.*?)```", re.DOTALL
)
BLOCKS = [(found["kind"], found["what"], found["text"]) for found in BLOCK.finditer(PAGE)]
TOOK = re.compile(r"in \d+\.\d+s")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A reader's project: every file of the page, and the README's test of the same code."""
    path = tmp_path_factory.mktemp("project")
    for kind, name, text in BLOCKS:
        if kind == "file":
            (path / name).write_text(text, encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (path / "test_readme.py").write_text(f"from nightly import deploy\n\n\n{block}", encoding="utf-8")
    return path


def typed(folder, command):
    """What a reader's terminal shows."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Plugins of our own environment, which take long to load.
        "PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:anyio -p no:xdist",
    }
    ran = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    return ran.returncode, TOOK.sub("in some time", ran.stdout)


def test_every_block_of_the_page_is_run_or_says_why_not():
    assert PAGE.count("```") == 2 * len(BLOCKS)
    assert [what for kind, what, _ in BLOCKS if kind == "not run" and not what] == []


def test_the_first_test_passes_as_shown(folder, tmp_path):
    first = [(name, text) for kind, name, text in BLOCKS if kind == "file"][:2]
    for name, text in first:
        (tmp_path / name).write_text(text, encoding="utf-8")
    command, expected = next(text for kind, _, text in BLOCKS if kind == "run").removeprefix("$ ").split("\n", 1)
    assert typed(tmp_path, command) == (0, TOOK.sub("in some time", expected))


def test_every_test_of_the_page_passes(folder):
    code, said = typed(folder, "pytest -q --strict-config -W error")
    assert code == 0, said
    assert said.count(".") >= 8


@pytest.mark.parametrize(("command", "text"), [(what, text) for kind, what, text in BLOCKS if kind == "shows"])
def test_failures_say_what_the_page_says(folder, command, text):
    code, said = typed(folder, command)
    assert code == 1
    at = 0
    for line in text.splitlines():
        assert line in said[at:], said
        at = said.index(line, at) + len(line)


def test_unittest_says_what_the_page_says(folder):
    command, expected = [text for kind, _, text in BLOCKS if kind == "run"][1].removeprefix("$ ").split("\n", 1)
    assert typed(folder, command) == (0, TOOK.sub("in some time", expected))


def public(kind):
    """The names that a class has for its users; attributes that are set for each object are annotated or assigned."""
    source = inspect.getsource(kind)
    assigned = re.findall(r"self\.([a-z]\w*)(?::[^=\n]+)? = ", source)
    names = {*vars(kind), *getattr(kind, "__annotations__", {}), *assigned}
    return {name for name in names if not name.startswith("_")} - {"names_that_fit_nothing", "unused_rules"}


@pytest.mark.parametrize("kind", [StateManager, Clock, Fleet, Alarms])
def test_everything_that_there_is_stands_at_a_glance(kind):
    glance = PAGE.partition("## Everything at a glance")[2]
    cells = re.findall(r"^\| (`.+?`) \|", glance, re.MULTILINE)
    told = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    assert public(kind) <= told
