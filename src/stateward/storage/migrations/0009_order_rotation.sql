ALTER TABLE node_keys ADD COLUMN candidate_public_key TEXT;

ALTER TABLE node_keys ADD COLUMN candidate_since_ms BIGINT
  CHECK ((candidate_since_ms IS NULL) = (candidate_public_key IS NULL));

DROP INDEX executions_at_work;

CREATE INDEX executions_at_work ON executions (phase, created_ms, execution_id) WHERE phase <> 'closed';

ALTER TABLE commands ADD COLUMN store_references TEXT;

CREATE INDEX invocations_to_hand_over ON invocations (resource_id)
  WHERE ended_ms IS NULL AND released_ms IS NOT NULL AND acknowledged_ms IS NULL;

CREATE INDEX invocations_busy_over ON invocations (busy_until_ms) WHERE busy_until_ms IS NOT NULL;

CREATE INDEX node_changes_in_order ON node_changes (changed_ms, node_id);

CREATE INDEX node_keys_by_fingerprint ON node_keys (fingerprint);
