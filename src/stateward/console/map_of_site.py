"""Every page of the console, and the navigation to them."""

from __future__ import annotations

from stateward.console.pages import commands, documents, nodes, overview, settings
from stateward.console.visit import Page

PAGES: tuple[Page, ...] = tuple(
    page for subject in (overview, nodes, commands, documents, settings) for page in subject.PAGES
)
