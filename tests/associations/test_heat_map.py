"""The map, nodes × runs: turning, folding, order, filters (docs/design/read-models.md)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateward.associations import heat_map as maps
from stateward.associations.heat_map import Node, Run, heat_map

LETTERS = "SFTCKPI."
STRIPS = st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=12)
RUNS = st.lists(st.tuples(st.booleans(), st.text(LETTERS, max_size=8)), min_size=1, max_size=12).map(
    lambda told: [Run(number, full, cells) for number, (full, cells) in enumerate(told, 1)]
)


def nodes(*slots, errors=()):
    given_errors = dict(errors)
    return [Node(f"mi-{slot:02}", f"web-{slot}", slot, given_errors.get(slot)) for slot in slots]


def full(*strips):
    return [Run(number, True, cells) for number, cells in enumerate(strips, 1)]


@given(STRIPS, st.lists(st.integers(0, 14), unique=True, max_size=10))
def test_a_row_has_the_letter_of_its_slot_in_every_strip(strips, slots):
    rows = maps.transposed([strip.encode() for strip in strips], slots)
    for slot, row in zip(slots, rows, strict=True):
        assert row == "".join(strip[slot] if slot < len(strip) else "." for strip in strips)


def laid_out(runs, slot):
    """A row, letter by letter: the slow way to say what folding partial runs means."""
    row, begun = [], not any(run.is_full for run in runs)
    for run in runs:
        letter = run.cells[slot] if slot < len(run.cells) else "."
        if run.is_full or begun is True:
            row.append(letter)
        elif row and letter != ".":
            row[-1] = letter.lower()
    return "".join(row)


@given(RUNS)
def test_partial_runs_fold_into_the_run_before_them_as_small_letters(runs):
    found = heat_map(runs, nodes(*range(8)), most_rows=100, fold=False)
    assert [line.cells for line in found.lines] == [laid_out(runs, slot) for slot in range(8)]
    numbers = [number for column in found.columns for number in (column.number, *column.folded)]
    assert numbers == sorted(numbers)


@given(RUNS)
def test_own_columns_show_every_run(runs):
    found = heat_map(runs, nodes(0, 1), most_rows=10, fold=False, own_partials=True)
    assert [column.number for column in found.columns] == [run.number for run in runs]
    assert not any(letter.islower() for line in found.lines for letter in line.cells)


@given(RUNS, st.randoms())
def test_the_order_in_which_runs_are_read_does_not_matter(runs, random):
    shuffled = random.sample(runs, len(runs))
    assert heat_map(shuffled, nodes(0, 3), most_rows=9) == heat_map(runs, nodes(0, 3), most_rows=9)


@given(RUNS)
def test_folding_loses_no_node_and_joins_only_equal_rows(runs):
    several = nodes(*range(8))
    plain = heat_map(runs, several, most_rows=100, fold=False)
    found = heat_map(runs, several, most_rows=100)
    assert sum(line.count for line in found.lines) == len(several)
    assert len({line.cells for line in found.lines}) == len(found.lines)
    firsts = [line.node for line in found.lines]
    assert firsts == [node for node in several if node in firsts], "a folded row stands where its first node stood"
    by_node = {line.node: line.cells for line in plain.lines}
    assert all(by_node[line.node] == line.cells for line in found.lines)


def test_equal_rows_with_other_errors_stay_apart():
    runs = full("SSSS", "FFFS")
    told = nodes(0, 1, 2, 3, errors={0: "disk full", 1: "disk full", 2: "no network"})
    found = heat_map(runs, told, most_rows=9)
    assert [(line.cells, line.count, line.node.error) for line in found.lines] == [
        ("SF", 2, "disk full"),
        ("SF", 1, "no network"),
        ("SS", 1, None),
    ]


def test_since_is_the_run_from_which_on_it_stood_as_it_does():
    runs = full("SSS.", "FSS.", "FS.S", "FSPF")
    found = {line.node.slot: line.since for line in heat_map(runs, nodes(0, 1, 2, 3), most_rows=9, fold=False).lines}
    assert found == {0: 2, 1: 1, 2: 1, 3: 4}


@pytest.mark.parametrize(
    ("cells", "newly", "last"),
    [
        ("SSF", True, "F"),
        ("SFF", False, "F"),
        ("F", True, "F"),
        ("SFP", True, "F"),
        ("SSf", True, "F"),
        ("..", False, "."),
        ("FS", False, "S"),
    ],
)
def test_newly_bad_looks_at_runs_that_have_ended(cells, newly, last):
    assert (maps.newly_bad(cells), maps.last_ended(cells)) == (newly, last)


@pytest.mark.parametrize(
    ("cells", "flaps"), [("SFSF", True), ("SSFF", False), ("S.F.S.F", True), ("SF" + "S" * 20, False)]
)
def test_three_changes_in_twenty_runs_are_flapping(cells, flaps):
    assert maps.is_flapping(cells) is flaps


def test_filters_and_orders():
    runs = full("SSFS", "SFFS")
    given_nodes = nodes(2, 1, 3, 0)

    def shown(**options):
        return [line.node.slot for line in heat_map(runs, given_nodes, most_rows=9, fold=False, **options).lines]

    assert shown() == [2, 1, 3, 0]
    assert shown(sort="name") == [0, 1, 2, 3]
    assert shown(sort="newly") == [1, 2, 3, 0]
    assert shown(keep="newly") == [1]
    assert shown(keep="bad") == [2, 1]


def test_a_map_has_at_most_eight_million_letters():
    assert maps.most_runs(500, 500) == 500
    assert maps.most_runs(500, 100_000) == 80
    assert maps.most_runs(500, 50_000_000) == 1


def test_five_hundred_runs_of_five_thousand_nodes_take_a_moment():
    """Measured on two cores: 500 rows out of 5,000 slots in about 4 ms; the bound leaves room for a busy machine."""
    strip = ("S" * 9 + "F") * 500
    strips, slots = [strip.encode()] * 500, list(range(0, 5_000, 10))
    took = min(_timed(lambda: maps.transposed(strips, slots)) for _ in range(5))
    assert took < 0.1, f"{took * 1000:.1f} ms"


def _timed(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
