-- Which server drives a run, and whether that server is alive.

-- One row per server; a number is never given twice, so a late server cannot be taken for another.
CREATE TABLE leases (
    owner INTEGER PRIMARY KEY AUTOINCREMENT,
    expires_us INTEGER NOT NULL,
    ended TEXT
) STRICT;

-- Set while the run is running.
ALTER TABLE runs ADD COLUMN owner INTEGER;

-- Runs of before there were leases: their servers are dead.
INSERT INTO leases (expires_us, ended) VALUES (0, 'expired');
UPDATE runs SET owner = (SELECT owner FROM leases) WHERE status = 'running';

DROP INDEX runs_unfinished;
CREATE INDEX runs_owned ON runs (owner, run_id) WHERE status = 'running';
-- The rows of an index end with the key: pending runs in the order they came.
CREATE INDEX runs_pending ON runs (status) WHERE status = 'pending';
