"""What a node's key may call (D55), and nothing else; people's keys may what their role says (`roles.py`, D62)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stateward.access import roles
from stateward.access.principals import Principal
from stateward.storage import Snapshot
from stateward.wire.errors import AwsError

Request = Mapping[str, Any]
Predicate = Callable[[Principal, Request], bool]
RowPredicate = Callable[[Snapshot, Principal, Request], Awaitable[bool]]


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

NODE_CALLS_BY_ROWS = frozenset({"GetParameter", "GetParameters"})
"""The rest of D55, whose predicates read rows of higher rooms: app hands them in, without one it is denied."""

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
    """Deny by default: raises AccessDeniedException when this kind of principal, or its role, never may call it."""
    if principal.kind == "nobody":
        return
    if principal.is_node:
        allowed = operation in NODE_CALLS or operation in NODE_CALLS_BY_ROWS
    else:
        allowed = operation not in NODE_ONLY
    if not allowed:
        raise AwsError("AccessDeniedException", f"{principal.name} is not authorized to perform: ssm:{operation}")
    if not principal.is_node:
        roles.require(principal, f"ssm:{operation}", roles.needed_for(operation, {}))


def authorise_request(principal: Principal, operation: str, request: Request) -> None:
    """Raises AccessDeniedException when a node's request is about anything but the node itself, or a reader's shows
    secrets. What rows decide is left to `authorise_by_rows`.
    """
    if principal.kind == "key" and request.get(roles.DECRYPTS):
        wish = f"ssm:{operation} with {roles.DECRYPTS}"
        roles.require(principal, wish, roles.needed_for(operation, request))
    if not principal.is_node or operation in NODE_CALLS_BY_ROWS:
        return
    if not NODE_CALLS.get(operation, _no_request)(principal, request):
        raise _another_resource(principal, operation)


async def authorise_by_rows(
    tx: Snapshot, principal: Principal, operation: str, request: Request, predicate: RowPredicate | None
) -> None:
    """Raises AccessDeniedException when the rows do not allow a node this request."""
    if predicate is None or not await predicate(tx, principal, request):
        raise _another_resource(principal, operation)


def _another_resource(principal: Principal, operation: str) -> AwsError:
    return AwsError(
        "AccessDeniedException", f"{principal.name} is not authorized to perform: ssm:{operation} on another resource"
    )
