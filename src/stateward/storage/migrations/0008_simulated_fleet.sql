CREATE TABLE fleet_nodes (
  node_id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  number BIGINT NOT NULL UNIQUE,
  added_ms BIGINT NOT NULL,
  offline BIGINT NOT NULL DEFAULT 0,
  back_ms BIGINT,
  removed_ms BIGINT,
  CHECK (offline IN (0, 1)),
  CHECK (back_ms IS NULL OR offline = 1)
);

CREATE INDEX fleet_nodes_by_scope ON fleet_nodes (account_id, region, number) WHERE removed_ms IS NULL;

CREATE TABLE fleet_rules (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  number BIGINT NOT NULL,
  rule TEXT NOT NULL,
  added_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, number)
);

CREATE TABLE fleet_rule_uses (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  number BIGINT NOT NULL,
  command_id TEXT NOT NULL,
  used_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, number, command_id)
);
