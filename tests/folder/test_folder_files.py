"""Reading a folder: kinds and keys, and what cannot be read."""

import pytest

from stateward.folder.files import FolderProblem, folder_name, read


def folder_of(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml").replace("_ics", ".ics")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_place_of_a_file_says_its_kind_and_key(tmp_path):
    folder = folder_of(
        tmp_path,
        associations__web__nightly_yaml="Name: AWS-RunShellScript\nTags: {team: web, count: 3}\n",
        documents__restart_yaml="Content: {schemaVersion: '2.2', mainSteps: []}\n",
        calendars__freeze_ics="BEGIN:VCALENDAR\nX-CALENDAR-TYPE:DEFAULT_OPEN\n",
    )
    (folder / "documents" / "README.md").write_text("not a document")
    association, calendar, document = read(folder)
    assert (association.kind, association.key, association.name) == (
        "association",
        "associations/web/nightly",
        "web/nightly",
    )
    assert association.tags == {"team": "web", "count": "3"}
    assert (calendar.kind, calendar.members["Name"], calendar.members["DocumentFormat"]) == (
        "calendar",
        "freeze",
        "TEXT",
    )
    assert calendar.members["DocumentType"] == "ChangeCalendar"
    assert (document.kind, document.members["Name"], document.members["DocumentType"]) == (
        "document",
        "restart",
        "Command",
    )
    assert document.members["Content"] == "schemaVersion: '2.2'\nmainSteps: []\n"
    assert document.tags is None


def test_the_folder_is_named_after_its_settings_or_itself(tmp_path):
    inner = tmp_path / "fleet"
    inner.mkdir()
    assert folder_name(inner) == "fleet"
    (inner / "stateward.yaml").write_text("folder: production\n")
    assert folder_name(inner) == "production"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"associations__a_yaml": "AssociationName: x\n"}, "associations/a.yaml: Name is missing"),
        (
            {"associations__a_yaml": "Name: x\nMaxConcurency: '5'\n"},
            "associations/a.yaml: MaxConcurency is not known here; did you mean MaxConcurrency?",
        ),
        ({"associations__a_yaml": "- x\n"}, "associations/a.yaml: write members and their values"),
        ({"associations__a_yaml": "Name: [\n"}, "associations/a.yaml: line 2, column 1: "),
        (
            {"association__a_yaml": "Name: x\n"},
            "association/a.yaml: files lie in documents/, calendars/, associations/",
        ),
        ({"a_yaml": "Name: x\n"}, "a.yaml: files lie in documents/"),
        ({"documents__a_ics": "x"}, "documents/a.ics: a calendar lies in calendars/"),
        ({"calendars__a_ics": "BEGIN:VCALENDAR\n"}, "calendars/a.ics: add the line X-CALENDAR-TYPE:DEFAULT_OPEN"),
        ({"associations__a_yaml": "Name: x\nName: y\n"}, "Name stands twice"),
        ({"associations__a_yaml": "Name: &x y\nAssociationName: *x\n"}, "aliases are not read"),
        ({"associations__a_yaml": "Name: x\nTags: [a]\n"}, "associations/a.yaml: Tags: write `key: value` lines"),
        (
            {"associations__a_yaml": "Name: x\nTags: {'stateward:key': a}\n"},
            "associations/a.yaml: Tags: stateward:key is reserved",
        ),
        ({"associations__a_yaml": "Name: x\nwas: b\n"}, "was 'b': write the old key, such as associations/old-name"),
        ({"documents__a_yaml": "Name: x\n"}, "documents/a.yaml: Content is missing"),
        (
            {"documents__a_yaml": "Content: x\nName: one\n", "documents__b_yaml": "Content: y\nName: one\n"},
            "documents/b and documents/a both are the document one",
        ),
        (
            {"associations__a_yaml": "Name: x\n", "associations__b_yaml": "Name: x\nwas: associations/a\n"},
            "associations/b: was associations/a: that file is still there",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_file(tmp_path, files, message):
    with pytest.raises(FolderProblem) as problem:
        read(folder_of(tmp_path, **files))
    assert message in str(problem.value)


def test_a_document_may_be_a_file_of_its_own(tmp_path):
    folder = folder_of(tmp_path)
    (folder / "documents").mkdir()
    text = '{"schemaVersion": "2.2", "mainSteps": []}'
    (folder / "documents" / "restart.json").write_text(text)
    (document,) = read(folder)
    assert (document.members["Content"], document.members["DocumentFormat"]) == (text, "JSON")


def test_dates_stay_texts(tmp_path):
    folder = folder_of(tmp_path, associations__a_yaml="Name: x\nScheduleExpression: 2026-12-24\n")
    assert read(folder)[0].members["ScheduleExpression"] == "2026-12-24"
