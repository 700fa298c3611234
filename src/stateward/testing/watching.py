"""Noticing what goes wrong inside a server that runs beside a test: its log entries of level error.

A server's tasks carry its list of errors in their context, so that several servers in one process are told apart, and
the log of the code under test, which may use structlog as well, is left as it is.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

_mine: ContextVar[ServerErrors | None] = ContextVar("errors of the server whose task this is", default=None)
GRAVE = ("error", "exception", "critical", "fatal")
QUIET = ("debug", "info")


class ServerErrors:
    """What one server has logged as an error, each as a text with its traceback."""

    def __init__(self, *, is_quiet: bool) -> None:
        self.is_quiet = is_quiet
        self._found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def texts(self) -> list[str]:
        return list(self._found)

    def add(self, text: str) -> None:
        self._found.append(text)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Tasks that are made inside belong to this server."""
        _listen()
        token = _mine.set(self)
        try:
            yield
        finally:
            _mine.reset(token)


def _listen() -> None:
    # In place: loggers that were bound already hold this very list. Whoever configures structlog anew removes it.
    processors = structlog.get_config()["processors"]
    if isinstance(processors, list) and _note not in processors:
        processors.insert(0, _note)


def _note(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    errors = _mine.get()
    if errors is None:
        return event
    if errors.is_quiet and method in QUIET:
        raise structlog.DropEvent
    if method in GRAVE:
        errors.add(_text(event))
    return event


def _text(event: MutableMapping[str, Any]) -> str:
    """A log entry in words; the values of variables are not among them."""
    failure = event.get("exc_info")
    said = ", ".join(f"{name}={value}" for name, value in event.items() if name not in ("event", "exc_info"))
    lines = [str(event.get("event", "")) + (f" ({said})" if said else "")]
    if isinstance(failure, BaseException):
        lines += traceback.format_exception(failure)
    elif failure:
        lines.append(traceback.format_exc())
    return "\n".join(line.rstrip() for line in lines)
