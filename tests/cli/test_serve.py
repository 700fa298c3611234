"""`stateward serve` as a process: its ready line, its options, its end, and what it says when it cannot start."""

import base64
import json
import signal
import socket
import stat
import sys

import apsw
import pytest
import structlog
from typer.testing import CliRunner

from live_server import KEY_ID, SECRET
from programs import ADMIN, BIN, READY, get, post, run, serving, started
from server_logs import keep_apart
from stateward import config as settings
from stateward import serving as server_module
from stateward.cli.main import app


def refusal(*arguments, **env):
    """The one line in which `serve` says why it does not start."""
    ended = run("serve", "--port", "0", *arguments, **env)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    return ended.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("serve") / "data", "--log-format", "json", **ADMIN) as program:
        program.folder = tmp_path_factory.getbasetemp()
        yield program


def test_ready_line_means_that_healthz_answers(server):
    assert server.url.startswith("http://127.0.0.1:")
    assert server.url != "http://127.0.0.1:0"
    assert get(f"{server.url}/healthz") == (200, "ok\n")


def test_healthz_is_for_known_hosts_only(server):
    assert get(f"{server.url}/healthz", Host="evil.test")[0] == 403
    assert get(f"{server.url}/healthz", Origin="http://evil.test")[0] == 403


def test_metrics_on_loopback(server):
    status, text = get(f"{server.url}/metrics")
    assert status == 200
    assert "# TYPE stateward_requests_total counter" in text
    assert "stateward_channels 0.0" in text
    assert get(f"{server.url}/metrics", Host="evil.test")[0] == 403


def test_an_unknown_path_is_not_found(server):
    assert get(f"{server.url}/nothing")[0] == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(tmp_path, number):
    with serving(tmp_path / "data") as server:
        server.send(number)
        assert server.wait() == 0
        assert "Traceback" not in server.text
        server.line("the server has started", "version=0.", "http://127.0.0.1:")
        server.line("the server stops", "channels=0")
        server.line("the server has ended")
        assert "did not end by itself" not in server.text
    with serving(tmp_path / "data") as second:
        assert "did not end by itself" not in second.text, "the first one did"
        second.send(signal.SIGKILL)
        second.wait()
    with serving(tmp_path / "data") as third:
        third.line("the server before this one did not end by itself")


def test_its_files_belong_to_its_user_alone(tmp_path):
    folder = tmp_path / "data"
    with serving(folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for name in ("master.key", "stateward.db", "stateward.db-wal"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


def test_second_server_on_a_data_directory(tmp_path):
    with serving(tmp_path / "data"):
        told = refusal("--data-dir", str(tmp_path / "data"))
    assert told == (
        f"stateward: data directory {tmp_path / 'data'}: another stateward serves it; stop that one, "
        "or choose another with --data-dir\n"
    )


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = refusal("--port", port, "--data-dir", str(tmp_path))
    assert told == (
        f"stateward: address 127.0.0.1:{port}: cannot listen (Address already in use); choose another with --port "
        "(0 picks a free one)\n"
    )


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        pytest.param("/proc/stateward", "No such file or directory", id="a file system that takes none"),
        pytest.param("{file}/data", "Not a directory", id="below a file"),
        pytest.param("{file}", "File exists", id="a file"),
    ],
)
def test_an_unwritable_directory(tmp_path, folder, reason):
    (tmp_path / "file").touch()
    path = folder.format(file=tmp_path / "file")
    assert refusal("--data-dir", path) == (
        f"stateward: data directory {path}: cannot be written ({reason}); choose another with --data-dir\n"
    )


def test_a_database_from_a_newer_version(tmp_path):
    connection = apsw.Connection(str(tmp_path / "stateward.db"))
    connection.execute("CREATE TABLE schema_steps (step BIGINT PRIMARY KEY, applied_ms BIGINT)")
    connection.execute("INSERT INTO schema_steps VALUES (900, 0)")
    connection.close()
    told = refusal("--data-dir", str(tmp_path))
    assert "the database has schema step 900, this Stateward knows steps up to " in told
    assert "install the version that wrote it, or a newer one" in told


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "stateward.db").write_bytes(b"no database at all " * 100)
    assert f"database {tmp_path}/stateward.db: cannot be opened (file is not a database)" in refusal(
        "--data-dir", str(tmp_path)
    )


def test_a_master_key_of_another_size(tmp_path):
    (tmp_path / "master.key").write_bytes(b"short")
    assert "master.key: a master key has 32 bytes, this file has 5" in refusal("--data-dir", str(tmp_path))


