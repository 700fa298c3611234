ALTER TABLE node_keys ADD COLUMN candidate_public_key TEXT;

ALTER TABLE node_keys ADD COLUMN candidate_since_ms BIGINT
  CHECK ((candidate_since_ms IS NULL) = (candidate_public_key IS NULL));

DROP INDEX executions_at_work;

CREATE INDEX executions_at_work ON executions (phase, created_ms, execution_id) WHERE phase <> 'closed';

ALTER TABLE commands ADD COLUMN store_references TEXT;
