ALTER TABLE access_keys ADD COLUMN last_used_ms BIGINT;