def test_a_master_key_that_was_replaced(tmp_path):
    with serving(tmp_path):
        pass
    (tmp_path / "master.key").write_bytes(bytes(32))
    told = refusal("--data-dir", str(tmp_path))
    assert told.startswith(f"stateward: {tmp_path}/master.key: not the master key that the database was made with. ")
    with serving(tmp_path, "--new-master-key"):
        assert run("credentials", "--data-dir", str(tmp_path)).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(
            ["--host", "0.0.0.0", "--tls-port", "0"],
            "--host 0.0.0.0: without TLS whoever listens on the network can read tokens and run commands on the nodes",
            id="another address without TLS",
        ),
        pytest.param(
            ["--host", "0.0.0.0", "--insecure-http", "--auth", "open"],
            "--auth open with --host 0.0.0.0: anybody who reaches that address could run commands on every node",
            id="open off loopback",
        ),
        pytest.param(
            ["--tls-cert", "server.pem"],
            "--tls-cert and --tls-key belong together: give both or none",
            id="half a pair",
        ),
        pytest.param(
            ["--tls-cert", "server.pem", "--tls-key", "key.pem", "--tls-name", "a.test"],
            "--tls-name: the names of a certificate of your own stand in it; leave it out",
            id="names of a given certificate",
        ),
        pytest.param(
            ["--tls-port", "0", "--tls-name", "a.test"],
            "--tls-port 0 serves without TLS; give a port, or leave out the other --tls options",
            id="names without TLS",
        ),
        pytest.param(
            ["--tls-name", "https://a.test"],
            "--tls-name 'https://a.test' is neither a host name nor an address: write it as nodes do, without port",
            id="an address with a scheme",
        ),
        pytest.param(["--auth", "none"], "--auth 'none': unknown, use sigv4 or open", id="auth"),
        pytest.param(["--clock", "wall"], "--clock 'wall': unknown, use system or virtual", id="clock"),
        pytest.param(["--node-parameters", "one"], "--node-parameters 'one': write a path such as /nodes", id="path"),
        pytest.param(["--account-id", "12"], "--account-id '12': an account id has twelve digits", id="account"),
        pytest.param(["--log-level", "loud"], "--log-level 'loud': unknown, use one of debug, info", id="log level"),
        pytest.param(["--log-format", "xml"], "--log-format 'xml': unknown, use text or json", id="log format"),
        pytest.param(["--admin-access-key-id", "A"], "belong together: set both or none", id="half an administrator"),
    ],
)
def test_settings_that_cannot_be(tmp_path, arguments, told):
    ended = CliRunner().invoke(app, ["serve", "--data-dir", str(tmp_path / "data"), *arguments])
    assert ended.exit_code == 1
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists(), "a refusal leaves nothing behind"


@pytest.fixture
def insecure(tmp_path):
    with serving(tmp_path / "data", "--host", "0.0.0.0", "--insecure-http", **ADMIN) as server:
        server.folder = tmp_path / "data"
        server.local = server.url.replace("0.0.0.0", "127.0.0.1")
        yield server


def test_another_address_with_insecure_http(insecure):
    assert insecure.url.startswith("http://0.0.0.0:")
    assert get(f"{insecure.local}/healthz") == (200, "ok\n")
    assert get(f"{insecure.local}/metrics")[0] == 401
    right = base64.b64encode(f"{KEY_ID}:{SECRET}".encode()).decode()
    assert get(f"{insecure.local}/metrics", Authorization=f"Basic {right}")[0] == 200
    wrong = base64.b64encode(f"{KEY_ID}:other".encode()).decode()
    assert get(f"{insecure.local}/metrics", Authorization=f"Basic {wrong}")[0] == 401
    printed = run("credentials", "--data-dir", str(insecure.folder), "--format", "json")
    assert json.loads(printed.stdout)["AWS_ENDPOINT_URL_SSM"] == insecure.local


def test_metrics_public_opens_metrics(tmp_path):
    everywhere = ("--host", "0.0.0.0", "--insecure-http", "--metrics-public")
    with serving(tmp_path / "data", *everywhere) as server:
        assert get(f"{server.url.replace('0.0.0.0', '127.0.0.1')}/metrics")[0] == 200


def test_virtual_clock_without_folder_keeps_nothing(tmp_path):
    with started("serve", "--port", "0", "--clock", "virtual", TMPDIR=str(tmp_path)) as server:
        server.line(READY)
        assert len(list(tmp_path.iterdir())) == 1
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", [(sys.executable, "-m", "stateward"), (str(BIN / "stateward"),)], ids=["-m", "bin"])
def test_version_names_the_service_model(program):
    ended = run("--version", program=program)
    assert ended.returncode == 0
    assert ended.stdout.startswith("stateward 0.1.0 (service model: botocore 1.")
    assert ended.stdout.endswith(", ssm 2014-11-06)\n")


