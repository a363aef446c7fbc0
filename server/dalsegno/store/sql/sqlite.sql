-- Every statement the SQLite store executes: a name, and a sentence saying what it is for.
-- `events.id` and all columns ending in `_at` are run key * 2^32 + sequence (0001_tables.sql).
--
-- The views are made anew for each connection. They resolve references while they read. A payload
-- that is missing or no JSON comes out as the empty blob, which no JSON text is.

-- view_events: Events with the payloads they refer to.
CREATE TEMP VIEW event_rows AS
SELECT
    e.id, e.sequence, e.time_us, e.type, e.address, e.attempt, e.detail,
    e.payload_at,
    CASE WHEN e.payload_at >> 32 <> e.run
        THEN (SELECT run_id FROM runs WHERE key = e.payload_at >> 32) END AS payload_run,
    CASE WHEN e.payload IS NULL AND e.payload_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(e.payload, p.payload) AS TEXT))
        THEN coalesce(e.payload, p.payload) ELSE x'' END AS payload,
    e.resume_data_at,
    CASE WHEN e.resume_data_at >> 32 <> e.run
        THEN (SELECT run_id FROM runs WHERE key = e.resume_data_at >> 32) END AS resume_data_run,
    CASE WHEN e.resume_data IS NULL AND e.resume_data_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(e.resume_data,
            CASE d.type WHEN 'step_started' THEN d.resume_data ELSE d.payload END) AS TEXT))
        THEN coalesce(e.resume_data,
            CASE d.type WHEN 'step_started' THEN d.resume_data ELSE d.payload END)
        ELSE x'' END AS resume_data,
    CASE WHEN e.state IS NULL THEN NULL
        WHEN json_valid(CAST(e.state AS TEXT)) THEN e.state ELSE x'' END AS state
FROM events e
LEFT JOIN events p ON p.id = e.payload_at
LEFT JOIN events d ON d.id = e.resume_data_at;

-- view_records: Records with the payloads they refer to.
CREATE TEMP VIEW record_rows AS
SELECT
    r.run, r.container, r.iteration,
    r.address, r.kind, r.status, r.first_sequence, r.last_sequence, r.started_us, r.ended_us,
    r.attempt, r.detail,
    r.input_at,
    CASE WHEN r.input_at >> 32 <> r.run
        THEN (SELECT run_id FROM runs WHERE key = r.input_at >> 32) END AS input_run,
    CASE WHEN r.input IS NULL AND r.input_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(r.input, i.payload) AS TEXT))
        THEN coalesce(r.input, i.payload) ELSE x'' END AS input,
    r.output_at,
    CASE WHEN r.output_at >> 32 <> r.run
        THEN (SELECT run_id FROM runs WHERE key = r.output_at >> 32) END AS output_run,
    CASE WHEN r.output IS NULL AND r.output_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(r.output, o.payload) AS TEXT))
        THEN coalesce(r.output, o.payload) ELSE x'' END AS output,
    r.suspend_payload_at,
    CASE WHEN r.suspend_payload_at >> 32 <> r.run
        THEN (SELECT run_id FROM runs WHERE key = r.suspend_payload_at >> 32)
        END AS suspend_payload_run,
    CASE WHEN r.suspend_payload IS NULL AND r.suspend_payload_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(r.suspend_payload, s.payload) AS TEXT))
        THEN coalesce(r.suspend_payload, s.payload) ELSE x'' END AS suspend_payload,
    r.resume_data_at,
    CASE WHEN r.resume_data_at >> 32 <> r.run
        THEN (SELECT run_id FROM runs WHERE key = r.resume_data_at >> 32) END AS resume_data_run,
    CASE WHEN r.resume_data IS NULL AND r.resume_data_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(r.resume_data,
            CASE d.type WHEN 'step_started' THEN d.resume_data ELSE d.payload END) AS TEXT))
        THEN coalesce(r.resume_data,
            CASE d.type WHEN 'step_started' THEN d.resume_data ELSE d.payload END)
        ELSE x'' END AS resume_data
FROM records r
LEFT JOIN events i ON i.id = r.input_at
LEFT JOIN events o ON o.id = r.output_at
LEFT JOIN events s ON s.id = r.suspend_payload_at
LEFT JOIN events d ON d.id = r.resume_data_at;

