"""GetServiceSetting, UpdateServiceSetting, ResetServiceSetting (D52)."""

from __future__ import annotations

from typing import Any

from stateward.access.arns import user_arn
from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.settings import store
from stateward.settings.rules import SETTINGS, arn_of, setting_named
from stateward.settings.store import SettingRow
from stateward.storage import Transaction
from stateward.wire.errors import AwsError, validation_error
from stateward.wire.protocol import epoch_seconds

SYSTEM = "System"


async def get_service_setting(call: Call, request: Request) -> Answer:
    """One setting as it is in force."""
    setting_id = _setting_of(request, call.scope)
    async with call.reading() as tx:
        row = await store.find(tx, call.scope, setting_id)
    return Answer({"ServiceSetting": _describe(call.scope, setting_id, row)})


async def update_service_setting(call: Call, request: Request) -> Answer:
    """Overwrite the default; ValidationException for a value that the setting cannot have."""
    setting_id, value = _setting_of(request, call.scope), request["SettingValue"]
    values = SETTINGS[setting_id].values
    if value not in values:
        raise validation_error(f"{setting_id} can not be {value}: use one of {', '.join(values)}")

    async def work(tx: Transaction) -> None:
        await store.put(tx, call.scope, setting_id, value, user_arn(call.principal))

    await call.write(work)
    return Answer({})


async def reset_service_setting(call: Call, request: Request) -> Answer:
    """Back to the default."""
    setting_id = _setting_of(request, call.scope)

    async def work(tx: Transaction) -> SettingRow:
        await store.put(tx, call.scope, setting_id, None, SYSTEM)
        return SettingRow(None, SYSTEM, tx.now)

    row = await call.write(work)
    return Answer({"ServiceSetting": _describe(call.scope, setting_id, row)})


def _setting_of(request: Request, scope: Scope) -> str:
    given = request["SettingId"]
    setting_id = setting_named(given, scope)
    if setting_id is None:
        raise AwsError("ServiceSettingNotFound", f"Setting {given} does not exist: use one of {', '.join(SETTINGS)}")
    return setting_id


def _describe(scope: Scope, setting_id: str, row: SettingRow | None) -> dict[str, Any]:
    """A ServiceSetting; one that was never changed has no date."""
    customized = row is not None and row.value is not None
    body: dict[str, Any] = {
        "SettingId": setting_id,
        "SettingValue": row.value if row is not None and row.value is not None else SETTINGS[setting_id].default,
        "LastModifiedUser": SYSTEM if row is None else row.changed_by,
        "ARN": arn_of(setting_id, scope),
        "Status": "Customized" if customized else "Default",
    }
    if row is not None:
        body["LastModifiedDate"] = epoch_seconds(row.changed_ms)
    return body
