CREATE TABLE parameters (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  parent TEXT NOT NULL,
  latest_version BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, name),
  UNIQUE (account_id, region, path),
  CHECK (latest_version > 0)
);

CREATE INDEX parameters_by_parent ON parameters (account_id, region, parent, path);

CREATE TABLE parameter_versions (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  parameter_type TEXT NOT NULL,
  value TEXT NOT NULL,
  key_id TEXT,
  description TEXT,
  allowed_pattern TEXT,
  tier TEXT NOT NULL,
  data_type TEXT NOT NULL,
  modified_ms BIGINT NOT NULL,
  modified_by TEXT NOT NULL,
  PRIMARY KEY (account_id, region, name, version),
  CHECK (version > 0),
  CHECK (tier IN ('Standard', 'Advanced')),
  CHECK (parameter_type IN ('String', 'StringList', 'SecureString')),
  CHECK ((parameter_type = 'SecureString') = (key_id IS NOT NULL))
);

CREATE TABLE parameter_labels (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  label TEXT NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, name, label)
);
