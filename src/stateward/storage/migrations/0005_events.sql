CREATE TABLE events (
  sequence BIGINT PRIMARY KEY,
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  kind TEXT NOT NULL,
  event_id TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  created_wall_ms BIGINT NOT NULL,
  body TEXT NOT NULL,
  CHECK (kind IN ('association', 'instance', 'output'))
);

CREATE INDEX events_of_account ON events (account_id, sequence);

CREATE INDEX events_by_age ON events (created_ms);

CREATE TABLE event_counter (
  name TEXT PRIMARY KEY,
  last_sequence BIGINT NOT NULL,
  CHECK (name = 'events')
);

INSERT INTO event_counter (name, last_sequence) VALUES ('events', 0);

CREATE TABLE event_sinks (
  sink TEXT PRIMARY KEY,
  delivered_through BIGINT NOT NULL,
  failing_since_wall_ms BIGINT
);
