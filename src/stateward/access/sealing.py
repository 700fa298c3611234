"""The master key and what is derived from it: node secrets, sealed tokens, encrypted answers (design 3).

The key lies beside the database in a file of its own (mode 0600), so that the database alone gives nothing away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stateward import ids

KEY_BYTES = 32
NONCE_BYTES = 12


class SealBroken(Exception):
    """The text was not sealed by this server for this purpose."""


class MasterKey:
    """Derives secrets and seals texts; each purpose has a key of its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._ciphers: dict[str, AESGCM] = {}

    @classmethod
    def load(cls, path: Path) -> MasterKey:
        """Read the key file. Raises OSError: FileNotFoundError, or when it is not ours to read."""
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            raise OSError(f"{path}: a master key has {KEY_BYTES} bytes, this file has {len(key)}")
        return cls(key)

    @classmethod
    def fresh(cls) -> MasterKey:
        """A new key that no file holds yet."""
        return cls(ids.random_bytes(KEY_BYTES))

    def save(self, path: Path) -> None:
        """Write the key file, lasting, with mode 0600. Raises OSError."""
        beside = path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._key)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)

    def derive(self, purpose: str, text: str = "") -> bytes:
        """Thirty-two bytes that only this key gives for this purpose and text."""
        return hmac.new(self._key, f"{purpose}\n{text}".encode(), hashlib.sha256).digest()

    def secret_access_key(self, access_key_id: str) -> str:
        """The secret that goes with a node's passing access key; nothing needs to be stored for it."""
        return base64.urlsafe_b64encode(self.derive("node-secret", access_key_id)[:30]).decode()

    def seal(self, purpose: str, clear: bytes, about: str = "") -> str:
        """Encrypt for `purpose`; url-safe text. What is sealed `about` one thing cannot be passed off as another's."""
        nonce = ids.random_bytes(NONCE_BYTES)
        sealed = self._cipher(purpose).encrypt(nonce, clear, _associated(purpose, about))
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, purpose: str, sealed: str, about: str = "") -> bytes:
        """The clear bytes of what `seal` made for the same purpose and thing; SealBroken for anything else."""
        try:
            raw = base64.urlsafe_b64decode(sealed.encode("ascii"))
            return self._cipher(purpose).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated(purpose, about))
        except (ValueError, InvalidTag) as error:
            raise SealBroken(f"not sealed here for {purpose}") from error

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = self._ciphers[purpose] = AESGCM(self.derive("seal", purpose))
        return cipher


def _associated(purpose: str, about: str) -> bytes:
    return f"{purpose}\n{about}".encode() if about else purpose.encode()
