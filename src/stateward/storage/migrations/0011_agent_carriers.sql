ALTER TABLE invocations ADD COLUMN carrier TEXT NOT NULL DEFAULT 'job' CHECK (carrier IN ('job', 'refresh'));

CREATE INDEX invocations_at_agents ON invocations (resource_id, association_id, requested_ms) WHERE carrier = 'refresh';

CREATE INDEX associations_of_agents ON associations (account_id, region, created_ms, association_id)
  WHERE mode = 'agent' AND deleted_ms IS NULL AND instance_id IS NULL;

CREATE TABLE agent_reports (
  association_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  execution_ms BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  PRIMARY KEY (association_id, node_id)
);

CREATE INDEX agent_reports_of_node ON agent_reports (node_id)
