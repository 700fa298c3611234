"""The pages, played: what they show in terminals is typed, and what they say that it prints is compared."""

import shutil

import pytest
from blocks import ROOT, blocks_of, pages
from tour import Tour

from every_run import with_the_rest_slow

TOURS = [page for page in pages() if any(block.kind == "tour" for block in blocks_of(page))]
LONG = {"docs/coming-from-aws.md", "docs/tutorial-operators.md", "docs/upgrading.md"}
OWN_TESTS = {
    ("docs/test-kit.md", ""): "tests/kit/test_kit_page.py",
    ("docs/virtual-clock.md", "fleet"): "tests/simulation/test_fleet_page.py",
    ("README.md", ""): "tests/kit/test_kit_page.py",
}
"""Page and word behind `run:` of the blocks that a test of their own plays."""
SERVED = [
    block
    for page in pages()
    for block in blocks_of(page)
    if block.kind == "run" and (block.page, block.what) not in OWN_TESTS
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="the tours need bash and curl"),
]


def test_there_are_tours_to_play():
    assert {"README.md", "docs/tutorial-operators.md", "docs/coming-from-aws.md"} <= set(TOURS)


@pytest.mark.parametrize("page", with_the_rest_slow(TOURS, set(TOURS) - LONG))
def test_a_tour_works_as_it_is_written(page, tmp_path):
    tour = Tour(tmp_path, (ROOT / page).read_text(encoding="utf-8"))
    try:
        for block in (one for one in blocks_of(page) if one.kind == "tour"):
            if block.language == "console":
                tour.play(block.what, block.text)
            else:
                tour.run(block.what, block.text)
    finally:
        tour.close()


@pytest.mark.parametrize("page", sorted({block.page for block in SERVED}))
def test_blocks_work_with_a_server_that_is_there(page, tmp_path):
    """Its clock is virtual; the name behind `run:` is the terminal."""
    tour = Tour(tmp_path, "")
    try:
        tour.play("server", "$ stateward serve --clock virtual --tls-port 8443 --data-dir data\n")
        for block in (one for one in SERVED if one.page == page):
            if block.what not in tour:
                tour.run_here(block.what, 'export STATEWARD_DATA_DIR="$PWD/data"; eval "$(stateward credentials)"')
            if block.language == "console":
                tour.play(block.what, block.text)
            else:
                tour.run(block.what, block.text)
    finally:
        tour.close()
