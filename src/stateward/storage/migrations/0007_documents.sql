ALTER TABLE documents ADD COLUMN versions_made BIGINT NOT NULL DEFAULT 1;

UPDATE documents SET versions_made = latest_version;

ALTER TABLE document_versions ADD COLUMN requires TEXT;

ALTER TABLE document_versions ADD COLUMN review_status TEXT
  CHECK (review_status IN ('PENDING', 'APPROVED', 'REJECTED'));

CREATE UNIQUE INDEX document_versions_by_name ON document_versions (account_id, region, name, version_name)
  WHERE version_name IS NOT NULL;

CREATE INDEX document_versions_by_hash ON document_versions (account_id, region, name, content_hash);

CREATE TABLE document_shares (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  shared_with TEXT NOT NULL,
  shared_version TEXT NOT NULL,
  shared_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, name, shared_with),
  CHECK (shared_version IN ('$DEFAULT', '$LATEST', '$ALL'))
);

CREATE INDEX document_shares_by_account ON document_shares (shared_with, region, name, account_id);

CREATE TABLE document_reviews (
  account_id TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  number BIGINT NOT NULL,
  status TEXT NOT NULL,
  reviewer TEXT NOT NULL,
  comment TEXT,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  PRIMARY KEY (account_id, region, name, version, number),
  CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED'))
);
