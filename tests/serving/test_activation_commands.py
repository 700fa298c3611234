"""What `stateward nodes activate` prints, pasted into a shell: it makes a node, from the server alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tls_programs import client_of, tls_server

from programs import environment, run

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(tmp_path):
    """Runs commands as root of a machine whose /etc, /opt and systemd are folders and stubs of the test's."""
    root = tmp_path / "machine"
    stubs = root / "stubs"
    for folder in (stubs, root / "etc" / "default"):
        folder.mkdir(parents=True)
    for name in ("systemctl", "update-ca-certificates", "update-ca-trust", "amazon-ssm-agent"):
        (stubs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {root}/called\n')
        (stubs / name).chmod(0o755)
    (stubs / f"python3.{sys.version_info[1]}").symlink_to(sys.executable)
    for folder in ("usr/local/share/ca-certificates", "etc/pki/ca-trust/source/anchors"):
        (root / folder).mkdir(parents=True)

    def paste(commands):
        for folder in ("/etc/", "/opt/", "/usr/local/share/"):
            commands = commands.replace(folder, f"{root}{folder}")
        commands = commands.replace("agent install", "agent install --print")
        env = environment(STATEWARD_AGENT_STATE_DIR=str(root / "state"), XDG_CACHE_HOME=str(root / "cache"))
        env["PATH"] = f"{stubs}:{os.environ['PATH']}"
        ended = subprocess.run(
            ["bash", "-e"], input=commands, env=env, capture_output=True, text=True, timeout=90, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    paste.root = root
    return paste


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("activating") / "data"
    with tls_server(folder, "--tls-name", "localhost") as program:
        program.folder = folder
        yield program


def commands_for(server, agent, *words):
    isolated = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    made = run("nodes", "activate", "--data-dir", str(server.folder), "--agent", agent, *words, **isolated)
    assert made.returncode == 0, made.stderr
    return made.stdout


def test_pasted_commands_make_a_node(server, machine):
    told = machine(commands_for(server, "stateward", "--name", "pasted", "--tag", "role=web"))
    (node,) = client_of(server.tls_url, server.ca).describe_instance_information()["InstanceInformationList"]
    assert node["Name"] == "pasted"
    assert node["InstanceId"] in told
    assert "ExecStart=" in told
    settings = Path(machine.root / "etc" / "default" / "stateward-agent").read_text()
    assert settings == f"SSL_CERT_FILE={machine.root}/etc/stateward/ca.pem\n"
    assert (machine.root / "etc" / "stateward" / "ca.pem").read_text() == server.ca.read_text()
    assert "systemctl enable --now stateward-agent" in (machine.root / "called").read_text()


def test_pasted_commands_set_the_official_agent_up(server, machine):
    machine(commands_for(server, "official"))
    called = (machine.root / "called").read_text().splitlines()
    assert called[0].startswith("update-ca-")
    assert called[1].startswith("amazon-ssm-agent -register -y -code ")
    assert called[2] == "systemctl restart amazon-ssm-agent"
    configuration = (machine.root / "etc" / "amazon" / "ssm" / "amazon-ssm-agent.json").read_text()
    assert f'"Endpoint": "https://localhost:{server.tls_port}"' in configuration
    trusted = machine.root / "usr" / "local" / "share" / "ca-certificates" / "stateward.crt"
    assert trusted.read_text() == server.ca.read_text()


def test_the_command_works_from_elsewhere_over_tls(server):
    keys = {
        "AWS_ENDPOINT_URL_SSM": server.tls_url,
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-no-log-may-show-0123456789",
        "AWS_REGION": "us-east-1",
        "STATEWARD_DATA_DIR": "/nowhere",
    }
    listed = run("nodes", "list", "--ca-bundle", str(server.ca), **keys)
    assert listed.returncode == 0, listed.stderr
    bundled = run("nodes", "list", AWS_CA_BUNDLE=str(server.ca), **keys)
    assert bundled.stdout == listed.stdout
    distrusting = run("nodes", "list", **keys)
    assert distrusting.returncode == 5
    assert "certificate verify failed" in distrusting.stderr
