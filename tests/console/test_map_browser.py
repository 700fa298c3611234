"""The map in a real browser: canvas, picture without scripts, the keyboard alone, live, accessibility."""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_people import BASE
from map_world import MapWorld, long_history
from playwright.sync_api import expect
from test_browser import CHROMIUM, DESK, PHONE, RULES, watched
from test_browser import browser as browser  # noqa: PLC0414
from test_browser import signed_in as signed_in  # noqa: PLC0414

from every_run import with_the_rest_slow
from live_server import LiveServer
from waiting import until

LABELS, HEAD = 132, 22
"""What stands left of the canvas's cells and above them, in pixels."""
PICTURES = os.environ.get("STATEWARD_TEST_PICTURES")

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt install chromium, or set STATEWARD_TEST_CHROMIUM"
)


@pytest.fixture(scope="module")
def world(server_thread, model, tmp_path_factory):
    server = LiveServer(server_thread, tmp_path_factory.mktemp("map"), model)
    yield MapWorld(server)
    server.stop_later()


@pytest.fixture
def tab(browser, signed_in):
    """A page of a signed-in person, which fails the test for whatever the browser complains about."""
    context = browser.new_context(storage_state=signed_in, viewport=DESK, timezone_id="UTC")
    page = context.new_page()
    complaints = watched(page)
    yield page
    context.close()
    assert complaints == []


def address(world, query="?fold=0"):
    return f"{world.server.url}{BASE}{world.path}{query}"


def opened(tab, world, query="?fold=0"):
    """The page with its canvas drawn; the canvas."""
    tab.goto(address(world, query))
    canvas = tab.locator("figure.map canvas")
    expect(canvas).to_be_visible()
    return canvas


def cell(tab, x, y):
    """Where a cell is on the canvas, scrolled to the beginning."""
    zoom = tab.evaluate("document.querySelector('figure.map').picture.zoom")
    return {"x": LABELS + x * zoom + zoom // 2, "y": HEAD + y * zoom + zoom // 2}


def size(tab):
    return tab.evaluate("(({width, height}) => [width, height])(document.querySelector('figure.map').picture)")


def spoken(tab):
    """What a screen reader hears of the canvas's grid."""
    return tab.evaluate(
        "document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).textContent"
    )


def test_a_failing_nodes_output_is_three_clicks_away(tab, world):
    tab.goto(f"{world.server.url}/console")
    tab.get_by_role("link", name="nightly-restart").first.click()
    tab.locator("table.heat tbody tr").first.locator("a.Failed").last.click()
    expect(tab.locator("pre[aria-label='stderr of restart']")).to_contain_text("disk full")


def test_a_cell_of_the_canvas_tells_and_opens(tab, world):
    canvas = opened(tab, world)
    width, _ = size(tab)
    canvas.hover(position=cell(tab, width - 1, 0))
    expect(tab.locator("#map-line")).to_have_text(
        re.compile(r"^web …\d{4}, run \d+, .+ UTC, Failed, restart exit 1: disk full$")
    )
    canvas.click(position=cell(tab, width - 1, 0))
    tab.wait_for_url(re.compile(rf"/executions/[^/]+/nodes/{world.bad[0]}$"))


def test_dragging_chooses_runs(tab, world):
    canvas = opened(tab, world)
    numbers = tab.evaluate("document.querySelector('figure.map').picture.runs.map((run) => run.n)")
    box = canvas.bounding_box()
    begin, end = cell(tab, 2, 3), cell(tab, 6, 3)
    tab.mouse.move(box["x"] + begin["x"], box["y"] + begin["y"])
    tab.mouse.down()
    tab.mouse.move(box["x"] + end["x"], box["y"] + end["y"], steps=4)
    expect(tab.locator("#map-line")).to_contain_text(f"5 runs, #{numbers[2]} to #{numbers[6]}")
    tab.mouse.up()
    tab.wait_for_url(re.compile(rf"runs=5&before={numbers[7]}$"))
    expect(tab.locator("figure.map canvas")).to_be_visible()
    shown = tab.evaluate("document.querySelector('figure.map').picture.runs.map((run) => run.n)")
    assert shown == numbers[2:7]


def zoom_of(tab):
    return tab.evaluate("document.querySelector('figure.map').picture.zoom")


def test_cells_become_larger_and_smaller_and_labels_stay(tab, world):
    canvas = opened(tab, world)
    assert zoom_of(tab) == 8, "the largest that shows all forty rows"
    tab.get_by_role("button", name="Smaller cells").click()
    assert zoom_of(tab) == 4
    tab.get_by_role("grid").first.focus()
    tab.keyboard.press("+")
    tab.keyboard.press("+")
    tab.keyboard.press("+")
    assert zoom_of(tab) == 16
    canvas.hover(position={"x": LABELS + 40, "y": 200})
    tab.mouse.wheel(0, 300)
    until(lambda: tab.evaluate("document.querySelector('.pane').scrollTop") > 0)
    box, pane = canvas.bounding_box(), tab.locator(".pane").bounding_box()
    assert abs(box["y"] - pane["y"]) < 3, "the canvas stays in the pane, and its labels with it"


def test_the_keyboard_alone_walks_through_the_canvas(tab, world):
    opened(tab, world)
    width, height = size(tab)
    pane = tab.get_by_role("grid").first
    assert pane.get_attribute("aria-rowcount") == str(height)
    assert pane.get_attribute("aria-colcount") == str(width)
    pane.focus()
    assert spoken(tab).endswith("Failed, restart exit 1: disk full"), "it begins at the worst node's newest run"
    first = tab.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
    tab.keyboard.press("Home")
    assert re.match(r"web …\d+, run 1, .+, Success$|web …\d+, run 2, .+, Success$", spoken(tab))
    assert tab.evaluate("document.activeElement.getAttribute('aria-activedescendant')") != first
    tab.keyboard.press("n")
    assert ", Failed" in spoken(tab)
    row, run = spoken(tab).split(",")[:2]
    tab.keyboard.press("ArrowLeft")
    assert spoken(tab).startswith(f"{row},")
    assert ", Success" in spoken(tab)
    tab.keyboard.press("n")
    assert spoken(tab).startswith(f"{row},{run},")
    tab.keyboard.press("PageDown")
    tab.keyboard.press("End")
    cell_id = tab.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
    assert tab.locator(f"#{cell_id}").locator("..").get_attribute("aria-rowindex") == "11"
    tab.keyboard.press("p")
    assert re.search(r", (Failed|TimedOut)", spoken(tab))
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.closest('table').id") == "cells", "Esc leaves to the table"
    pane.focus()
    tab.keyboard.press("p")
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile("/executions/[^/]+/nodes/mi-"))


