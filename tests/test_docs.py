"""The documentation tells of everything that there is, and its links lead somewhere; `docs/` beside this runs it."""

import re
import sys
from pathlib import Path

import pytest
import typer

import stateward.app
from stateward.cli.main import app

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(*parts):
    return (ROOT.joinpath(*parts)).read_text(encoding="utf-8")


def commands_of(command, path="stateward"):
    """Every command with a callback of its own, by its words."""
    inner = getattr(command, "commands", {})
    if not inner:
        yield path, command
    for name, one in inner.items():
        yield from commands_of(one, f"{path} {name}")


def refused_members():
    """The members in every NOT_BUILT of the server's modules."""
    loaded = [module for name, module in sys.modules.items() if name.startswith(stateward.__name__)]
    return sorted({member for module in loaded for member in getattr(module, "NOT_BUILT", ())})


def test_every_operation_is_documented(server):
    page = read("docs", "api.md")
    rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert rows == set(server.thread_server.performer.operations)


@pytest.mark.parametrize("member", refused_members())
def test_every_refused_member_is_documented(member):
    assert f"`{member}`" in read("docs", "api.md")


def test_there_are_refused_members_to_look_at():
    assert "NotificationConfig" in refused_members()


@pytest.mark.parametrize(("words", "command"), list(commands_of(typer.main.get_command(app))))
def test_every_command_and_option_is_documented(words, command):
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "docs")
    assert f"`{words}`" in text
    for option in (one for one in command.params if one.param_type_name == "option"):
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
        for name in (*option.opts, *variables):
            assert f"`{name}`" in text, f"{words}: {name} is not documented"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_internal_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def test_every_page_is_in_the_index():
    index = {link.partition("#")[0] for link in LINK.findall(read("docs", "README.md"))}
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert pages <= index


def anchors(page):
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
