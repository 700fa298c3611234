"""`stateward local` (`make run`): a server and this machine as its node, until Ctrl-C."""

import json
import signal

from live_server import client_of
from programs import READY, run, started
from waiting import until


def first_node(ssm):
    """The node that joins, when it is online."""

    def online():
        nodes = ssm.describe_instance_information()["InstanceInformationList"]
        return next((node for node in nodes if node["PingStatus"] == "Online"), None)

    return until(online)


def test_this_machine_is_a_node_until_sigterm(tmp_path):
    folder = tmp_path / "data"
    with started("local", "--port", "0", "--data-dir", str(folder), STATEWARD_REGION="eu-west-1") as local:
        assert local.line(READY).endswith("; this machine joins it as a node. Ctrl-C ends both.")
        assert local.line('eval "$(stateward credentials').endswith(f'--data-dir {folder})"')
        printed = json.loads(run("credentials", "--data-dir", str(folder), "--format", "json").stdout)
        ssm = client_of(
            printed["AWS_ENDPOINT_URL_SSM"],
            key_id=printed["AWS_ACCESS_KEY_ID"],
            secret=printed["AWS_SECRET_ACCESS_KEY"],
            region=printed["AWS_REGION"],
        )
        assert printed["AWS_REGION"] == "eu-west-1"
        assert first_node(ssm)["InstanceId"].startswith("mi-")
        local.send(signal.SIGTERM)
        assert local.wait() == 0
        assert local.line("stopping")
    assert (tmp_path / "stateward-agent").is_dir(), "the agent's state lies beside the data"
    with started("serve", "--port", "0", "--data-dir", str(folder)) as again:
        again.line(READY)  # the server has ended too: its data directory is free


def test_a_server_that_cannot_start_is_said(tmp_path):
    (tmp_path / "file").touch()
    ended = run("local", "--port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("stateward: the server ended with exit code 1\n")
    assert "cannot be written (Not a directory)" in ended.stderr
