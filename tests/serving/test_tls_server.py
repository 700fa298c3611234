"""TLS as its users see it: the real program, real clients, the printed CA."""

import json
import os
import re
import socket
import ssl
import stat
import urllib.error

import pytest
from botocore.exceptions import SSLError
from tls_programs import certificate_of, client_of, connections, fetch, free_port, tls_server

from live_server import KEY_ID, REGION, SECRET
from programs import BIN, get, run, serving, started

AWS = (str(BIN / "aws"),)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls") / "data"
    with tls_server(folder, "--tls-name", "ssm.example.test", "--tls-name", "127.0.0.2") as program:
        program.folder = folder
        yield program


def test_the_printed_ca_is_what_clients_trust(server, tmp_path):
    printed = run("ca", "--data-dir", str(server.folder))
    assert printed.returncode == 0
    (tmp_path / "ca.pem").write_text(printed.stdout)
    assert printed.stdout == server.ca.read_text()
    assert fetch(f"{server.tls_url}/healthz", tmp_path / "ca.pem") == (200, "ok\n")
    assert stat.S_IMODE((server.folder / "tls" / "ca.key").stat().st_mode) == 0o600


def test_without_the_ca_nobody_is_fooled(server, tmp_path):
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        fetch(f"{server.tls_url}/healthz", None)
    assert "alert unknown ca" in server.line("a connection was not made", "unknown ca")


def test_both_ports_serve_the_same(server):
    assert get(f"{server.url}/healthz") == fetch(f"{server.tls_url}/healthz", server.ca)
    over_tls = client_of(server.tls_url, server.ca)
    over_tls.create_document(
        Name="over-tls",
        DocumentType="Command",
        Content=json.dumps(
            {
                "schemaVersion": "2.2",
                "mainSteps": [{"action": "aws:runShellScript", "name": "one", "inputs": {"runCommand": ["true"]}}],
            }
        ),
    )
    assert client_of(server.url, server.ca).describe_document(Name="over-tls")["Document"]["Name"] == "over-tls"


def test_boto3_without_the_ca_refuses(server, tmp_path):
    with tls_server(tmp_path / "other") as other, pytest.raises(SSLError):
        client_of(server.tls_url, other.ca).list_documents()


def test_the_aws_command_line_with_its_bundle(server):
    keys = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": REGION}
    words = ("ssm", "describe-instance-information", "--endpoint-url", server.tls_url, "--ca-bundle", str(server.ca))
    answered = run(*words, program=AWS, **keys)
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout) == {"InstanceInformationList": []}


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "::1", "ssm.example.test", "127.0.0.2", socket.gethostname()]
)
def test_the_certificate_is_for_every_name(server, name):
    assert certificate_of(server.tls_url, name, server.ca)


def test_its_names_are_hosts_that_are_served(server):
    assert fetch(f"{server.tls_url}/healthz", server.ca, Host="ssm.example.test:8443") == (200, "ok\n")
    assert fetch(f"{server.tls_url}/healthz", server.ca, Host="evil.example.test")[0] == 403


def test_where_nodes_are_to_go_is_noted(server):
    noted = json.loads((server.folder / "address.json").read_text())
    assert noted["endpoint"] == server.url
    assert noted["tls_endpoint"] == f"https://ssm.example.test:{server.tls_port}"


# Other machines


def test_off_loopback_the_plain_port_stays_at_home(tmp_path):
    with tls_server(tmp_path / "data", "--host", "0.0.0.0") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.bound == f"https://0.0.0.0:{server.tls_port}"
        assert fetch(f"{server.tls_url}/healthz", server.ca) == (200, "ok\n")
        assert get(f"{server.url}/healthz") == (200, "ok\n")
        noted = json.loads((tmp_path / "data" / "address.json").read_text())
        assert re.fullmatch(rf"https://[\w.-]+:{server.tls_port}", noted["tls_endpoint"])
        assert "127.0.0.1" not in noted["tls_endpoint"]


def test_with_insecure_http_both_ports_are_open(tmp_path):
    with tls_server(tmp_path / "data", "--host", "0.0.0.0", "--insecure-http") as server:
        assert server.url.startswith("http://0.0.0.0:")
        assert server.bound.startswith("https://0.0.0.0:")


def test_a_taken_port_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run("serve", "--port", "0", "--tls-port", port, "--data-dir", str(tmp_path / "data"))
    assert (ended.returncode, ended.stderr) == (
        1,
        f"stateward: address 127.0.0.1:{port}: cannot listen (Address already in use); choose another with --tls-port "
        "(0 serves without TLS)\n",
    )


# Over restarts


