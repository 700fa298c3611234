"""A node with the official agent: it applies legacy and Policy associations by itself and reports on them."""

import itertools

EXECUTED = "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. "


class AgentNode:
    """Says what the official agent says; `scripted` carries its frames and its signed calls."""

    def __init__(self, nodes, **how):
        self.scripted = nodes.one(holds=True, online=False, **how)
        self.scripted.agent_name = "amazon-ssm-agent"
        self.node_id = self.scripted.node_id
        self._date = itertools.count(1_795_450_589)

    def connect(self):
        self.scripted.connect()
        return self

    def list(self, **members):
        """What ListInstanceAssociations answers."""
        answer = self.scripted.request("ListInstanceAssociations", InstanceId=self.node_id, **members)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def listed(self):
        return {one["AssociationId"]: one for one in self.list()["Associations"]}

    def refreshes(self, count=1):
        """The association ids that it was told to run, one list a job."""
        jobs = self.scripted.wait_for_jobs(count)
        assert {job.document_name for job in jobs} == {"AWS-RefreshAssociation"}
        return [job.parameters["associationIds"] for job in jobs]

    def report(self, association_id, status, summary=EXECUTED, error="", date=None, url=None):
        """One report; its ExecutionDate. A date of an earlier one makes it the same report again."""
        date = date or next(self._date)
        result = {"Status": status, "ErrorCode": error, "ExecutionDate": date, "ExecutionSummary": summary}
        if url:
            result["OutputUrl"] = {"S3OutputUrl": {"OutputUrl": url}}
        answer = self.scripted.request(
            "UpdateInstanceAssociationStatus",
            AssociationId=association_id,
            InstanceId=self.node_id,
            ExecutionResult=result,
        )
        assert (answer.status_code, answer.json()) == (200, {}), answer.text
        return date

    def run(self, association_id, status="Success", summary=EXECUTED, error="", **more):
        """Every report of a run, as the agent sends them; the date of the last."""
        self.report(association_id, "Pending", "Association is pending")
        self.report(association_id, "Pending", "Association is pending")
        self.report(association_id, "InProgress", "Executing association")
        self.report(association_id, "InProgress")
        return self.report(association_id, status, summary, error, **more)
