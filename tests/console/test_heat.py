"""The map as a table, as a picture, and as a point in it."""

import struct
import zlib

import pytest

from stateward.console import heat
from stateward.console.assets import Assets

RUNS = [
    {"n": n, "id": f"e{n}", "due": n * 86_400_000, "status": "Failed", "version": 1 + (n > 2), "cause": "due"}
    for n in (1, 2, 3)
]


def line(node, count=1, error=None):
    return {"node": node, "name": "", "count": count, "error": error, "streak": 1, "flapping": False, "since": 3}


FOUND = {"runs": RUNS, "rows": [line("mi-1", error="disk full"), line("mi-2", count=3)], "cells": "S.fSSS"}


def test_the_table_has_a_cell_a_node_and_run():
    table = heat.table(FOUND)
    assert [head.number for head in table.heads] == [1, 2, 3]
    assert [head.new_version for head in table.heads] == [False, False, True]
    assert [head.new_day for head in table.heads] == [False, True, True]
    first = table.rows[0]
    assert [(cell.letter, cell.name, cell.part) for cell in first.cells] == [
        ("S", "Success", False),
        (".", "None", False),
        ("F", "Failed", True),
    ]
    assert (first.last, first.error, first.is_folded) == ("Failed", "disk full", False)
    assert table.rows[1].is_folded


def test_the_table_shows_the_newest_runs_and_the_first_rows():
    runs = [{**RUNS[0], "n": n} for n in range(1, 101)]
    found = {"runs": runs, "rows": [line(f"mi-{n}") for n in range(40)], "cells": "S" * 4_000}
    table = heat.table(found)
    assert (len(table.rows), table.hidden_rows) == (heat.TABLE_ROWS, 15)
    assert (table.heads[0].number, table.heads[-1].number, table.hidden_runs) == (71, 100, 70)


def test_the_summary_counts_nodes_of_folded_rows():
    assert heat.summary(FOUND) == "4 nodes over 3 runs; in the newest: 1 Failed, 3 Success"
    assert heat.summary({"runs": [], "rows": [], "cells": ""}) == "0 nodes over 0 runs; in the newest: none"


def test_a_picture_has_a_pixel_a_cell_in_the_colours_of_the_style_sheet():
    colours = heat.palette(Assets().text("style.css"), "light")
    assert colours["F"] == (0x8F, 0x10, 0x05)
    assert colours["."] == (0xFF, 0xFF, 0xFF)
    image = heat.png(FOUND, colours)
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", image[16:24]) == (3, 2)
    start = image.index(b"IDAT") + 4
    raw = zlib.decompressobj().decompress(image[start:])
    order = list(colours)
    assert [order[index] for index in raw[1:4]] == ["S", ".", "F"]
    assert [order[index] for index in raw[5:8]] == ["S", "S", "S"]


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(0, 0, (1, "mi-1")), (2, 0, (3, "mi-1")), (0, 1, (1, "mi-2")), (3, 0, None), (0, 2, None)]
)
def test_a_point_is_a_run_on_a_node(x, y, expected):
    assert heat.at(FOUND, x, y) == expected


@pytest.mark.parametrize("text", ["60.worst.1.-.0.8", "500.name.0.bad.412.2"])
def test_a_window_is_a_part_of_an_address(text):
    assert heat.window_of(text).text == text


@pytest.mark.parametrize("text", ["", "60", "60.best.1.-.0.8", "1.worst.1.-.0.8/..", "60.worst.1.-.x.8"])
def test_what_is_no_window_is_none(text):
    assert heat.window_of(text) is None


def test_cells_are_as_large_as_fits():
    assert [heat.scale_for(runs) for runs in (1, 60, 100, 200, 400, 500)] == [16, 16, 8, 4, 2, 2]
