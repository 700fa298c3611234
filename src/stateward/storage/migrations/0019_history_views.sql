CREATE VIEW history_executions AS
SELECT e.account_id, e.region, e.association_id, a.association_name, a.name AS document_name, e.execution_id, e.number,
       e.association_version, e.cause, e.started_by, e.parent_id, e.status, e.detailed_status, e.created_ms,
       e.last_execution_ms, e.ended_ms, e.command_id, c.resolved_version AS document_version, c.target_count,
       c.n_success AS success, c.n_failed AS failed, c.n_timed_out AS timed_out, c.n_cancelled AS cancelled,
       c.n_skipped AS skipped, c.n_pending AS pending, c.n_in_progress AS in_progress
  FROM executions e
  LEFT JOIN associations a ON a.association_id = e.association_id
  LEFT JOIN commands c ON c.command_id = e.command_id;

CREATE VIEW history_targets AS
SELECT e.account_id, e.region, e.association_id, e.execution_id, e.number, i.command_id, i.position, i.resource_id,
       i.resource_type, i.status, i.status_details AS detailed_status, i.ended_by, i.ended_by_who, i.requested_ms,
       i.released_ms, i.sent_ms, i.acknowledged_ms, i.ended_ms
  FROM invocations i
  JOIN executions e ON e.association_id = i.association_id AND e.number = i.execution_number;

CREATE VIEW history_steps AS
SELECT e.account_id, e.region, e.association_id, e.execution_id, e.number, s.command_id, s.resource_id, s.step_name,
       s.position, s.plugin, s.status, s.code, s.started_ms, s.ended_ms, s.standard_output, s.standard_error
  FROM steps s
  JOIN commands c ON c.command_id = s.command_id
  JOIN executions e ON e.association_id = c.association_id AND e.number = c.execution_number;
