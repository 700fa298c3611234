"""Every page of the console, and the navigation to them."""

from __future__ import annotations

from stateward.console import live
from stateward.console.pages import (
    association_changes,
    associations,
    calendars,
    clock,
    commands,
    compliance,
    documents,
    events,
    executions,
    joining,
    keys,
    maps,
    nodes,
    overview,
    parameters,
    search,
    settings,
    why,
)
from stateward.console.visit import Page

SUBJECTS = (
    overview,
    association_changes,
    executions,
    maps,
    associations,
    nodes,
    commands,
    documents,
    compliance,
    calendars,
    parameters,
    events,
    joining,
    keys,
    settings,
    clock,
    search,
    why,
    live,
)
PAGES: tuple[Page, ...] = tuple(page for subject in SUBJECTS for page in subject.PAGES)
