"""The newest API calls, in memory: what the server saw, and why it answered so (console 2, R8)."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Annotated, Any

import msgspec

from stateward.access.call import Answer, Call
from stateward.access.roles import ADMINISTRATOR
from stateward.api.extension import Extension
from stateward.wire.protocol import iso8601

KEPT = 1_000


class ApiCall(msgspec.Struct, frozen=True):
    """One call without its body. `time_ms` is the wall's, `took_ms` how long the answer took; `key` is empty, like
    `account`, where the caller never was known."""

    time_ms: int
    operation: str
    key: str
    account: str
    code: str
    took_ms: int
    request_id: str
    source: str


class CallsWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the newest calls; `nodes` asks for those of nodes instead of people's."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=KEPT)] = 100
    nodes: bool = False


class CallLog:
    """Two rings, so that a fleet's reports do not push out what people asked for.

    Administrators of `home`, the server's own account, see every account's, others those of their account.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._people: deque[ApiCall] = deque(maxlen=KEPT)
        self._nodes: deque[ApiCall] = deque(maxlen=KEPT)

    @property
    def extension(self) -> Extension:
        return Extension("ListApiCalls", ADMINISTRATOR, "GET", "/calls", CallsWanted, self.list_api_calls)

    def add(self, call: ApiCall, *, by_node: bool = False) -> None:
        (self._nodes if by_node else self._people).append(call)

    def newest(self, account: str, limit: int, *, of_nodes: bool = False) -> list[ApiCall]:
        """The calls that an administrator of `account` may see, newest first."""
        ring = self._nodes if of_nodes else self._people
        seen = (call for call in reversed(ring) if account in (self._home, call.account))
        return list(islice(seen, limit))

    async def list_api_calls(self, call: Call, wanted: CallsWanted) -> Answer:
        """`{"calls": [{"time", "operation", "key", "account", "code", "took_ms", "request_id", "source"}]}`."""
        rows = self.newest(call.scope.account_id, wanted.limit, of_nodes=wanted.nodes)
        return Answer({"calls": [_shown(row) for row in rows]})


def _shown(row: ApiCall) -> dict[str, Any]:
    shown = msgspec.structs.asdict(row)
    return {"time": iso8601(shown.pop("time_ms")), **shown}
