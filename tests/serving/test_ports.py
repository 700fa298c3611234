"""What a server listens on, and what it calls itself."""

import resource
import socket

import pytest

from stateward.config import Config
from stateward.ports import CannotServe, allow_many_files, open_ports


@pytest.fixture
def usual_port(monkeypatch):
    """The port that TLS has where nobody says another, in somebody else's hands."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("stateward.ports.DEFAULT_TLS_PORT", port)
        yield port


def opened(tmp_path, **settings):
    """URLs, public endpoint and certificate names of a configuration's ports."""
    with open_ports(Config(data_dir=tmp_path, port=0, **settings)) as ports:
        return ports.urls, ports.public_endpoint, ports.host_names


def test_the_usual_port_is_done_without_where_nobody_asked(tmp_path, usual_port):
    urls, public, names = opened(tmp_path, tls_port=None)
    assert len(urls) == 1
    assert (public, names) == (None, ())
    assert not (tmp_path / "tls").exists()


def test_a_port_that_was_asked_for_must_be_free(tmp_path, usual_port):
    with pytest.raises(CannotServe, match="choose another with --tls-port"):
        opened(tmp_path, tls_port=usual_port)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        pytest.param({}, "127.0.0.1", id="loopback"),
        pytest.param({"tls_names": ("A.test", "b.test")}, "a.test", id="a name that was asked for, in small letters"),
        pytest.param({"tls_names": ("*.a.test", "b.test")}, "b.test", id="no wildcard"),
        pytest.param({"tls_names": ("fd00::5",)}, "[fd00::5]", id="an IPv6 address"),
        pytest.param({"host": "0.0.0.0"}, "server.example.test", id="the machine's full name"),
        pytest.param({"host": "127.0.0.2"}, "127.0.0.2", id="the address to listen on"),
    ],
)
def test_where_nodes_are_told_to_go(tmp_path, monkeypatch, settings, host):
    monkeypatch.setattr("stateward.ports.socket.gethostname", lambda: "server")
    monkeypatch.setattr("stateward.ports.socket.getfqdn", lambda name: f"{name}.example.test")
    port = free_port()
    urls, public, names = opened(tmp_path, tls_port=port, **settings)
    assert public == f"https://{host}:{port}"
    assert urls[1].startswith("https://")
    assert {"localhost", "server", "server.example.test", "127.0.0.1", "::1"} <= set(names)


def test_a_machine_that_was_renamed_keeps_its_ca_and_leaves_its_new_name_out(tmp_path, monkeypatch):
    monkeypatch.setattr("stateward.ports.socket.getfqdn", lambda name: name)
    for machine, served in (("old", True), ("new", False)):
        monkeypatch.setattr("stateward.ports.socket.gethostname", lambda machine=machine: machine)
        _, _, names = opened(tmp_path, tls_port=free_port(), tls_names=("ssm.example.test",))
        assert "ssm.example.test" in names
        assert (machine in names) is served


def test_without_a_name_server_the_full_name_is_not_waited_for(tmp_path, monkeypatch):
    import threading

    never = threading.Event()
    monkeypatch.setattr("stateward.ports.FULL_NAME_S", 0.01)
    monkeypatch.setattr("stateward.ports.socket.getfqdn", lambda name: never.wait(30) and name)
    _, _, names = opened(tmp_path, tls_port=free_port())
    never.set()
    assert socket.gethostname().lower() in names


def test_a_server_may_have_as_many_files_as_the_system_allows():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
