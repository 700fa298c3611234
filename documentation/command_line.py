"""`reference/command-line.md`: every command with its options, variables and defaults, as `--help` has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import typer

from documentation.tables import code, table
from stateward.cli.main import app

HEAD = ("Option", "Variable", "Default", "")
SEPARATOR = "\0"
MANY = 8
"""What so many commands have, with the same words, is told once."""


def page() -> str:
    commands = list(commands_of(typer.main.get_command(app)))
    common = _common(commands)
    index = "\n".join(f"* [`{words}`](#{words.replace(' ', '-')}): {_first_sentence(one)}" for words, one in commands)
    return "\n\n".join(
        [
            f"""
# Every command

What `--help` says, in one place. A flag wins over its variable, and that over the default.

{index}

## Options of many commands

{table(HEAD, (key.split(SEPARATOR) for key in common))}
""",
            *(_section(words, command, common) for words, command in commands),
        ]
    )


def commands_of(command: Any, words: str = "stateward") -> Iterator[tuple[str, Any]]:
    """Every command that does something by itself, by its words; hidden ones left out."""
    inner = getattr(command, "commands", {})
    if not inner or getattr(command, "invoke_without_command", False):
        yield words, command
    for name, one in sorted(inner.items()):
        if not one.hidden:
            yield from commands_of(one, f"{words} {name}")


def _common(commands: list[tuple[str, Any]]) -> list[str]:
    """The options of many commands, as their rows in a table, the most frequent first."""
    counted = Counter(_key(option) for _, command in commands for option in _options(command))
    return [key for key, times in counted.most_common() if times >= MANY]


def _key(option: Any) -> str:
    return SEPARATOR.join(_option(option))


def _options(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "option" and not one.hidden]


def _section(words: str, command: Any, common: list[str]) -> str:
    options = _options(command)
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    usage = " ".join([words, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    rows = [_option(one) for one in options if _key(one) not in common]
    shared = [one.opts[0] for one in options if _key(one) in common]
    parts = [f"## {words}", f"`{usage}`", _text(command.help)]
    if rows:
        parts.append(table(HEAD, rows))
    if shared:
        parts.append(f"[Options of many commands](#options-of-many-commands): {code(shared)}.")
    return "\n\n".join(parts)


def _option(option: Any) -> list[str]:
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or [])
    names = [*option.opts, *option.secondary_opts]
    return [code(names), code(variables), _default(option), _text(option.help)]


def _default(option: Any) -> str:
    if option.required:
        return "must be given"
    value = option.default
    if callable(value) or value in (None, "", False, True, [], ()):
        return ""
    return code(str(one) for one in value) if isinstance(value, list | tuple) else f"`{value}`"


def _argument(argument: Any) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name if argument.required else f"[{name.strip('[]')}]"


def _first_sentence(command: Any) -> str:
    return _text(command.help).partition(". ")[0].rstrip(".")


def _text(text: str | None) -> str:
    # Angle brackets would be HTML in a page.
    return " ".join((text or "").split()).replace("<", "&lt;")
