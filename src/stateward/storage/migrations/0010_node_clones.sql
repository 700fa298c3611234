CREATE TABLE node_clones (
  node_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  fingerprint TEXT,
  addresses TEXT NOT NULL,
  times BIGINT NOT NULL,
  first_ms BIGINT NOT NULL,
  last_ms BIGINT NOT NULL,
  told_ms BIGINT NOT NULL,
  PRIMARY KEY (node_id, kind),
  CHECK (kind IN ('fingerprint', 'channels')),
  CHECK ((kind = 'fingerprint') = (fingerprint IS NOT NULL)),
  CHECK (times > 0 AND first_ms <= last_ms)
);

CREATE INDEX node_clones_by_scope ON node_clones (account_id, region, node_id);

ALTER TABLE node_keys ADD COLUMN key_to_replace TEXT;

CREATE TABLE events_of_nodes_too (
  sequence BIGINT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  kind TEXT NOT NULL,
  event_id TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  created_wall_ms BIGINT NOT NULL,
  body TEXT NOT NULL,
  CHECK (kind IN ('association', 'instance', 'output', 'node'))
);

INSERT INTO events_of_nodes_too (sequence, account_id, region, kind, event_id, created_ms, created_wall_ms, body)
SELECT sequence, account_id, region, kind, event_id, created_ms, created_wall_ms, body FROM events;

DROP TABLE events;

ALTER TABLE events_of_nodes_too RENAME TO events;

CREATE INDEX events_of_account ON events (account_id, sequence);

CREATE INDEX events_by_age ON events (created_ms);
