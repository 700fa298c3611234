"""The private CA of a data directory, and the certificate that the server shows (design 3)."""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from cryptography import x509

from stateward.tls import certificates
from stateward.tls.certificates import Pair
from stateward.tls.names import Names

FOLDER = "tls"
CA_FILE = "ca.pem"
CA_KEY_FILE = "ca.key"
SERVER_FILE = "server.pem"
log = structlog.get_logger("stateward.tls")


class CertificateProblem(Exception):
    """There is no certificate to serve with; the text says why and what would help."""


class Authority:
    """A CA on the disk: `ca.key` is its key and certificate, `ca.pem` the certificate alone, `server.pem` the leaf."""

    def __init__(self, folder: Path, ca: Pair) -> None:
        self._folder = folder
        self._ca = ca

    @classmethod
    def open(cls, folder: Path, limits: Names | None, now_ms: int) -> Authority:
        """The CA of a folder; a new one the first time, limited to names if `limits` are given.

        Raises CertificateProblem.
        """
        path = folder / CA_KEY_FILE
        try:
            if path.exists():
                ca = certificates.read_pair(path.read_bytes())
            elif (folder / CA_FILE).exists():
                # Nodes trust this one: another must not take its place unsaid.
                raise CertificateProblem(
                    f"{path} is missing: put it back from its backup, or remove {folder / CA_FILE} as well for a "
                    "new CA, which every node must then be told to trust"
                )
            else:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                ca = certificates.make_ca(now_ms, limits)
                _put(path, ca.pem, 0o600)
                log.info("a CA was made", file=str(folder / CA_FILE), until=_day(ca.certificate))
            authority = cls(folder, ca)
            _put(folder / CA_FILE, authority.pem, 0o644)
        except (OSError, ValueError) as error:
            raise CertificateProblem(f"{path}: the CA cannot be read or written ({error})") from error
        if ca.certificate.not_valid_after_utc <= certificates.instant(now_ms):
            raise CertificateProblem(
                f"{folder}: the CA ended on {_day(ca.certificate)}; remove the folder for a new one, which every "
                "node must then be told to trust"
            )
        return authority

    @property
    def pem(self) -> bytes:
        """The CA's certificate, for those who are to trust it."""
        return certificates.certificate_pem(self._ca.certificate)

    @property
    def server_file(self) -> Path:
        """Key and certificate to serve with."""
        return self._folder / SERVER_FILE

    def outside(self, names: Names) -> Names:
        """Those of the names that this CA is not made for."""
        return certificates.outside(self._ca.certificate, names)

    def renew(self, names: Names, now_ms: int) -> bool:
        """Have a leaf for exactly these names that is good for a month; True when it is a new one.

        Raises CertificateProblem.
        """
        try:
            leaf = certificates.read_pair(self.server_file.read_bytes()).certificate
            if not certificates.needs_renewal(leaf, self._ca.certificate, names, now_ms):
                return False
        except (OSError, ValueError) as error:
            if self.server_file.exists():
                log.warning("the server's certificate is made anew", file=str(self.server_file), reason=str(error))
        made = certificates.make_leaf(now_ms, self._ca, names)
        try:
            _put(self.server_file, made.pem, 0o600)
        except OSError as error:
            raise CertificateProblem(f"{self.server_file}: cannot be written ({error.strerror})") from error
        log.info("a certificate was made", names=names.texts, until=_day(made.certificate))
        return True


def ca_path(data_dir: Path) -> Path:
    """Where a data directory has the certificate of its CA."""
    return data_dir / FOLDER / CA_FILE


def ca_pem(data_dir: Path) -> str:
    """The CA of a data directory as text. Raises CertificateProblem."""
    path = ca_path(data_dir)
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise CertificateProblem(
            f"{path} does not exist: the first `stateward serve` with TLS makes it; choose the folder with --data-dir"
        ) from None
    except (OSError, ValueError) as error:
        raise CertificateProblem(f"{path}: the CA cannot be read ({error})") from error


def _day(certificate: x509.Certificate) -> str:
    return certificate.not_valid_after_utc.date().isoformat()


def _put(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that it is whole or the old one, lasting; what is there already is left alone."""
    if path.exists() and path.read_bytes() == content:
        return
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