def test_other_names_renew_the_certificate_and_never_the_ca(tmp_path):
    with tls_server(tmp_path / "data") as server:
        first_ca, first = server.ca.read_text(), certificate_of(server.tls_url)
    with tls_server(tmp_path / "data") as server:
        assert certificate_of(server.tls_url) == first
    with tls_server(tmp_path / "data", "--tls-name", "new.example.test") as server:
        assert server.ca.read_text() == first_ca
        assert certificate_of(server.tls_url, "new.example.test", server.ca) != first


def test_a_ca_made_for_names_is_for_no_others(tmp_path):
    with tls_server(tmp_path / "data", "--tls-name", "ssm.example.test"):
        pass
    with tls_server(tmp_path / "data", "--tls-name", "eu.ssm.example.test") as server:
        assert certificate_of(server.tls_url, "eu.ssm.example.test", server.ca)
    ended = run(
        *("serve", "--port", "0", "--tls-port", str(free_port()), "--tls-name", "other.test"),
        *("--data-dir", str(tmp_path / "data")),
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"stateward: --tls-name other.test: the CA in {tmp_path}/data/tls was made for other names and may not sign "
        "for this one; keep to its names, or remove the folder for a new CA, which every node must then be told to "
        "trust\n"
    )


def test_a_certificate_of_ones_own(tmp_path):
    with tls_server(tmp_path / "maker", "--tls-name", "own.example.test"):
        pass
    pem = str(tmp_path / "maker" / "tls" / "server.pem")
    with tls_server(tmp_path / "data", "--tls-cert", pem, "--tls-key", pem) as server:
        ca = tmp_path / "maker" / "tls" / "ca.pem"
        assert certificate_of(server.tls_url, "own.example.test", ca)
        assert fetch(f"{server.tls_url}/healthz", ca, Host="own.example.test") == (200, "ok\n")
        assert not server.ca.exists()
        ended = run("ca", "--data-dir", str(tmp_path / "data"))
    assert ended.returncode == 1
    assert "the first `stateward serve` with TLS makes it" in ended.stderr


# Nodes


def test_the_built_in_agent_over_https(server, tmp_path):
    ssm = client_of(server.tls_url, server.ca)
    made = ssm.create_activation(IamRole="role")
    activation = ("--activation-id", made["ActivationId"], "--activation-code", made["ActivationCode"])
    endpoint = f"https://localhost:{server.tls_port}"
    state = ("--state-dir", str(tmp_path / "agent"))
    distrusting = run("agent", "register", "--endpoint", endpoint, *activation, "--state-dir", str(tmp_path / "none"))
    assert distrusting.returncode == 1
    assert "certificate verify failed" in distrusting.stderr
    trusting = {"SSL_CERT_FILE": str(server.ca)}
    registered = run("agent", "register", "--endpoint", endpoint, *activation, *state, **trusting)
    assert registered.returncode == 0, registered.stderr
    node_id = registered.stdout.strip()
    with started("agent", "run", *state, **trusting) as agent:
        agent.line("the control channel is open")
        sent = ssm.send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[node_id], Parameters={"commands": ["echo over wss"]}
        )
        waiter = ssm.get_waiter("command_executed")
        waiter.config.delay, waiter.config.max_attempts = 0.2, 100
        waiter.wait(CommandId=sent["Command"]["CommandId"], InstanceId=node_id)
        told = ssm.get_command_invocation(CommandId=sent["Command"]["CommandId"], InstanceId=node_id)
        assert told["StandardOutputContent"] == "over wss\n"


# Hostile


def test_plain_http_on_the_tls_port(server):
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=10) as peer:
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in peer.recv(4096)
    assert "http request" in server.line("a connection was not made", "http request")
    assert fetch(f"{server.tls_url}/healthz", server.ca) == (200, "ok\n")


def test_nonsense_and_half_handshakes_do_no_harm(server):
    with connections(server.tls_url, 3) as (silent, nonsense, hello):
        nonsense.sendall(os.urandom(300))
        hello.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        while nonsense.recv(100):  # an alert, then the end
            pass
        silent.shutdown(socket.SHUT_WR)
        assert silent.recv(100) == b""
        assert fetch(f"{server.tls_url}/healthz", server.ca) == (200, "ok\n")


def test_silent_connections_do_not_keep_others_out(server):
    with connections(server.tls_url, 300):
        assert fetch(f"{server.tls_url}/healthz", server.ca) == (200, "ok\n")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_protocols_are_refused(server):
    context = ssl._create_unverified_context()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("127.0.0.1", server.tls_port), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol"),
    ):
        context.wrap_socket(plain, server_hostname="localhost")


def test_a_server_without_tls_has_no_ca(tmp_path):
    with serving(tmp_path / "data"):
        pass
    assert not (tmp_path / "data" / "tls").exists()
