"""What a server is told at its start: what the command line has made of flags and environment variables."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from stateward.quotas import Quotas

DEFAULT_PORT = 8390
DEFAULT_TLS_PORT = 8443
DEFAULT_DRAIN_S = 5
MOST_REQUESTS_PER_S = 1_000_000
DEFAULT_REGION = "us-east-1"
DEFAULT_ACCOUNT = "123456789012"
DEFAULT_RETENTION_DAYS = 30
DEFAULT_OUTPUT_LIMIT = 512 * 1024
SMALLEST_OUTPUT_LIMIT, LARGEST_OUTPUT_LIMIT = 32 * 1024, 16 * 1024 * 1024
REGION = re.compile(r"[A-Za-z0-9-]{1,100}")
DAY_MS = 24 * 60 * 60 * 1000
DATABASE_FILE = "stateward.db"
MASTER_KEY_FILE = "master.key"
WEBHOOK_SECRET_FILE = "webhook.secret"
ADDRESS_FILE = "address.json"
AGENT_FOLDER = "agent"


class ConfigurationError(Exception):
    """The server cannot be started like this; the text says what would be right."""


@dataclass(frozen=True)
class Address:
    """Where the server of a data directory was last ready, and the scope that its administrator works in."""

    endpoint: str = f"http://127.0.0.1:{DEFAULT_PORT}"
    region: str = DEFAULT_REGION
    account_id: str = DEFAULT_ACCOUNT
    tls_endpoint: str | None = None

    def save(self, data_dir: Path) -> None:
        (data_dir / ADDRESS_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, data_dir: Path) -> Address:
        """What the last server of the directory said, or the defaults."""
        try:
            return cls(**json.loads((data_dir / ADDRESS_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()


def data_home(name: str) -> Path:
    """The folder for lasting data: `/var/lib/<name>` for root, else below `$XDG_DATA_HOME`."""
    if os.geteuid() == 0:
        return Path("/var/lib") / name
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / name


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one server."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    auth: str = "sigv4"
    clock: str = "system"
    region: str = DEFAULT_REGION
    account_id: str = DEFAULT_ACCOUNT
    allowed_hosts: tuple[str, ...] = ()
    insecure_http: bool = False
    tls_port: int | None = 0
    """0: no TLS. None: the usual port, unless that is taken and nobody but this machine could connect."""
    tls_names: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    drain_s: float = DEFAULT_DRAIN_S
    tls_endpoint: str | None = None
    """The address over TLS that nodes are told, known when the port is bound."""
    metrics_public: bool = False
    iam_roles: tuple[str, ...] = ()
    node_parameters: tuple[str, ...] = ()
    alarms: Path | None = None
    alarm_url: str | None = field(default=None, repr=False)
    s3_endpoint: str | None = None
    admin_access_key_id: str | None = None
    admin_secret_access_key: str | None = field(default=None, repr=False)
    durable: bool = True
    new_master_key: bool = False
    quotas: Quotas = field(default_factory=Quotas)
    rate_limit: float | None = None
    event_webhooks: tuple[str, ...] = field(default=(), repr=False)
    event_webhook_secret: str | None = field(default=None, repr=False)
    event_file: Path | None = None
    event_stdout: bool = False
    event_retention_days: int = 30
    otlp_endpoint: str | None = None
    otlp_headers: str = field(default="", repr=False)
    """As in OTEL_EXPORTER_OTLP_HEADERS; it may hold secrets."""
    groups: Path | None = None
    per_run_history: bool = False
    retention_days: int | None = DEFAULT_RETENTION_DAYS
    output_retention_days: int | None = None
    rotate_node_keys_days: int | None = None
    simulated_step: str = "1s"
    output_limit: int = DEFAULT_OUTPUT_LIMIT
    """How many bytes of each end of a step's output stream are kept; 0: no live output (D58)."""

    @property
    def retention_ms(self) -> int | None:
        """How long executions and commands are kept after their end; None: for ever (D48)."""
        return None if self.retention_days is None else self.retention_days * DAY_MS

    @property
    def output_retention_ms(self) -> int | None:
        """How long the output of steps is kept; None: as long as the step."""
        return None if self.output_retention_days is None else self.output_retention_days * DAY_MS

    def __post_init__(self) -> None:
        if self.auth not in ("sigv4", "open"):
            raise ConfigurationError(f"--auth {self.auth!r}: unknown, use sigv4 or open")
        if self.clock not in ("system", "virtual"):
            raise ConfigurationError(f"--clock {self.clock!r}: unknown, use system or virtual")
        if len(self.account_id) != 12 or not self.account_id.isdecimal():
            raise ConfigurationError(f"--account-id {self.account_id!r}: an account id has twelve digits")
        for path in self.node_parameters:
            if not path.startswith("/"):
                raise ConfigurationError(f"--node-parameters {path!r}: write a path such as /nodes, or / for all")
        if not REGION.fullmatch(self.region):
            raise ConfigurationError(f"--region {self.region!r}: a region has letters, digits and hyphens")
        if self.event_retention_days < 1:
            raise ConfigurationError(f"--event-retention-days {self.event_retention_days}: keep at least one day")
        if bool(self.admin_access_key_id) != bool(self.admin_secret_access_key):
            raise ConfigurationError(
                "STATEWARD_ADMIN_ACCESS_KEY_ID and STATEWARD_ADMIN_SECRET_ACCESS_KEY belong together: set both or none"
            )
        if self.alarms is not None and self.alarm_url is not None:
            raise ConfigurationError("--alarms and --alarm-url: alarms come from one of them, not from both")
        if self.alarm_url is not None:
            _require_url("--alarm-url", self.alarm_url)
        if self.s3_endpoint is not None:
            _require_url("--s3-endpoint", self.s3_endpoint)
        if self.otlp_endpoint is not None:
            _require_url("--otlp-endpoint", self.otlp_endpoint)
        self._check_tls()
        if not is_loopback(self.host):
            self._refuse_exposure()

    @property
    def plain_host(self) -> str:
        """Where the port without TLS listens: beside one with TLS on loopback only, unless told otherwise."""
        return self.host if self.tls_port == 0 or self.insecure_http or is_loopback(self.host) else "127.0.0.1"

    @property
    def has_own_ca(self) -> bool:
        """Whether the server shows certificates of its own making."""
        return self.tls_port != 0 and self.tls_cert is None

    def _check_tls(self) -> None:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ConfigurationError("--tls-cert and --tls-key belong together: give both or none")
        if self.tls_cert is not None and self.tls_names:
            raise ConfigurationError("--tls-name: the names of a certificate of your own stand in it; leave it out")
        if self.tls_port == 0 and (self.tls_cert is not None or self.tls_names):
            raise ConfigurationError(
                "--tls-port 0 serves without TLS; give a port, or leave out the other --tls options"
            )

    def _refuse_exposure(self) -> None:
        if self.auth == "open":
            raise ConfigurationError(
                f"--auth open with --host {self.host}: anybody who reaches that address could run commands on every "
                "node, so open works on loopback only; use --auth sigv4"
            )
        if self.tls_port == 0 and not self.insecure_http:
            raise ConfigurationError(
                f"--host {self.host}: without TLS whoever listens on the network can read tokens and run commands on "
                "the nodes; give a --tls-port, listen on 127.0.0.1 behind a TLS proxy, or accept the risk with "
                "--insecure-http"
            )


