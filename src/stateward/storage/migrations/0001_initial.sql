CREATE TABLE server_values (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE access_keys (
  access_key_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  role TEXT NOT NULL,
  secret_sealed TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);

CREATE TABLE node_keys (
  node_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  public_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  credentials_not_before_ms BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  removed_ms BIGINT
);

CREATE TABLE used_signatures (
  node_id TEXT NOT NULL,
  signature_hash TEXT NOT NULL,
  seen_ms BIGINT NOT NULL,
  PRIMARY KEY (node_id, signature_hash)
);

CREATE INDEX used_signatures_by_age ON used_signatures (seen_ms);

CREATE TABLE answered_calls (
  principal TEXT NOT NULL,
  invocation_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  answer_sealed TEXT NOT NULL,
  answered_ms BIGINT NOT NULL,
  PRIMARY KEY (principal, invocation_id, request_hash)
);

CREATE INDEX answered_calls_by_age ON answered_calls (answered_ms);

CREATE TABLE tags (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  tag_key TEXT NOT NULL,
  tag_value TEXT NOT NULL,
  PRIMARY KEY (account_id, region, resource_type, resource_id, tag_key)
);

CREATE INDEX tags_by_key ON tags (account_id, region, resource_type, tag_key, tag_value, resource_id);

CREATE TABLE documents (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  document_type TEXT NOT NULL,
  default_version BIGINT NOT NULL,
  latest_version BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, name)
);

CREATE TABLE document_versions (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  version_name TEXT,
  display_name TEXT,
  target_type TEXT,
  document_format TEXT NOT NULL,
  schema_version TEXT NOT NULL,
  content TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  description TEXT NOT NULL,
  parameters TEXT NOT NULL,
  platform_types TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, name, version)
);

CREATE TABLE activations (
  activation_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  code_hash TEXT NOT NULL,
  description TEXT,
  default_instance_name TEXT,
  iam_role TEXT NOT NULL,
  registration_limit BIGINT NOT NULL,
  registrations_count BIGINT NOT NULL,
  tags TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  deleted_ms BIGINT,
  CHECK (registrations_count <= registration_limit)
);

CREATE INDEX activations_by_scope ON activations (account_id, region, created_ms, activation_id);

CREATE TABLE nodes (
  node_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  activation_id TEXT NOT NULL,
  name TEXT,
  iam_role TEXT NOT NULL,
  registered_ms BIGINT NOT NULL,
  agent_name TEXT,
  agent_version TEXT,
  platform_type TEXT,
  platform_name TEXT,
  platform_version TEXT,
  ip_address TEXT,
  computer_name TEXT,
  last_ping_ms BIGINT,
  first_online_ms BIGINT,
  removed_ms BIGINT
);

CREATE INDEX nodes_by_scope ON nodes (account_id, region, node_id) WHERE removed_ms IS NULL;

CREATE TABLE node_channels (
  node_id TEXT PRIMARY KEY,
  replica TEXT NOT NULL,
  epoch TEXT NOT NULL,
  connected_ms BIGINT NOT NULL
);

CREATE TABLE node_changes (
  node_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  arrived BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL
);

CREATE TABLE commands (
  command_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  kind TEXT NOT NULL,
  document_name TEXT NOT NULL,
  document_version TEXT NOT NULL,
  resolved_version TEXT NOT NULL,
  content TEXT NOT NULL,
  parameters TEXT NOT NULL,
  comment TEXT NOT NULL,
  instance_ids TEXT NOT NULL,
  targets TEXT NOT NULL,
  scope_nodes TEXT,
  service_role TEXT NOT NULL,
  max_concurrency TEXT NOT NULL,
  max_errors TEXT NOT NULL,
  timeout_s BIGINT NOT NULL,
  allowance_ms BIGINT NOT NULL,
  requested_ms BIGINT NOT NULL,
  expires_after_ms BIGINT NOT NULL,
  association_id TEXT,
  execution_number BIGINT,
  phase TEXT NOT NULL,
  ending TEXT,
  status TEXT NOT NULL,
  status_details TEXT NOT NULL,
  concurrency_limit BIGINT NOT NULL,
  error_limit BIGINT NOT NULL,
  target_count BIGINT NOT NULL,
  released BIGINT NOT NULL,
  in_flight BIGINT NOT NULL,
  errors BIGINT NOT NULL,
  n_pending BIGINT NOT NULL,
  n_in_progress BIGINT NOT NULL,
  n_success BIGINT NOT NULL,
  n_failed BIGINT NOT NULL,
  n_timed_out BIGINT NOT NULL,
  n_cancelled BIGINT NOT NULL,
  n_skipped BIGINT NOT NULL,
  n_undelivered BIGINT NOT NULL,
  first_released_ms BIGINT,
  ended_ms BIGINT,
  CHECK (phase IN ('resolving', 'running', 'ending', 'draining', 'closed')),
  CHECK (status IN ('Pending', 'InProgress', 'Cancelling', 'Success', 'Failed', 'TimedOut', 'Cancelled')),
  CHECK ((phase = 'closed') = (ended_ms IS NOT NULL)),
  CHECK (n_pending + n_in_progress + n_success + n_failed + n_timed_out + n_cancelled + n_skipped = target_count),
  CHECK (in_flight >= 0 AND in_flight <= released AND released <= target_count)
);

CREATE INDEX commands_newest ON commands (account_id, region, kind, requested_ms, command_id);

CREATE INDEX commands_of_association ON commands (association_id, execution_number) WHERE association_id IS NOT NULL;

CREATE INDEX commands_at_work ON commands (phase, requested_ms, command_id) WHERE phase <> 'closed';

