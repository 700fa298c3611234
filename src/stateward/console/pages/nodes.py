"""Nodes: who is there, since when, and what each has to do with the associations."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from stateward.associations import store_pages, store_read_models
from stateward.commands import store_history
from stateward.console import words
from stateward.console.visit import Page, Visit
from stateward.nodes import store, store_clones
from stateward.wire.errors import AwsError, validation_error

MOST = 50
COMMANDS = 10
NEWEST = (2**62, "")
NEWEST_RUN = (2**62, "", "")
NODE = "ManagedInstance"
PLATFORMS = ("Linux", "Windows", "MacOS")
PINGS = ("Online", "ConnectionLost")


async def listing(visit: Visit) -> Response:
    """One page of nodes by id, filtered by presence, platform and tag."""
    filters = filters_of(visit.query("ping"), visit.query("platform"), visit.query("tag"))
    found = await visit.ask(
        "DescribeInstanceInformation",
        Filters=filters or None,
        MaxResults=min(visit.size, MOST),
        NextToken=visit.query("page") or None,
    )
    nodes = found["InstanceInformationList"]
    async with visit.reading() as tx:
        tagged = await store.tags_of(tx, visit.scope, [node["InstanceId"] for node in nodes])
    return visit.page(
        "nodes.html",
        "Nodes",
        nodes=nodes,
        tagged=tagged,
        next_page=found.get("NextToken"),
        filtered=bool(filters),
        pings=PINGS,
        platforms=PLATFORMS,
    )


def filters_of(ping: str, platform: str, tag: str) -> list[dict[str, Any]]:
    """The API's filters for what was chosen; a tag is `key=value` or a key alone."""
    filters = []
    if ping in PINGS:
        filters.append({"Key": "PingStatus", "Values": [ping]})
    if platform in PLATFORMS:
        filters.append({"Key": "PlatformTypes", "Values": [platform]})
    if tag:
        key, _, value = tag.partition("=")
        filters.append({"Key": f"tag:{key}", "Values": [value]} if value else {"Key": "tag-key", "Values": [key]})
    return filters


async def one(visit: Visit) -> Response:
    """A node: its presence, its associations with its own status, its commands and its compliance."""
    node_id = visit.path("node_id")
    node = await found_node(visit, node_id)
    compliance = await visit.ask(
        "ListComplianceItems", ResourceIds=[node_id], ResourceTypes=[NODE], MaxResults=10, Filters=[NOT_COMPLIANT]
    )
    async with visit.reading() as tx:
        row = await store.find(tx, visit.scope, node_id)
        tags = (await store.tags_of(tx, visit.scope, [node_id])).get(node_id, {})
        clones = await store_clones.of_node(tx, visit.scope, node_id)
        standing = await store_read_models.of_node(tx, node_id)
        named = await store_pages.of_ids(tx, visit.scope, [one.association_id for one in standing])
        newest = await store_history.commands_before(
            tx, visit.scope, NEWEST, COMMANDS, node_id=node_id, document=None, after_ms=None, before_ms=None
        )
        done = await store_history.invocations_of_node_before(tx, visit.scope, NEWEST_RUN, COMMANDS, None, node_id)
    status = {row.command_id: row.status for row in done}
    return visit.page(
        "node.html",
        title_of(node),
        node=node,
        row=row,
        tags=tags,
        clones=clones,
        associations=[(one, named[one.association_id]) for one in standing if one.association_id in named],
        name_of=words.name_of,
        commands=[(command, status.get(command.command_id, command.status)) for command in newest],
        items=compliance["ComplianceItems"],
    )


NOT_COMPLIANT = {"Key": "Status", "Values": ["NON_COMPLIANT"], "Type": "EQUAL"}


async def found_node(visit: Visit, node_id: str) -> dict[str, Any]:
    """What the API says of a node. Raises InvalidInstanceId."""
    asked = {"Key": "InstanceIds", "Values": [node_id]}
    found = (await visit.ask("DescribeInstanceInformation", Filters=[asked]))["InstanceInformationList"]
    if not found:
        raise AwsError("InvalidInstanceId", f"Managed node {node_id[:80]} does not exist in this account and region.")
    node: dict[str, Any] = found[0]
    return node


def title_of(node: dict[str, Any]) -> str:
    return str(node.get("Name") or node["InstanceId"])


async def edit_tags(visit: Visit, problem: AwsError | None = None) -> Response:
    """The form: a `key=value` a line."""
    node = await found_node(visit, visit.path("node_id"))
    async with visit.reading() as tx:
        tags = (await store.tags_of(tx, visit.scope, [node["InstanceId"]])).get(node["InstanceId"], {})
    lines = visit.field("tags") if problem else "\n".join(f"{key}={value}" for key, value in tags.items())
    return visit.page("node_tags.html", f"Tags of {title_of(node)}", node=node, lines=lines, problem=problem)


async def save_tags(visit: Visit) -> Response:
    """Add what is new or changed, remove what is gone."""
    node_id = visit.path("node_id")
    try:
        wanted = tags_in(visit.field("tags"))
        async with visit.reading() as tx:
            tags = (await store.tags_of(tx, visit.scope, [node_id])).get(node_id, {})
        gone = [key for key in tags if key not in wanted]
        changed = [{"Key": key, "Value": value} for key, value in wanted.items() if tags.get(key) != value]
        if gone:
            await visit.ask("RemoveTagsFromResource", ResourceType=NODE, ResourceId=node_id, TagKeys=gone)
        if changed:
            await visit.ask("AddTagsToResource", ResourceType=NODE, ResourceId=node_id, Tags=changed)
    except AwsError as error:
        return await edit_tags(visit, error)
    return visit.see(visit.url("nodes", node_id), "The tags are saved; associations that match now are being started.")


def tags_in(text: str) -> dict[str, str]:
    """The tags of `key=value` lines. Raises ValidationException for a line that is none."""
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        key, sign, value = line.partition("=")
        if not sign or not key.strip():
            raise validation_error(f"{line[:80]!r} is no tag: write key=value, one a line")
        found[key.strip()] = value.strip()
    return found


async def deregister_preview(visit: Visit) -> Response:
    node = await found_node(visit, visit.path("node_id"))
    command = visit.command("DeregisterManagedInstance", InstanceId=node["InstanceId"])
    return visit.page("node_deregister.html", f"Deregister {title_of(node)}", node=node, command=command)


async def deregister(visit: Visit) -> Response:
    node_id = visit.path("node_id")
    node = await found_node(visit, node_id)
    if visit.field("name").strip() not in (node_id, node.get("Name")):
        raise validation_error(f"Type {title_of(node)} to deregister this node.")
    await visit.ask("DeregisterManagedInstance", InstanceId=node_id)
    return visit.see(visit.url("nodes"), f"{title_of(node)} is deregistered.")


PAGES = (
    Page("/nodes", listing),
    Page("/nodes/{node_id}", one),
    Page("/nodes/{node_id}/tags", edit_tags, save_tags),
    Page("/nodes/{node_id}/deregister", deregister_preview, deregister),
)
