"""The bodies of `POST /_stateward/fleet` (D45, D46)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec

from stateward.api.steering import duration_ms
from stateward.scripted.rules import LONGEST_MS, Name, Numbered, Positive, Rule, Status
from stateward.simulation.store import FleetNodeRow
from stateward.tags import rules as tag_rules
from stateward.wire.errors import validation_error
from stateward.wire.protocol import iso8601

MOST_ADDED = 1_000
MOST_RULES = 1_000

Which = Positive | Annotated[list[Name], msgspec.Meta(min_length=1)]
"""Nodes by their ids, or the first N of the fleet by id."""

Tags = dict[Annotated[str, msgspec.Meta(min_length=1, max_length=128)], Annotated[str, msgspec.Meta(max_length=256)]]

EXAMPLE = '{"add": 20, "tags": {"env": "prod"}}'
RULE_EXAMPLE = '{"script": {"status": "Failed", "nodes": 3}}'
EXAMPLES = {
    "add": EXAMPLE,
    "tags": EXAMPLE,
    "platform": '{"add": 20, "platform": "Linux"}',
    "name": '{"add": 1, "name": "web"}',
    "offline": '{"offline": 3, "for": "2h"}',
    "online": '{"online": 3}',
    "reboot": '{"reboot": 3}',
    "remove": '{"remove": 3}',
    "for": '{"offline": 3, "for": "2h"}',
    "ahead": '{"script": {"status": "Failed"}, "ahead": true}',
}
MEMBER = re.compile(r"at `\$\.(\w+)")
WISHES = ("add", "script", "scripts", "offline", "online", "reboot", "remove")
ONLY_WITH = {
    "tags": ("add",),
    "platform": ("add",),
    "name": ("add",),
    "for_": ("offline", "reboot"),
    "ahead": ("script", "scripts"),
}


class FleetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    """One wish, and what goes with it."""

    add: Annotated[int, msgspec.Meta(ge=1, le=MOST_ADDED)] | None = None
    tags: Tags | None = None
    platform: Literal["Linux", "Windows", "MacOS"] | None = None
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None
    script: Rule | None = None
    scripts: Annotated[list[Rule], msgspec.Meta(max_length=MOST_RULES)] | None = None
    offline: Which | None = None
    online: Which | None = None
    reboot: Which | None = None
    remove: Which | None = None
    for_: str | None = None
    ahead: bool | None = None

    @property
    def wish(self) -> str:
        return next(name for name in WISHES if getattr(self, name) is not None)

    @property
    def away_ms(self) -> int | None:
        """For how long nodes go, in ms; None: until they are told to come back."""
        return None if self.for_ is None else duration_ms(self.for_)


def parse(body: bytes, tags_allowed: int) -> FleetRequest:
    """Read a request. Raises ValidationException, which says what would be right."""
    try:
        request = msgspec.json.decode(body, type=FleetRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise validation_error(f"{error}; {_advice(str(error))}") from None
    wishes = [name for name in WISHES if getattr(request, name) is not None]
    if len(wishes) != 1:
        found = f"{' and '.join(wishes)} together" if wishes else "nothing to do"
        raise validation_error(f"{found}: write exactly one of {', '.join(WISHES)}, such as {EXAMPLE}")
    for member, companions in ONLY_WITH.items():
        if getattr(request, member) is not None and wishes[0] not in companions:
            raise validation_error(f"{member.rstrip('_')}: goes only with {' or '.join(companions)}")
    if request.away_ms is not None and not 0 < request.away_ms <= LONGEST_MS:
        raise validation_error(f"for {request.for_!r}: more than 0s and at most 366d")
    problem = tag_rules.problem_with(tags_of(request), tags_allowed)
    if problem is not None:
        raise validation_error(problem)
    return request


def _advice(problem: str) -> str:
    """What would be right: about the member that the problem is in, else about the request."""
    found = MEMBER.search(problem)
    if found is None:
        return f"write one of {', '.join(WISHES)}, such as {EXAMPLE}"
    if found[1] in ("script", "scripts") and problem.rstrip("`").endswith(".status"):
        return f"a status is one of {', '.join(get_args(Status))}"
    if found[1] in ("script", "scripts"):
        members = ", ".join(field.name for field in msgspec.structs.fields(Rule))
        return f"a rule has {members}; write for example {RULE_EXAMPLE}"
    return f"write for example {EXAMPLES[found[1]]}"


def tags_of(request: FleetRequest) -> list[dict[str, str]]:
    """The tags of new nodes as the API has them."""
    return [{"Key": key, "Value": value} for key, value in (request.tags or {}).items()]


def chosen(which: Positive | list[str], fleet: Sequence[str]) -> list[str]:
    """The ids that are meant, of a fleet in the order of its ids. Raises ValidationException."""
    if isinstance(which, int):
        if which > len(fleet):
            raise validation_error(f"{which} nodes are meant, the fleet has {len(fleet)}")
        return list(fleet[:which])
    unknown = sorted(set(which) - set(fleet))
    if unknown:
        raise validation_error(f"{unknown[0]}: no simulated node here; {those_there_are(fleet)}")
    return sorted(set(which))


def those_there_are(fleet: Sequence[str]) -> str:
    """The ids of a fleet in words."""
    if not fleet:
        return "there is none yet"
    return f"there are {len(fleet)}, {fleet[0]} to {fleet[-1]}" if len(fleet) > 1 else f"there is {fleet[0]} only"


def check_reboot(node_ids: Sequence[str], away: Collection[str]) -> None:
    """Raises ValidationException for a node that is away already."""
    for node_id in node_ids:
        if node_id in away:
            raise validation_error(f"{node_id}: is offline, only a node that is online can reboot")


def description(
    rows: Sequence[FleetNodeRow],
    tagged: Mapping[str, Mapping[str, str]],
    script: Sequence[Numbered],
    unknown: Mapping[int, str],
) -> dict[str, Any]:
    """What GET answers: the nodes by id, and the rules in the order in which they are asked. `tagged`: id → tags."""
    return {
        "nodes": [_described(row, tagged.get(row.node_id, {})) for row in rows],
        "rules": described_rules(script, unknown),
    }


def described_rules(script: Sequence[Numbered], unknown: Mapping[int, str]) -> list[dict[str, Any]]:
    """The rules, newest first: that is how they are asked. `unknown`: rule number → why its names fit nothing."""
    return [
        {"rule": one.number, "script": msgspec.to_builtins(one.rule)}
        | ({} if one.rule.times is None else {"used": len(one.used_by)})
        | ({} if one.used_by else {"unused": True})
        | ({"unknown": unknown[one.number]} if one.number in unknown else {})
        for one in reversed(script)
    ]


def _described(row: FleetNodeRow, its_tags: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": row.node_id,
        "platform": row.platform_type,
        "state": "offline" if row.offline else "online",
    }
    if row.name is not None:
        body["name"] = row.name
    if its_tags:
        body["tags"] = its_tags
    if row.back_ms is not None:
        body["back"] = iso8601(row.back_ms)
    return body
