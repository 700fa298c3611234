"""Service settings that were changed; what was never changed has no row."""

from __future__ import annotations

import msgspec

from stateward.access.principals import Scope
from stateward.settings.rules import SETTINGS
from stateward.storage import Snapshot, Transaction


class SettingRow(msgspec.Struct, frozen=True):
    """The last change; `value` is None after a reset to the default."""

    value: str | None
    changed_by: str
    changed_ms: int


SETTING = """
SELECT value, changed_by, changed_ms FROM service_settings WHERE account_id = $1 AND region = $2 AND setting_id = $3
"""
PUT = """
INSERT INTO service_settings (account_id, region, setting_id, value, changed_by, changed_ms)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, region, setting_id) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by,
 changed_ms = excluded.changed_ms
"""


async def find(tx: Snapshot, scope: Scope, setting_id: str) -> SettingRow | None:
    return await tx.row(SettingRow, SETTING, *scope, setting_id)


async def put(tx: Transaction, scope: Scope, setting_id: str, value: str | None, changed_by: str) -> None:
    await tx.execute(PUT, *scope, setting_id, value, changed_by, tx.now)


async def value_of(tx: Snapshot, scope: Scope, setting_id: str) -> str:
    """The value in force, for other rooms: `value_of(tx, scope, rules.PUBLIC_SHARING)` is `Enable` or `Disable`."""
    row = await find(tx, scope, setting_id)
    return SETTINGS[setting_id].default if row is None or row.value is None else row.value
