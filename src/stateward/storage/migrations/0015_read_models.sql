ALTER TABLE associations ADD COLUMN state_rank BIGINT NOT NULL DEFAULT 1;

ALTER TABLE associations ADD COLUMN state_since_ms BIGINT NOT NULL DEFAULT 0;

ALTER TABLE associations ADD COLUMN bad_nodes BIGINT NOT NULL DEFAULT 0;

ALTER TABLE associations ADD COLUMN owed_nodes BIGINT NOT NULL DEFAULT 0;

ALTER TABLE associations ADD COLUMN held_since_ms BIGINT;

ALTER TABLE associations ADD COLUMN running BIGINT NOT NULL DEFAULT 0;

ALTER TABLE associations ADD COLUMN slots BIGINT NOT NULL DEFAULT 0;

ALTER TABLE associations ADD COLUMN recent TEXT NOT NULL DEFAULT '';

ALTER TABLE association_nodes ADD COLUMN slot BIGINT NOT NULL DEFAULT -1;

ALTER TABLE association_nodes ADD COLUMN status_rank BIGINT NOT NULL DEFAULT 0;

ALTER TABLE association_nodes ADD COLUMN since_ms BIGINT NOT NULL DEFAULT 0;

ALTER TABLE association_nodes ADD COLUMN streak BIGINT NOT NULL DEFAULT 0;

ALTER TABLE association_nodes ADD COLUMN settled TEXT NOT NULL DEFAULT '';

ALTER TABLE association_nodes ADD COLUMN error_key TEXT;

ALTER TABLE association_nodes ADD COLUMN owed_since_ms BIGINT;

ALTER TABLE association_nodes ADD COLUMN recent TEXT NOT NULL DEFAULT '';

ALTER TABLE invocations ADD COLUMN error_key TEXT;

ALTER TABLE executions ADD COLUMN slowest_node TEXT;

ALTER TABLE executions ADD COLUMN slowest_ms BIGINT;

CREATE TABLE association_slots (
  association_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  slot BIGINT NOT NULL,
  PRIMARY KEY (association_id, node_id),
  UNIQUE (association_id, slot)
);

CREATE TABLE strips (
  association_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  is_full BIGINT NOT NULL,
  execution_id TEXT NOT NULL,
  cause TEXT NOT NULL,
  association_version BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  ended_ms BIGINT NOT NULL,
  status TEXT NOT NULL,
  cells BLOB NOT NULL,
  PRIMARY KEY (association_id, number)
);

CREATE INDEX strips_by_kind ON strips (association_id, is_full, number);

CREATE INDEX strips_by_age ON strips (ended_ms);

CREATE TABLE error_groups (
  command_id TEXT NOT NULL,
  error_key TEXT NOT NULL,
  step_name TEXT,
  exit_code BIGINT,
  sample TEXT NOT NULL,
  targets BIGINT NOT NULL,
  first_resource_id TEXT NOT NULL,
  PRIMARY KEY (command_id, error_key)
);

INSERT INTO association_slots (association_id, node_id, slot)
SELECT i.association_id, i.resource_id,
 ROW_NUMBER() OVER (PARTITION BY i.association_id ORDER BY MIN(i.execution_number), MIN(i.position)) - 1
  FROM invocations i WHERE i.association_id IS NOT NULL
 GROUP BY i.association_id, i.resource_id;

INSERT INTO association_slots (association_id, node_id, slot)
SELECT n.association_id, n.node_id,
 (SELECT COUNT(*) FROM association_slots s WHERE s.association_id = n.association_id)
 + ROW_NUMBER() OVER (PARTITION BY n.association_id ORDER BY n.node_id) - 1
  FROM association_nodes n
 WHERE NOT EXISTS (SELECT 1 FROM association_slots s WHERE s.association_id = n.association_id AND s.node_id = n.node_id);

