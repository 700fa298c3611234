"""The Call that every operation gets: who asks, about which account and region, and the doors to the state."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import msgspec

from stateward.access import store
from stateward.access.principals import Principal, Scope
from stateward.access.sealing import MasterKey
from stateward.quotas import Quotas
from stateward.storage import Database, Snapshot, Transaction
from stateward.wire import page_token
from stateward.wire.errors import AwsError

T = TypeVar("T")
Request = Mapping[str, Any]
RETRY_WINDOW_MS = 15 * 60 * 1000
DEFAULT_PAGE = 50


class Answer(msgspec.Struct, frozen=True):
    """What an operation answers: the members of its output shape, and headers where it has any (D61)."""

    body: dict[str, Any]
    headers: dict[str, str] = {}


class Page(msgspec.Struct, frozen=True):
    """One page of a listing: how many rows, and the key of the row before them (None: from the start)."""

    size: int
    key: list[Any] | None
    seal: Callable[[Sequence[Any]], str]

    def answer(
        self,
        member: str,
        rows: Sequence[T],
        describe: Callable[[T], dict[str, Any]],
        key_of: Callable[[T], Sequence[str | int | None]],
    ) -> Answer:
        """Describe up to `size` rows; the caller reads one more, which only says that another page follows."""
        shown = rows[: self.size]
        body: dict[str, Any] = {member: [describe(row) for row in shown]}
        if len(rows) > self.size:
            body["NextToken"] = self.seal(key_of(shown[-1]))
        return Answer(body)


class Call:
    """One request on its way through an operation."""

    def __init__(
        self,
        *,
        principal: Principal,
        operation: str,
        request_id: str,
        wall_ms: int,
        db: Database,
        master: MasterKey,
        page_key: bytes,
        invocation_id: str | None,
        body: bytes,
        quotas: Quotas,
        source: str = "",
        joined: Transaction | None = None,
    ) -> None:
        self.principal = principal
        self.scope: Scope = principal.scope
        self.operation = operation
        self.request_id = request_id
        self.wall_ms = wall_ms
        self.invocation_id = invocation_id
        self.quotas = quotas
        self.source = source
        """The address that the request came from, as the server sees it; empty for one from inside."""
        self._db = db
        self._master = master
        self._page_key = page_key
        self._body = body
        self._joined = joined

    @property
    def is_joined(self) -> bool:
        """Whether it is one of several that happen together, in a transaction that is open already (D57a)."""
        return self._joined is not None

    def reading(self) -> AbstractAsyncContextManager[Snapshot]:
        """One snapshot of committed data; nothing else may be awaited inside."""
        return self._db.reading() if self._joined is None else _as_block(self._joined)

    async def write(self, work: Callable[[Transaction], Coroutine[Any, Any, T]]) -> T:
        """Do `work` in a transaction; answers after the commit."""
        return await (self._db.write(work) if self._joined is None else work(self._joined))

    async def write_once(self, work: Callable[[Transaction], Coroutine[Any, Any, Answer]]) -> Answer:
        """Like write, but a retry by an SDK gets the first try's answer and does nothing (D32).

        The answer is kept, encrypted, in the same transaction as what it tells of.
        """
        if self.invocation_id is None:
            return await self.write(work)
        invocation_id = self.invocation_id
        # Keyed: a bare hash of a body would let whoever reads the database guess at the secrets in it.
        digest = self._master.derive(
            "request", hashlib.sha256(self.operation.encode() + b"\n" + self._body).hexdigest()
        )
        who = "/".join((self.principal.name, *self.scope))
        oldest_ms = self.wall_ms - RETRY_WINDOW_MS

        async def once(tx: Transaction) -> Answer:
            kept = await store.kept_answer(tx, who, invocation_id, digest.hex(), oldest_ms)
            if kept is not None:
                return msgspec.json.decode(self._master.open("answer", kept), type=Answer)
            answer = await work(tx)
            sealed = self._master.seal("answer", msgspec.json.encode(answer))
            await store.keep_answer(tx, who, invocation_id, digest.hex(), sealed, self.wall_ms)
            return answer

        return await self.write(once)

    def page(self, request: Request, default_size: int = DEFAULT_PAGE) -> Page:
        """The page that a request asks for. Raises InvalidNextToken for a token that is not ours (spec 0.4)."""
        filters = page_token.filters_hash(request)
        token = request.get("NextToken")
        key: list[Any] | None = None
        if token:
            key = page_token.open_token(
                self._page_key, token, operation=self.operation, scope=self.scope, filters_hash=filters
            )

        def seal(position: Sequence[Any]) -> str:
            return page_token.seal(
                self._page_key, operation=self.operation, scope=self.scope, filters_hash=filters, position=position
            )

        return Page(request.get("MaxResults") or default_size, key, seal)


@asynccontextmanager
async def _as_block(tx: Transaction) -> AsyncIterator[Snapshot]:
    yield tx


def refuse_members(request: Request, members: Sequence[str]) -> None:
    """Refuse members whose effect is not built: no stored word without effect (D66)."""
    for member in members:
        if member in request:
            raise AwsError("ValidationException", f"{member} is not supported by this version of Stateward")
