ALTER TABLE executions ADD COLUMN parent_id TEXT;

CREATE INDEX invocations_failed ON invocations (command_id, ended_ms, resource_id)
  WHERE status IN ('Failed', 'TimedOut');