OPTIONS = [
    ("--host", "127.0.0.2", "127.0.0.3", "host", "127.0.0.1", str),
    ("--port", "1001", "1002", "port", 8390, int),
    ("--tls-port", "1001", "1002", "tls_port", None, int),
    ("--drain", "1", "2.5", "drain_s", 5, float),
    ("--auth", "open", "sigv4", "auth", "sigv4", str),
    ("--clock", "virtual", "system", "clock", "system", str),
    ("--region", "eu-west-1", "eu-west-2", "region", "us-east-1", str),
    ("--account-id", "111122223333", "444455556666", "account_id", "123456789012", str),
    ("--allowed-hosts", "a.test, b.test", "c.test", "allowed_hosts", (), None),
    ("--iam-roles", "one,two", "three", "iam_roles", (), None),
    ("--node-parameters", "/one, /two", "/three", "node_parameters", (), None),
    ("--admin-access-key-id", "AKIAENV", "AKIAFLAG", "admin_access_key_id", None, str),
]


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """The Config that `serve` would run with, for arguments and environment."""
    seen = []

    async def serve(config, on_ready):
        seen.append(config)

    monkeypatch.setattr(server_module, "serve", serve)
    monkeypatch.setattr("stateward.cli.main.data_home", lambda name: tmp_path / name)

    def invoke(*arguments, **env):
        ended = CliRunner().invoke(app, ["serve", *arguments], env=env)
        assert ended.exit_code == 0, ended.stderr
        structlog.reset_defaults()
        keep_apart()
        return seen.pop()

    return invoke


@pytest.mark.parametrize(("option", "told", "flag", "name", "default", "read"), OPTIONS)
def test_flag_before_variable_before_default(configured, option, told, flag, name, default, read):
    variable = "STATEWARD_" + option.strip("-").upper().replace("-", "_")
    as_read = read or (lambda text: tuple(part.strip() for part in text.split(",")))
    more = {"STATEWARD_ADMIN_SECRET_ACCESS_KEY": "s"} if name.startswith("admin") else {}
    if not more:
        assert getattr(configured(), name) == default
    assert getattr(configured(**{variable: told}, **more), name) == as_read(told)
    assert getattr(configured(option, flag, **{variable: told}, **more), name) == as_read(flag)


@pytest.mark.parametrize("name", ["insecure_http", "metrics_public", "new_master_key"])
def test_switches_as_variables(configured, name):
    variable = f"STATEWARD_{name.upper()}"
    assert getattr(configured(), name) is False
    assert getattr(configured(**{variable: "1"}), name) is True
    assert getattr(configured(f"--no-{name.replace('_', '-')}", **{variable: "1"}), name) is False


def test_names_for_tls_as_flags_and_variable(configured):
    assert configured(STATEWARD_TLS_NAMES="a.test, b.test").tls_names == ("a.test", "b.test")
    assert configured("--tls-name", "a.test", "--tls-name", "b.test").tls_names == ("a.test", "b.test")


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        pytest.param([], None, id="the usual port if it is free"),
        pytest.param(["--port", "0"], 0, id="none on a free port"),
        pytest.param(["--clock", "virtual"], 0, id="none with a virtual clock"),
        pytest.param(["--clock", "virtual", "--tls-port", "9000"], 9000, id="a virtual clock, and asked for"),
        pytest.param(["--port", "0", "--tls-name", "a.test"], 8443, id="names ask for it"),
        pytest.param(["--host", "0.0.0.0", "--port", "0"], 8443, id="other machines need it"),
        pytest.param(["--host", "0.0.0.0", "--port", "0", "--insecure-http"], 0, id="not those that do without"),
        pytest.param(["--tls-port", "0"], 0, id="off"),
    ],
)
def test_the_port_with_tls(configured, arguments, port):
    assert configured(*arguments).tls_port == port


def test_data_dir_as_flag_and_variable(configured, tmp_path):
    assert configured().data_dir == tmp_path / "stateward"
    assert configured(STATEWARD_DATA_DIR="/one").data_dir.as_posix() == "/one"
    assert configured("--data-dir", "/two", STATEWARD_DATA_DIR="/one").data_dir.as_posix() == "/two"


def test_log_options_as_variables(tmp_path):
    with serving(tmp_path / "data", STATEWARD_LOG_LEVEL="warning", STATEWARD_LOG_FORMAT="json") as server:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.ListDocuments"}
        assert post(server.url, b"{}", **headers)[0] == 400
        entry = json.loads(server.line("refused"))
        assert server.text.count("\n") == 2, "the address and one warning"
    assert entry["level"] == "warning"
    assert entry["operation"] == "ListDocuments"
    assert entry["code"] == "MissingAuthenticationTokenException"


def test_debug_as_a_flag(tmp_path):
    with serving(tmp_path / "data", "--log-level", "error", STATEWARD_LOG_LEVEL="debug") as server:
        assert post(server.url, b"{}")[0] == 400
        server.send(signal.SIGTERM)
        assert server.wait() == 0
    assert server.text == f"{READY}{server.url}\n"


@pytest.mark.parametrize(
    ("user", "xdg", "expected"),
    [
        pytest.param(0, "/x", "/var/lib/stateward", id="root"),
        pytest.param(1000, "/x", "/x/stateward", id="somebody"),
        pytest.param(1000, "", "/home/me/.local/share/stateward", id="somebody without XDG_DATA_HOME"),
    ],
)
def test_default_data_directory(monkeypatch, user, xdg, expected):
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setenv("XDG_DATA_HOME", xdg)
    monkeypatch.setenv("HOME", "/home/me")
    assert settings.data_home("stateward").as_posix() == expected
