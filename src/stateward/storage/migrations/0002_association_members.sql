ALTER TABLE associations ADD COLUMN instance_id TEXT;

ALTER TABLE associations ADD COLUMN mode TEXT NOT NULL DEFAULT 'command'
  CHECK (mode IN ('command', 'agent', 'automation'));

ALTER TABLE associations ADD COLUMN document_account TEXT NOT NULL DEFAULT '';

ALTER TABLE associations ADD COLUMN document_region TEXT NOT NULL DEFAULT '';

ALTER TABLE associations ADD COLUMN document_name TEXT NOT NULL DEFAULT '';

ALTER TABLE associations ADD COLUMN document_selector TEXT NOT NULL DEFAULT '$DEFAULT';

ALTER TABLE associations ADD COLUMN legacy_status TEXT;

ALTER TABLE associations ADD COLUMN triggered_alarms TEXT;

ALTER TABLE associations ADD COLUMN opens_ms BIGINT;

ALTER TABLE associations ADD COLUMN resolved_version BIGINT NOT NULL DEFAULT 0;

UPDATE associations SET document_name = name, document_account = account_id, document_region = region;

CREATE INDEX associations_by_document ON associations (document_account, document_region, document_name)
  WHERE deleted_ms IS NULL;

CREATE INDEX associations_by_instance ON associations (account_id, region, instance_id, name)
  WHERE deleted_ms IS NULL AND instance_id IS NOT NULL;

CREATE INDEX associations_opening ON associations (opens_ms) WHERE opens_ms IS NOT NULL AND deleted_ms IS NULL;

CREATE TABLE association_parameters (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  parameter_name TEXT NOT NULL,
  association_id TEXT NOT NULL,
  PRIMARY KEY (account_id, region, parameter_name, association_id)
);

CREATE INDEX association_parameters_of ON association_parameters (association_id);

CREATE TABLE association_changes (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  cause TEXT NOT NULL,
  changed_ms BIGINT NOT NULL,
  after_id TEXT NOT NULL,
  PRIMARY KEY (account_id, region, kind, name, cause),
  CHECK (kind IN ('document_default', 'document_latest', 'document_deleted', 'parameter'))
);

CREATE INDEX association_changes_in_order ON association_changes (changed_ms, cause);

CREATE TABLE calendar_waits (
  association_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  PRIMARY KEY (association_id, node_id)
);

ALTER TABLE executions ADD COLUMN resolved_with TEXT;

ALTER TABLE commands ADD COLUMN resolved_parameters TEXT;

ALTER TABLE commands ADD COLUMN alarm_name TEXT;

ALTER TABLE commands ADD COLUMN alarm_state TEXT;

ALTER TABLE commands ADD COLUMN ignore_alarm_failure BIGINT NOT NULL DEFAULT 0;

ALTER TABLE commands ADD COLUMN duration_ms BIGINT;

ALTER TABLE commands ADD COLUMN cut_off_ms BIGINT;

ALTER TABLE commands ADD COLUMN ending_who TEXT;

ALTER TABLE commands ADD COLUMN refreshes TEXT;

CREATE INDEX commands_cut_off ON commands (cut_off_ms) WHERE cut_off_ms IS NOT NULL AND phase = 'running';

ALTER TABLE association_nodes ADD COLUMN summary TEXT;

ALTER TABLE association_nodes ADD COLUMN error_code TEXT;

ALTER TABLE association_nodes ADD COLUMN output_url TEXT;

CREATE INDEX executions_ended ON executions (ended_ms) WHERE ended_ms IS NOT NULL;

CREATE INDEX executions_unfinished ON executions (association_id, number) WHERE phase <> 'closed';

CREATE INDEX commands_ended ON commands (ended_ms) WHERE ended_ms IS NOT NULL;

CREATE INDEX invocations_with_cancel ON invocations (resource_id, cancel_job_id) WHERE cancel_job_id IS NOT NULL;

CREATE INDEX steps_ended ON steps (ended_ms);

ALTER TABLE node_changes ADD COLUMN connected BIGINT NOT NULL DEFAULT 0;

ALTER TABLE node_changes ADD COLUMN returned BIGINT NOT NULL DEFAULT 0