-- view_runs: Runs with the payloads they refer to.
CREATE TEMP VIEW run_rows AS
SELECT
    r.key, r.source, r.root,
    r.run_id, r.workflow_id, r.definition_hash, r.status, r.created_us, r.epoch,
    r.newest_sequence, r.started_us, r.ended_us, r.due_us, r.deadline_us, r.owner,
    r.definition_changed, r.detail,
    r.initial_at,
    CASE WHEN r.initial_at >> 32 <> r.key
        THEN (SELECT run_id FROM runs WHERE key = r.initial_at >> 32) END AS initial_run,
    CASE WHEN json_valid(CAST(b.state AS TEXT)) THEN b.state ELSE x'' END AS initial_state,
    r.state_at,
    CASE WHEN r.state_at >> 32 <> r.key
        THEN (SELECT run_id FROM runs WHERE key = r.state_at >> 32) END AS state_run,
    CASE WHEN json_valid(CAST(coalesce(r.state, s.state) AS TEXT))
        THEN coalesce(r.state, s.state) ELSE x'' END AS state,
    r.input_at,
    CASE WHEN r.input_at >> 32 <> r.key
        THEN (SELECT run_id FROM runs WHERE key = r.input_at >> 32) END AS input_run,
    CASE WHEN json_valid(CAST(coalesce(r.input, i.payload) AS TEXT))
        THEN coalesce(r.input, i.payload) ELSE x'' END AS input,
    r.request_context_at,
    CASE WHEN r.request_context_at >> 32 <> r.key
        THEN (SELECT run_id FROM runs WHERE key = r.request_context_at >> 32)
        END AS request_context_run,
    CASE WHEN json_valid(CAST(coalesce(r.request_context, c.payload) AS TEXT))
        THEN coalesce(r.request_context, c.payload) ELSE x'' END AS request_context,
    r.result_at,
    CASE WHEN r.result_at >> 32 <> r.key
        THEN (SELECT run_id FROM runs WHERE key = r.result_at >> 32) END AS result_run,
    CASE WHEN r.result IS NULL AND r.result_at IS NULL THEN NULL
        WHEN json_valid(CAST(coalesce(r.result, f.payload) AS TEXT))
        THEN coalesce(r.result, f.payload) ELSE x'' END AS result
FROM runs r
LEFT JOIN events b ON b.id = r.initial_at
LEFT JOIN events s ON s.id = r.state_at
LEFT JOIN events i ON i.id = r.input_at
LEFT JOIN events c ON c.id = r.request_context_at
LEFT JOIN events f ON f.id = r.result_at;

-- put_definition: Keep a definition unless its hash is known.
INSERT INTO definitions (hash, workflow_id, json) VALUES (:hash, :workflow_id, :json)
ON CONFLICT (hash) DO NOTHING;

-- definition: One definition by its hash.
SELECT hash, workflow_id, json FROM definitions WHERE hash = :hash;

-- run_key: The key that stands for a run.
SELECT key FROM runs WHERE run_id = :run_id;

-- newest_key: The highest key given to a run, so that the next one can be given.
SELECT max(key) FROM runs;

-- initial_at: Where the state that a run began with is stored.
SELECT initial_at FROM runs WHERE key = :key;

-- request_kept: Whether a request id is taken.
SELECT 1 FROM requests WHERE request_id = :request_id;

-- insert_run: Keep a new run; nothing is inserted if its id is taken.
INSERT INTO runs (
    newest_sequence, state, state_at,
    definition_hash, status, epoch, started_us, ended_us, due_us, deadline_us, owner,
    definition_changed, result, result_at, detail, request_context, request_context_at,
    key, run_id, workflow_id, created_us, source, root, initial_at, input, input_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id) DO NOTHING;

-- move_run: Compare and set: move a run on of which only this has changed, which no index holds.
UPDATE runs SET newest_sequence = ?, state = ?, state_at = ?
WHERE key = ? AND epoch = ? AND newest_sequence = ?;

-- update_run: Compare and set: move a run on if nobody else has since it was read.
UPDATE runs SET
    newest_sequence = ?, state = ?, state_at = ?,
    definition_hash = ?, status = ?, epoch = ?, started_us = ?, ended_us = ?, due_us = ?,
    deadline_us = ?, owner = ?, definition_changed = ?, result = ?, result_at = ?, detail = ?,
    request_context = ?, request_context_at = ?
WHERE key = ? AND epoch = ? AND newest_sequence = ?;

