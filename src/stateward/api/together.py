"""`/_stateward/apply`: several operations in one transaction, all of them or none (D57a)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from stateward import ids
from stateward.access import roles
from stateward.access.principals import Principal, Scope
from stateward.api import requests
from stateward.api.administrators import Door, refusal
from stateward.api.perform import Performer
from stateward.batch import Batch, Expectation, Step, Unfilled, Untagged, differences, filled
from stateward.storage import Database, Transaction
from stateward.tags import store as tags
from stateward.wire.errors import AwsError, validation_error

MOST_STEPS = 500
CHANGES = frozenset(
    (
        "AddTagsToResource",
        "CreateAssociation",
        "CreateDocument",
        "DeleteAssociation",
        "DeleteDocument",
        "RemoveTagsFromResource",
        "UpdateAssociation",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
    )
)
LOOKS = frozenset(("DescribeAssociation", "DescribeDocument", "ListTagsForResource"))

log = structlog.get_logger("stateward.api")
CheckAhead = Callable[[Scope, str, dict[str, Any]], Awaitable[None]]
"""(scope, operation, request): what has to wait for something, and so must come before the transaction."""

Perform = Callable[[Transaction, str, dict[str, Any]], Awaitable[dict[str, Any]]]


class _Rehearsed(Exception):
    """Everything went well; the transaction is given up on purpose."""


class Conflict(AwsError):
    """The server is no longer as whoever asks has seen it."""

    def __init__(self, message: str) -> None:
        super().__init__("Conflict", f"{message}. Nothing was done: plan again.", 409)


class ApplyRoutes:
    """POST does the steps of a Batch in order, through the same validation as each operation by itself."""

    def __init__(self, performer: Performer, db: Database, door: Door, anybody: Principal, check: CheckAhead) -> None:
        self._performer = performer
        self._db = db
        self._door = door
        self._anybody = anybody
        self._check = check

    async def handle(self, request: Request) -> Response:
        """POST a Batch: 200 `{"answers": […]}` in the order of its steps; 409 Conflict; else the first step's error."""
        try:
            asked, body = await self._door.enter(request, "apply changes", roles.READER)
            principal = asked or self._anybody
            wish = _wish(body)
            for number, step in enumerate(wish.steps, 1):
                with _naming(number, step):
                    await self._check(principal.scope, step.operation, step.request)
            answers = await self._do(principal, wish, requests.source_of(request.scope))
            return Response(msgspec.json.encode({"answers": answers}), media_type="application/json")
        except AwsError as error:
            return refusal(error)

    async def _do(self, principal: Principal, wish: Batch, source: str) -> list[dict[str, Any]]:
        request_id = ids.new_uuid()
        answers: list[dict[str, Any]] = []

        async def perform(tx: Transaction, operation: str, members: dict[str, Any]) -> dict[str, Any]:
            body = msgspec.json.encode(members)
            answer = await self._performer.perform(principal, operation, body, request_id, None, source, tx)
            return answer.body

        async def work(tx: Transaction) -> None:
            answers.clear()
            await _require_untagged(tx, principal.scope, wish.untagged)
            for expectation in wish.expect:
                await _require(tx, expectation, perform)
            for number, step in enumerate(wish.steps, 1):
                with _naming(number, step):
                    answers.append(await perform(tx, step.operation, filled(step, answers)))
            if wish.rehearse:
                raise _Rehearsed

        try:
            await self._db.write(work)
        except _Rehearsed:
            return answers
        log.info("applied", steps=len(wish.steps), principal=principal.name, request_id=request_id)
        return answers


def _wish(body: bytes) -> Batch:
    try:
        wish = msgspec.json.decode(body, type=Batch)
    except msgspec.DecodeError as error:
        raise validation_error(f'{error}; write {{"steps": [{{"operation": …, "request": {{…}}}}]}}') from None
    if len(wish.steps) > MOST_STEPS:
        raise validation_error(f"{len(wish.steps)} steps: at most {MOST_STEPS} can be done together")
    for allowed, asked in ((CHANGES, wish.steps), (LOOKS, wish.expect)):
        for one in asked:
            if one.operation not in allowed:
                raise validation_error(f"{one.operation} cannot be done here; use one of {', '.join(sorted(allowed))}")
    return wish


@contextmanager
def _naming(number: int, step: Step) -> Iterator[None]:
    """Say in an error which step it was."""
    try:
        yield
    except Unfilled as error:
        raise validation_error(f"step {number}, {step.operation}: {error}") from error
    except AwsError as error:
        request = step.request
        named = step.label or request.get("AssociationName") or request.get("Name") or request.get("AssociationId", "")
        what = f"step {number}, {step.operation} {str(named)[:200]}".rstrip()
        raise AwsError(error.code, f"{what}: {error.message or error.code}", error.status) from error


async def _require(tx: Transaction, wanted: Expectation, perform: Perform) -> None:
    named = next(iter(wanted.request.values()), "")
    try:
        found = await perform(tx, wanted.operation, wanted.request)
    except AwsError as error:
        if error.code == "AccessDeniedException" or error.fault == "Server":
            raise
        raise Conflict(f"{named} is not there any more ({error.code})") from error
    for path, seen, now in differences(wanted.answer, found):
        raise Conflict(f"{named} has changed: {path} was {seen}, and is {now}")


async def _require_untagged(tx: Transaction, scope: Scope, wanted: Sequence[Untagged]) -> None:
    for resource_type in {one.resource_type for one in wanted}:
        known = await tags.tags_of_type(tx, scope, resource_type)
        for one in wanted:
            if one.resource_type != resource_type:
                continue
            for resource_id, found in known.items():
                if one.tags.items() <= found.items():
                    raise Conflict(f"{resource_type} {resource_id} has been made meanwhile")
