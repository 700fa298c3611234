ALTER TABLE associations ADD COLUMN paused_ms BIGINT;

ALTER TABLE associations ADD COLUMN paused_by TEXT;

ALTER TABLE associations ADD COLUMN passed_count BIGINT NOT NULL DEFAULT 0;

ALTER TABLE associations ADD COLUMN passed_dues TEXT;

ALTER TABLE associations ADD COLUMN held_cause TEXT;
