"""How principals are called in answers: ARNs as IAM and STS write them."""

from __future__ import annotations

from stateward.access.principals import Principal


def user_arn(principal: Principal) -> str:
    """An administrator's ARN; the user is named after the access key."""
    return f"arn:aws:iam::{principal.scope.account_id}:user/{principal.name}"


def assumed_role_arn(principal: Principal, role: str) -> str:
    """A node's ARN: a session of its role; the role's path is no part of it, as in AWS."""
    return f"arn:aws:sts::{principal.scope.account_id}:assumed-role/{role.rpartition('/')[2]}/{principal.name}"
