"""UpdateManagedInstancePublicKey: a node says which key it signs with from now on (node protocol 3.4, D54)."""

from __future__ import annotations

from stateward.access.call import Answer, Call, Request


async def update_managed_instance_public_key(call: Call, request: Request) -> Answer:
    """The key was kept when the signature was checked (access.key_rotation): nothing is left that could fail."""
    return Answer({})
