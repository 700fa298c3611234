"""Settings: how the pages look, and what the server was told."""

from __future__ import annotations

from importlib.metadata import version
from zoneinfo import available_timezones

from starlette.responses import Response

from stateward.access.principals import Scope
from stateward.config import Config
from stateward.console import look
from stateward.console.visit import Page, Visit
from stateward.settings.rules import SETTINGS
from stateward.wire.errors import validation_error

YEAR_S = 365 * 24 * 60 * 60
BOX = "on"


async def show(visit: Visit) -> Response:
    """The person's own choices, the service settings, and the server's options."""
    service = [(await visit.ask("GetServiceSetting", SettingId=name))["ServiceSetting"] for name in SETTINGS]
    return visit.page(
        "settings.html",
        "Settings",
        themes=look.THEMES,
        zones=sorted(available_timezones()),
        service=service,
        server=told(visit.services.config, visit.scope),
    )


async def save(visit: Visit) -> Response:
    """Keep the choices in a cookie."""
    theme, zone = visit.field("theme"), visit.field("zone")
    if theme not in look.THEMES or not (zone in (look.READER, look.UTC_ZONE) or zone in available_timezones()):
        raise validation_error("Choose a theme and a time zone of the lists.")
    chosen = look.Look(theme, zone, keys=visit.field("keys") == BOX)
    answer = visit.see(visit.url("settings"), "Saved.")
    answer.set_cookie(look.COOKIE, chosen.cookie(), max_age=YEAR_S, path="/console", httponly=True, samesite="strict")
    return answer


def told(config: Config, scope: Scope) -> list[tuple[str, str]]:
    """What this server was told at its start, without secrets."""
    kept = "for ever" if config.retention_days is None else f"{config.retention_days} days"
    output = (
        "as long as the history" if config.output_retention_days is None else f"{config.output_retention_days} days"
    )
    return [
        ("Version", version("stateward")),
        ("Account", scope.account_id),
        ("Region", scope.region),
        ("Clock", config.clock),
        ("Signatures", "not checked (--auth open)" if config.auth == "open" else "checked"),
        ("History is kept", kept),
        ("Output is kept", output),
        ("Events are kept", f"{config.event_retention_days} days"),
        ("Nodes' address over TLS", config.tls_endpoint or "none"),
        ("Rate limit", "none" if config.rate_limit is None else f"{config.rate_limit:g} requests a second and key"),
        ("Associations at most", f"{config.quotas.associations:,}"),
        ("Documents at most", f"{config.quotas.documents:,}"),
    ]


PAGES = (Page("/settings", show, save),)
