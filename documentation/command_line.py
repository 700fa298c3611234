"""`reference/command-line.md`: every command with its options, variables and defaults, as `--help` has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from documentation.tables import code, table
from stateward.cli.main import app


def page() -> str:
    commands = list(commands_of(typer.main.get_command(app)))
    index = "\n".join(f"* [`{words}`](#{words.replace(' ', '-')}): {_first_sentence(one)}" for words, one in commands)
    return "\n\n".join(
        [
            f"""
# Every command

What `--help` says, in one place. A flag wins over its variable, and that over the default.

{index}
""",
            *(_section(words, command) for words, command in commands),
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


def _section(words: str, command: Any) -> str:
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    usage = " ".join([words, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    rows = [_option(one) for one in options]
    parts = [f"## {words}", f"`{usage}`", _text(command.help)]
    if rows:
        parts.append(table(["Option", "Variable", "Default", ""], rows))
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
