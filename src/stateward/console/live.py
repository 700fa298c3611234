"""`/console/{region}/live?topic=…`: the server's live topics for a signed-in tab."""

from __future__ import annotations

from starlette.responses import Response

from stateward.console.visit import Page, Visit
from stateward.events.live import TooManyWatchers
from stateward.events.live_routes import EventStream, checked
from stateward.wire.errors import AwsError


async def stream(visit: Visit) -> Response:
    """The topics' revisions, then each change; a revoked key ends it within a second."""
    topics = checked(visit.queries("topic"))
    try:
        return EventStream(visit.services.live.watch(visit.scope, topics, visit.principal.name))
    except TooManyWatchers as error:
        raise AwsError("ServiceUnavailableException", f"{error}: ask again later.", 503) from error


PAGES = (Page("/live", stream),)
