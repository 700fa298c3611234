"""Every page of the console, and the navigation to them."""

from __future__ import annotations

from stateward.console.pages import (
    association_changes,
    associations,
    calendars,
    commands,
    compliance,
    documents,
    events,
    executions,
    joining,
    keys,
    nodes,
    overview,
    parameters,
    settings,
)
from stateward.console.visit import Page

SUBJECTS = (
    overview,
    association_changes,
    executions,
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
)
PAGES: tuple[Page, ...] = tuple(page for subject in SUBJECTS for page in subject.PAGES)
