"""Join a node: an activation, and the ready lines for a machine; then the activations."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from stateward.agent import packing
from stateward.agent.updating import ROUTE
from stateward.api import wheel
from stateward.config import is_loopback
from stateward.console.pages.nodes import tags_in
from stateward.console.times import HOUR_MS
from stateward.console.visit import Page, Visit
from stateward.joining import Joining, built_in_agent, official_agent_linux, official_agent_windows
from stateward.tls.authority import ca_path
from stateward.wire.errors import AwsError, validation_error

MOST = 50
ROLE = "stateward"
LIVES = (("1", "1 hour"), ("24", "1 day"), ("168", "7 days"), ("720", "30 days"))
AGENTS = (
    ("Stateward's agent on Linux", built_in_agent),
    ("amazon-ssm-agent on Linux", official_agent_linux),
    ("amazon-ssm-agent on Windows", official_agent_windows),
)


async def show(visit: Visit, problem: AwsError | None = None) -> Response:
    """The form, and the activations that there are."""
    found = await visit.ask("DescribeActivations", MaxResults=MOST, NextToken=visit.query("page") or None)
    return visit.page(
        "join.html",
        "Join a node",
        activations=found["ActivationList"],
        next_page=found.get("NextToken"),
        lives=LIVES,
        nowhere=leads_nowhere(visit),
        endpoint=endpoint_of(visit),
        given={name: visit.field(name) for name in ("label", "tags", "limit", "hours")},
        problem=problem,
    )


async def make(visit: Visit) -> Response:
    """Make an activation, and show the lines this once: its code is not kept."""
    try:
        members = members_of(visit)
        made = await visit.ask("CreateActivation", **members)
    except AwsError as error:
        return await show(visit, error)
    told = await _joining(visit, made)
    return visit.page(
        "joined.html",
        "Lines to paste",
        made=made,
        blocks=[(name, block(told)) for name, block in AGENTS],
        limit=members["RegistrationLimit"],
        expires_s=members["ExpirationDate"],
        nowhere=leads_nowhere(visit),
        endpoint=told.endpoint,
    )


def members_of(visit: Visit) -> dict[str, Any]:
    """CreateActivation's members for what was filled in. Raises ValidationException."""
    limit, hours = visit.field("limit", "1").strip(), visit.field("hours", "24")
    if not (limit.isascii() and limit.isdecimal()) or hours not in dict(LIVES):
        raise validation_error("Write how many machines may join, and choose for how long.")
    tags = [{"Key": key, "Value": value} for key, value in tags_in(visit.field("tags")).items()]
    return {
        "IamRole": ROLE,
        "RegistrationLimit": int(limit),
        # A minute less: thirty days is the longest there is.
        "ExpirationDate": (visit.now_ms + int(hours) * HOUR_MS - 60_000) / 1000,
        "DefaultInstanceName": visit.field("label").strip() or None,
        "Tags": tags or None,
    }


async def _joining(visit: Visit, made: dict[str, Any]) -> Joining:
    config, endpoint = visit.services.config, endpoint_of(visit)
    ca = ca_path(config.data_dir)
    is_own = config.has_own_ca and urlsplit(endpoint).scheme == "https"
    pem = await asyncio.to_thread(ca.read_text, "ascii") if is_own and await asyncio.to_thread(ca.is_file) else None
    implementation, platform = packing.wanted()
    return Joining(
        endpoint=endpoint,
        region=visit.scope.region,
        activation_id=made["ActivationId"],
        activation_code=made["ActivationCode"],
        ca_pem=pem,
        wheel=wheel.wheel_name(),
        zipapp=ROUTE.rpartition("/")[2],
        zipapp_for=(implementation, platform),
    )


def endpoint_of(visit: Visit) -> str:
    """Where nodes go: over TLS where the server has it, else where the browser is."""
    return (visit.services.config.tls_endpoint or visit.endpoint).rstrip("/")


def leads_nowhere(visit: Visit) -> bool:
    """Whether other machines cannot reach that address."""
    return is_loopback(urlsplit(endpoint_of(visit)).hostname or "")


async def delete_preview(visit: Visit) -> Response:
    activation_id = visit.path("activation_id")
    by_id = {"FilterKey": "ActivationIds", "FilterValues": [activation_id]}
    found = (await visit.ask("DescribeActivations", Filters=[by_id]))["ActivationList"]
    if not found:
        raise AwsError("InvalidActivationId", f"Activation {activation_id[:80]} does not exist.")
    command = visit.command("DeleteActivation", ActivationId=activation_id)
    return visit.page("activation_delete.html", "Delete an activation", activation=found[0], command=command)


async def delete(visit: Visit) -> Response:
    await visit.ask("DeleteActivation", ActivationId=visit.path("activation_id"))
    return visit.see(visit.url("join"), "The activation is deleted: nobody joins with it any more.")


PAGES = (
    Page("/join", show, make),
    Page("/join/{activation_id}/delete", delete_preview, delete),
)
