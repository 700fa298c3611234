CREATE TABLE service_settings (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  setting_id TEXT NOT NULL,
  value TEXT,
  changed_by TEXT NOT NULL,
  changed_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, setting_id)
);

CREATE TABLE compliance_items (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  compliance_type TEXT NOT NULL,
  item_id TEXT NOT NULL,
  title TEXT,
  severity TEXT NOT NULL,
  status TEXT NOT NULL,
  details TEXT NOT NULL,
  execution_ms BIGINT NOT NULL,
  execution_id TEXT NOT NULL,
  execution_type TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, resource_id, compliance_type, item_id),
  CHECK (severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'INFORMATIONAL', 'UNSPECIFIED')),
  CHECK (status IN ('COMPLIANT', 'NON_COMPLIANT'))
);

CREATE INDEX compliance_items_by_id ON compliance_items (account_id, region, compliance_type, item_id, resource_id);

CREATE TABLE compliance_summaries (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  compliance_type TEXT NOT NULL,
  execution_ms BIGINT NOT NULL,
  execution_id TEXT NOT NULL,
  execution_type TEXT NOT NULL,
  content_hash TEXT,
  size_bytes BIGINT NOT NULL,
  items BIGINT NOT NULL,
  compliant_critical BIGINT NOT NULL,
  compliant_high BIGINT NOT NULL,
  compliant_medium BIGINT NOT NULL,
  compliant_low BIGINT NOT NULL,
  compliant_informational BIGINT NOT NULL,
  compliant_unspecified BIGINT NOT NULL,
  other_critical BIGINT NOT NULL,
  other_high BIGINT NOT NULL,
  other_medium BIGINT NOT NULL,
  other_low BIGINT NOT NULL,
  other_informational BIGINT NOT NULL,
  other_unspecified BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, resource_id, compliance_type),
  CHECK (items = compliant_critical + compliant_high + compliant_medium + compliant_low + compliant_informational
   + compliant_unspecified + other_critical + other_high + other_medium + other_low + other_informational
   + other_unspecified)
);

CREATE TABLE inventory_items (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  node_id TEXT NOT NULL,
  type_name TEXT NOT NULL,
  schema_version TEXT NOT NULL,
  capture_time TEXT NOT NULL,
  content_hash TEXT,
  content TEXT NOT NULL,
  size_bytes BIGINT NOT NULL,
  stored_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, node_id, type_name)
);

CREATE INDEX inventory_items_by_type ON inventory_items (account_id, region, type_name, node_id);

CREATE TABLE inventory_custom_types (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  type_name TEXT NOT NULL,
  version TEXT NOT NULL,
  attributes TEXT NOT NULL,
  disabled_version TEXT,
  PRIMARY KEY (account_id, region, type_name)
);

CREATE TABLE inventory_deletions (
  deletion_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  type_name TEXT NOT NULL,
  schema_option TEXT,
  client_token TEXT,
  summary TEXT NOT NULL,
  started_ms BIGINT NOT NULL
);

CREATE INDEX inventory_deletions_newest ON inventory_deletions (account_id, region, started_ms, deletion_id);

CREATE UNIQUE INDEX inventory_deletions_once ON inventory_deletions (account_id, region, client_token)
  WHERE client_token IS NOT NULL;
