"""Reaching a server: whom an agent trusts, which ways are open to listeners, and what is said when nothing came."""

import socket
import threading

import httpx
import pytest

from stateward.agent import reaching
from stateward.agent.reaching import NoTrust, is_in_clear, reason_of, trust


def test_a_file_of_cas_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(NoTrust, match=r"SSL_CERT_FILE: .*/none.pem cannot be read \(No such file or directory\)"):
        trust()


def test_a_file_of_cas_without_certificates_is_told(monkeypatch, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(NoTrust, match="has no certificates in PEM form"):
        trust()


def test_the_services_settings_name_it_for_who_types_commands(monkeypatch, tmp_path):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    settings = tmp_path / "stateward-agent"
    assert trust(settings)
    settings.write_text(f"STATEWARD_AGENT_LOG_LEVEL=info\nSSL_CERT_FILE={tmp_path}/ca.pem\n")
    with pytest.raises(NoTrust, match=f"SSL_CERT_FILE in {settings}: {tmp_path}/ca.pem cannot be read"):
        trust(settings)


@pytest.mark.parametrize(
    ("endpoint", "clear"),
    [
        ("http://127.0.0.1:8390", False),
        ("http://localhost:8390", False),
        ("http://[::1]:8390", False),
        ("https://10.1.2.3", False),
        ("http://10.1.2.3:8390", True),
        ("http://localhost.example", True),
    ],
)
def test_plain_http_crosses_a_network_in_clear(endpoint, clear):
    assert is_in_clear(endpoint) is clear


def test_tls_at_a_port_without_it_says_what_to_write():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def answer():
            peer, _ = listening.accept()
            with peer:
                peer.recv(1024)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(httpx.HTTPError) as caught:
            httpx.get(f"https://127.0.0.1:{port}")
        thread.join()
    assert reason_of(caught.value, f"https://127.0.0.1:{port}/").endswith(
        f"; this port speaks no TLS: http://127.0.0.1:{port}/, or the server's TLS port"
    )


@pytest.mark.parametrize(
    ("error", "endpoint", "told"),
    [
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] no"), "https://h", reaching.UNTRUSTED),
        (
            httpx.RemoteProtocolError("Server disconnected"),
            "http://h:8443",
            "; if this is a port for TLS: https://h:8443",
        ),
        (httpx.ConnectError("All connection attempts failed"), "http://h", "All connection attempts failed"),
        (httpx.ReadTimeout(""), "http://h", "ReadTimeout"),
    ],
)
def test_what_helps_is_said_where_it_is_known(error, endpoint, told):
    assert reason_of(error, endpoint).endswith(told)
