"""Which service settings exist here, under which names, with which values (D52)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from stateward.access.principals import Scope

ARN = re.compile(r"arn:aws[a-z-]*:ssm:([^:]*):([^:]*):servicesetting(/.+)")


class Setting(msgspec.Struct, frozen=True):
    """The values that a setting can have; the first is the default."""

    values: tuple[str, ...]

    @property
    def default(self) -> str:
        return self.values[0]


PUBLIC_SHARING = "/ssm/documents/console/public-sharing-permission"
PARAMETER_TIER = "/ssm/parameter-store/default-parameter-tier"
ACTIVATION_TIER = "/ssm/managed-instance/activation-tier"
SETTINGS: Mapping[str, Setting] = {
    PUBLIC_SHARING: Setting(("Enable", "Disable")),
    PARAMETER_TIER: Setting(("Standard", "Advanced", "Intelligent-Tiering")),
    ACTIVATION_TIER: Setting(("standard", "advanced")),
}


def setting_named(text: str, scope: Scope) -> str | None:
    """The id that a caller means by an id or an ARN of this account and region; None for what does not exist here."""
    arn = ARN.fullmatch(text)
    if arn is not None:
        if (arn[1], arn[2]) != (scope.region, scope.account_id):
            return None
        text = arn[3]
    return text if text in SETTINGS else None


def arn_of(setting_id: str, scope: Scope) -> str:
    return f"arn:aws:ssm:{scope.region}:{scope.account_id}:servicesetting{setting_id}"