CREATE TABLE invocations (
  command_id TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  association_id TEXT,
  execution_number BIGINT,
  requested_ms BIGINT NOT NULL,
  position BIGINT NOT NULL,
  status TEXT NOT NULL,
  status_details TEXT NOT NULL,
  ended_by TEXT,
  ended_by_who TEXT,
  released_ms BIGINT,
  expires_ms BIGINT,
  sent_ms BIGINT,
  acknowledged_ms BIGINT,
  ended_ms BIGINT,
  first_sent_wall_ms BIGINT,
  lease_until_wall_ms BIGINT,
  sends BIGINT NOT NULL DEFAULT 0,
  cancel_due_ms BIGINT,
  cancel_job_id TEXT,
  cancel_until_wall_ms BIGINT,
  cancel_sends BIGINT NOT NULL DEFAULT 0,
  busy_until_ms BIGINT,
  reported_status TEXT,
  steps_expected BIGINT,
  close_by_wall_ms BIGINT,
  PRIMARY KEY (command_id, resource_id),
  CHECK (status IN ('Pending', 'InProgress', 'Cancelling', 'Success', 'Failed', 'TimedOut', 'Cancelled', 'Skipped')),
  CHECK ((status IN ('Success', 'Failed', 'TimedOut', 'Cancelled', 'Skipped')) = (ended_ms IS NOT NULL)),
  CHECK (sent_ms IS NULL OR released_ms IS NOT NULL)
);

CREATE INDEX invocations_by_position ON invocations (command_id, position);

CREATE INDEX invocations_waiting ON invocations (command_id, position) WHERE released_ms IS NULL AND ended_ms IS NULL;

CREATE INDEX invocations_of_node ON invocations (account_id, region, resource_id, requested_ms, command_id);

CREATE INDEX invocations_open_on_node ON invocations (resource_id, requested_ms, command_id) WHERE ended_ms IS NULL;

CREATE INDEX invocations_busy_node ON invocations (resource_id, busy_until_ms) WHERE busy_until_ms IS NOT NULL;

CREATE INDEX invocations_expiring ON invocations (expires_ms) WHERE ended_ms IS NULL AND expires_ms IS NOT NULL;

CREATE INDEX invocations_cancelling ON invocations (cancel_due_ms) WHERE cancel_due_ms IS NOT NULL;

CREATE INDEX invocations_closing ON invocations (close_by_wall_ms) WHERE close_by_wall_ms IS NOT NULL;

CREATE TABLE steps (
  command_id TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  step_name TEXT NOT NULL,
  position BIGINT NOT NULL,
  plugin TEXT NOT NULL,
  status TEXT NOT NULL,
  code BIGINT NOT NULL,
  started_ms BIGINT,
  ended_ms BIGINT,
  output TEXT NOT NULL,
  standard_output TEXT NOT NULL,
  standard_error TEXT NOT NULL,
  PRIMARY KEY (command_id, resource_id, step_name)
);

CREATE TABLE associations (
  association_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  version BIGINT NOT NULL,
  name TEXT NOT NULL,
  association_name TEXT,
  anchor_ms BIGINT NOT NULL,
  next_due_ms BIGINT,
  last_number BIGINT NOT NULL,
  overview_status TEXT NOT NULL,
  overview_detail TEXT NOT NULL,
  resolved BIGINT NOT NULL,
  failed_start TEXT,
  last_execution_ms BIGINT,
  last_success_ms BIGINT,
  n_pending BIGINT NOT NULL,
  n_in_progress BIGINT NOT NULL,
  n_success BIGINT NOT NULL,
  n_failed BIGINT NOT NULL,
  n_timed_out BIGINT NOT NULL,
  n_cancelled BIGINT NOT NULL,
  n_skipped BIGINT NOT NULL,
  deleted_ms BIGINT
);

CREATE INDEX associations_in_order ON associations (account_id, region, created_ms, association_id)
  WHERE deleted_ms IS NULL;

CREATE INDEX associations_due ON associations (next_due_ms) WHERE deleted_ms IS NULL AND next_due_ms IS NOT NULL;

CREATE TABLE association_versions (
  association_id TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  definition TEXT NOT NULL,
  PRIMARY KEY (association_id, version)
);

CREATE TABLE executions (
  association_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  execution_id TEXT NOT NULL UNIQUE,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  cause TEXT NOT NULL,
  scope_nodes TEXT,
  association_version BIGINT NOT NULL,
  phase TEXT NOT NULL,
  status TEXT NOT NULL,
  detailed_status TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  last_execution_ms BIGINT,
  ended_ms BIGINT,
  command_id TEXT,
  superseded_by BIGINT,
  started_by TEXT NOT NULL,
  PRIMARY KEY (association_id, number),
  UNIQUE (association_id, cause),
  CHECK (phase IN ('opened', 'waiting', 'running', 'closed')),
  CHECK (status IN ('Pending', 'InProgress', 'Success', 'Failed', 'TimedOut', 'Skipped')),
  CHECK ((phase = 'closed') = (ended_ms IS NOT NULL))
);

CREATE INDEX executions_newest ON executions (association_id, created_ms, number);

CREATE INDEX executions_by_status ON executions (association_id, status, created_ms, number);

CREATE INDEX executions_at_work ON executions (phase, created_ms, number) WHERE phase <> 'closed';

CREATE TABLE association_nodes (
  association_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  status TEXT NOT NULL,
  detailed_status TEXT NOT NULL,
  last_run_ms BIGINT,
  last_success_ms BIGINT,
  PRIMARY KEY (association_id, node_id)
);

CREATE INDEX association_nodes_by_node ON association_nodes (node_id);
