"""The map of an association's page over HTTP: cells, picture, folding, filters, and what they cost."""

import re

import pytest
from console_people import BASE, signed_in
from map_world import MapWorld
from test_heat import decoded

from stateward.console import heat
from stateward.console.assets import Assets
from stateward.storage import Snapshot

CELL = re.compile(r'<a class="c ([\w ]+)" href="([^"]+)">(?:<i>[^<]*</i>)*([A-Z])')
ROW = re.compile(r'<tr(?: class="calm")?><th scope="row">.*?</tr>', re.DOTALL)
WINDOW = "60.worst.0.-.0.8"


@pytest.fixture(scope="module")
def world(server_thread, model, tmp_path_factory):
    from live_server import LiveServer

    server = LiveServer(server_thread, tmp_path_factory.mktemp("map"), model)
    yield MapWorld(server)
    server.stop_later()


@pytest.fixture
def person(world):
    return signed_in(world.server)


def rows_of(text):
    """Each row of the table: its markup."""
    return ROW.findall(text)


def map_of(person, world, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return person.get(f"{world.path}/map.json?{asked}").json()


def text_of(markup):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", markup)).strip()


def test_every_cell_is_a_link_with_its_word(person, world):
    row = rows_of(person.page(f"{world.path}?fold=0"))[0]
    cells = CELL.findall(row)
    assert [kind for kind, _, _ in cells][-3:] == ["Failed"] * 3
    assert "Failed" in text_of(row[row.index(cells[-1][1]) :])
    assert all(letter == heat.STATUSES[kind.split()[0]].letter for kind, _, letter in cells)


def test_a_cell_leads_to_what_the_node_did_in_that_run(person, world):
    _, address, _ = CELL.findall(rows_of(person.page(f"{world.path}?fold=0"))[0])[-1]
    answer = person.http.get(f"{BASE}{world.path}{address}", follow_redirects=True)
    assert answer.url.path.endswith(f"/nodes/{world.bad[0]}")
    assert "disk full" in answer.text


def test_equal_rows_are_one_and_unfold(person, world):
    folded = rows_of(person.page(world.path))
    group = next(row for row in folded if "3 nodes" in row)
    assert "restart exit 1: disk full" in text_of(group)
    address = re.search(r'<a class="folded" href="([^"]+)#cells">', group)[1]
    unfolded = rows_of(person.page(address))
    assert len(unfolded) == len(folded) + 2
    assert [node for node in world.bad if any(f"/nodes/{node}" in row for row in unfolded)] == world.bad


def test_a_folded_cell_leads_to_the_first_of_its_nodes(person, world):
    group = next(row for row in rows_of(person.page(world.path)) if "3 nodes" in row)
    answer = person.http.get(f"{BASE}{world.path}{CELL.findall(group)[-1][1]}", follow_redirects=True)
    assert answer.url.path.endswith(f"/nodes/{world.bad[0]}")
    assert "All with this error" in answer.text


def test_well_rows_are_quiet_and_flapping_ones_are_named(person, world):
    rows = rows_of(person.page(world.path))
    assert any('class="calm"' in row and "always Success" in row for row in rows)
    flaky = next(row for row in rows if f"node={world.flaky[0]}" in row or f"/nodes/{world.flaky[0]}" in row)
    assert "flapping" in flaky


def test_every_row_that_is_not_well_asks_why(person, world):
    rows = rows_of(person.page(f"{world.path}?fold=0&only=bad"))
    assert len(rows) == len(world.bad)
    for row in rows:
        address = re.search(r'href="([^"]+/why\?[^"]+)"', row)[1].replace("&amp;", "&")
        assert "disk full" in person.page(address)


def test_a_node_that_came_later_was_no_target_before(person, world):
    row = next(row for row in rows_of(person.page(f"{world.path}?fold=0&row=25")) if world.late[0] in row)
    assert "·not a target" in text_of(row)
    partial = next(address for kind, address, _ in CELL.findall(row) if kind.endswith("part"))
    first, last = re.search(r"cell=(\d+)-(\d+)\.", partial).groups()
    answer = person.get(f"{BASE}{world.path}{partial}")
    assert answer.headers["location"].endswith(f"/runs/{last}/nodes/{world.late[0]}")
    assert first != last
    person.http.get(answer.headers["location"], follow_redirects=True).raise_for_status()


def test_a_picture_has_a_pixel_for_each_letter(person, world):
    found = map_of(person, world, fold=0)
    answer = person.get(f"{world.path}/map/{WINDOW}/dark.png")
    assert answer.headers["content-type"] == "image/png"
    colours = heat.palette(Assets().text("style.css"), "dark")
    width, height, pixels = decoded(answer.content)
    assert (width, height) == (len(found["runs"]), len(found["rows"]))
    assert [colours[letter.upper()] for letter in found["cells"]] == [pixel for row in pixels for pixel in row]


def test_more_than_25_rows_have_a_picture_with_its_sentence(person, world):
    text = person.page(f"{world.path}?fold=0")
    assert f'<a href="{BASE}{world.path}/map/60.worst.0.-.0.16/at">' in text
    alt = re.search(r'<img ismap [^>]*alt="([^"]+)"', text)[1]
    assert alt.startswith("40 nodes over ")
    assert alt.endswith("36 Success, 4 Failed") or alt.endswith("37 Success, 3 Failed")
    assert "<img ismap" not in person.page(world.path), "a small map is only a table"


def test_a_click_on_the_picture_leads_to_the_target(person, world):
    found = map_of(person, world, fold=0)
    x, y = len(found["runs"]) - 1, 1
    answer = person.get(f"{world.path}/map/{WINDOW}/at?{x * 8 + 7},{y * 8}")
    assert answer.status_code == 303
    assert answer.headers["location"].endswith(f"/runs/{found['runs'][x]['n']}/nodes/{found['rows'][y]['node']}")
    for beside in ("", "?0,0", "?9999,1", "?1,9999"):
        location = person.get(f"{world.path}/map/{WINDOW}/at{beside}").headers["location"]
        assert location == f"{BASE}{world.path}?fold=0#map", "from the keyboard no point comes"


def test_what_has_not_changed_is_not_sent_again(person, world):
    for path in (f"{world.path}/map/{WINDOW}/dark.png", f"{world.path}/map.json?fold=0"):
        first = person.get(path)
        assert person.get(path, **{"if-none-match": first.headers["etag"]}).status_code == 304


def test_older_runs_are_a_page_back(person, world):
    newest = map_of(person, world, runs=5)["runs"]
    text = person.page(f"{world.path}?runs=5")
    older = re.search(r'<a href="([^"]+)">Older runs</a>', text)[1].replace("&amp;", "&")
    assert older.endswith(f"before={newest[0]['n']}")
    before = map_of(person, world, runs=5, before=newest[0]["n"])["runs"]
    assert before[-1]["n"] < newest[0]["n"]
    assert f">{before[-1]['n']}</span>" in person.page(older)


@pytest.mark.parametrize("path", ["/map/x/at", "/map/60.worst.0.-.0.8/blue.png", "/map/0.worst.0.-.0.8/dark.png"])
def test_what_is_no_part_of_a_map_is_refused(person, world, path):
    assert person.get(world.path + path).status_code in (400, 404)


@pytest.mark.parametrize("cell", ["x", "9999.mi-1", "1.mi-nobody", "1-2.mi-nobody", "1.F.."])
def test_what_is_no_cell_is_not_found(person, world, cell):
    answer = person.http.get(f"{BASE}{world.path}?cell={cell}", follow_redirects=True)
    assert answer.status_code == 404


@pytest.mark.parametrize("query", ["?runs=x", "?runs=0", "?runs=99999", "?sort=no", "?only=no", "?open=<b>", "?row=-1"])
def test_nonsense_in_the_address_shows_the_usual_map(person, world, query):
    assert len(rows_of(person.page(world.path + query))) == len(rows_of(person.page(world.path)))


def test_the_page_costs_what_it_may(person, world, monkeypatch):
    """At most twelve statements and 150 kB, whatever it shows."""
    told = []
    for name in ("rows", "row", "column", "value"):
        original = getattr(Snapshot, name)

        async def counted(self, *given, original=original):
            told.append(next(" ".join(value.split())[:90] for value in given if isinstance(value, str)))
            return await original(self, *given)

        monkeypatch.setattr(Snapshot, name, counted)
    text = person.page(f"{world.path}?fold=0&runs=500")
    assert len(text) <= 150_000
    assert 0 < len(told) <= 12, told


def test_the_trend_says_how_long_runs_took(person, world):
    text = text_of(person.page(world.path))
    assert re.search(r"Duration last \S+( s)?, median \S+", text)
