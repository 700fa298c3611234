"""What machines get from the server to become nodes, without a key (design 5)."""

import base64
import csv
import hashlib
import io
import json
import subprocess
import sys
import urllib.request
import zipfile

import pytest
from tls_programs import client_of, fetch, tls_server

from programs import environment, get, run


def download(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read(), dict(answer.headers)


@pytest.fixture
def manifest(server):
    status, text = get(f"{server.url}/agent/manifest.json")
    assert status == 200
    return json.loads(text)


@pytest.fixture
def wheel(server, manifest):
    content, headers = download(f"{server.url}/agent/{manifest['wheel']}")
    assert headers["x-stateward-sha256"] == hashlib.sha256(content).hexdigest()
    return zipfile.ZipFile(io.BytesIO(content))


def test_strangers_may_ask_and_web_pages_may_not(server, manifest):
    assert manifest["version"] == "0.1.0"
    assert manifest["wheel"] == "stateward-0.1.0-py3-none-any.whl"
    assert manifest["endpoint"] is None
    assert get(f"{server.url}/agent/manifest.json", Origin="http://evil.test")[0] == 403
    assert get(f"{server.url}/agent/", Host="evil.test")[0] == 403


def test_a_server_without_tls_has_no_ca_to_hand_out(server, manifest):
    assert manifest["ca"] is None
    assert get(f"{server.url}/agent/ca.pem") == (404, "This server has no CA of its own.\n")


def test_the_page_lists_the_wheel_with_its_digest(server, manifest):
    _, page = get(f"{server.url}/agent/")
    _, headers = download(f"{server.url}/agent/{manifest['wheel']}")
    assert f'href="{manifest["wheel"]}#sha256={headers["x-stateward-sha256"]}"' in page
    assert 'href="stateward-agent.pyz"' in page


def test_every_file_of_the_wheel_is_in_its_record(wheel):
    (record,) = [name for name in wheel.namelist() if name.endswith(".dist-info/RECORD")]
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(wheel.read(record).decode()))}
    assert set(rows) == set(wheel.namelist())
    assert rows.pop(record) == ("", "")
    for name, (digest, size) in rows.items():
        content = wheel.read(name)
        expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={expected}", len(content)), name


def test_the_wheel_holds_code_and_data_and_no_secrets(server, wheel):
    names = wheel.namelist()
    assert "stateward/agent/main.py" in names
    assert any(name.endswith("0001_initial.sql") for name in names)
    assert "stateward-0.1.0.dist-info/licenses/LICENSE" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".key", ".db", ".pem"))]
    metadata = wheel.read("stateward-0.1.0.dist-info/METADATA").decode()
    assert "Requires-Dist: websockets" in metadata


@pytest.mark.slow
def test_pip_installs_the_wheel_from_the_server(server, manifest, tmp_path):
    place = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-cache-dir", "--target", str(place)]
    links = ["--find-links", f"{server.url}/agent/", "stateward"]
    installed = subprocess.run([*pip, *links], env=environment(), capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    env = {**environment(), "PYTHONPATH": str(place)}
    code = "import stateward.agent.main as agent, sys; print(agent.__file__)"
    asked = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert asked.stdout.startswith(str(place))
    told = subprocess.run(
        [str(place / "bin" / "stateward"), "--version"], env=env, capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("stateward 0.1.0 ")


@pytest.mark.slow
def test_the_zipapp_makes_a_node_over_tls(tmp_path):
    with tls_server(tmp_path / "data") as server:
        told = json.loads(fetch(f"{server.tls_url}/agent/manifest.json", server.ca)[1])
        assert told["endpoint"] == server.tls_url
        assert told["ca"] == "ca.pem"
        assert fetch(f"{server.tls_url}/agent/ca.pem", server.ca) == (200, server.ca.read_text())
        program = tmp_path / "stateward-agent.pyz"
        program.write_bytes(download(f"{server.url}/agent/{told['zipapp']}")[0])
        ssm = client_of(server.tls_url, server.ca)
        made = ssm.create_activation(IamRole="role")
        registered = run(
            *("agent", "register", "--endpoint", told["endpoint"], "--activation-id", made["ActivationId"]),
            *("--state-dir", str(tmp_path / "state")),
            program=(sys.executable, str(program)),
            STATEWARD_ACTIVATION_CODE=made["ActivationCode"],
            SSL_CERT_FILE=str(server.ca),
            XDG_CACHE_HOME=str(tmp_path / "cache"),
        )
        assert registered.returncode == 0, registered.stderr
        (node,) = ssm.describe_instance_information()["InstanceInformationList"]
        assert node["InstanceId"] == registered.stdout.strip()
