"""What the AWS provider calls for an aws_ssm_association, tested where Terraform is missing too."""

COMPUTED = {"DocumentVersion", "Targets", "ApplyOnlyAtCronInterval"}
"""Members that may come back though nobody asked for them."""

SENT_BACK = {"DocumentVersion", "Targets"}
"""Computed members that an update repeats from the state."""

READ = {
    "Name",
    "InstanceId",
    "AssociationName",
    "Parameters",
    "Targets",
    "DocumentVersion",
    "ScheduleExpression",
    "ApplyOnlyAtCronInterval",
    "OutputLocation",
    "ComplianceSeverity",
    "MaxConcurrency",
    "MaxErrors",
    "SyncCompliance",
    "AutomationTargetParameterName",
}
NOT_UPDATED = {"Name", "InstanceId"}


class AssociationResource:
    """One resource block. A configuration is the members of CreateAssociation, with `tags` as a dict."""

    def __init__(self, ssm):
        self._ssm = ssm
        self.association_id = None
        self.state = None

    def create(self, configuration):
        members = dict(configuration)
        tags = [{"Key": key, "Value": value} for key, value in members.pop("tags", {}).items()]
        given = {"Tags": tags} if tags else {}
        made = self._ssm.create_association(**members, **given)["AssociationDescription"]
        self.association_id = made["AssociationId"]
        self.refresh()

    def refresh(self):
        """Read the state anew; an association that is gone leaves none."""
        try:
            found = self._ssm.describe_association(AssociationId=self.association_id)["AssociationDescription"]
        except self._ssm.exceptions.AssociationDoesNotExist:
            self.state = None
            return
        tags = self._ssm.list_tags_for_resource(ResourceType="Association", ResourceId=self.association_id)["TagList"]
        self.state = {member: found[member] for member in READ if member in found}
        self.state["tags"] = {tag["Key"]: tag["Value"] for tag in tags}

    def plan(self, configuration):
        """Member → (in the state, in the configuration), of what differs after a refresh; None when it must be made."""
        self.refresh()
        if self.state is None:
            return None
        wanted = {"tags": {}, **configuration}
        members = (set(self.state) - COMPUTED) | set(wanted)
        pairs = {member: (self.state.get(member), wanted.get(member)) for member in members}
        return {member: pair for member, pair in pairs.items() if pair[0] != pair[1]}

    def update(self, configuration):
        members = {member: self.state[member] for member in SENT_BACK if member in self.state}
        members |= {member: value for member, value in configuration.items() if member not in NOT_UPDATED}
        tags = members.pop("tags", {})
        self._ssm.update_association(AssociationId=self.association_id, **members)
        self._change_tags(tags)
        self.refresh()

    def delete(self):
        """An association that is gone already is fine."""
        try:
            self._ssm.delete_association(AssociationId=self.association_id)
        except self._ssm.exceptions.AssociationDoesNotExist:
            self.state = None

    def imported(self, association_id):
        """Another resource that takes this association over."""
        other = AssociationResource(self._ssm)
        other.association_id = association_id
        return other

    def _change_tags(self, tags):
        about = {"ResourceType": "Association", "ResourceId": self.association_id}
        gone = sorted(set(self.state["tags"]) - set(tags))
        if gone:
            self._ssm.remove_tags_from_resource(**about, TagKeys=gone)
        if tags:
            self._ssm.add_tags_to_resource(**about, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
