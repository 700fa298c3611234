"""Every row of the checklist has a test, or a reason why it has none."""

from checklist_coverage import NOT_HERE, TESTS, carriers, ids_in, missing, rows


def test_every_row_has_a_test():
    assert missing() == {}


def test_reasons_are_given_for_rows_without_a_test_only():
    assert set(NOT_HERE) <= set(rows())
    assert set(NOT_HERE) & set(carriers(TESTS)) == set(), "they have tests now: take them off the list"


def test_no_test_carries_an_id_of_an_area_that_does_not_exist():
    areas = {row[:3] for row in rows()}
    unknown = {row: files for row, files in carriers(TESTS).items() if row[:3] in areas and row not in rows()}
    assert unknown == {}


def test_ids_are_read_from_names_and_parameters():
    assert ids_in("test_newest_first_exe_01_exe_02") == {"EXE-01", "EXE-02"}
    assert ids_in("EXE-07 excludes the instant") == {"EXE-07"}
    assert ids_in("test_the_index_01 of 2026-11-24") == set()
