"""Making a function a command: its shared options, and the examples that its help begins with (console 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from stateward.cli.presentation import presented
from stateward.cli.whereabouts import located

HELP = {"help_option_names": ["-h", "--help"]}


class _WithExamples:
    """Help: usage, examples, what it does, options."""

    examples: tuple[str, ...] = ()

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        if self.examples:
            formatter.write_paragraph()
            for example in self.examples:
                formatter.write(f"  $ {example}\n")
        super().format_help_text(ctx, formatter)  # type: ignore[misc]


def group(help_text: str, *examples: str, by_default: str = "", **settings: Any) -> typer.Typer:
    """A group of commands. `by_default` is the command that words are for which name no other, if there is one."""
    kind = type("Group", (_WithExamples, _Group), {"examples": examples, "by_default": by_default})
    # Plain help: what draws it in boxes takes longer to load than everything else together.
    given = {"no_args_is_help": True, "context_settings": HELP, "rich_markup_mode": None, "add_completion": False}
    return typer.Typer(cls=kind, help=help_text, **{**given, **settings})


def command(
    app: typer.Typer, name: str, *examples: str, look: bool = True, located_too: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command of this name: one that takes `where` and `look`, unless it asks or shows nothing."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        kind = type("Command", (_WithExamples, TyperCommand), {"examples": examples})
        made = presented(function) if look else function
        made = located(made) if located_too else made
        app.command(name, cls=kind, context_settings=HELP)(made)
        return function

    return decorate


class _Group(TyperGroup):
    by_default = ""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if self.by_default and args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.by_default, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        found: list[Any] = super().shell_complete(ctx, incomplete)
        if self.by_default:
            found += self.commands[self.by_default].params[0].shell_complete(ctx, incomplete)
        return found