-- insert_event: Add one event to a run; or, as sequence 0, the state the run begins with.
INSERT INTO events (
    id, time_us, type, address, attempt, payload, payload_at, resume_data, resume_data_at, detail,
    state
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- put_record: Keep what a run knows of one address in place of what it knew.
REPLACE INTO records (
    run, address, kind, status, first_sequence, last_sequence, started_us, ended_us, attempt,
    container, iteration, input, input_at, output, output_at, suspend_payload, suspend_payload_at,
    resume_data, resume_data_at, detail
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insert_request: Keep an accepted request.
INSERT INTO requests (request_id, fingerprint, run, after_sequence, created_us)
VALUES (:request_id, :fingerprint, :run, :after_sequence, :created_us);

-- delete_requests: Forget the requests about a run.
DELETE FROM requests WHERE run = :key;

-- delete_records: Remove a run's records.
DELETE FROM records WHERE run = :key;

-- delete_events: Remove a run's events, and its row 0.
DELETE FROM events WHERE id >= :key << 32 AND id < (:key + 1) << 32;

-- delete_run: Compare and remove: remove a run if it has not changed since it was read.
DELETE FROM runs
WHERE key = :key AND epoch = :expected_epoch AND newest_sequence = :expected_sequence;

-- run: One run by its id.
SELECT * FROM run_rows WHERE run_id = :run_id;

-- request: One accepted request by its id.
SELECT q.request_id, q.fingerprint, r.run_id, q.after_sequence, q.created_us
FROM requests q JOIN runs r ON r.key = q.run
WHERE q.request_id = :request_id;

-- list_all: Runs, newest first.
SELECT * FROM run_rows
WHERE created_us >= :created_from_us AND (created_us, run_id) < (:below_us, :below_id)
ORDER BY created_us DESC, run_id DESC
LIMIT :limit;

-- list_by_status: Runs in one status, newest first.
SELECT * FROM run_rows
-- A bare parameter is compared with the conditions of the partial indexes, so that SQLite prepares
-- the statement anew for each value.
WHERE status = CAST(:status AS TEXT)
    AND created_us >= :created_from_us AND (created_us, run_id) < (:below_us, :below_id)
ORDER BY created_us DESC, run_id DESC
LIMIT :limit;

-- list_by_workflow: Runs of one workflow in one status, newest first.
SELECT * FROM run_rows
WHERE workflow_id = :workflow_id AND status = CAST(:status AS TEXT) -- as above
    AND created_us >= :created_from_us AND (created_us, run_id) < (:below_us, :below_id)
ORDER BY created_us DESC, run_id DESC
LIMIT :limit;

-- list_by_source: Direct replays of one run, newest first.
SELECT * FROM run_rows
WHERE source = (SELECT key FROM runs WHERE run_id = :source_run_id)
    AND (:root_run_id IS NULL OR root = (SELECT key FROM runs WHERE run_id = :root_run_id))
    AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
    AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
    AND created_us >= :created_from_us AND (created_us, run_id) < (:below_us, :below_id)
ORDER BY created_us DESC, run_id DESC
LIMIT :limit;

-- list_by_root: Runs of one tree, newest first.
SELECT * FROM run_rows
WHERE root = (SELECT key FROM runs WHERE run_id = :root_run_id)
    AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
    AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
    AND created_us >= :created_from_us AND (created_us, run_id) < (:below_us, :below_id)
ORDER BY created_us DESC, run_id DESC
LIMIT :limit;

-- tree: Runs of one tree in the order they were made.
SELECT * FROM run_rows
WHERE root = (SELECT key FROM runs WHERE run_id = :root_run_id)
    AND key > coalesce(
        (SELECT key FROM runs WHERE run_id = :after_id),
        -- The run that the page before ended with was deleted: go on behind the one before it.
        (SELECT key FROM runs
            WHERE root = (SELECT key FROM runs WHERE run_id = :root_run_id)
                AND (created_us, run_id) < (:after_us, :after_id)
            ORDER BY created_us DESC, run_id DESC LIMIT 1),
        0
    )
ORDER BY key
LIMIT :limit;

-- lineage_chain: A run, its source, and so on up to the root: each leads to the next.
WITH RECURSIVE chain (source, run_id, definition_hash, created_us, status, detail) AS (
    SELECT source, run_id, definition_hash, created_us, status, detail
    FROM runs WHERE run_id = :run_id
    UNION ALL
    SELECT r.source, r.run_id, r.definition_hash, r.created_us, r.status, r.detail
    FROM chain c JOIN runs r ON r.key = c.source
    LIMIT :limit
)
SELECT run_id, definition_hash, created_us, status, detail FROM chain;

-- replays: Ids of the direct replays of a run, oldest first.
SELECT run_id FROM runs
WHERE source = (SELECT key FROM runs WHERE run_id = :run_id)
ORDER BY created_us, run_id
LIMIT :limit;

-- record: A run's own record at an address.
SELECT * FROM record_rows
WHERE run = (SELECT key FROM runs WHERE run_id = :run_id) AND address = :address;

-- records: A run's own records at some addresses.
SELECT * FROM record_rows
WHERE run = (SELECT key FROM runs WHERE run_id = :run_id)
    AND address IN (SELECT value FROM json_each(:addresses));

-- iterations: A run's own records of the iterations or items of one container, by rising index.
SELECT * FROM record_rows
WHERE run = (SELECT key FROM runs WHERE run_id = :run_id)
    AND container = :container AND iteration >= :first
ORDER BY iteration
LIMIT :limit;

-- last_iteration: The highest iteration or item of one container that a run itself has.
SELECT iteration FROM records
WHERE run = (SELECT key FROM runs WHERE run_id = :run_id)
    AND container = :container AND iteration >= 0
ORDER BY iteration DESC
LIMIT 1;

-- active_records: A run's own records in one of the active statuses, in order.
SELECT * FROM record_rows
WHERE run = (SELECT key FROM runs WHERE run_id = :run_id)
    AND status = :status AND status IN ('running', 'waiting', 'suspended')
ORDER BY first_sequence, address;

-- steps: A page of a run's own records in order.
SELECT * FROM record_rows
WHERE run = (SELECT key FROM runs WHERE run_id = :run_id)
    AND (first_sequence, address) > (:after_sequence, :after_address)
ORDER BY first_sequence, address
LIMIT :limit;

-- events: A page of a run's events in order.
SELECT * FROM event_rows
WHERE id > ((SELECT key FROM runs WHERE run_id = :run_id) << 32) + :after
    AND id <= ((SELECT key FROM runs WHERE run_id = :run_id) << 32) + 4294967295
ORDER BY id
LIMIT :limit;

-- state_before: The newest state that an event of a run has set below a sequence.
SELECT sequence, CASE WHEN json_valid(CAST(state AS TEXT)) THEN state ELSE x'' END
FROM events INDEXED BY events_with_state
WHERE state IS NOT NULL
    AND id > ((SELECT key FROM runs WHERE run_id = :run_id) << 32)
    AND id < ((SELECT key FROM runs WHERE run_id = :run_id) << 32) + :sequence
ORDER BY id DESC
LIMIT 1;

-- payload: The payload of one event.
SELECT payload FROM event_rows
WHERE id = ((SELECT key FROM runs WHERE run_id = :run_id) << 32) + :sequence;

-- initial_state: The state that a run began with.
SELECT initial_state FROM run_rows WHERE run_id = :run_id;

-- next_due: When the next waiting run is due.
SELECT due_us FROM runs INDEXED BY runs_due
WHERE status = 'waiting' AND due_us IS NOT NULL
ORDER BY due_us
LIMIT 1;

-- due_runs: Ids of waiting runs that are due, earliest first.
SELECT run_id FROM runs INDEXED BY runs_due
WHERE status = 'waiting' AND due_us IS NOT NULL AND due_us <= :now_us
ORDER BY due_us
LIMIT :limit;

-- running_runs: A page of the ids of one owner's running runs.
SELECT run_id FROM runs INDEXED BY runs_owned
WHERE status = 'running' AND owner = :owner AND run_id > :after
ORDER BY run_id
LIMIT :limit;

-- pending_runs: Ids of the pending runs that came first.
SELECT run_id FROM runs INDEXED BY runs_by_status
WHERE status = 'pending'
ORDER BY created_us, run_id
LIMIT :limit;

-- pending_count: How many runs are pending.
SELECT count(*) FROM runs INDEXED BY runs_by_status WHERE status = 'pending';

-- take_lease: Begin a lease.
INSERT INTO leases (expires_us) VALUES (:expires_us);

-- renew_lease: Let a lease run longer that was not ended.
UPDATE leases SET expires_us = :expires_us WHERE owner = :owner AND ended IS NULL;

-- end_lease: End a lease that was not ended.
UPDATE leases SET ended = :ended WHERE owner = :owner AND ended IS NULL;

-- expire_leases: End all leases that have run out, but one.
UPDATE leases SET ended = 'expired'
WHERE ended IS NULL AND expires_us <= :now_us AND owner <> :spare;

-- forget_leases: Remove ended leases that own no running run, but for the newest.
DELETE FROM leases
WHERE ended IS NOT NULL AND owner < (SELECT max(owner) FROM leases) AND NOT EXISTS (
    SELECT 1 FROM runs INDEXED BY runs_owned
    WHERE status = 'running' AND owner = leases.owner
);

-- owners: The leases of all owners of running runs; one look into the index for each.
WITH RECURSIVE owners (owner) AS (
    SELECT min(owner) FROM runs INDEXED BY runs_owned WHERE status = 'running'
    UNION ALL
    SELECT (
        SELECT min(owner) FROM runs INDEXED BY runs_owned
        WHERE status = 'running' AND owner > owners.owner
    ) FROM owners WHERE owners.owner IS NOT NULL
)
SELECT o.owner, coalesce(l.expires_us, 0),
    CASE WHEN l.owner IS NULL THEN 'expired' ELSE l.ended END
FROM owners o LEFT JOIN leases l ON l.owner = o.owner
WHERE o.owner IS NOT NULL;

-- empty_log: Move all of the log into the database file, and cut the log to nothing.
PRAGMA wal_checkpoint(TRUNCATE);
