"""The examples for AWS's own clients, with a server and nodes: what they print, and what they leave behind."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from live_server import KEY_ID, REGION, SECRET
from programs import environment

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TERRAFORM_TESTS = Path(__file__).parent.parent / "terraform"


def told_where(url):
    return environment(
        AWS_ENDPOINT_URL_SSM=url,
        AWS_ENDPOINT_URL_STS=url,
        AWS_ACCESS_KEY_ID=KEY_ID,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
    )


@pytest.fixture
def web_servers(start_server):
    """A server with three nodes that do what they are told at once."""
    server = start_server()
    server.http("/_stateward/fleet", b'{"add": 3, "tags": {"role": "web"}}')
    server.http("/_stateward/fleet", b'{"script": {"output": "restarting nginx", "delay": "0s"}}')
    return server


def run(*command, url, folder):
    done = subprocess.run(
        command, cwd=folder, env=told_where(url), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_for_boto3_prints_what_nodes_said(web_servers):
    said = run(sys.executable, "restart_web.py", url=web_servers.url, folder=EXAMPLES / "boto3").splitlines()
    assert said[0] == "Success {Success=3}"
    assert [line.split(maxsplit=1)[1] for line in said[1:]] == ["Success restarting nginx"] * 3


@pytest.mark.slow_all  # a dozen starts of the AWS CLI
@pytest.mark.skipif(not shutil.which("sh"), reason="the example for the AWS CLI is a shell script")
def test_the_example_for_the_aws_cli_leaves_nothing_behind(web_servers):
    said = run("sh", "nightly.sh", url=web_servers.url, folder=EXAMPLES / "aws-cli")
    assert "it ended Success" in said
    assert len(re.findall(r"^mi-\w+\tSuccess$", said, re.MULTILINE)) == 3
    assert web_servers.client().list_associations()["Associations"] == []


@pytest.mark.slow_all  # half a minute; tests/terraform drives the same provider in every run
@pytest.mark.timeout(300)
def test_the_example_for_terraform_lives_its_life(server, ssm, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(TERRAFORM_TESTS)
    terraform_program = pytest.importorskip("terraform_program")
    monkeypatch.setattr(terraform_program, "FLEET", EXAMPLES / "terraform")
    terraform = terraform_program.Terraform(tmp_path, server.url)
    assert set(terraform.apply(None)) == {
        "aws_ssm_document.restart",
        "aws_ssm_association.nightly",
        "aws_ssm_activation.web",
    }
    assert terraform.plan(None) == {}
    (association,) = ssm.list_associations()["Associations"]
    assert terraform.outputs() == {"association": association["AssociationId"]}
    assert len(terraform.destroy(None)) == 3
    assert ssm.list_associations()["Associations"] == []
