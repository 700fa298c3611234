"""Logs go to standard error: one line an event, for people or as JSON."""

from __future__ import annotations

import logging
import sys

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str, form: str) -> None:
    """Set up structlog for this process. Raises ValueError for an unknown level or form."""
    if level not in LEVELS:
        raise ValueError(f"--log-level {level!r}: unknown, use one of {', '.join(LEVELS)}")
    if form not in ("text", "json"):
        raise ValueError(f"--log-format {form!r}: unknown, use text or json")
    renderer: structlog.types.Processor
    # Tracebacks never show the values of variables: secrets and request bodies are among them.
    if form == "json":
        tracebacks = structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
        renderer = structlog.processors.JSONRenderer()
    else:
        tracebacks = structlog.processors.ExceptionRenderer()
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            tracebacks,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
