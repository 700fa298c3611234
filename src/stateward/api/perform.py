"""One operation from authorisation to answer, without HTTP: authorise → validate → call → log (design 2)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import apsw
import structlog

from stateward.access import roles
from stateward.access.call import Answer, Call, Request
from stateward.access.permissions import (
    NODE_CALLS_BY_ROWS,
    RowPredicate,
    authorise_by_rows,
    authorise_operation,
    authorise_request,
)
from stateward.access.principals import Principal
from stateward.access.sealing import MasterKey
from stateward.api.calls import ApiCall, CallLog
from stateward.api.extension import Extension
from stateward.api.token_bucket import Throttle
from stateward.clock import Clock, monotonic_s
from stateward.quotas import Quotas
from stateward.storage import Database, Transaction
from stateward.wire import protocol
from stateward.wire.errors import AwsError
from stateward.wire.model import ServiceModel

Operation = Callable[[Call, Request], Awaitable[Answer]]
Observer = Callable[[str, str, float], None]
log = structlog.get_logger("stateward.api")

RESOURCE_MEMBERS = (
    "association",
    "execution",
    "access_key",
    "AssociationId",
    "AssociationIds",
    "ExecutionId",
    "CommandId",
    "InstanceId",
    "ActivationId",
    "ResourceId",
    "DocumentName",
    "Name",
)
"""What names the resource of a request in a log line; none of them is secret."""

PARAMETER_VALUE = re.compile(r'has value ".*"', re.DOTALL)


def operations_in(model: ServiceModel, *rooms: object) -> dict[str, Operation]:
    """Every function of the given modules or objects that is named after an operation of the model."""
    found: dict[str, Operation] = {}
    for room in rooms:
        for name, function in inspect.getmembers(room, inspect.iscoroutinefunction):
            operation = model.snake_names.get(name)
            if operation is not None:
                found[operation] = function
    return found


class Performer:
    """Does operations for anybody inside the server: HTTP, and later the console and automations."""

    def __init__(
        self,
        *,
        model: ServiceModel,
        operations: Mapping[str, Operation],
        db: Database,
        clock: Clock,
        master: MasterKey,
        page_key: bytes,
        observe: Observer,
        quotas: Quotas,
        throttle: Throttle | None = None,
        node_calls_by_rows: Mapping[str, RowPredicate] | None = None,
        extensions: Sequence[Extension] = (),
        calls: CallLog,
    ) -> None:
        self._model = model
        self._operations = operations
        self._db = db
        self._clock = clock
        self._master = master
        self._page_key = page_key
        self._observe = observe
        self._quotas = quotas
        self._throttle = throttle
        self._node_calls_by_rows = node_calls_by_rows or {}
        self._extensions = {extension.name: extension for extension in extensions}
        self._calls = calls

    @property
    def extensions(self) -> Iterable[Extension]:
        return self._extensions.values()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return self._operations

    def needed_for(self, operation: str) -> str:
        """The least role that may call an operation, AWS's or one of our own."""
        own = self._extensions.get(operation)
        return roles.needed_for(operation, {}) if own is None else own.role

    async def perform(
        self,
        principal: Principal,
        operation: str,
        body: bytes,
        request_id: str,
        invocation_id: str | None = None,
        source: str = "",
        joined: Transaction | None = None,
    ) -> Answer:
        """Do one operation; `source` is the address that asks for it.

        With `joined` it is a part of that transaction, and happens only if that does.

        Raises AwsError; whatever else goes wrong is an InternalServerError with a log entry.
        """
        started = monotonic_s()
        named: dict[str, Any] = {}
        code = "ok"
        try:
            return await self._perform(principal, operation, body, request_id, invocation_id, source, named, joined)
        except AwsError as error:
            code = error.code
            log.warning(
                "refused",
                operation=operation,
                code=error.code,
                reason=_reason(error),
                principal=principal.name,
                request_id=request_id,
                **named,
            )
            raise
        except Exception as error:
            code = "InternalServerError"
            log.exception("failed", operation=operation, principal=principal.name, request_id=request_id, **named)
            hint = " (the disk is full)" if isinstance(error, apsw.FullError) else ""
            raise AwsError(
                "InternalServerError", f"The request {request_id} could not be carried out{hint}.", 500
            ) from error
        finally:
            took_s = monotonic_s() - started
            self._observe(operation, code, took_s)
            self._keep(principal, operation, code, took_s, request_id, source)

    def refused(self, operation: str, code: str, request_id: str, source: str) -> None:
        """Keep a call whose caller could not be told."""
        self._calls.add(ApiCall(self._clock.wall(), operation, "", "", code, 0, request_id, source))

    def _keep(
        self, principal: Principal, operation: str, code: str, took_s: float, request_id: str, source: str
    ) -> None:
        took_ms, account = round(took_s * 1000), principal.scope.account_id
        call = ApiCall(self._clock.wall(), operation, principal.name, account, code, took_ms, request_id, source)
        self._calls.add(call, by_node=principal.is_node)

    async def _perform(
        self,
        principal: Principal,
        operation: str,
        body: bytes,
        request_id: str,
        invocation_id: str | None,
        source: str,
        named: dict[str, Any],
        joined: Transaction | None,
    ) -> Answer:
        if self._throttle is not None and joined is None:
            self._throttle.admit(principal, self._clock.wall())
        own = self._extensions.get(operation)
        if own is None and operation not in self._model.operations:
            raise AwsError("UnknownOperationException", f"The operation {operation} does not exist")
        function: Callable[[Call, Any], Awaitable[Answer]] | None
        if own is None:
            authorise_operation(principal, operation)
            function = self._operations.get(operation)
        else:
            roles.require(principal, operation, own.role, 403)
            function = own.function
        if function is None:
            raise AwsError("UnknownOperationException", f"The operation {operation} is not implemented by Stateward")
        given = protocol.decode_body(body)
        named.update(_names(given))
        if own is None:
            request = await self._validated(principal, operation, given)
        else:
            request = own.validated(given)
        call = Call(
            principal=principal,
            operation=operation,
            request_id=request_id,
            wall_ms=self._clock.wall(),
            db=self._db,
            master=self._master,
            page_key=self._page_key,
            invocation_id=invocation_id,
            body=body,
            quotas=self._quotas,
            source=source,
            joined=joined,
        )
        return await function(call, request)

    async def _validated(self, principal: Principal, operation: str, given: Mapping[str, Any]) -> Request:
        request = self._model.input_validator(operation)(given)
        authorise_request(principal, operation, request)
        if principal.is_node and operation in NODE_CALLS_BY_ROWS:
            async with self._db.reading() as tx:
                predicate = self._node_calls_by_rows.get(operation)
                await authorise_by_rows(tx, principal, operation, request, predicate)
        return request


def _reason(error: AwsError) -> str:
    """The error's text for the log: the caller may see the values of Parameters again, the log never (spec 0.3)."""
    return PARAMETER_VALUE.sub('has value "***"', error.message) if error.code == "InvalidParameters" else error.message


def _names(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        member: str(given[member])[:200] for member in RESOURCE_MEMBERS if isinstance(given.get(member), str | list)
    }
