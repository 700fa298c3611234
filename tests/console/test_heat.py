"""The map as a table, as a picture, in a sentence, and a point in it."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.console import heat, png
from stateward.console.assets import Assets
from stateward.console.pages.maps import Window
from stateward.console.trend import trend

DAY = 86_400_000
START = 1_801_450_800_000  # 2027-02-01 03:00 UTC


def run(number, **members):
    due = START + number * DAY
    return {
        "n": number,
        "id": f"e{number}",
        "due": due,
        "status": "Failed",
        "version": 1,
        "cause": "due",
        "folded": [],
        **members,
    }


def line(node, name="", count=1, error=None, streak=1):
    return {
        "node": node,
        "name": name,
        "count": count,
        "error": error,
        "streak": streak,
        "flapping": False,
        "since": 3,
    }


FOUND = heat.named(
    {
        "runs": [run(1), run(2), run(3, version=2, folded=[4, 5])],
        "rows": [line("mi-1", error="disk full"), line("mi-2", name="web", count=3, error="old")],
        "cells": "S.fSSS",
    }
)


def decoded(image):
    """(width, height, rows of colours) of a PNG with a palette, by the specification."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(image):
        (size,) = struct.unpack(">I", image[at : at + 4])
        kind, data = image[at + 4 : at + 8], image[at + 8 : at + 8 + size]
        assert struct.unpack(">I", image[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, rest) == (8, 3, [0, 0, 0])
    palette = [tuple(chunks[b"PLTE"][n : n + 3]) for n in range(0, len(chunks[b"PLTE"]), 3)]
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[y * (width + 1) : (y + 1) * (width + 1)] for y in range(height)]
    assert all(row[0] == 0 for row in rows)
    return width, height, [[palette[index] for index in row[1:]] for row in rows]


@given(st.data())
def test_a_picture_is_read_back_as_it_was_drawn(data):
    width, height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 12))
    palette = data.draw(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=9))
    pixels = bytes(
        data.draw(st.lists(st.integers(0, len(palette) - 1), min_size=width * height, max_size=width * height))
    )
    assert decoded(png.encode(width, height, pixels, palette)) == (
        width,
        height,
        [[palette[index] for index in pixels[y * width : (y + 1) * width]] for y in range(height)],
    )


@pytest.mark.parametrize(
    ("width", "height", "pixels", "palette"),
    [(0, 1, b"", [(0, 0, 0)]), (2, 1, b"\0", [(0, 0, 0)]), (1, 1, b"\1", [(0, 0, 0)]), (1, 1, b"\0", [])],
)
def test_what_is_no_picture_is_refused(width, height, pixels, palette):
    with pytest.raises(ValueError):
        png.encode(width, height, pixels, palette)


def test_the_table_has_a_cell_a_node_and_run():
    table = heat.table(FOUND)
    assert [head.number for head in table.heads] == [1, 2, 3]
    assert [head.new_version for head in table.heads] == [False, False, True]
    first, second = table.rows
    assert [(cell.letter, cell.name, cell.later, cell.to) for cell in first.cells] == [
        ("S", "Success", False, "1"),
        (".", "None", False, "2"),
        ("F", "Failed", True, "3-5"),
    ]
    assert (first.status, first.error, first.always) == ("Failed", "disk full", False)
    assert (second.count, second.status, second.error, second.always) == (3, "Success", "", True)
    assert table.is_all


def test_a_row_that_runs_shows_how_its_last_run_ended():
    found = {**FOUND, "cells": "SFISSP"}
    assert [row.status for row in heat.table(found).rows] == ["Failed", "Success"]


def test_a_small_fleet_has_sixty_runs_with_their_cells():
    found = {"runs": [run(n) for n in range(1, 61)], "rows": [line(f"mi-{n}") for n in range(25)], "cells": "S" * 1500}
    table = heat.table(found)
    assert (len(table.rows), len(table.heads), table.is_all) == (25, 60, True)


