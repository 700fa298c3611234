"""Options that several commands share: declared once, added behind a command's own, handed over together."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

Command = Callable[..., None]


def bundle(
    name: str, made: Callable[..., Any], options: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Callable[[Command], Command]:
    """A decorator that gives a command these options; it takes them as one argument, `made(*values)`, under `name`.

    An option that the command has itself, under the same name, is its own.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [parameter for key, parameter in signature.parameters.items() if key != name]
        added = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=defaults[key], annotation=option)
            for key, option in options.items()
            if key not in signature.parameters
        ]
        taken = {parameter.name for parameter in added}

        @functools.wraps(command)
        def run(**given: Any) -> None:
            together = made(*(given.pop(key) if key in taken else defaults[key] for key in options))
            command(**{name: together}, **given)

        run.__signature__ = signature.replace(parameters=own + added)  # type: ignore[attr-defined]
        return run

    return decorate
