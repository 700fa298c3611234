"""The sinks that a configuration names, and the secret that webhooks are signed with."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from stateward import ids
from stateward.clock import Clock
from stateward.config import WEBHOOK_SECRET_FILE, Config, ConfigurationError
from stateward.events import signing
from stateward.events.sinks import LinesFile, Sink, StandardOutput, Webhook

SECRET_BYTES = 32


def sinks(config: Config, clock: Clock) -> list[Sink]:
    """Every sink once. Raises ConfigurationError for what cannot be a sink."""
    found: list[Sink] = []
    if config.event_webhooks:
        key = _key(config)
        found += [Webhook(_checked(url), key, clock) for url in dict.fromkeys(config.event_webhooks)]
    if config.event_file is not None:
        found.append(LinesFile(_writable(config.event_file)))
    if config.event_stdout:
        found.append(StandardOutput())
    return found


def _key(config: Config) -> bytes:
    """The key that was given, or one that is made once and kept beside the master key."""
    try:
        if config.event_webhook_secret:
            return signing.key_of(config.event_webhook_secret)
        path = config.data_dir / WEBHOOK_SECRET_FILE
        if not path.exists():
            _keep(path, signing.secret_of(ids.random_bytes(SECRET_BYTES)))
        return signing.key_of(path.read_text(encoding="ascii", errors="replace"))
    except signing.BadSecret as error:
        where = "--event-webhook-secret" if config.event_webhook_secret else str(path)
        raise ConfigurationError(f"{where}: {error}") from None


def _keep(path: Path, secret: str) -> None:
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _checked(url: str) -> str:
    """An address may hold secrets, so the error does not show it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("--event-webhook: an address begins with http:// or https:// and names a host")
    return url


def _writable(path: Path) -> Path:
    path = path.absolute()
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"--event-file {path}: not a regular file; use --event-stdout for a pipe")
    if not path.parent.is_dir():
        raise ConfigurationError(f"--event-file {path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"--event-file {path}: cannot be written by this user")
    return path
