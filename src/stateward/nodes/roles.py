"""Which IAM roles a node may be given (D19)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stateward.access.principals import Scope
from stateward.wire.errors import AwsError

ROLE_NAME = re.compile(r"[\w+=,.@/-]{1,64}", re.ASCII)


def check_role(role: str, allowed: Sequence[str], scope: Scope) -> None:
    """Raises ValidationException for what is no role name, or not among `allowed` where there are any (NOD-08)."""
    if not ROLE_NAME.fullmatch(role) or (allowed and role not in allowed):
        raise AwsError("ValidationException", f"Not existing role: arn:aws:iam::{scope.account_id}:role/{role}")
