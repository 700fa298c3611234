"""GetConnectionStatus, UpdateManagedInstanceRole, and the listings of nodes beside DescribeInstanceInformation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from stateward.access.call import Answer, Call, Request
from stateward.access.principals import Scope
from stateward.access.scanning import scan
from stateward.nodes import attributes, listing, properties, store, store_roles
from stateward.nodes.attributes import Count
from stateward.nodes.listing import AssociationView
from stateward.nodes.properties import Seen
from stateward.nodes.roles import check_role
from stateward.nodes.store import NodeRow
from stateward.storage import Snapshot, Transaction
from stateward.wire.errors import AwsError

Views = Callable[[Snapshot, Scope, Sequence[str]], Awaitable[dict[str, AssociationView]]]
NODES_PER_READ = 200


class FleetOperations:
    """The operations; `views` tells what the associations say of given nodes, `iam_roles` which roles there are."""

    def __init__(self, views: Views, iam_roles: Sequence[str] = ()) -> None:
        self._views = views
        self._iam_roles = iam_roles

    async def update_managed_instance_role(self, call: Call, request: Request) -> Answer:
        """Give a node another role (D19)."""
        node_id, role = request["InstanceId"], request["IamRole"]
        check_role(role, self._iam_roles, call.scope)

        async def work(tx: Transaction) -> None:
            if not await store_roles.set_role(tx, call.scope, node_id, role):
                raise AwsError("InvalidInstanceId", f"Managed node {node_id} does not exist.")

        await call.write(work)
        return Answer({})

    async def get_connection_status(self, call: Call, request: Request) -> Answer:
        """Whether a node's control channel is open. One that is not known is not connected: AWS has no error for it."""
        async with call.reading() as tx:
            row = await store.find(tx, call.scope, request["Target"])
        connected = row is not None and bool(row.connected)
        return Answer({"Target": request["Target"], "Status": "connected" if connected else "notconnected"})

    async def describe_instance_properties(self, call: Call, request: Request) -> Answer:
        """The nodes by id; like DescribeInstanceInformation, with operators."""
        filters = properties.filters_of(request)
        page = call.page(request)
        async with call.reading() as tx:
            now_ms = tx.now
        found = await scan(
            call,
            lambda tx, key, limit: self._seen(tx, call.scope, str(key[0]), limit),
            start=("",) if page.key is None else page.key,
            key_of=_seen_key,
            keep=lambda seen: properties.matches(seen, filters, now_ms),
            wanted=page.size + 1,
            rows_per_read=NODES_PER_READ,
        )
        return page.answer(
            "InstanceProperties", found, lambda seen: listing.describe(seen.row, seen.view, now_ms), _seen_key
        )

    async def list_nodes(self, call: Call, request: Request) -> Answer:
        """The nodes of this account and region by id."""
        page = call.page(request)
        start = "" if page.key is None else str(page.key[0])
        found, now_ms = await _matching(call, request, start, page.size + 1)
        return page.answer("Nodes", found, lambda row: attributes.describe(row, now_ms), lambda row: (row.node_id,))

    async def list_nodes_summary(self, call: Call, request: Request) -> Answer:
        """How many nodes have which values; a second aggregator inside the first counts pairs of values."""
        chains = attributes.chains_of(request["Aggregators"])
        page = call.page(request)
        found, now_ms = await _matching(call, request, "", None)
        counts = attributes.counts((attributes.attributes_of(row, now_ms) for row in found), chains)
        behind = [] if page.key is None else page.key
        left = [one for one in counts if [one.chain, *one.values] > behind]

        def describe(one: Count) -> dict[str, Any]:
            return {**dict(zip(chains[one.chain], one.values, strict=True)), "Count": str(one.nodes)}

        return page.answer("Summary", left, describe, lambda one: (one.chain, *one.values))

    async def _seen(self, tx: Snapshot, scope: Scope, after: str, limit: int) -> list[Seen]:
        rows = await store.after(tx, scope, after, limit)
        node_ids = [row.node_id for row in rows]
        views = await self._views(tx, scope, node_ids)
        tagged = await store.tags_of(tx, scope, node_ids)
        return [Seen(row, tagged.get(row.node_id, {}), views.get(row.node_id)) for row in rows]


async def _matching(call: Call, request: Request, start: str, wanted: int | None) -> tuple[list[NodeRow], int]:
    """The next nodes that meet the request's filters, and the time at which they were looked at."""
    if "SyncName" in request:
        raise AwsError(
            "ResourceDataSyncNotFoundException",
            f"Resource data sync {request['SyncName']} does not exist: leave it out.",
        )
    filters = request.get("Filters", ())
    async with call.reading() as tx:
        now_ms = tx.now
    rows = await scan(
        call,
        lambda tx, key, limit: store.after(tx, call.scope, str(key[0]), limit),
        start=(start,),
        key_of=lambda row: (row.node_id,),
        keep=lambda row: attributes.matches(attributes.attributes_of(row, now_ms), filters),
        wanted=wanted,
    )
    return rows, now_ms


def _seen_key(seen: Seen) -> tuple[str]:
    return (seen.row.node_id,)
