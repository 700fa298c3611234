"""What a node's key may call (D55), and nothing else. An administrator's key may call everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stateward.access.principals import Principal
from stateward.wire.errors import AwsError

Request = Mapping[str, Any]
Predicate = Callable[[Principal, Request], bool]


def _about_itself(principal: Principal, request: Request) -> bool:
    return bool(request.get("InstanceId") == principal.name)


def _its_own_compliance(principal: Principal, request: Request) -> bool:
    return bool(request.get("ResourceId") == principal.name)


def _any_request(principal: Principal, request: Request) -> bool:
    return True


def _no_request(principal: Principal, request: Request) -> bool:
    return False


NODE_CALLS: Mapping[str, Predicate] = {
    "RequestManagedInstanceRoleToken": _any_request,
    "UpdateManagedInstancePublicKey": _any_request,
    "UpdateInstanceInformation": _about_itself,
    "ListInstanceAssociations": _about_itself,
    "UpdateInstanceAssociationStatus": _about_itself,
    "UpdateAssociationStatus": _about_itself,
    "PutComplianceItems": _its_own_compliance,
    "PutInventory": _about_itself,
    "GetDocument": _any_request,
    "DescribeDocument": _any_request,
}
"""Operation → what must be true of the request when a node makes it."""

NODE_CALLS_TO_COME = frozenset(
    {
        "GetParameter",
        "GetParameters",
    }
)
"""The rest of D55: said to be not implemented (D22), and denied until a predicate stands in NODE_CALLS."""

NODE_ONLY = frozenset(
    {
        "RequestManagedInstanceRoleToken",
        "UpdateManagedInstancePublicKey",
        "UpdateInstanceInformation",
        "ListInstanceAssociations",
        "UpdateInstanceAssociationStatus",
    }
)


def authorise_operation(principal: Principal, operation: str) -> None:
    """Deny by default: raises AccessDeniedException when this kind of principal never may call the operation."""
    if principal.is_node:
        allowed = operation in NODE_CALLS or operation in NODE_CALLS_TO_COME
    else:
        allowed = operation not in NODE_ONLY
    if not allowed and principal.kind != "nobody":
        raise AwsError("AccessDeniedException", f"{principal.name} is not authorized to perform: ssm:{operation}")


def authorise_request(principal: Principal, operation: str, request: Request) -> None:
    """Raises AccessDeniedException when a node's request is about anything but the node itself."""
    if principal.is_node and not NODE_CALLS.get(operation, _no_request)(principal, request):
        raise AwsError(
            "AccessDeniedException",
            f"{principal.name} is not authorized to perform: ssm:{operation} on another resource",
        )
