"""The pages of `docs/reference/`, made from the program: `python -m documentation.reference [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from documentation import command_line, facts, operations

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Made from the program by `make reference`; change the program, not this page. -->"
PAGES: Mapping[str, Callable[[], str]] = {
    "operations.md": operations.page,
    "command-line.md": command_line.page,
    "metrics.md": facts.metrics_page,
    "events.md": facts.events_page,
    "plugins.md": facts.plugins_page,
    "quotas.md": facts.quotas_page,
}


def pages() -> dict[str, str]:
    """Every page by its name, as the program is now."""
    return {name: f"{MADE}\n\n{make().strip()}\n" for name, make in PAGES.items()}


def stale(folder: Path = FOLDER) -> list[str]:
    """The pages in the folder that say something else than the program."""
    return [
        name
        for name, text in pages().items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Write the pages, or with `--check` name those that are out of date."""
    if "--check" in sys.argv[1:]:
        found = stale()
        for name in found:
            print(f"docs/reference/{name} is out of date: run `make reference`", file=sys.stderr)
        return bool(found)
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