UPDATE association_nodes SET
 slot = (SELECT s.slot FROM association_slots s
  WHERE s.association_id = association_nodes.association_id AND s.node_id = association_nodes.node_id),
 recent = COALESCE((SELECT string_agg(one.token, '' ORDER BY one.run) FROM (
  SELECT i.execution_number AS run, i.execution_number || CASE i.status WHEN 'Success' THEN 'S' WHEN 'Failed' THEN 'F' WHEN 'TimedOut' THEN 'T' WHEN 'Cancelled' THEN 'C'
    WHEN 'Skipped' THEN 'K' WHEN 'Pending' THEN 'P' ELSE 'I' END AS token
   FROM associations a JOIN invocations i ON i.account_id = a.account_id AND i.region = a.region
   AND i.resource_id = association_nodes.node_id AND i.association_id = a.association_id
   WHERE a.association_id = association_nodes.association_id
   ORDER BY i.execution_number DESC LIMIT 12) AS one), ''),
 settled = COALESCE((SELECT CASE i.status WHEN 'Success' THEN 'S' WHEN 'Failed' THEN 'F' WHEN 'TimedOut' THEN 'T' WHEN 'Cancelled' THEN 'C'
    WHEN 'Skipped' THEN 'K' WHEN 'Pending' THEN 'P' ELSE 'I' END
   FROM associations a JOIN invocations i ON i.account_id = a.account_id AND i.region = a.region
   AND i.resource_id = association_nodes.node_id AND i.association_id = a.association_id
   WHERE a.association_id = association_nodes.association_id AND i.ended_ms IS NOT NULL
   ORDER BY i.execution_number DESC LIMIT 1), '');

UPDATE association_nodes SET
 streak = (SELECT COUNT(*) FROM associations a JOIN invocations i ON i.account_id = a.account_id AND i.region = a.region
   AND i.resource_id = association_nodes.node_id AND i.association_id = a.association_id
   WHERE a.association_id = association_nodes.association_id AND i.ended_ms IS NOT NULL
   AND i.execution_number > COALESCE((SELECT MAX(o.execution_number) FROM invocations o
    WHERE o.account_id = a.account_id AND o.region = a.region AND o.resource_id = association_nodes.node_id
    AND o.association_id = a.association_id AND o.ended_ms IS NOT NULL
    AND CASE o.status WHEN 'Success' THEN 'S' WHEN 'Failed' THEN 'F' WHEN 'TimedOut' THEN 'T' WHEN 'Cancelled' THEN 'C'
    WHEN 'Skipped' THEN 'K' WHEN 'Pending' THEN 'P' ELSE 'I' END <> association_nodes.settled), -1)),
 since_ms = COALESCE((SELECT MIN(i.ended_ms) FROM associations a JOIN invocations i ON i.account_id = a.account_id AND i.region = a.region
   AND i.resource_id = association_nodes.node_id AND i.association_id = a.association_id
   WHERE a.association_id = association_nodes.association_id
   AND i.execution_number > COALESCE((SELECT MAX(o.execution_number) FROM invocations o
    WHERE o.account_id = a.account_id AND o.region = a.region AND o.resource_id = association_nodes.node_id
    AND o.association_id = a.association_id AND o.ended_ms IS NOT NULL
    AND CASE o.status WHEN 'Success' THEN 'S' WHEN 'Failed' THEN 'F' WHEN 'TimedOut' THEN 'T' WHEN 'Cancelled' THEN 'C'
    WHEN 'Skipped' THEN 'K' WHEN 'Pending' THEN 'P' ELSE 'I' END <> association_nodes.settled), -1)), last_run_ms, (SELECT e.created_ms FROM executions e
   WHERE e.association_id = association_nodes.association_id AND e.number = association_nodes.number), 0);

UPDATE association_nodes SET owed_since_ms = since_ms
 WHERE settled = 'T' AND (SELECT i.status_details FROM associations a JOIN invocations i ON i.account_id = a.account_id AND i.region = a.region
   AND i.resource_id = association_nodes.node_id AND i.association_id = a.association_id
   WHERE a.association_id = association_nodes.association_id AND i.ended_ms IS NOT NULL
   ORDER BY i.execution_number DESC LIMIT 1) = 'DeliveryTimedOut';

UPDATE association_nodes SET status_rank = CASE
 WHEN owed_since_ms IS NOT NULL AND status IN ('TimedOut', 'Pending') THEN 4
 WHEN status = 'Failed' THEN 7 WHEN status = 'TimedOut' THEN 6 WHEN status = 'Cancelled' THEN 5
 WHEN status = 'InProgress' THEN 3 WHEN status = 'Pending' THEN 2 WHEN status = 'Skipped' THEN 1 ELSE 0 END;

