"""Why? What decides whether an association runs on a node, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from stateward.associations import searching, standing, store, store_read_models
from stateward.associations.store_search import Hit
from stateward.console import words
from stateward.console.checks import checks
from stateward.console.naming import names_of
from stateward.console.pages.associations import UUID
from stateward.console.visit import Page, Visit
from stateward.wire.errors import AwsError, validation_error

NOT_WELL = 10
"""So many of the worst nodes are named where no node is asked about."""

LOOKS = {
    "well": "Success",
    "failed": "Failed",
    "running": "InProgress",
    "deleted": "Cancelled",
    "document-missing": "Failed",
    "document-version": "Failed",
    "parameter-bad": "Failed",
    "parameter-missing": "Failed",
    "step-timeout": "TimedOut",
    "delivery-timeout": "TimedOut",
    "error-limit": "Cancelled",
    "cancelled-by": "Cancelled",
    "paused": "Skipped",
    "calendar-closed": "Skipped",
}
"""How the reason that decides looks; any other is waiting."""


async def show(visit: Visit) -> Response:
    """`?association=&node=`: without a node, what is true of the association wherever it runs."""
    association_id, node_id = visit.query("association").strip(), visit.query("node").strip()
    if not association_id:
        return visit.page(
            "why.html", "Why?", found=None, checks=[], name="", node_name="", seen_as="", association_id="", node_id=""
        )
    if not UUID.fullmatch(association_id):
        async with visit.reading() as tx:
            hits = await searching.associations_named(tx, visit.scope, association_id)
        if len(hits) != 1:
            raise AwsError("AssociationDoesNotExist", f"No single association is called {association_id[:80]!r}.")
        association_id = hits[0].id
    if node_id:
        async with visit.reading() as tx:
            node_id = _node_meant(node_id, await searching.nodes_called(tx, visit.scope, node_id))
    found = await visit.ask("ExplainAssociation", association=association_id, node=node_id or None)
    async with visit.reading() as tx:
        row = await store.find(tx, visit.scope, association_id)
        name = association_id[:8] if row is None else words.name_of(row)
        node_name = (await names_of(tx, [node_id]))[node_id] if node_id else ""
        worst = [] if node_id else await store_read_models.worst_nodes(tx, association_id, None, NOT_WELL)
        not_well = [one for one in worst if standing.is_bad(one) or standing.is_owed(one)]
        names = await names_of(tx, [one.node_id for one in not_well])
    title = f"Why? {name}" + (f" on {node_name}" if node_name else "")
    return visit.page(
        "why.html",
        title,
        found=found,
        checks=checks(found["reasons"], of_node=bool(node_id)),
        name=name,
        node_name=node_name,
        seen_as=LOOKS.get(found["verdict"], "Pending"),
        association_id=association_id,
        node_id=node_id,
        not_well=not_well,
        names=names,
    )


def _node_meant(text: str, hits: Sequence[Hit]) -> str:
    """The id of the node that has this name; the text itself where none has. Raises ValidationException for several."""
    if len(hits) > 1:
        ids = ", ".join(hit.id for hit in hits)
        raise validation_error(f"Several nodes are called {text[:80]!r}; give the id of one: {ids}")
    return hits[0].id if hits else text


PAGES = (Page("/why", show),)
