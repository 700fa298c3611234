ALTER TABLE commands ADD COLUMN output_bucket TEXT;

ALTER TABLE commands ADD COLUMN output_prefix TEXT;

ALTER TABLE commands ADD COLUMN output_region TEXT;

CREATE TABLE output_uploads (
  command_id TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  bucket TEXT NOT NULL,
  prefix TEXT NOT NULL,
  bucket_region TEXT,
  created_ms BIGINT NOT NULL,
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  first_try_wall_ms BIGINT,
  next_try_wall_ms BIGINT,
  ended_wall_ms BIGINT,
  PRIMARY KEY (command_id, resource_id),
  CHECK (state IN ('waiting', 'done', 'given_up')),
  CHECK ((state = 'waiting') = (next_try_wall_ms IS NOT NULL)),
  CHECK ((state = 'waiting') = (ended_wall_ms IS NULL))
);

CREATE INDEX output_uploads_due ON output_uploads (next_try_wall_ms) WHERE state = 'waiting';
