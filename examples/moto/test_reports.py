"""moto has S3, Stateward has State Manager: run `pytest` in this folder, with `moto[s3]` installed."""

import json

import boto3
from moto import mock_aws
from reports import order_reports


@mock_aws
def test_machines_of_the_list_report_every_hour(state_manager):
    machines = state_manager.fleet.add(3)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="lists")
    s3.put_object(Bucket="lists", Key="machines.json", Body=json.dumps(machines[:2]))

    association_id = order_reports("lists")
    state_manager.clock.advance(hours=5)

    history = state_manager.executions(association_id)
    assert [one["ResourceCountByStatus"] for one in history] == ["{Success=2}"] * 6
