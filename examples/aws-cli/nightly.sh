#!/bin/sh
# The whole life of an association with the AWS CLI: document, association, a run by hand, its history, its end.
set -eu

aws ssm create-document --name nightly --document-type Command --document-format YAML --content "$(cat <<'END'
schemaVersion: "2.2"
parameters:
  days: {type: String, default: "30", allowedPattern: "[0-9]+"}
mainSteps:
  - action: aws:runShellScript
    name: clean
    inputs:
      runCommand: ["echo removing what is older than {{ days }} days"]
END
)" --query DocumentDescription.Name --output text

id=$(aws ssm create-association --name nightly --association-name nightly --targets Key=tag:role,Values=web \
  --parameters days=7 --schedule-expression 'cron(0 3 * * ? *)' --apply-only-at-cron-interval \
  --query AssociationDescription.AssociationId --output text)

aws ssm start-associations-once --association-ids "$id"

# Waits until the run has ended.
until status=$(aws ssm describe-association-executions --association-id "$id" \
    --query 'AssociationExecutions[0].Status' --output text) && [ "$status" != Pending ] && [ "$status" != InProgress ]; do
  sleep 1
done
echo "it ended $status"

execution=$(aws ssm describe-association-executions --association-id "$id" \
  --query 'AssociationExecutions[0].ExecutionId' --output text)
aws ssm describe-association-execution-targets --association-id "$id" --execution-id "$execution" \
  --query 'AssociationExecutionTargets[].[ResourceId,Status]' --output text

aws ssm delete-association --association-id "$id"
aws ssm delete-document --name nightly
