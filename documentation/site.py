"""The hooks of MkDocs: the order of the pages, and links out of `docs/`.

The order is that of `docs/README.md`, so that there is one list. What pages link to outside of `docs/` becomes part of
the site below `project/`, a page as a page and everything else as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs"
PROJECT = "project"
LINK = re.compile(r"""(\[[^\]]*\]\(|\b(?:src|srcset)=")([^)"\s#]+)((?:#[^)"\s]*)?[)"])""")
SECTION = re.compile(r"^## (.+)$|^\| \[([^\]]+)\]\(([^)#]+)\) \|", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Sections and pages as the index has them; links into the middle of a page, and to other files, are no entries."""
    config.nav = [{"Start": "README.md"}]
    for section, title, page in SECTION.findall((ROOT / DOCS / "README.md").read_text(encoding="utf-8")):
        if section:
            config.nav.append({section: []})
        else:
            target = PurePosixPath(normpath(PurePosixPath(DOCS, page)))
            next(iter(config.nav[-1].values())).append({title: place(target)})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what the pages lead to, and what that leads to in turn."""
    from mkdocs.structure.files import File, InclusionLevel

    waiting = [PurePosixPath(DOCS, one.src_uri) for one in files.documentation_pages()]
    seen = set(waiting)
    while waiting:
        for target in sorted(_targets(waiting.pop()) - seen):
            seen.add(target)
            if target.suffix == ".md":
                waiting.append(target)
            if target.parts[0] != DOCS:
                path = str(ROOT / target)
                kept = InclusionLevel.NOT_IN_NAV  # it may be named there all the same
                files.append(File.generated(config, place(target), abs_src_path=path, inclusion=kept))
    return files


def on_page_markdown(markdown: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as they lead from the page's place in the site."""
    source = origin(page.file.src_uri)

    def led(link: re.Match[str]) -> str:
        target = target_of(source, link[2])
        if target is None or (source.parts[0] == target.parts[0] == DOCS):
            return link[0]
        return link[1] + relpath(place(target), page.file.src_uri.rpartition("/")[0] or ".") + link[3]

    return outside_of_code(markdown, lambda text: LINK.sub(led, text))


def target_of(page: PurePosixPath, link: str) -> PurePosixPath | None:
    """The file of the repository that a link of a page leads to; None where it leads to none, and out of it."""
    if "://" in link or link.startswith(("mailto:", "/")):
        return None
    target = PurePosixPath(normpath(page.parent / link))
    if (ROOT / target).is_dir():
        target /= "README.md"
    return target if target.parts[0] != ".." and (ROOT / target).is_file() else None


def place(file: PurePosixPath) -> str:
    """Where a file of the repository stands in the site."""
    return str(file.relative_to(DOCS)) if file.parts[0] == DOCS else f"{PROJECT}/{file}"


def origin(place_in_site: str) -> PurePosixPath:
    """The file of the repository that stands at a place of the site."""
    if place_in_site.startswith(f"{PROJECT}/"):
        return PurePosixPath(place_in_site.removeprefix(f"{PROJECT}/"))
    return PurePosixPath(DOCS, place_in_site)


def outside_of_code(markdown: str, change: Callable[[str], str]) -> str:
    """A page with a change made to all of it but its blocks of code."""
    parts: list[str] = []
    at = 0
    for block in FENCE.finditer(markdown):
        parts += [change(markdown[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*parts, change(markdown[at:])])


def _targets(page: PurePosixPath) -> set[PurePosixPath]:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    return {target for _, link, _ in LINK.findall(text) if (target := target_of(page, link)) is not None}
