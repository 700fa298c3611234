"""ModifyDocumentPermission, DescribeDocumentPermission (spec 5.7, D50)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.documents import library, sharing, store, store_shares
from stateward.documents.store_shares import EVERYBODY
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError

DEFAULT_PAGE = 200

PublicSharingAllowed = Callable[[Snapshot, Scope], Awaitable[bool]]


class PermissionOperations:
    """With whom documents are shared; `public_sharing_allowed` is what the account's setting says (D52)."""

    def __init__(self, public_sharing_allowed: PublicSharingAllowed) -> None:
        self._public_sharing_allowed = public_sharing_allowed

    async def modify_document_permission(self, call: Call, request: Request) -> Answer:
        """Share with accounts, or with `all`, and take that back; one kind replaces the other (DOC-17)."""
        name = request["Name"]
        added, removed = _accounts(request, "AccountIdsToAdd"), _accounts(request, "AccountIdsToRemove")
        version = request.get("SharedDocumentVersion", sharing.DEFAULT)

        async def work(tx: Transaction) -> None:
            if await store.lock(tx, call.scope, name) is None:
                await refuse(tx, call.scope, name, "InvalidDocument")
            if EVERYBODY in added and not await self._public_sharing_allowed(tx, call.scope):
                raise AwsError(
                    "DocumentPermissionLimit",
                    "Public sharing is blocked by the service setting public-sharing-permission of this account.",
                )
            if added:
                await store_shares.share(tx, call.scope, name, added, version)
            await store_shares.unshare(tx, call.scope, name, removed)
            if await store_shares.count(tx, call.scope, name) > call.quotas.document_shares:
                raise AwsError(
                    "DocumentPermissionLimit",
                    f"A document can be shared with at most {call.quotas.document_shares} accounts.",
                )

        await call.write(work)
        return Answer({})

    async def describe_document_permission(self, call: Call, request: Request) -> Answer:
        """The accounts with which a document is shared, by number."""
        name = request["Name"]
        page = call.page(request, DEFAULT_PAGE)
        after = "" if page.key is None else str(page.key[0])
        async with call.reading() as tx:
            if not await store.owned(tx, call.scope, name):
                await refuse(tx, call.scope, name, "InvalidDocumentOperation")
            found = await store_shares.shares_after(tx, call.scope, name, after, page.size + 1)
        answer = page.answer(
            "AccountSharingInfoList",
            found,
            lambda row: {"AccountId": row.shared_with, "SharedDocumentVersion": row.shared_version},
            lambda row: (row.shared_with,),
        )
        ids = [row.shared_with for row in found[: page.size]]
        return Answer({"AccountIds": ids, **answer.body})


async def refuse(tx: Snapshot, scope: Scope, name: str, code: str) -> None:
    """Raises InvalidDocument for a name that the scope does not own; `code` where it is Amazon's."""
    if await store.visible(tx, scope, name) is not None:
        raise AwsError(code, f"{name} is owned by Amazon: its permissions can not be seen or changed.")
    raise library.unknown(name)


def _accounts(request: Request, member: str) -> list[str]:
    accounts: Sequence[str] = [one.lower() for one in request.get(member, ())]
    if EVERYBODY in accounts and len(set(accounts)) > 1:
        raise AwsError("DocumentPermissionLimit", "Accounts can either be all or a group of AWS accounts")
    return list(dict.fromkeys(accounts))
