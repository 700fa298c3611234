"""What monitoring asks: `/healthz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stateward.access.authentication import Authenticator
from stateward.api import requests
from stateward.config import Config, is_loopback
from stateward.metrics import Metrics, state_of
from stateward.storage import Database
from stateward.wire.errors import AwsError


class Probes:
    """Whether the server works, and how well."""

    def __init__(
        self,
        config: Config,
        db: Database,
        authenticator: Authenticator,
        metrics: Metrics,
        is_ready: Callable[[], bool],
    ) -> None:
        self._config = config
        self._db = db
        self._authenticator = authenticator
        self._metrics = metrics
        self._is_ready = is_ready

    @property
    def routes(self) -> list[Route]:
        return [Route("/healthz", self._health), Route("/metrics", self._metrics_page)]

    async def _health(self, request: Request) -> Response:
        try:
            requests.refuse_strangers(request.scope, requests.headers_of(request.scope), self._config.allowed_hosts)
        except AwsError as error:
            return PlainTextResponse(f"{error.message}\n", error.status)
        if not self._is_ready():
            return PlainTextResponse("starting\n", 503)
        return PlainTextResponse("ok\n")

    async def _metrics_page(self, request: Request) -> Response:
        headers = requests.headers_of(request.scope)
        try:
            requests.refuse_strangers(request.scope, headers, self._config.allowed_hosts)
        except AwsError as error:
            return PlainTextResponse(f"{error.message}\n", error.status)
        try:
            if not is_loopback(self._config.host) and not self._config.metrics_public:
                await self._authenticator.by_password(headers.get("authorization", ""))
        except AwsError as error:
            challenge = {"www-authenticate": 'Basic realm="stateward"'}
            return PlainTextResponse(f"{error.message}\n", 401, challenge)
        async with self._db.reading() as tx:
            state = await state_of(tx)
        return Response(self._metrics.text(state), media_type="text/plain; version=0.0.4")
