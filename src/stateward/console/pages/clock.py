"""The virtual clock: turn it, add simulated nodes, script what they answer; each with the call to paste in a test."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from stateward.access import roles
from stateward.console import words
from stateward.console.visit import Page, Visit
from stateward.wire.errors import AwsError, validation_error

STEPS = (("1h", "1 hour"), ("1d", "1 day"), ("30d", "30 days"))
STATUSES = ("Failed", "TimedOut", "Skipped", "Success")
SHOWN = 50
NO_CLOCK = "This server's clock is the system's: serve with --clock virtual to turn time."


async def show(visit: Visit, problem: AwsError | None = None, turned: dict[str, Any] | None = None) -> Response:
    """Now, what is due next, the fleet and its rules."""
    hand, fleet = visit.services.clock_hand, visit.services.fleet_hand
    if hand is None:
        raise AwsError("NotFound", NO_CLOCK, 404)
    described = {"nodes": [], "rules": []} if fleet is None else await fleet.described(visit.scope)
    return visit.page(
        "clock.html",
        "Clock",
        time=hand.time(),
        nodes=described["nodes"],
        rules=described["rules"],
        turned=turned,
        steps=STEPS,
        statuses=STATUSES,
        may=roles.allows(visit.principal.role, roles.ADMINISTRATOR),
        shown=SHOWN,
        given={name: visit.field(name) for name in ("to", "add", "tags", "label", "nodes", "step", "error", "status")},
        problem=problem,
    )


async def change(visit: Visit) -> Response:
    """One of the forms."""
    hand, fleet = visit.services.clock_hand, visit.services.fleet_hand
    if hand is None:
        raise AwsError("NotFound", NO_CLOCK, 404)
    roles.require(visit.principal, "turning the clock", roles.ADMINISTRATOR, 403)
    try:
        if visit.field("advance") or visit.field("to"):
            turned = await hand.turn(msgspec.json.encode(turn_of(visit)))
            return await show(visit, turned=turned)
        if fleet is None:
            raise AwsError("NotFound", "This server has no simulated fleet.", 404)
        answer = await fleet.change(visit.scope, visit.principal.name, msgspec.json.encode(wish_of(visit)))
    except AwsError as error:
        return await show(visit, error)
    added = answer.get("nodes") if visit.field("add") else None
    notice = f"{words.counted(len(added), 'node')} joined." if isinstance(added, list) else "The fleet has changed."
    return visit.see(visit.url("clock"), notice)


def turn_of(visit: Visit) -> dict[str, str]:
    """The body for `/_stateward/clock`."""
    if visit.field("advance") == "next":
        return {"to": visit.field("next")}
    if visit.field("advance"):
        return {"advance": visit.field("advance")}
    return {"to": visit.field("to").strip()}


def wish_of(visit: Visit) -> dict[str, Any]:
    """The body for `/_stateward/fleet`. Raises ValidationException."""
    number = visit.field("add") or visit.field("nodes") or visit.field("offline")
    if number and not (number.isascii() and number.isdecimal() and len(number) < 6):
        raise validation_error(f"{number[:20]!r} is no number of nodes.")
    if visit.field("add"):
        tags = dict(line.partition("=")[::2] for line in visit.field("tags").split() if "=" in line)
        more = {"tags": tags, "name": visit.field("label").strip()}
        return {"add": int(number), **{name: value for name, value in more.items() if value}}
    if visit.field("offline"):
        return {"offline": int(number)}
    if visit.field("online"):
        return {"online": [one for one in visit.field("online").split(",") if one]}
    if visit.field("clear"):
        return {"scripts": []}
    rule = {"status": visit.field("status"), "step": visit.field("step").strip(), "error": visit.field("error")}
    chosen = {name: value for name, value in rule.items() if value}
    return {"script": chosen | ({"nodes": int(number)} if number else {})}


PAGES = (Page("/clock", show, change),)
