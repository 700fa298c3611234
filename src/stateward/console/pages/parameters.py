"""Parameters: names and versions; the value of a secure one is never shown."""

from __future__ import annotations

from starlette.responses import Response

from stateward.console.visit import Page, Visit

MOST = 50
SECURE = "SecureString"


async def listing(visit: Visit) -> Response:
    """The parameters by name, or one of them with its versions."""
    name = visit.query("name")
    if name:
        return await _one(visit, name)
    words = visit.query("q")
    filters = [{"Key": "Name", "Option": "Contains", "Values": [words]}] if words else None
    found = await visit.ask(
        "DescribeParameters",
        ParameterFilters=filters,
        MaxResults=min(visit.size, MOST),
        NextToken=visit.query("page") or None,
    )
    return visit.page("parameters.html", "Parameters", parameters=found["Parameters"], next_page=found.get("NextToken"))


async def _one(visit: Visit, name: str) -> Response:
    found = await visit.ask("GetParameterHistory", Name=name, MaxResults=MOST, NextToken=visit.query("page") or None)
    versions = found["Parameters"][::-1]
    return visit.page(
        "parameter.html", name, versions=versions, secure=SECURE, next_page=found.get("NextToken"), name=name
    )


PAGES = (Page("/parameters", listing),)
