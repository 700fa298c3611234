ALTER TABLE events ADD COLUMN association_id TEXT;

ALTER TABLE events ADD COLUMN node_id TEXT;

CREATE INDEX events_of_association ON events (association_id, sequence) WHERE association_id IS NOT NULL;

CREATE INDEX events_of_node ON events (node_id, sequence) WHERE node_id IS NOT NULL;

DROP INDEX events_by_age;

CREATE INDEX events_by_age ON events (created_ms, sequence);
