// The code under test: it keeps the machines of an environment clean, every night.

import { CreateAssociationCommand, CreateDocumentCommand } from "@aws-sdk/client-ssm";

const CLEAN_UP = {
  schemaVersion: "2.2",
  mainSteps: [
    { action: "aws:runShellScript", name: "clean", inputs: { runCommand: ["rm -rf /var/tmp/reports"] } },
    { action: "aws:runShellScript", name: "restart", inputs: { runCommand: ["systemctl restart reports"] } },
  ],
};

export async function deploy(ssm, environment) {
  await ssm.send(
    new CreateDocumentCommand({ Name: "clean-up", DocumentType: "Command", Content: JSON.stringify(CLEAN_UP) }),
  );
  const created = await ssm.send(
    new CreateAssociationCommand({
      Name: "clean-up",
      AssociationName: `clean-up-${environment}`,
      Targets: [{ Key: "tag:env", Values: [environment] }],
      ScheduleExpression: "cron(0 2 * * ? *)",
      MaxErrors: "50%",
    }),
  );
  return created.AssociationDescription.AssociationId;
}
