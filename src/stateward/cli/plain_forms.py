"""Answers for programs: JSON, JSON lines, YAML, or the text that a query has found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer


def plain(value: Any) -> Any:
    """The value of JSON's kinds only; instants are text in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def searched(query: str, value: Any) -> Any:
    """What JMESPath finds. Raises ValueError for what is no expression, or does not fit the value."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, value)
    except JMESPathError as error:
        raise ValueError(" ".join(str(error).split())) from error


def write(value: Any, output: str) -> None:
    """On standard output; where no form was asked for, simple things as lines of text and the rest as JSON."""
    if output == "yaml":
        import yaml

        typer.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    elif output == "jsonl":
        for one in value if isinstance(value, list) else [value]:
            typer.echo(json.dumps(one, ensure_ascii=False))
    elif output == "json" or not _is_lines(value):
        typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        for line in _lines(value):
            typer.echo(line)


def _is_simple(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _is_lines(value: Any) -> bool:
    """Whether it is a value, a list of values, or rows of values."""
    if _is_simple(value):
        return True
    return isinstance(value, list) and all(_is_simple(one) or _is_row(one) for one in value)


def _is_row(value: Any) -> bool:
    return isinstance(value, list) and all(_is_simple(one) for one in value)


def _lines(value: Any) -> Sequence[str]:
    if _is_simple(value):
        return [] if value is None else [_text(value)]
    return ["\t".join(map(_text, one)) if isinstance(one, list) else _text(one) for one in value]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
