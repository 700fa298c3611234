"""Every page of the console, and the navigation to them."""

from __future__ import annotations

from stateward.console.pages import (
    calendars,
    commands,
    compliance,
    documents,
    events,
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
