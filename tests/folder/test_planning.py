"""The plan: wanted and found in, changes out."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from stateward.associations.definition import MEMBERS as MEMBERS_OF_ASSOCIATIONS
from stateward.batch import Untagged
from stateward.folder.planning import plan, wish
from stateward.folder.resources import ASSOCIATION_MEMBERS, Association, Document, Found, Wanted, plain

FOLDER = "fleet"
MARKS = {"stateward:folder": FOLDER, "stateward:key": "associations/a"}
MEMBERS = {"Name": "doc", "AssociationName": "a", "Targets": [{"Key": "tag:env", "Values": ["prod"]}]}


def association(members=MEMBERS, tags=MARKS, association_id="id-1", version=5):
    return Association(association_id, version, plain(members), tags)


def document(content="{}", name="doc", tags=None, **more):
    known = {"document_type": "Command", "document_format": "JSON", "schema_version": "2.2", **more}
    tags = {"stateward:folder": FOLDER, "stateward:key": f"documents/{name}"} if tags is None else tags
    contents = {"1": content} | known.pop("contents", {})
    return Document(name=name, default_version="1", latest_version=max(contents), contents=contents, tags=tags, **known)


def wanted(members=MEMBERS, key="associations/a", **more):
    return Wanted("association", key, members, **more)


def wanted_document(content="{}", name="doc", **more):
    members = {"Name": name, "DocumentType": "Command", "DocumentFormat": "JSON", "Content": content}
    return Wanted("document", f"documents/{name}", members, **more)


def found(*resources, **more):
    return Found(
        {one.association_id: one for one in resources if isinstance(one, Association)},
        {one.name: one for one in resources if isinstance(one, Document)},
        **more,
    )


def operations(change):
    return [step.operation for step in change.steps]


def test_a_file_can_hold_every_member_that_an_association_keeps():
    assert sorted(ASSOCIATION_MEMBERS) == sorted(set(MEMBERS_OF_ASSOCIATIONS) - {"InstanceId"})


def test_what_is_there_as_wanted_needs_nothing():
    planned = plan([wanted(), wanted_document()], found(association(), document()), FOLDER)
    assert (planned.changes, planned.unchanged, planned.differs) == ([], 2, False)


def test_defaults_are_no_difference():
    members = {**MEMBERS, "DocumentVersion": "$DEFAULT", "SyncCompliance": "AUTO", "CalendarNames": []}
    assert not plan([wanted(members)], found(association()), FOLDER).changes


def test_a_member_that_differs_is_an_update_with_all_members():
    (change,) = plan([wanted({**MEMBERS, "MaxErrors": "5"})], found(association()), FOLDER).changes
    assert change.action == "update"
    assert change.differences == ['MaxErrors nothing → "5"']
    assert change.notes == ["version 5 → 6", "runs at once (ApplyOnlyAtCronInterval is false)"]
    (step,) = change.steps
    assert step.operation == "UpdateAssociation"
    assert step.request == {**MEMBERS, "MaxErrors": "5", "AssociationId": "id-1", "AssociationVersion": "5"}
    assert change.expect[0].answer == {"AssociationDescription": {"AssociationVersion": "5"}}


def test_a_parameter_that_the_service_fills_is_no_difference():
    has = {**MEMBERS, "Parameters": {"AssociationId": ["id-1"]}}
    assert not plan([wanted()], found(association(has)), FOLDER).changes


def test_what_is_missing_is_created_and_marked():
    planned = plan([wanted(tags={"team": "web"})], found(), FOLDER)
    (change,) = planned.changes
    tags = [{"Key": key, "Value": value} for key, value in sorted({**MARKS, "team": "web"}.items())]
    assert change.steps[0].request["Tags"] == tags
    assert wish(planned.changes).untagged == [Untagged("Association", MARKS)]


def test_tags_are_left_alone_unless_the_file_has_some():
    has = association(tags={**MARKS, "team": "ops", "aws:x": "y"})
    assert not plan([wanted()], found(has), FOLDER).changes
    (change,) = plan([wanted(tags={"tier": "1"})], found(has), FOLDER).changes
    assert operations(change) == ["AddTagsToResource", "RemoveTagsFromResource"]
    assert change.steps[1].request["TagKeys"] == ["team"]
    assert change.differences == ['tag team "ops" → nothing', 'tag tier nothing → "1"']


def test_a_renamed_file_keeps_its_association():
    (change,) = plan([wanted(key="associations/b", was="associations/a")], found(association()), FOLDER).changes
    assert (change.action, operations(change)) == ("update", ["AddTagsToResource"])
    assert change.notes == ["was associations/a"]


def test_what_fits_without_a_mark_is_adopted_only_when_asked():
    planned = plan([wanted()], found(association(tags={})), FOLDER)
    (change,) = planned.changes
    assert (change.action, change.adopts, planned.differs) == ("adopt", True, False)
    assert planned.chosen(delete=False, adopt=False) == []
    assert planned.chosen(delete=False, adopt=True) == [change]


def test_an_association_without_a_name_is_adopted_by_its_content():
    nameless = {name: value for name, value in MEMBERS.items() if name != "AssociationName"}
    other = association({**nameless, "Name": "other"}, tags={}, association_id="id-2")
    (change,) = plan([wanted(nameless)], found(association(nameless, tags={}), other), FOLDER).changes
    assert (change.action, change.resource_id) == ("adopt", "id-1")


def test_two_that_fit_are_a_problem_that_names_them():
    twins = association(tags={}), association(tags={}, association_id="id-2")
    planned = plan([wanted()], found(*twins), FOLDER)
    assert planned.problems == ["associations/a: id-1 and id-2 could be it: delete one, or give them different names"]


def test_of_two_with_one_name_the_content_decides():
    other = association({**MEMBERS, "MaxErrors": "5"}, tags={}, association_id="id-2")
    (change,) = plan([wanted()], found(association(tags={}), other), FOLDER).changes
    assert (change.action, change.resource_id) == ("adopt", "id-1")


def test_a_deletion_beside_a_creation_of_that_name_hints_at_a_rename():
    planned = plan([wanted(key="associations/b")], found(association()), FOLDER)
    gone = next(change for change in planned.changes if change.action == "delete")
    assert gone.notes == ["if this is associations/b now, write `was: associations/a` into that file"]


def test_nothing_is_deleted_while_something_is_unclear():
    gone = association(tags={**MARKS, "stateward:key": "associations/gone"}, association_id="id-3")
    twins = association(tags={}), association(tags={}, association_id="id-2")
    assert not plan([wanted()], found(*twins, gone), FOLDER).changes


def test_only_what_the_folder_made_is_deleted_and_only_when_asked():
    foreign = association(tags={"stateward:folder": "other", "stateward:key": "associations/a"}, association_id="id-2")
    planned = plan([], found(association(), foreign, document(tags={})), FOLDER)
    (change,) = planned.changes
    assert (change.action, change.steps[0].request) == ("delete", {"AssociationId": "id-1"})
    assert planned.chosen(delete=False, adopt=False) == []


def test_deletions_come_last_and_associations_go_before_documents():
    planned = plan([wanted_document(name="new")], found(association(), document()), FOLDER)
    assert [(change.action, change.kind) for change in planned.changes] == [
        ("create", "document"),
        ("delete", "association"),
        ("delete", "document"),
    ]


def test_a_document_that_is_deleted_names_its_users():
    planned = plan([wanted()], found(association(), document()), FOLDER)
    (change,) = planned.changes
    assert change.notes == ["used by a"]


def test_another_kind_of_document_replaces_the_association():
    types = {"doc": "Command", "other": "Policy"}
    planned = plan([wanted({**MEMBERS, "Name": "other"})], found(association(), types=types), FOLDER)
    (change,) = planned.changes
    assert (change.action, change.needs_delete) == ("replace", True)
    assert operations(change) == ["DeleteAssociation", "CreateAssociation"]
    assert change.differences[-1] == "replaced: doc is a Command document, other a Policy document"


def test_another_content_is_a_version_that_becomes_the_default():
    (change,) = plan(
        [wanted_document('{"a": 1}')], found(document(), users={"doc": [("a", "$DEFAULT"), ("b", "2")]}), FOLDER
    ).changes
    assert operations(change) == ["UpdateDocument", "UpdateDocumentDefaultVersion"]
    assert change.steps[1].fill == {"DocumentVersion": (0, "DocumentDescription", "DocumentVersion")}
    assert change.notes == ["a version after 1, which becomes the default", "starts a"]


def test_how_a_content_is_written_is_no_difference():
    assert not plan([wanted_document("a: [1]\n")], found(document('{"a": [1]}')), FOLDER).changes


def test_a_content_that_was_there_before_only_moves_the_default():
    known = document("{}", contents={"2": '{"a": 1}', "3": '{"a": 2}'})
    (change,) = plan([wanted_document('{"a": 1}')], found(known), FOLDER).changes
    assert operations(change) == ["UpdateDocumentDefaultVersion"]
    assert change.steps[0].request["DocumentVersion"] == "2"


def test_a_pinned_default_stays():
    known = document("{}", contents={"2": '{"a": 1}'})
    (change,) = plan([wanted_document('{"a": 2}', default="1")], found(known), FOLDER).changes
    assert operations(change) == ["UpdateDocument"]
    (change,) = plan([wanted_document('{"a": 1}', default="2")], found(known), FOLDER).changes
    assert operations(change) == ["UpdateDocumentDefaultVersion"]


def test_a_document_of_schema_1_2_is_replaced():
    known = document(schema_version="1.2")
    (change,) = plan([wanted_document('{"a": 1}')], found(known), FOLDER).changes
    assert operations(change) == ["DeleteDocument", "CreateDocument"]


def test_a_document_of_another_folder_is_a_problem():
    planned = plan([wanted_document()], found(document(tags={"stateward:folder": "other"})), FOLDER)
    assert planned.problems == ["documents/doc: document doc belongs to the folder other"]


def test_answers_of_earlier_steps_are_numbered_over_all_changes():
    resources = document(name="one"), document(name="two")
    files = [wanted_document('{"a": 1}', name="one"), wanted_document('{"a": 1}', name="two")]
    steps = wish(plan(files, found(*resources), FOLDER).changes).steps
    assert [step.fill for step in steps if step.fill] == [
        {"DocumentVersion": (0, "DocumentDescription", "DocumentVersion")},
        {"DocumentVersion": (2, "DocumentDescription", "DocumentVersion")},
    ]


VALUES = st.fixed_dictionaries(
    {"Name": st.sampled_from(["doc", "other"])},
    optional={
        "AssociationName": st.sampled_from(["a", "b"]),
        "MaxErrors": st.sampled_from(["1", "2"]),
        "ScheduleExpression": st.sampled_from(["", "rate(1 hour)"]),
        "ApplyOnlyAtCronInterval": st.booleans(),
        "Targets": st.just([{"Key": "InstanceIds", "Values": ["*"]}]),
    },
)


@given(files=st.dictionaries(st.sampled_from("abcd"), VALUES), there=st.dictionaries(st.sampled_from("abcd"), VALUES))
def test_doing_a_plan_leaves_nothing_to_plan(files, there):
    """With --delete and --adopt, whatever was there before."""
    wants = [wanted(members, key=f"associations/{key}") for key, members in files.items()]
    server = {
        key: association(members, {**MARKS, "stateward:key": f"associations/{key}"}, key)
        for key, members in there.items()
    }
    planned = plan(wants, Found(copy.copy(server), {}), FOLDER)
    for change in planned.chosen(delete=True, adopt=True):
        for step in change.steps:
            _do(server, step)
    again = plan(wants, Found(server, {}), FOLDER)
    assert (again.changes, again.unchanged) == ([], len(wants))


def _do(server, step):
    request = dict(step.request)
    tags = {tag["Key"]: tag["Value"] for tag in request.pop("Tags", [])}
    match step.operation:
        case "CreateAssociation":
            made = f"new-{len(server)}-{tags['stateward:key']}"
            server[made] = Association(made, 1, plain(request), tags)
        case "UpdateAssociation":
            old = server[request["AssociationId"]]
            server[old.association_id] = Association(old.association_id, old.version + 1, plain(request), old.tags)
        case "DeleteAssociation":
            del server[request["AssociationId"]]
        case "AddTagsToResource":
            old = server[request["ResourceId"]]
            server[old.association_id] = Association(old.association_id, old.version, old.members, {**old.tags, **tags})
        case other:
            raise AssertionError(other)
