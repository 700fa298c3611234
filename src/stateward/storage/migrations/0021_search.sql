CREATE INDEX associations_by_name ON associations (account_id, region, association_name, association_id)
  WHERE deleted_ms IS NULL AND association_name IS NOT NULL;

CREATE INDEX nodes_by_name ON nodes (account_id, region, name, node_id) WHERE removed_ms IS NULL AND name IS NOT NULL;

CREATE INDEX nodes_by_computer ON nodes (account_id, region, computer_name, node_id)
  WHERE removed_ms IS NULL AND computer_name IS NOT NULL;

CREATE INDEX nodes_by_silence ON nodes (account_id, region, last_ping_ms, node_id) WHERE removed_ms IS NULL
