CREATE TABLE output_streams (
  command_id TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  step_name TEXT NOT NULL,
  stream TEXT NOT NULL,
  head BIGINT NOT NULL,
  tail_from BIGINT NOT NULL,
  length BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL,
  PRIMARY KEY (command_id, resource_id, step_name, stream),
  CHECK (stream IN ('stdout', 'stderr')),
  CHECK (0 <= head AND head <= tail_from AND tail_from <= length)
);

CREATE INDEX output_streams_changed ON output_streams (changed_ms);

CREATE TABLE output_rows (
  command_id TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  step_name TEXT NOT NULL,
  stream TEXT NOT NULL,
  first_byte BIGINT NOT NULL,
  size BIGINT NOT NULL,
  data BYTEA NOT NULL,
  PRIMARY KEY (command_id, resource_id, step_name, stream, first_byte)
);
