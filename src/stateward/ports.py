"""What a server listens on: the plain port, and the TLS port with its certificate (design 3, 5)."""

from __future__ import annotations

import errno
import resource
import socket
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from urllib.parse import urlsplit

import structlog

from stateward.clock import wall_ms
from stateward.config import DEFAULT_TLS_PORT, Config, is_loopback
from stateward.tls import names
from stateward.tls.authority import FOLDER, Authority, CertificateProblem
from stateward.tls.contexts import GivenTls, PrivateTls, ServerTls
from stateward.tls.names import Names

BACKLOG = 4096
FULL_NAME_S = 2.0
log = structlog.get_logger("stateward.serving")


class CannotServe(Exception):
    """The server cannot start; the text says why and what would help."""


@dataclass(frozen=True)
class Ports:
    """The bound sockets, closed at the end of a `with` block."""

    plain: socket.socket
    tls: socket.socket | None
    certificate: ServerTls | None
    public_name: str

    def __enter__(self) -> Ports:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.plain.close()
        if self.tls is not None:
            self.tls.close()

    @property
    def urls(self) -> list[str]:
        """The addresses as they were bound, the plain one first."""
        return [url_of(self.plain), *([] if self.tls is None else [url_of(self.tls, "https")])]

    @property
    def host_names(self) -> tuple[str, ...]:
        """The names under which clients may come beside loopback."""
        return () if self.certificate is None else self.certificate.names.texts

    @property
    def public_endpoint(self) -> str | None:
        """The address over TLS as nodes are to write it."""
        if self.tls is None:
            return None
        host = f"[{self.public_name}]" if ":" in self.public_name else self.public_name
        return f"https://{host}:{self.tls.getsockname()[1]}"


def check_names(config: Config) -> Names:
    """The names of `--tls-name`. Raises CannotServe."""
    try:
        return names.parse(config.tls_names)
    except ValueError as error:
        raise CannotServe(f"--tls-name {error}") from error


def open_ports(config: Config) -> Ports:
    """Bind the ports of a configuration, with a certificate for the TLS one. Raises CannotServe."""
    asked = check_names(config)
    with ExitStack() as stack:
        plain = stack.enter_context(bind(config.plain_host, config.port))
        tls = _bind_tls(config)
        if tls is None:
            stack.pop_all()
            return Ports(plain, None, None, "")
        stack.enter_context(tls)
        machine = _machine_names()
        try:
            certificate = _certificate(config, asked, machine)
        except CertificateProblem as error:
            raise CannotServe(str(error)) from error
        stack.pop_all()
        return Ports(plain, tls, certificate, _public_name(config.host, asked, certificate.names, machine))


def bind(host: str, port: int, option: str = "--port") -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises CannotServe."""
    hint = "0 picks a free one" if option == "--port" else "0 serves without TLS"
    sock = None
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, proto)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise CannotServe(
            f"address {host}:{port}: cannot listen ({error.strerror}); choose another with {option} ({hint})"
        ) from error
    sock.setblocking(False)
    return sock


def url_of(sock: socket.socket, scheme: str = "http") -> str:
    """The address of a listening socket as clients write it."""
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def client_url(sock: socket.socket) -> str:
    """The address under which clients on this machine reach a listening socket."""
    url = urlsplit(url_of(sock))
    host = ip_address(url.hostname or "")
    return f"http://127.0.0.1:{url.port}" if host.is_unspecified else url.geturl()


def allow_many_files() -> None:
    """Each node holds a connection: take what the system's hard limit gives."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # such as macOS's unlimited, which is not
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _bind_tls(config: Config) -> socket.socket | None:
    if config.tls_port == 0:
        return None
    try:
        return bind(config.host, DEFAULT_TLS_PORT if config.tls_port is None else config.tls_port, "--tls-port")
    except CannotServe as error:
        cause = error.__cause__
        if config.tls_port is not None or getattr(cause, "errno", None) != errno.EADDRINUSE:
            raise
        # Nobody asked for it, and the plain port serves loopback all the same.
        log.warning("there is no TLS: its usual port is taken", reason=str(error))
        return None


def _certificate(config: Config, asked: Names, machine: list[str]) -> ServerTls:
    if config.tls_cert is not None and config.tls_key is not None:
        return GivenTls(config.tls_cert, config.tls_key)
    now_ms = wall_ms()
    wanted = names.known([*machine, *_own_address(config.host)]) + asked
    authority = Authority.open(config.data_dir / FOLDER, wanted if config.tls_names else None, now_ms)
    outside = authority.outside(wanted)
    refused = [name for name in asked.texts if name in outside.texts]
    if refused:
        raise CertificateProblem(
            f"--tls-name {refused[0]}: the CA in {config.data_dir / FOLDER} was made for other names and may not "
            "sign for this one; keep to its names, or remove the folder for a new CA, which every node must then be "
            "told to trust"
        )
    # The machine has another name than when the CA was made: a leaf with it would be good for nothing at all.
    return PrivateTls(authority, wanted - outside, now_ms)


def _public_name(host: str, asked: Names, served: Names, machine: list[str]) -> str:
    """The name that nodes are told, out of those in the certificate: what was asked for, or the longest there is."""
    candidates = [*asked.texts, *_own_address(host)]
    if not is_loopback(host):
        candidates += [*sorted(machine, key=lambda name: "." not in name), *served.texts]
    usable = (one for one in candidates if one in served.texts and not one.startswith("*."))
    return next(usable, "localhost")


def _own_address(host: str) -> list[str]:
    try:
        return [] if ip_address(host.strip("[]")).is_unspecified else [host.strip("[]")]
    except ValueError:
        return [host]


def _machine_names() -> list[str]:
    """What this machine calls itself; without a name server the full name is not waited for."""
    short = socket.gethostname()
    found = [short]
    asking = threading.Thread(target=lambda: found.append(socket.getfqdn(short)), daemon=True)
    asking.start()
    asking.join(FULL_NAME_S)
    return list(dict.fromkeys(name.lower() for name in found if name != "localhost"))
