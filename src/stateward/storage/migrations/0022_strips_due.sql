CREATE TABLE strips_due (
  association_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (association_id, number)
);
