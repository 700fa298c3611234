"""Where servers in this process log to, while tests look at the output of commands."""

import sys

import structlog


def keep_apart():
    """Standard error as it was at the start, which no CliRunner stands in for."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.__stderr__))
