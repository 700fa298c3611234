"""Activations and managed nodes as people see them (spec 6.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from stateward import ids
from stateward.access.call import Answer, Call, Request, refuse_members
from stateward.access.principals import Scope
from stateward.nodes import listing, registration, store, store_activations
from stateward.nodes.listing import AssociationView
from stateward.nodes.registration import code_hash
from stateward.nodes.roles import check_role
from stateward.nodes.store import NodeRow
from stateward.nodes.store_activations import ActivationRow
from stateward.storage import Snapshot, Transaction
from stateward.tags import rules as tag_rules
from stateward.wire.errors import AwsError
from stateward.wire.protocol import epoch_seconds

DAY_MS = 24 * 60 * 60 * 1000
LONGEST_LIFE_MS = 30 * DAY_MS
NODES_PER_LOOK = 200

Views = Callable[[Snapshot, Scope, Sequence[str]], Awaitable[dict[str, AssociationView]]]


class NodeOperations:
    """The operations on nodes; `views` tells what the associations say of given nodes."""

    def __init__(self, views: Views, iam_roles: Sequence[str] = ()) -> None:
        self._views = views
        self._iam_roles = iam_roles

    async def create_activation(self, call: Call, request: Request) -> Answer:
        """Permit registrations with a fresh code, shown this once (NOD-01, D19, D32)."""
        refuse_members(request, ["RegistrationMetadata"])
        role = request["IamRole"]
        check_role(role, self._iam_roles, call.scope)
        given = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in request.get("Tags", ())]
        problem = tag_rules.problem_with(given, call.quotas.tags)
        if problem is not None:
            raise AwsError("ValidationException", problem)
        code = ids.activation_code()
        activation_id = ids.new_uuid()

        async def work(tx: Transaction) -> Answer:
            expires_ms = request.get("ExpirationDate", tx.now + DAY_MS)
            if not tx.now < expires_ms <= tx.now + LONGEST_LIFE_MS:
                raise AwsError("InvalidParameters", "ExpirationDate must lie in the future, and at most 30 days ahead.")
            row = ActivationRow(
                activation_id=activation_id,
                account_id=call.scope.account_id,
                region=call.scope.region,
                code_hash=code_hash(code),
                description=request.get("Description"),
                default_instance_name=request.get("DefaultInstanceName"),
                iam_role=role,
                registration_limit=request.get("RegistrationLimit", 1),
                registrations_count=0,
                tags=msgspec.json.encode(given).decode(),
                created_ms=tx.now,
                expires_ms=expires_ms,
            )
            await store_activations.add(tx, row)
            return Answer({"ActivationId": activation_id, "ActivationCode": code})

        return await call.write_once(work)

    async def describe_activations(self, call: Call, request: Request) -> Answer:
        """The activations, oldest first; the codes are never shown again."""
        filters = request.get("Filters", ())
        for one in filters:
            if "FilterKey" not in one:
                raise AwsError("InvalidFilter", "FilterKey is missing: use ActivationIds, DefaultInstanceName, IamRole")
        page = call.page(request)
        created_ms, activation_id = (-1, "") if page.key is None else page.key
        found: list[ActivationRow] = []
        async with call.reading() as tx:
            while len(found) <= page.size:
                rows = await store_activations.after(tx, call.scope, created_ms, activation_id, NODES_PER_LOOK)
                found += [row for row in rows if _activation_matches(row, filters)]
                if len(rows) < NODES_PER_LOOK:
                    break
                created_ms, activation_id = rows[-1].created_ms, rows[-1].activation_id
            now_ms = tx.now
        return page.answer(
            "ActivationList",
            found,
            lambda row: _describe_activation(row, now_ms),
            lambda row: (row.created_ms, row.activation_id),
        )

    async def delete_activation(self, call: Call, request: Request) -> Answer:
        """Nobody registers with it any more; registered nodes stay."""

        async def work(tx: Transaction) -> None:
            if not await store_activations.delete(tx, call.scope, request["ActivationId"]):
                raise AwsError("InvalidActivationId", f"Activation {request['ActivationId']} does not exist.")

        await call.write(work)
        return Answer({})

    async def describe_instance_information(self, call: Call, request: Request) -> Answer:
        """The managed nodes by id, with their reachability and what their associations say."""
        filters = listing.filters_of(request)
        page = call.page(request)
        after = "" if page.key is None else str(page.key[0])
        found: list[NodeRow] = []
        seen: dict[str, AssociationView] = {}
        async with call.reading() as tx:
            while len(found) <= page.size:
                rows = await store.after(tx, call.scope, after, NODES_PER_LOOK)
                node_ids = [row.node_id for row in rows]
                views = await self._views(tx, call.scope, node_ids)
                tagged = await store.tags_of(tx, call.scope, node_ids)
                seen |= views
                found += [
                    row
                    for row in rows
                    if listing.matches(row, tagged.get(row.node_id, {}), views.get(row.node_id), filters, tx.now)
                ]
                if len(rows) < NODES_PER_LOOK:
                    break
                after = rows[-1].node_id
            now_ms = tx.now
        return page.answer(
            "InstanceInformationList",
            found,
            lambda row: listing.describe(row, seen.get(row.node_id), now_ms),
            lambda row: (row.node_id,),
        )

    async def deregister_managed_instance(self, call: Call, request: Request) -> Answer:
        """Remove a node: nothing that it signs is believed from now on, and its open work ends (spec 4.7)."""
        node_id = request["InstanceId"]

        async def work(tx: Transaction) -> None:
            if not await registration.deregister(tx, call.scope, node_id, call.principal.name, call.wall_ms):
                raise AwsError("InvalidInstanceId", f"Managed node {node_id} does not exist.")

        await call.write(work)
        return Answer({})


async def exists(tx: Snapshot, scope: Scope, node_id: str) -> bool:
    """Whether a node can carry tags here."""
    return await store.find(tx, scope, node_id) is not None


def _activation_matches(row: ActivationRow, filters: Sequence[dict[str, Any]]) -> bool:
    actual = {
        "ActivationIds": row.activation_id,
        "DefaultInstanceName": row.default_instance_name,
        "IamRole": row.iam_role,
    }
    return all(actual[one["FilterKey"]] in one.get("FilterValues", ()) for one in filters)


def _describe_activation(row: ActivationRow, now_ms: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "ActivationId": row.activation_id,
        "IamRole": row.iam_role,
        "RegistrationLimit": row.registration_limit,
        "RegistrationsCount": row.registrations_count,
        "ExpirationDate": epoch_seconds(row.expires_ms),
        "Expired": row.expires_ms <= now_ms,
        "CreatedDate": epoch_seconds(row.created_ms),
        "Tags": msgspec.json.decode(row.tags),
    }
    for member, value in (("Description", row.description), ("DefaultInstanceName", row.default_instance_name)):
        if value is not None:
            body[member] = value
    return body
