"""Access keys: who has one with which role; made once, revoked at once."""

from __future__ import annotations

from starlette.responses import Response

from stateward.access.roles import ROLES
from stateward.console.visit import Page, Visit
from stateward.wire.errors import AwsError, validation_error

MAY = {
    "reader": "looks at everything but secrets",
    "operator": "runs, changes and deletes associations, documents and commands",
    "administrator": "also lets nodes join, and makes keys",
}


async def listing(visit: Visit, problem: AwsError | None = None) -> Response:
    if not visit.may("ListAccessKeys"):
        return visit.page("keys.html", "Access keys", keys=None, roles=ROLES, may=MAY)
    keys = (await visit.ask("ListAccessKeys"))["keys"]
    return visit.page("keys.html", "Access keys", keys=keys, roles=ROLES, may=MAY, problem=problem)


async def create(visit: Visit) -> Response:
    """Make a key; the answer is the only page that ever has its secret."""
    try:
        made = await visit.ask("CreateAccessKey", role=visit.field("role"))
    except AwsError as error:
        return await listing(visit, error)
    return visit.page("key_made.html", "A new access key", made=made)


async def revoke_preview(visit: Visit) -> Response:
    wanted = visit.path("access_key_id")
    found = [one for one in (await visit.ask("ListAccessKeys"))["keys"] if one["access_key"] == wanted]
    if not found:
        raise AwsError("NotFound", f"There is no access key {wanted[:40]}.", 404)
    return visit.page("key_revoke.html", "Revoke an access key", key=found[0])


async def revoke(visit: Visit) -> Response:
    wanted = visit.path("access_key_id")
    if visit.field("name").strip() != wanted:
        raise validation_error(f"Type {wanted} to revoke this key.")
    await visit.ask("RevokeAccessKey", access_key=wanted)
    return visit.see(visit.url("keys"), f"{wanted} is revoked.")


PAGES = (
    Page("/keys", listing, create),
    Page("/keys/{access_key_id}/revoke", revoke_preview, revoke),
)
