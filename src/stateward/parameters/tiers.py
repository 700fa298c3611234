"""Which tier a parameter is in: by what was asked for, what it was in, and its size (D41)."""

from __future__ import annotations

from stateward.wire.errors import AwsError

STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
LARGEST = {STANDARD: 4096, ADVANCED: 8192}
"""Bytes of a value."""
ABOUT_TIERS = "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"


def tier_of(requested: str | None, current: str | None, size: int, default: str = STANDARD) -> str:
    """The tier of the next version, whose value has `size` bytes; `default` is the account's setting.

    An advanced parameter stays one. Raises ValidationException for a way back, or a value that is too large.
    """
    if requested == STANDARD and current == ADVANCED:
        raise AwsError(
            "ValidationException",
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter.",
        )
    tier = requested or default
    if current == ADVANCED:
        tier = ADVANCED
    elif tier == INTELLIGENT:
        tier = ADVANCED if size > LARGEST[STANDARD] else STANDARD
    if size > LARGEST[tier]:
        raise AwsError("ValidationException", _too_large(tier))
    return tier


def _too_large(tier: str) -> str:
    text = f"{tier} tier parameters support a maximum parameter value of {LARGEST[tier]} characters."
    if tier == ADVANCED:
        return text
    return (
        f"{text} To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. "
        f"For more information, see {ABOUT_TIERS}"
    )