def test_the_keyboard_alone_walks_through_the_table(tab, world):
    tab.goto(address(world, ""))
    table = tab.locator("table.heat")
    expect(table).to_have_attribute("role", "grid")
    assert table.locator("[tabindex='0']").count() == 1, "the table is one stop of the Tab key"
    table.locator("[tabindex='0']").focus()
    tab.keyboard.press("Home")
    expect(tab.locator(":focus")).to_contain_text("3 nodes")
    tab.keyboard.press("End")
    expect(tab.locator(":focus")).to_have_class(re.compile(r"^c "))
    assert tab.evaluate("document.activeElement.closest('td').nextElementSibling.className") == "why", "the newest run"
    tab.keyboard.press("n")
    label = tab.locator(":focus").get_attribute("aria-label")
    assert re.match(r"web …\d+, #\d+, .+ UTC, \w+, version 1, (Failed|TimedOut)$", label), label
    tab.keyboard.press("Escape")
    expect(tab.locator(".tabs a[aria-current]")).to_be_focused()


def test_without_scripts_a_click_on_the_picture_reaches_the_target(browser, signed_in, world):
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(address(world))
    image = page.locator("figure.map img")
    box = image.bounding_box()
    assert box["width"] % 16 == 0, "scaled by whole numbers"
    image.click(position={"x": box["width"] - 3, "y": 3})
    page.wait_for_url(re.compile(rf"/executions/[^/]+/nodes/{world.bad[0]}$"))
    page.goto(address(world))
    page.locator("figure.map a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"\?fold=0#map$"))
    page.locator("table.heat tbody a.Failed").first.click()
    page.wait_for_url(re.compile("/nodes/mi-"))
    context.close()


@pytest.mark.parametrize("scheme", with_the_rest_slow(("light", "dark"), ("light",)))
def test_the_map_is_accessible_and_fits_a_phone(tab, world, scheme):
    tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found = []
    for query in ("", "?fold=0", "?fold=0&runs=5"):
        tab.set_viewport_size(DESK)
        tab.goto(address(world, query))
        if query:
            expect(tab.locator("figure.map canvas")).to_be_visible()
        problems = Axe().run(tab, options=RULES).response["violations"]
        found += [(query, one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in problems]
        tab.set_viewport_size(PHONE)
        assert not tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert found == []


def test_a_phone_has_the_newest_runs_and_the_map_behind_a_link(tab, world):
    tab.set_viewport_size(PHONE)
    tab.goto(address(world))
    row = tab.locator("table.heat tbody tr").first
    visible = [one for one in row.locator("td:not(.now, .why)").all() if one.is_visible()]
    assert len(visible) == 12
    assert visible[0].bounding_box()["width"] >= 24
    assert not tab.locator("figure.map").is_visible()
    tab.get_by_role("link", name="Show the map of all").click()
    expect(tab.locator("figure.map")).to_be_visible()


def test_a_new_run_moves_the_map_by_one_column(tab, world):
    opened(tab, world)
    expect(tab.locator("#live-chip")).to_have_text("live")
    before = tab.evaluate("document.querySelector('figure.map').picture.runs.at(-1).n")
    names = tab.locator("table.heat th[scope=row]").all_inner_texts()
    world.turn(1)
    until(lambda: tab.evaluate("document.querySelector('figure.map').picture.runs.at(-1).n") > before)
    drawn = "(({runs, width, cells}) => [runs.at(-1).n, cells.length % width])"
    newest = tab.evaluate(f"{drawn}(document.querySelector('figure.map').picture)")
    assert newest == [before + 1, 0]
    assert tab.locator("table.heat th[scope=row]").all_inner_texts() == names, "rows keep their places"


@pytest.mark.skipif(not PICTURES, reason="pictures are made on request: STATEWARD_TEST_PICTURES=docs/pictures")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_the_map_for_the_documentation(browser, server_thread, model, tmp_path, scheme):
    server = LiveServer(server_thread, tmp_path, model, auth="open")
    association = long_history(server)
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 1240}, timezone_id="UTC")
    page = context.new_page()
    page.goto(f"{server.url}{BASE}/associations/{association}")
    expect(page.locator("figure.map canvas")).to_be_visible()
    box = page.locator("#map").bounding_box()
    last = page.locator("table.heat tbody tr").nth(12).bounding_box()
    clip = {"x": box["x"] - 16, "y": box["y"] - 8, "width": box["width"] + 32}
    clip["height"] = last["y"] - clip["y"]
    page.screenshot(path=str(Path(PICTURES) / f"heat-map-{scheme}.png"), clip=clip, full_page=True)
    context.close()
    server.stop_later()
