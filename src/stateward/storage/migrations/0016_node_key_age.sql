ALTER TABLE node_keys ADD COLUMN key_since_ms BIGINT NOT NULL DEFAULT 0;

UPDATE node_keys SET key_since_ms = created_ms;

ALTER TABLE node_keys ADD COLUMN asked_ms BIGINT;

CREATE INDEX node_keys_by_age ON node_keys (key_since_ms) WHERE removed_ms IS NULL;

CREATE INDEX node_keys_asked ON node_keys (asked_ms) WHERE asked_ms IS NOT NULL;
