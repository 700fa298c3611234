CREATE TABLE traces_due (
  execution_id TEXT PRIMARY KEY,
  association_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  closed_wall_ms BIGINT NOT NULL
);

CREATE INDEX traces_due_in_order ON traces_due (closed_wall_ms, execution_id);