def test_beside_a_picture_the_table_has_the_newest_runs_and_25_rows():
    found = {"runs": [run(n) for n in range(1, 101)], "rows": [line(f"mi-{n}") for n in range(40)], "cells": "S" * 4000}
    table = heat.table(found)
    assert (len(table.rows), table.total, table.is_all) == (25, 40, False)
    assert (table.heads[0].number, table.heads[-1].number, table.hidden_runs) == (71, 100, 70)
    assert [row.node for row in heat.table(found, 25).rows] == [f"mi-{n}" for n in range(25, 40)]
    assert heat.table(found, 9999).first == 25


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        (DAY, [("Feb 2027", 28), ("Mar 2027", 2)]),
        (DAY // 4, [(f"{n} Feb", 4) for n in range(2, 9)] + [("9 Feb", 2)]),
        (30 * DAY, [("2027", 12), ("2028", 12), ("2029", 6)]),
    ],
)
def test_columns_have_labels_that_can_be_read(apart, expected):
    runs = [run(n, due=START + DAY * (apart < DAY) - 3 * 3_600_000 * (apart < DAY) + n * apart) for n in range(30)]
    table = heat.table({"runs": runs, "rows": [line("mi-1")], "cells": "S" * 30})
    assert table.spans == expected
    begins = [index for index, head in enumerate(table.heads) if head.begins]
    assert begins == [sum(count for _, count in expected[:n]) for n in range(1, len(expected))]


def test_nodes_of_one_name_are_told_apart():
    rows = [line("mi-0001", "web"), line("mi-0002", "web"), line("mi-0003", "db"), line("mi-0004")]
    named = heat.named({"rows": rows})["rows"]
    assert [row["name"] for row in named] == ["web …0001", "web …0002", "db", "mi-0004"]


def test_the_summary_counts_nodes_of_folded_rows():
    plain = {**FOUND, "runs": [run(1), run(2), run(3)]}
    assert heat.summary(plain) == "4 nodes over 3 runs; in the newest, #3: 3 Success, 1 Failed"
    assert heat.summary({**plain, "cells": "SS.SS."}) == "4 nodes over 3 runs; in the newest, #3: 4 not targets"
    assert heat.summary({"runs": [], "rows": [], "cells": ""}) == "no run yet"


def test_a_later_run_on_some_nodes_does_not_hide_that_one_failed_before():
    retried = {"runs": [run(1, folded=[2])], "rows": [line("mi-1")], "cells": "s"}
    assert heat.summary(retried) == "1 node over 1 run; in the newest, #1, after #2 on some nodes: 1 Success"
    row = heat.table(retried).rows[0]
    assert (row.status, row.always, row.cells[0].later) == ("Success", False, True)
    assert heat.summary(FOUND).endswith("in the newest, #3, after #4 to #5 on some nodes: 3 Success, 1 Failed")


@pytest.mark.parametrize("theme", heat.THEMES)
def test_a_picture_has_a_pixel_a_cell_in_the_colours_of_the_style_sheet(theme):
    colours = heat.palette(Assets().text("style.css"), theme)
    assert colours["F"] == {"light": (0x8F, 0x10, 0x05), "dark": (0xFF, 0x3D, 0x33)}[theme]
    expected = [[colours[letter] for letter in row] for row in ("S.F", "SSS")]
    assert decoded(heat.picture(FOUND, colours)) == (3, 2, expected)
    assert decoded(heat.picture({"runs": [], "rows": [], "cells": ""}, colours)) == (1, 1, [[colours["."]]])


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [(0, 0, "1.mi-1"), (2, 0, "3-5.mi-1"), (0, 1, "1.mi-2"), (1, 0, None), (3, 0, None), (0, 2, None)],
)
def test_a_point_is_a_run_and_a_node_of_several_the_first(x, y, expected):
    assert heat.at(FOUND, x, y) == expected


def test_a_window_says_only_what_is_not_usual():
    assert Window().query == {}
    assert Window(runs=500, fold=False, before=412).query == {"runs": "500", "fold": "0", "before": "412"}
    assert Window(open="mi-1").path(8) == "60.worst.1.-.0.8.mi-1"


def test_cells_are_as_large_as_fits():
    assert [heat.scale_for(runs) for runs in (1, 60, 100, 200, 400, 500)] == [16, 16, 8, 4, 2, 2]


def test_the_trend_is_a_line_of_durations():
    found = trend([80, 40, 60, 20])
    assert (found.last_ms, found.median_ms, found.change) == (80, 50, 60)
    assert found.points == [(2, 17), (54, 7), (106, 12), (158, 2)]
    assert trend([5]) is None