def tls_port_of(given: int | None, *, host: str, port: int, clock: str, insecure_http: bool, asked: bool) -> int | None:
    """The TLS port of a server, as `Config.tls_port` has it; `asked`: other options want TLS.

    A server for a test (port 0, virtual clock) has none unless something asks for it.
    """
    if given is not None:
        return given
    if asked or (not is_loopback(host) and not insecure_http):
        return DEFAULT_TLS_PORT
    return 0 if port == 0 or clock == "virtual" else None


def days(option: str, text: str, otherwise: str = "forever") -> int | None:
    """The days in `30d`, None for the word `otherwise`. Raises ConfigurationError."""
    if text.strip() == otherwise:
        return None
    number = text.strip().removesuffix("d")
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 36_500):
        raise ConfigurationError(f"{option} {text!r}: write a number of days such as 30d, or {otherwise}")
    return int(number)


def output_limit(text: str) -> int:
    """The bytes in `512K` or `2M`, 0 for `off`. Raises ConfigurationError."""
    if text.strip() == "off":
        return 0
    found = re.fullmatch(r"([0-9]{1,9})([KM])", text.strip())
    size = int(found[1]) * (1024 if found[2] == "K" else 1024 * 1024) if found else 0
    if not SMALLEST_OUTPUT_LIMIT <= size <= LARGEST_OUTPUT_LIMIT:
        raise ConfigurationError(f"--output-limit {text!r}: write a size from 32K to 16M, such as 512K, or off")
    return size


def requests_per_second(text: str) -> float:
    """The rate in `20/s`. Raises ConfigurationError."""
    number, slash, unit = text.strip().partition("/")
    try:
        rate = float(number)
    except ValueError:
        rate = 0.0
    if not (slash and unit == "s" and 0 < rate <= MOST_REQUESTS_PER_S):
        raise ConfigurationError(f"--rate-limit {text!r}: write requests per second and key, such as 20/s")
    return rate


def _require_url(option: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        # The address may hold a password, so it is not repeated.
        raise ConfigurationError(f"{option}: not an address, use http://host/path or https://host/path")


def is_loopback(host: str) -> bool:
    """Whether an address or name to listen on is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
