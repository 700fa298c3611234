"""The TLS side of a listening socket: a context that changes with its certificate while the server runs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog
from cryptography import x509

from stateward.tls import certificates
from stateward.tls.authority import Authority, CertificateProblem
from stateward.tls.names import Names

LOOK_S = 60.0
log = structlog.get_logger("stateward.tls")


class ServerTls(Protocol):
    """Where a listener gets its context from, for every connection anew."""

    context: ssl.SSLContext

    @property
    def names(self) -> Names: ...
    def refresh(self, now_ms: int) -> bool: ...


class PrivateTls:
    """Certificates of the server's own CA."""

    def __init__(self, authority: Authority, names: Names, now_ms: int) -> None:
        """Raises CertificateProblem."""
        self._authority = authority
        self.names = names
        authority.renew(names, now_ms)
        self.context = server_context(authority.server_file)

    def refresh(self, now_ms: int) -> bool:
        """Renew the leaf when it is time; True when new connections see another one."""
        if not self._authority.renew(self.names, now_ms):
            return False
        self.context = server_context(self._authority.server_file)
        return True


class GivenTls:
    """A certificate that somebody else renews: read again when one of its files changes."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises CertificateProblem."""
        self._files = (certificate, key)
        self._seen = self._stamps()
        self.context, self.names = self._load()

    def refresh(self, now_ms: int) -> bool:
        """Take up what has changed; a pair that cannot be used leaves the old one in place, and is said once."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            self.context, self.names = self._load()
        except CertificateProblem as error:
            log.warning("the new certificate cannot be used; the old one stays", reason=str(error))
            return False
        log.info("the certificate was read again", file=str(self._files[0]), names=self.names.texts)
        return True

    def _load(self) -> tuple[ssl.SSLContext, Names]:
        context = server_context(*self._files)
        return context, certificates.names_in(x509.load_pem_x509_certificate(self._files[0].read_bytes()))

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(path) for path in self._files]


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """TLS 1.2 and later, HTTP/1.1. Raises CertificateProblem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An encrypted key would have OpenSSL ask on the terminal.
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        also = "" if key is None else f" with {key}"
        raise CertificateProblem(f"certificate {certificate}{also}: cannot be used ({reason})") from error
    return context


async def keep_fresh(tls: ServerTls, wall_ms: Callable[[], int], look_s: float = LOOK_S) -> None:
    """Look every minute, for ever, whether the certificate is to be renewed or read again."""
    while True:
        await asyncio.sleep(look_s)
        try:
            tls.refresh(wall_ms())
        except Exception:
            log.exception("the certificate could not be renewed and is tried again", retry_s=look_s)


def _refuse_password() -> str:
    raise ValueError("the key is encrypted; give one that is not, mode 0600")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
