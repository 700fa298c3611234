"""Who this node is: its key, its fingerprint and its registration, in the agent's state folder (node protocol 3.1)."""

from __future__ import annotations

import base64
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stateward import ids
from stateward.agent.durable import private_folder, write_durably

KEY_FILE = "key.pem"
FINGERPRINT_FILE = "fingerprint"
REGISTRATION_FILE = "registration.json"
LOCK_FILE = "lock"
KEY_BITS = 2048


class IdentityProblem(Exception):
    """The state folder cannot be used like this; the text says what would be right."""


class NotRegistered(IdentityProblem):
    """No node is registered in the state folder."""


class Registration(msgspec.Struct, frozen=True):
    """What registration has settled; without secrets."""

    node_id: str
    region: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class NodeKey:
    """The key pair and the fingerprint of this machine; both exist before a registration and outlive a failed one."""

    private_key: rsa.RSAPrivateKey
    fingerprint: str

    @property
    def public_key(self) -> str:
        """Base64 of the DER SubjectPublicKeyInfo, as RegisterManagedInstance sends it."""
        der = self.private_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()


@dataclass(frozen=True, slots=True)
class Identity:
    """A registered node."""

    registration: Registration
    key: NodeKey

    @property
    def node_id(self) -> str:
        return self.registration.node_id


def load(state_dir: Path) -> Identity:
    """The node registered in a state folder. Raises NotRegistered, or IdentityProblem when it cannot be read."""
    registration = registered(state_dir)
    if registration is None:
        raise NotRegistered(f"{state_dir}: no node is registered there, use `stateward agent register` first")
    return Identity(registration, _read_key(state_dir))


def registered(state_dir: Path) -> Registration | None:
    """The registration in a state folder, if there is one. Raises IdentityProblem when it cannot be read."""
    path = state_dir / REGISTRATION_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Registration)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IdentityProblem(f"{path}: the registration cannot be read ({error})") from error


def prepare_key(state_dir: Path) -> NodeKey:
    """The key pair in a state folder, made and stored when there is none.

    A registration that failed is tried again with the same key, so that the server can tell that it is the same.
    """
    try:
        private_folder(state_dir)
        if not (state_dir / KEY_FILE).exists():
            write_durably(state_dir / FINGERPRINT_FILE, ids.new_uuid().encode())
            write_durably(state_dir / KEY_FILE, _new_key())
    except OSError as error:
        raise IdentityProblem(f"{state_dir}: the node's key cannot be stored there ({error})") from error
    return _read_key(state_dir)


def save(state_dir: Path, registration: Registration) -> None:
    """Make a registration lasting. Raises IdentityProblem."""
    try:
        write_durably(state_dir / REGISTRATION_FILE, msgspec.json.encode(registration))
    except OSError as error:
        raise IdentityProblem(
            f"{state_dir}: registered as {registration.node_id}, but that cannot be stored ({error})"
        ) from error


@contextmanager
def exclusively(state_dir: Path) -> Iterator[None]:
    """Hold a state folder for this process alone. Raises IdentityProblem when another agent has it."""
    try:
        descriptor = os.open(private_folder(state_dir) / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise IdentityProblem(f"{state_dir}: the state folder cannot be used ({error})") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            raise IdentityProblem(
                f"{state_dir}: another agent or fleet is using it (process {owner or 'unknown'}), "
                "give each its own --state-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(state_dir: Path) -> NodeKey:
    try:
        key = serialization.load_pem_private_key((state_dir / KEY_FILE).read_bytes(), None)
        fingerprint = (state_dir / FINGERPRINT_FILE).read_text().strip()
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IdentityProblem(f"{state_dir}: the node's key cannot be read ({error})") from error
    if not isinstance(key, rsa.RSAPrivateKey) or not fingerprint:
        raise IdentityProblem(f"{state_dir}: {KEY_FILE} must be an RSA key and {FINGERPRINT_FILE} not empty")
    return NodeKey(key, fingerprint)