UPDATE executions SET
 slowest_ms = (SELECT MAX(i.ended_ms - COALESCE(i.acknowledged_ms, i.sent_ms)) FROM invocations i
  WHERE i.command_id = executions.command_id),
 slowest_node = (SELECT i.resource_id FROM invocations i
  WHERE i.command_id = executions.command_id AND COALESCE(i.acknowledged_ms, i.sent_ms) IS NOT NULL
  ORDER BY i.ended_ms - COALESCE(i.acknowledged_ms, i.sent_ms) DESC, i.resource_id LIMIT 1)
 WHERE phase = 'closed' AND command_id IS NOT NULL;

INSERT INTO strips (association_id, number, is_full, execution_id, cause, association_version, created_ms, ended_ms,
 status, cells)
SELECT e.association_id, e.number, CASE WHEN e.scope_nodes IS NULL THEN 1 ELSE 0 END, e.execution_id, e.cause,
 e.association_version, e.created_ms, e.ended_ms, e.status,
 CAST(COALESCE((SELECT string_agg(CASE WHEN i.status IS NULL THEN '.' ELSE CASE i.status WHEN 'Success' THEN 'S' WHEN 'Failed' THEN 'F' WHEN 'TimedOut' THEN 'T' WHEN 'Cancelled' THEN 'C'
    WHEN 'Skipped' THEN 'K' WHEN 'Pending' THEN 'P' ELSE 'I' END END, '' ORDER BY s.slot)
  FROM association_slots s LEFT JOIN invocations i ON i.command_id = e.command_id AND i.resource_id = s.node_id
  WHERE s.association_id = e.association_id AND s.slot <= (SELECT MAX(t.slot) FROM invocations m
   JOIN association_slots t ON t.association_id = e.association_id AND t.node_id = m.resource_id
   WHERE m.command_id = e.command_id)), '') AS BLOB)
  FROM executions e WHERE e.phase = 'closed';

UPDATE associations SET
 slots = (SELECT COUNT(*) FROM association_slots s WHERE s.association_id = associations.association_id),
 running = (SELECT COUNT(*) FROM executions e
  WHERE e.association_id = associations.association_id AND e.phase <> 'closed'),
 bad_nodes = (SELECT COUNT(*) FROM association_nodes n WHERE n.association_id = associations.association_id
  AND n.settled IN ('F', 'T', 'C') AND n.owed_since_ms IS NULL),
 owed_nodes = (SELECT COUNT(*) FROM association_nodes n WHERE n.association_id = associations.association_id
  AND n.owed_since_ms IS NOT NULL),
 held_since_ms = (SELECT e.created_ms FROM executions e WHERE e.association_id = associations.association_id
  AND e.number = associations.last_number AND e.detailed_status = 'CalendarClosed'),
 recent = COALESCE((SELECT string_agg(one.token, '' ORDER BY one.run) FROM (
  SELECT e.number AS run, e.number || CASE e.status WHEN 'Success' THEN 'S' WHEN 'Failed' THEN 'F' WHEN 'TimedOut' THEN 'T' WHEN 'Cancelled' THEN 'C'
    WHEN 'Skipped' THEN 'K' WHEN 'Pending' THEN 'P' ELSE 'I' END AS token
   FROM executions e WHERE e.association_id = associations.association_id AND e.scope_nodes IS NULL
   ORDER BY e.number DESC LIMIT 12) AS one), '');

UPDATE associations SET state_rank = CASE
 WHEN failed_start IS NOT NULL OR bad_nodes > 0 THEN 4
 WHEN owed_nodes > 0 THEN 3
 WHEN held_since_ms IS NOT NULL THEN 2
 WHEN resolved = 0 THEN 1 ELSE 0 END;

UPDATE associations SET state_since_ms = COALESCE(
 CASE state_rank
  WHEN 4 THEN (SELECT MIN(n.since_ms) FROM association_nodes n WHERE n.association_id = associations.association_id
   AND n.settled IN ('F', 'T', 'C') AND n.owed_since_ms IS NULL)
  WHEN 3 THEN (SELECT MIN(n.owed_since_ms) FROM association_nodes n
   WHERE n.association_id = associations.association_id)
  WHEN 2 THEN held_since_ms END,
 last_execution_ms, updated_ms);

CREATE INDEX associations_by_state ON associations (account_id, region, state_rank DESC, state_since_ms, association_id)
  WHERE deleted_ms IS NULL;

CREATE INDEX associations_next ON associations (account_id, region, next_due_ms)
  WHERE deleted_ms IS NULL AND next_due_ms IS NOT NULL;

CREATE INDEX association_nodes_worst ON association_nodes (association_id, status_rank DESC, streak DESC, node_id)
