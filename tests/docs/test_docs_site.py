"""The site of the pages: complete, without a broken link, and all of it from its own folder."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from documentation import reference, site
from documentation.operations import refused

from stateward.commands.operations import send_command
from stateward.nodes.operations import NodeOperations

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
ADDRESS = re.compile(r"""<(?:link|script|img|source)\b[^>]*?(?:href|src|srcset)=["']([^"']+)["']""")
LINK = re.compile(r"""<a\b[^>]*?href=["']([^"']+)["']""")


def build(folder, config=ROOT / "mkdocs.yml"):
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--config-file", config, "--site-dir", folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site(built):
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html")
        assert (built / str(name).replace("README.html", "index.html")).exists()


def test_every_link_leads_to_a_file_of_the_site(built):
    for page in built.rglob("*.html"):
        if page.name == "404.html":  # its addresses begin at the root, whatever the path was that it answers
            continue
        text = page.read_text(encoding="utf-8")
        for link in LINK.findall(text) + ADDRESS.findall(text):
            parts = urlsplit(link)
            if not parts.scheme and parts.path:
                assert (page.parent / unquote(parts.path)).exists(), f"{page.name}: {link}"


def test_pages_fetch_nothing_from_elsewhere(built):
    for page in built.rglob("*.html"):
        assert [link for link in ADDRESS.findall(page.read_text(encoding="utf-8")) if "//" in link] == []


def test_a_link_to_nothing_fails_the_build(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# One\n\n[There](#two) [and there](three.md)\n", encoding="utf-8")
    whole = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    without_hooks = "\n".join(line for line in whole.splitlines() if not line.startswith("hooks:"))
    (tmp_path / "mkdocs.yml").write_text(without_hooks, encoding="utf-8")
    done = build(tmp_path / "site", tmp_path / "mkdocs.yml")
    assert done.returncode == 1
    assert "'#two'" in done.stderr
    assert "'three.md'" in done.stderr


@pytest.mark.parametrize(
    ("page", "link", "file"),
    [
        ("docs/README.md", "../README.md", "README.md"),
        ("docs/test-kit.md", "../examples/javascript", "examples/javascript/README.md"),
        ("docs/design/decisions.md", "../api.md", "docs/api.md"),
        ("docs/api.md", "https://example.net/api.md", None),
        ("docs/api.md", "../../etc/passwd", None),
        ("docs/api.md", "nowhere.md", None),
    ],
)
def test_a_link_is_followed_in_the_repository(page, link, file):
    found = site.target_of(site.PurePosixPath(page), link)
    assert found == (None if file is None else site.PurePosixPath(file))


# What is made from the program


def test_the_reference_says_what_the_program_says():
    assert reference.stale() == [], "run `make reference` and commit docs/reference/"


def test_a_stale_reference_is_seen(tmp_path):
    for name, text in reference.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "quotas.md").write_text("# Quotas\n", encoding="utf-8")
    (tmp_path / "metrics.md").unlink()
    assert reference.stale(tmp_path) == ["metrics.md", "quotas.md"]


def test_refused_members_are_read_from_the_operation():
    assert refused(send_command) == ["ServiceRoleArn", "NotificationConfig", "CloudWatchOutputConfig"]
    assert refused(NodeOperations.create_activation) == ["RegistrationMetadata"]


def test_the_reference_has_every_metric_that_is_served(server):
    page = (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")
    served = re.findall(r"^# TYPE (\w+) ", server.text("/metrics").text, re.MULTILINE)
    assert len(served) > 5
    # A counter has a second row with the time at which it was made.
    assert {name for name in served if not name.endswith("_created")} == set(
        re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
    )
