import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  DescribeAssociationExecutionTargetsCommand,
  GetCommandInvocationCommand,
  SSMClient,
  paginateDescribeAssociationExecutions,
} from "@aws-sdk/client-ssm";

import { deploy } from "./nightly.js";
import { Stateward } from "./stateward.js";

let stateward, ssm;

before(async () => {
  stateward = await Stateward.start();
  ssm = new SSMClient(stateward.clientSettings);
});

after(async () => {
  ssm?.destroy();
  await stateward?.stop();
});

async function historyOf(associationId) {
  const executions = [];
  for await (const page of paginateDescribeAssociationExecutions({ client: ssm }, { AssociationId: associationId })) {
    executions.push(...page.AssociationExecutions);
  }
  return executions; // the newest first
}

test("three machines whose service does not come up are seen every night", async () => {
  await stateward.clock({ to: "2030-01-06T12:00:00Z" }); // the same in every run
  await stateward.fleet({ add: 20, tags: { env: "prod" } });
  await stateward.fleet({
    script: { status: "Failed", nodes: 3, step: "restart", error: "disk full" },
    ahead: true, // the document comes later
  });

  const associationId = await deploy(ssm, "prod");
  await stateward.clock({ advance: "30d" });

  const history = await historyOf(associationId);
  assert.equal(history.length, 31); // once when it was created, then every night
  assert.deepEqual(new Set(history.map((one) => one.ResourceCountByStatus)), new Set(["{Failed=3, Success=17}"]));

  const { AssociationExecutionTargets: failed } = await ssm.send(
    new DescribeAssociationExecutionTargetsCommand({
      AssociationId: associationId,
      ExecutionId: history[0].ExecutionId,
      Filters: [{ Key: "Status", Value: "Failed" }],
    }),
  );
  assert.equal(failed.length, 3);
  const step = await ssm.send(
    new GetCommandInvocationCommand({
      CommandId: failed[0].OutputSource.OutputSourceId,
      InstanceId: failed[0].ResourceId,
      PluginName: "restart",
    }),
  );
  assert.equal(step.StandardErrorContent, "disk full");
});
