"""SecureString values: encrypted under the master key, bound to their parameter and version (D41)."""

from __future__ import annotations

from stateward.access.principals import Scope
from stateward.access.sealing import MasterKey, SealBroken
from stateward.parameters.store import VersionRow
from stateward.wire.errors import AwsError

SECURE = "SecureString"
_PURPOSE = "parameter"
_TO_STANDARD = str.maketrans("-_", "+/")


class Vault:
    """Turns values into what is stored, and back."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def stored(self, scope: Scope, name: str, version: int, parameter_type: str, value: str) -> str:
        """What the database gets to see of a value."""
        if parameter_type != SECURE:
            return value
        return self._master.seal(_PURPOSE, value.encode(), _about(scope, name, version))

    def shown(self, scope: Scope, row: VersionRow, *, decrypt: bool) -> str:
        """What an answer shows: the value, or without decryption a SecureString's cipher text in base64.

        Raises InvalidKeyId when the master key is another than the one that the value was sealed with.
        """
        if row.parameter_type != SECURE:
            return row.value
        if not decrypt:
            return row.value.translate(_TO_STANDARD)
        try:
            return self._master.open(_PURPOSE, row.value, _about(scope, row.name, row.version)).decode()
        except SealBroken as error:
            raise AwsError(
                "InvalidKeyId",
                f"Version {row.version} of {row.name} cannot be decrypted: it was encrypted under another master key.",
            ) from error

    def holds(self, scope: Scope, row: VersionRow, parameter_type: str, value: str) -> bool:
        """Whether a stored version has this type and value; a value that cannot be opened is another one."""
        if row.parameter_type != parameter_type:
            return False
        try:
            return self.shown(scope, row, decrypt=True) == value
        except AwsError:
            return False


def _about(scope: Scope, name: str, version: int) -> str:
    return "\n".join((*scope, name, str(version)))
