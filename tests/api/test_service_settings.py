"""GetServiceSetting, UpdateServiceSetting and ResetServiceSetting over boto3 (D52)."""

import pytest

from live_server import ACCOUNT, KEY_ID, REGION
from refusals import refusal
from stateward.settings import store
from stateward.settings.rules import PUBLIC_SHARING, SETTINGS
from stateward.wire.protocol import parse_instant


def arn(setting_id, account=ACCOUNT, region=REGION):
    return f"arn:aws:ssm:{region}:{account}:servicesetting{setting_id}"


def shown(ssm, setting_id):
    return ssm.get_service_setting(SettingId=setting_id)["ServiceSetting"]


@pytest.mark.parametrize("setting_id", SETTINGS)
def test_a_setting_has_its_default_until_it_is_changed(ssm, setting_id):
    expected = {
        "SettingId": setting_id,
        "SettingValue": SETTINGS[setting_id].default,
        "LastModifiedUser": "System",
        "ARN": arn(setting_id),
        "Status": "Default",
    }
    assert shown(ssm, setting_id) == expected
    assert shown(ssm, arn(setting_id)) == expected


@pytest.mark.parametrize("setting_id", SETTINGS)
def test_a_changed_setting_says_by_whom_and_when(server, ssm, setting_id):
    value = SETTINGS[setting_id].values[1]
    answer = ssm.update_service_setting(SettingId=arn(setting_id), SettingValue=value)
    assert set(answer) == {"ResponseMetadata"}
    found = shown(ssm, setting_id)
    assert found.pop("LastModifiedDate").timestamp() == parse_instant(server.clock()["now"]) / 1000
    assert found == {
        "SettingId": setting_id,
        "SettingValue": value,
        "LastModifiedUser": f"arn:aws:iam::{ACCOUNT}:user/{KEY_ID}",
        "ARN": arn(setting_id),
        "Status": "Customized",
    }


def test_a_reset_answers_the_default(server, ssm):
    ssm.update_service_setting(SettingId=PUBLIC_SHARING, SettingValue="Disable")
    server.clock(advance="1h")
    answer = ssm.reset_service_setting(SettingId=PUBLIC_SHARING)["ServiceSetting"]
    assert (answer["SettingValue"], answer["Status"], answer["LastModifiedUser"]) == ("Enable", "Default", "System")
    assert answer["LastModifiedDate"].timestamp() == parse_instant(server.clock()["now"]) / 1000
    assert shown(ssm, PUBLIC_SHARING) == answer


def test_other_rooms_read_the_value_in_force(server, ssm):
    async def value(tx):
        return await store.value_of(tx, (ACCOUNT, REGION), PUBLIC_SHARING)

    assert server.reading(value) == "Enable"
    ssm.update_service_setting(SettingId=PUBLIC_SHARING, SettingValue="Disable")
    assert server.reading(value) == "Disable"
    ssm.reset_service_setting(SettingId=PUBLIC_SHARING)
    assert server.reading(value) == "Enable"


def test_regions_have_settings_of_their_own(server, ssm):
    ssm.update_service_setting(SettingId=PUBLIC_SHARING, SettingValue="Disable")
    assert shown(server.client(region="eu-west-1"), PUBLIC_SHARING)["SettingValue"] == "Enable"


@pytest.mark.parametrize(
    "setting_id",
    [
        "/ssm/parameter-store/high-throughput-enabled",
        "ssm/documents/console/public-sharing-permission",
        arn("/ssm/opsinsights/opscenter"),
        arn(PUBLIC_SHARING, account="999999999999"),
        arn(PUBLIC_SHARING, region="eu-west-1"),
    ],
)
def test_other_settings_do_not_exist(ssm, setting_id):
    text = f"Setting {setting_id} does not exist: use one of {', '.join(SETTINGS)}"
    for call, members in (
        (ssm.get_service_setting, {}),
        (ssm.update_service_setting, {"SettingValue": "Enable"}),
        (ssm.reset_service_setting, {}),
    ):
        assert refusal(call, SettingId=setting_id, **members) == ("ServiceSettingNotFound", text)


def test_a_value_that_a_setting_cannot_have(ssm):
    assert refusal(ssm.update_service_setting, SettingId=PUBLIC_SHARING, SettingValue="disable") == (
        "ValidationException",
        f"{PUBLIC_SHARING} can not be disable: use one of Enable, Disable",
    )
    assert shown(ssm, PUBLIC_SHARING)["SettingValue"] == "Enable"
