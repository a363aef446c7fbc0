-- What every run leaves behind. How the columns relate to the model: store/rows.py.

CREATE TABLE definitions (
    hash TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    json BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- `key` stands for the run in all other tables: 1 to 4 bytes instead of the id's 36.
CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    workflow_id TEXT NOT NULL,
    definition_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    newest_sequence INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    started_us INTEGER,
    ended_us INTEGER,
    due_us INTEGER,
    deadline_us INTEGER,
    definition_changed INTEGER NOT NULL,
    source INTEGER REFERENCES runs (key),
    root INTEGER NOT NULL REFERENCES runs (key),
    initial_at INTEGER NOT NULL,
    state BLOB,
    state_at INTEGER,
    input BLOB,
    input_at INTEGER,
    result BLOB,
    result_at INTEGER,
    detail TEXT,
    request_context BLOB,
    request_context_at INTEGER
) STRICT;

CREATE INDEX runs_by_time ON runs (created_us, run_id);
CREATE INDEX runs_by_status ON runs (status, created_us, run_id);
CREATE INDEX runs_by_workflow ON runs (workflow_id, status, created_us, run_id);
CREATE INDEX runs_by_source ON runs (source, created_us, run_id) WHERE source IS NOT NULL;
CREATE INDEX runs_by_root ON runs (root, created_us, run_id);
-- The rows of an index end with the key: runs of one tree in the order they were made.
CREATE INDEX runs_of_tree ON runs (root);
CREATE INDEX runs_due ON runs (due_us) WHERE status = 'waiting' AND due_us IS NOT NULL;
CREATE INDEX runs_unfinished ON runs (run_id) WHERE status IN ('pending', 'running');

-- `id` is run key * 2^32 + sequence: the events of a run lie together, in order, without a second
-- tree, and a reference to one is one integer. WITHOUT ROWID is no choice here: it gives what is
-- longer than a quarter of a page an overflow page of its own, 1.4 MB instead of 0.4 MB for a run
-- of 300 steps with outputs of 1 KiB.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    run INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    sequence INTEGER GENERATED ALWAYS AS (id & 4294967295) VIRTUAL,
    time_us INTEGER NOT NULL,
    type TEXT NOT NULL,
    address TEXT NOT NULL,
    attempt INTEGER,
    payload BLOB,
    payload_at INTEGER,
    resume_data BLOB,
    resume_data_at INTEGER,
    detail TEXT,
    state BLOB
) STRICT;

CREATE INDEX events_with_state ON events (id) WHERE state IS NOT NULL;

CREATE TABLE records (
    run INTEGER NOT NULL,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    ended_us INTEGER,
    attempt INTEGER,
    container TEXT,
    iteration INTEGER,
    input BLOB,
    input_at INTEGER,
    output BLOB,
    output_at INTEGER,
    suspend_payload BLOB,
    suspend_payload_at INTEGER,
    resume_data BLOB,
    resume_data_at INTEGER,
    detail TEXT,
    PRIMARY KEY (run, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX records_in_order ON records (run, first_sequence, address);
CREATE INDEX records_active ON records (run, status, first_sequence, address)
    WHERE status IN ('running', 'waiting', 'suspended');
CREATE INDEX records_of_iterations ON records (run, container, iteration)
    WHERE iteration IS NOT NULL;

CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (key),
    after_sequence INTEGER NOT NULL,
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_run ON requests (run);
