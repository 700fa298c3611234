"""Every recording stands in the table, once."""

from collections import Counter

from table import PARTS

from recordings import FOLDER


def test_every_recording_is_in_the_table_once():
    named = Counter(name for names in PARTS.values() for name in names)
    assert sorted(named) == sorted(path.stem for path in FOLDER.glob("*.json"))
    assert [name for name, count in named.items() if count > 1] == []
