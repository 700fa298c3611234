"""The examples work as they stand in the repository."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
WORKFLOW = EXAMPLES / "github-actions" / "state-manager.yml"
NODE_OLDEST = 20


def run(command, folder, timeout=100, **more):
    """What a user's terminal says in the folder."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Plugins of our own environment, which take long to load.
        "PYTEST_ADDOPTS": "-p no:hypothesispytest -p no:anyio -p no:xdist",
        **more,
    }
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@pytest.mark.parametrize("name", ["pytest", "moto"])
def test_an_example_with_pytest_passes(name, tmp_path):
    shutil.copytree(EXAMPLES / name, tmp_path, dirs_exist_ok=True)
    written = sum(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for path in tmp_path.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )
    assert f"{written} passed" in run(["pytest", "-q", "-W", "error"], tmp_path)


def node_missing():
    """Why the example for JavaScript cannot run here; None: it can."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "the example for JavaScript needs node and npm"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    oldest = int(version.lstrip("v").partition(".")[0]) >= NODE_OLDEST
    return None if oldest else f"the example for JavaScript needs node {NODE_OLDEST}, here is {version.strip()}"


@pytest.mark.slow_all
@pytest.mark.timeout(300)
def test_the_example_for_javascript_passes(tmp_path):
    if (reason := node_missing()) is not None:
        pytest.skip(reason)
    for path in (EXAMPLES / "javascript").glob("*.js*"):
        shutil.copy(path, tmp_path)
    run(["npm", "install", "--no-audit", "--no-fund"], tmp_path, timeout=200)
    said = run(["npm", "test"], tmp_path)
    assert re.search(r"^# pass 1$", said, re.MULTILINE) or re.search(r"^ℹ pass 1$", said, re.MULTILINE), said


# What can be looked at only here: there are no runners of GitHub, and no container engine.


@pytest.fixture(scope="module")
def workflow():
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))


def test_the_workflow_has_the_shape_of_one(workflow):
    assert set(workflow) == {"name", True, "permissions", "jobs"}  # `on` is a truth in YAML 1.1
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        for step in job["steps"]:
            assert len({"uses", "run"} & set(step)) == 1
            assert set(step) <= {"name", "uses", "run", "with", "if"}
            assert re.fullmatch(r"[\w./-]+@v\d+", step.get("uses", "a@v1"))


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the workflow runs in bash, with curl")
def test_the_steps_of_the_workflow_do_what_they_say(workflow, tmp_path):
    job = workflow["jobs"]["any-language"]
    scripts = {step["name"]: step["run"] for step in job["steps"] if "name" in step}
    port = "8390"
    assert all(port not in line or "127.0.0.1" in line for line in scripts["Start State Manager"].splitlines())
    together = "\n".join(["trap 'kill %1' EXIT", scripts["Start State Manager"], scripts["Test"].replace("30d", "3d")])
    elsewhere = free_port()
    said = run(
        ["bash", "-e", "-c", together.replace(port, elsewhere)],
        tmp_path,
        **{name: value.replace(port, elsewhere) for name, value in job["env"].items()},
        STATEWARD_PORT=elsewhere,
        AWS_DEFAULT_REGION=job["env"]["AWS_REGION"],
    )
    assert '"fired_count": 3' in said or '"fired_count":3' in said
    assert '"Status": "' in said


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])
