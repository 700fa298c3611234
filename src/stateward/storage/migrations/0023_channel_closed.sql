-- When a node's last channel closed: what was heard of it since then came without one.
ALTER TABLE nodes ADD COLUMN channel_closed_ms BIGINT;
