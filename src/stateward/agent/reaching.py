"""Reaching a server: whom this machine trusts, which ways are open to listeners, and what helps when nothing came."""

from __future__ import annotations

import os
import ssl
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from stateward.agent.service import SYSTEM_SETTINGS

CA_VARIABLE = "SSL_CERT_FILE"
UNTRUSTED = (
    f"; if the server has a CA of its own, name its file in {CA_VARIABLE} (`stateward ca` prints it, "
    f"the commands of `stateward nodes activate` write it and name it in {SYSTEM_SETTINGS})"
)


class NoTrust(Exception):
    """The file of CAs cannot be used; the text says which, and who named it."""


def trust(settings: Path = Path(SYSTEM_SETTINGS)) -> ssl.SSLContext:
    """What `SSL_CERT_FILE` names, in the environment, else in the service's settings; else the system's roots.

    Raises NoTrust. Python itself reads over a file that is not there.
    """
    file, where = os.environ.get(CA_VARIABLE, ""), CA_VARIABLE
    if not file:
        file, where = _from_settings(settings), f"{CA_VARIABLE} in {settings}"
    if not file:
        return ssl.create_default_context()
    try:
        Path(file).read_bytes()
        return ssl.create_default_context(cafile=file)
    except ssl.SSLError as error:
        raise NoTrust(f"{where}: {file} has no certificates in PEM form") from error
    except OSError as error:
        raise NoTrust(f"{where}: {file} cannot be read ({error.strerror})") from error


def is_in_clear(endpoint: str) -> bool:
    """Whether what is said there crosses a network without TLS."""
    url = urlsplit(endpoint)
    return url.scheme == "http" and not _is_this_machine(url.hostname or "")


def reason_of(error: Exception, endpoint: str) -> str:
    """Why no answer came, and what would help if that is known."""
    said = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return said + UNTRUSTED
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said:
        return f"{said}; this port speaks no TLS: {_other_scheme(endpoint, 'http')}, or the server's TLS port"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError) and urlsplit(endpoint).scheme == "http":
        return f"{said}; if this is a port for TLS: {_other_scheme(endpoint, 'https')}"
    return said


def _other_scheme(endpoint: str, scheme: str) -> str:
    return urlsplit(endpoint)._replace(scheme=scheme).geturl()


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _from_settings(settings: Path) -> str:
    try:
        lines = settings.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    found = [line.partition("=")[2].strip().strip("\"'") for line in lines if line.startswith(f"{CA_VARIABLE}=")]
    return found[-1] if found else ""
