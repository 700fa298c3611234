"""AddTagsToResource, RemoveTagsFromResource, ListTagsForResource (spec 6.2).

The room knows no resource: whoever composes the server hands it a table of resource types.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules, store
from stateward.tags.facts import TagsChanged
from stateward.wire.errors import AwsError

Exists = Callable[[Snapshot, Scope, str], Awaitable[bool]]


class TagOperations:
    """The three operations over the resource types in `resources` (type → does it exist?)."""

    def __init__(self, resources: Mapping[str, Exists]) -> None:
        self._resources = resources

    async def add_tags_to_resource(self, call: Call, request: Request) -> Answer:
        """Add tags, overwriting equal keys; TooManyTagsError above the quota."""
        resource_type, resource_id = request["ResourceType"], request["ResourceId"]
        tags = request["Tags"]
        problem = rules.problem_with(tags, call.quotas.tags)
        if problem is not None:
            code = "TooManyTagsError" if "can have" in problem else "ValidationException"
            raise AwsError(code, problem)

        async def work(tx: Transaction) -> None:
            await self._require(tx, call.scope, resource_type, resource_id)
            await store.put_tags(tx, call.scope, resource_type, resource_id, tags)
            count = len(await store.tags_of(tx, call.scope, resource_type, resource_id))
            if count > call.quotas.tags:
                raise AwsError(
                    "TooManyTagsError",
                    f"{resource_type} {resource_id} would have {count} tags; {call.quotas.tags} are allowed.",
                )
            tx.record(TagsChanged(call.scope, resource_type, resource_id))

        await call.write(work)
        return Answer({})

    async def remove_tags_from_resource(self, call: Call, request: Request) -> Answer:
        """Remove tags by key; an absent key is no error."""
        resource_type, resource_id = request["ResourceType"], request["ResourceId"]

        async def work(tx: Transaction) -> None:
            await self._require(tx, call.scope, resource_type, resource_id)
            await store.remove_tags(tx, call.scope, resource_type, resource_id, request["TagKeys"])
            tx.record(TagsChanged(call.scope, resource_type, resource_id))

        await call.write(work)
        return Answer({})

    async def list_tags_for_resource(self, call: Call, request: Request) -> Answer:
        """The tags of one resource by key."""
        async with call.reading() as tx:
            await self._require(tx, call.scope, request["ResourceType"], request["ResourceId"])
            rows = await store.tags_of(tx, call.scope, request["ResourceType"], request["ResourceId"])
        return Answer({"TagList": [{"Key": row.tag_key, "Value": row.tag_value} for row in rows]})

    async def _require(self, tx: Snapshot, scope: Scope, resource_type: str, resource_id: str) -> None:
        exists = self._resources.get(resource_type)
        if exists is None:
            raise AwsError(
                "ValidationException",
                f"Tags of resource type {resource_type} are not supported by this version of Stateward",
            )
        if not await exists(tx, scope, resource_id):
            raise AwsError("InvalidResourceId", f"{resource_type} {resource_id} does not exist.")
