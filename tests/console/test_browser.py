"""The console in a real browser: every page, its buttons, live updates, the keyboard alone, accessibility."""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from console_world import Showcase, World
from playwright.sync_api import expect, sync_playwright

from live_server import KEY_ID, REGION, SECRET, LiveServer
from stateward.console.map_of_site import PAGES
from waiting import until

CHROMIUM = Path(os.environ.get("STATEWARD_TEST_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = os.environ.get("STATEWARD_TEST_PICTURES")
"""A folder: pictures for the documentation are written there."""

BASE = f"/console/{REGION}"
PART = re.compile(r"\{(\w+)(?::path)?\}")
NO_PAGES = (".png", ".json", "/output", "/live", "/follow", "/at")
QUERIES = {
    "/associations/run": "?id={association_id}",
    "/associations/{association_id}/executions/{execution_id}/compare": "?with={before_id}",
    "/documents/{name}/default": "?version=2",
    "/why": "?association={association_id}&node={node_id}",
    "/search": "?q=night",
}
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
DESK, PHONE = {"width": 1360, "height": 860}, {"width": 360, "height": 780}

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}: apt install chromium, or set STATEWARD_TEST_CHROMIUM"
)


@pytest.fixture(scope="module")
def world(server_thread, model, tmp_path_factory):
    server = LiveServer(server_thread, tmp_path_factory.mktemp("browser"), model)
    yield World(server)
    server.stop_later()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def signed_in(browser, world):
    """The cookies of somebody who has signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{world.server.url}/console")
    page.fill("#key", KEY_ID)
    page.fill("#secret", SECRET)
    page.click("button.primary")
    expect(page).to_have_title(re.compile("Stateward"))
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def tab(browser, signed_in):
    """A page of a signed-in person, which fails the test for whatever the browser complains about."""
    context = browser.new_context(storage_state=signed_in, viewport=DESK)
    page = context.new_page()
    complaints = watched(page)
    yield page
    context.close()
    assert complaints == []


def watched(page):
    complaints = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def every_address(world):
    """(path, address) of every page that is HTML and shows itself."""
    for page in PAGES:
        path = page.path
        if path.endswith(NO_PAGES) or path in ("/executions/{execution_id}",) or "{rest" in path:
            continue
        parts = {**world.parts, "name": "freeze"} if path.startswith("/calendars") else world.parts
        yield path, BASE + PART.sub(lambda part, parts=parts: parts[part[1]], path + QUERIES.get(path, ""))


def test_every_page_is_accessible_and_fits_a_phone(tab, world):
    axe, found, wide = Axe(), [], []
    tab.emulate_media(reduced_motion="reduce")
    for path, address in every_address(world):
        answer = tab.goto(world.server.url + address, wait_until="load")
        assert answer.status == 200, address
        problems = axe.run(tab, options=RULES).response["violations"]
        found += [(path, one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in problems]
        tab.set_viewport_size(PHONE)
        if tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(path)
        tab.set_viewport_size(DESK)
    assert found == []
    assert wide == []


def test_a_failing_nodes_output_is_three_clicks_away(tab, world):
    tab.goto(f"{world.server.url}/console")
    tab.get_by_role("link", name="nightly-restart").first.click()
    tab.locator("table.heat a.c.Failed").last.click()
    expect(tab.locator("pre[aria-label='stderr of restart']")).to_contain_text("disk full")
    assert "⟨U+202E⟩" in tab.locator("pre[aria-label='stderr of restart']").inner_text()
    expect(tab).to_have_title(re.compile("^Failed · web · nightly-restart #"))


def test_a_retry_shows_its_nodes_and_runs_on_them(tab, world):
    tab.goto(f"{world.server.url}{BASE}/associations/{world.association}")
    tab.get_by_role("link", name="Retry 3 nodes").click()
    expect(tab.get_by_role("heading", name="3 nodes, version 1")).to_be_visible()
    tab.get_by_role("button", name="Retry 3 nodes").click()
    expect(tab.get_by_role("status")).to_contain_text("runs on 3 nodes")
    assert "/executions/" in tab.url


def test_running_once_shows_its_nodes_and_the_page_follows_the_run(tab, world):
    tab.goto(f"{world.server.url}{BASE}/associations/{world.association}")
    runs = tab.locator("#rows table.rows tbody tr")
    newest = runs.first.inner_text().split()[0]
    expect(tab.locator("#live-chip")).to_have_text("live")
    other = tab.context.new_page()
    other.goto(f"{world.server.url}{BASE}/associations/{world.association}")
    other.get_by_role("link", name="Run once").click()
    other.get_by_role("button", name="Run on 12 nodes").click()
    expect(other.get_by_role("status")).to_contain_text("1 run started")
    other.close()
    tab.bring_to_front()
    expect(runs.first).not_to_contain_text(newest, timeout=15_000)


def test_pausing_and_resuming_is_two_clicks_each(tab, world):
    tab.goto(f"{world.server.url}{BASE}/associations/{world.association}")
    tab.get_by_role("link", name="Pause").click()
    tab.get_by_role("button", name="Pause association").click()
    expect(tab.get_by_text("paused since")).to_be_visible()
    tab.get_by_role("link", name="Resume").click()
    tab.get_by_role("button", name="Resume association").click()
    expect(tab.get_by_role("link", name="Pause")).to_be_visible()


def test_an_edit_is_previewed_and_then_made(tab, world):
    tab.goto(f"{world.server.url}{BASE}/associations/{world.association}/edit")
    tab.fill("#schedule", "rate(12 hours)")
    tab.get_by_role("button", name="Preview").click()
    expect(tab.get_by_role("cell", name="ScheduleExpression")).to_be_visible()
    expect(tab.get_by_text("12 nodes match now")).to_be_visible()
    tab.get_by_role("button", name=re.compile("Make version")).click()
    expect(tab.locator("code", has_text="rate(12 hours)").first).to_be_visible()


def test_a_command_is_sent_to_the_nodes_that_were_shown(tab, world):
    tab.goto(f"{world.server.url}{BASE}/commands/new?document=restart-service")
    tab.fill("#targets", "env=prod")
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_role("button", name="Run on 12 nodes").click()
    expect(tab.get_by_role("heading", level=1)).to_contain_text("restart-service")


def test_a_document_is_written_and_becomes_the_default(tab, world):
    tab.goto(f"{world.server.url}{BASE}/documents/restart-service/edit")
    text = tab.input_value("#content").replace("curl -fsS localhost", "curl -fsS localhost/ready")
    tab.fill("#content", text)
    tab.get_by_role("button", name="Add a version").click()
    expect(tab.get_by_text("1 association follows the default version")).to_be_visible()
    tab.get_by_role("button", name=re.compile("Make version . the default")).click()
    expect(tab.get_by_text("curl -fsS localhost/ready")).to_be_visible()


def test_a_key_is_made_shown_once_and_revoked(tab, world):
    tab.goto(f"{world.server.url}{BASE}/keys")
    tab.get_by_role("button", name="Make a key").click()
    key = tab.locator("dd .id").first.inner_text()
    tab.goto(f"{world.server.url}{BASE}/keys/{key}/revoke")
    tab.fill("#name", key)
    tab.get_by_role("button", name="Revoke key").click()
    expect(tab.get_by_role("status")).to_contain_text("is revoked")


def test_an_activation_gives_lines_to_paste(tab, world):
    tab.goto(f"{world.server.url}{BASE}/join")
    tab.get_by_role("button", name="Make the lines to paste").click()
    expect(tab.get_by_role("heading", name="Stateward's agent on Linux")).to_be_visible()
    assert "STATEWARD_ACTIVATION_CODE=" in tab.locator("pre").first.inner_text()


def test_the_keyboard_alone_reaches_a_failing_nodes_output(tab, world):
    tab.goto(f"{world.server.url}/console")
    tab.keyboard.press("?")
    expect(tab.locator("#help")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("#help")).to_be_hidden()
    tab.keyboard.press("g")
    tab.keyboard.press("a")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Associations")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    grid = tab.locator("table.heat")
    expect(grid).to_have_attribute("role", "grid")
    assert tab.locator("table.heat a.c[tabindex='0']").count() == 1, "the map is one stop of the tab key"
    tab.locator("table.heat a.c[tabindex='0']").focus()
    tab.keyboard.press("End")
    label = ""
    while not label.endswith("Failed"):
        before = label
        tab.keyboard.press("p")
        label = tab.evaluate("document.activeElement.getAttribute('aria-label')")
        assert label != before, "no failed cell is left of this one"
    assert re.match(r"(web|\d+ nodes)[^,]*, #\d+, .+ UTC, .+, version \d, Failed$", label), label
    tab.keyboard.press("Enter")
    expect(tab.locator("pre[aria-label='stderr of restart']")).to_contain_text("disk full")
    tab.keyboard.press("u")
    expect(tab.get_by_role("heading", name="Nodes")).to_be_visible()
    tab.keyboard.press("t")
    expect(tab.locator("html")).to_have_class(re.compile("exact-times"))


def test_slash_searches_and_one_hit_goes_straight_there(tab, world):
    tab.goto(f"{world.server.url}{BASE}/settings")
    tab.keyboard.press("/")
    tab.keyboard.type("nightly-restart")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_contain_text("nightly-restart")
    assert world.association in tab.url


def test_the_canvas_takes_the_pictures_place_and_leads_to_targets(tab, world):
    tab.goto(f"{world.server.url}{BASE}/associations/{world.association}?fold=0")
    if tab.locator("figure.map").count() == 0:
        world.fleet.add(20, tags={"env": "prod"}, name="late")
        world.server.clock(advance="1d")
        tab.reload()
    canvas = tab.locator("figure.map canvas")
    expect(canvas).to_be_visible()
    canvas.hover(position={"x": 140, "y": 26})
    expect(tab.locator("#map-line")).to_contain_text(re.compile(r", run \d+, "))
    tab.get_by_role("button", name="Larger cells").click()
    canvas.click(position={"x": 140, "y": 26})
    tab.wait_for_url(re.compile("/executions/[^/]+/nodes/"))


def test_without_scripts_everything_is_read_and_a_click_on_the_picture_works(browser, signed_in, world):
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{world.server.url}{BASE}/associations/{world.association}?fold=0")
    page.locator("figure.map img").click(position={"x": 4, "y": 4})
    assert "/nodes/mi-" in page.url
    page.goto(f"{world.server.url}{BASE}/nodes?ping=Online")
    expect(page.locator("#rows tbody tr").first).to_contain_text("Online")
    context.close()


def test_a_revoked_session_ends_and_a_wrong_secret_stays_out(browser, world):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{world.server.url}{BASE}/nodes")
    page.fill("#key", KEY_ID)
    page.fill("#secret", "wrong")
    page.click("button.primary")
    expect(page.get_by_role("alert")).to_have_text("The access key or its secret is wrong.")
    page.fill("#secret", SECRET)
    page.click("button.primary")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nodes")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{world.server.url}{BASE}/nodes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    context.close()


@pytest.mark.skipif(not PICTURES, reason="pictures are made on request: STATEWARD_TEST_PICTURES=docs/pictures")
def test_pictures_for_the_documentation(browser, server):
    shown = Showcase(server)
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    page = context.new_page()
    page.goto(f"{server.url}/console")
    page.fill("#key", KEY_ID)
    page.fill("#secret", SECRET)
    page.click("button.primary")
    folder = Path(PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    run = f"/associations/{shown.association}/executions/{shown.execution}"
    for name, path, scheme in (
        ("overview", "/", "light"),
        ("association", f"/associations/{shown.association}", "light"),
        ("association-dark", f"/associations/{shown.association}", "dark"),
        ("execution", run, "light"),
        ("output", f"{run}/nodes/{shown.failing}", "light"),
        ("why", f"/why?association={shown.association}&node={shown.failing}", "light"),
    ):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{server.url}{BASE}{path}", wait_until="load")
        until(lambda: page.locator("figure.map").count() == page.locator("figure.map canvas").count())
        page.screenshot(path=str(folder / f"console-{name}.png"))
    context.close()
