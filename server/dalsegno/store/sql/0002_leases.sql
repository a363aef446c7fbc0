-- Which server drives a run, and whether that server is alive.

-- One row per server. The newest is never removed, so no number is given twice: a late server cannot
-- be taken for another. (AUTOINCREMENT would do the same with a table more.)
CREATE TABLE leases (
    owner INTEGER PRIMARY KEY,
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
