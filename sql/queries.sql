-- Every query, by name.  Parameters are bound by name; a name that is not there is a bug.

-- name: meta_get
SELECT value FROM meta WHERE name = :name;

-- name: job_insert
INSERT INTO job (name, workflow, state, endpoint, params, model, dataset, save_dir, fetch_dir, owner_uid, priority, canary, stages, passk,
                 instances, passes, created_ms)
VALUES (:name, :workflow, 'LOADING', :endpoint, :params, :model, :dataset, :save_dir, :fetch_dir, :owner_uid, :priority, :canary, :stages,
        :passk, :instances, :passes, :created_ms)
RETURNING id;

-- name: job_get
SELECT id, name, workflow, state, reason, endpoint, params, model, dataset, save_dir, fetch_dir, owner_uid, priority, canary, stages, passk,
       instances, passes, created_ms, ended_ms, spools, prompt, completion, cached, reasoning, parses, bytes_read
  FROM job WHERE id = :id;

-- name: job_list_open
-- A canceled one is open until it has an end.
SELECT id FROM job WHERE state IN ('LOADING','RUNNING','PAUSED') OR (state = 'CANCELED' AND ended_ms = 0)
UNION SELECT job FROM batch WHERE state <> 'ENDED' ORDER BY 1;

-- name: job_list_newest
-- For people: newest first, from an id downwards.
SELECT id FROM job WHERE id < :below AND state <> 'LOADING' ORDER BY id DESC LIMIT :most;

-- name: job_find
-- By number, by name, or by the beginning of exactly one name; the exact ones first, newest first.  Names are those of
-- :owner's jobs (-1: of all): others do not see them.
SELECT id, name = :word OR id = CAST(:word AS INTEGER) AS exact, name FROM job
 WHERE state <> 'LOADING' AND (CAST(id AS TEXT) = :word OR ((:owner < 0 OR owner_uid = :owner)
       AND (name = :word OR (length(:word) > 0 AND substr(name, 1, length(:word)) = :word))))
 ORDER BY CAST(id AS TEXT) = :word DESC, name = :word DESC, id DESC LIMIT 3;

-- name: job_set_state
UPDATE job SET state = :state, reason = :reason, ended_ms = :ended_ms WHERE id = :id;

-- name: job_set_save_dir
UPDATE job SET save_dir = :save_dir WHERE id = :id;

-- name: job_list_old
SELECT id FROM job WHERE state IN ('DONE','FAILED','CANCELED') AND ended_ms BETWEEN 1 AND :before_ms ORDER BY id LIMIT 20;

-- name: job_count_states
SELECT state, count(*) FROM job GROUP BY state;

-- name: job_set_canary
UPDATE job SET canary = :canary WHERE id = :id;

-- name: job_set_sizes
UPDATE job SET instances = :instances, passes = :passes WHERE id = :id;

-- name: job_of_save_dir
SELECT id FROM job WHERE save_dir = :save_dir AND state <> 'LOADING' ORDER BY id DESC LIMIT 1;

-- name: job_set_recipe
UPDATE job SET params = :params, model = :model WHERE id = :id;

-- name: job_set_reason
UPDATE job SET reason = :reason WHERE id = :id;

-- name: job_add_costs
UPDATE job SET prompt = prompt + :prompt, completion = completion + :completion, cached = cached + :cached,
               reasoning = reasoning + :reasoning, parses = parses + :parses, bytes_read = bytes_read + :bytes_read,
               spools = max(spools, :spools)
 WHERE id = :id;

-- name: job_delete
DELETE FROM job WHERE id = :id;

-- name: job_forget_id
UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'job' AND seq = :id;

-- name: job_delete_instances
DELETE FROM instance WHERE job = :job AND n IN (SELECT n FROM instance WHERE job = :job LIMIT :most);

-- name: job_delete_passes
DELETE FROM pass WHERE job = :job AND stage = :stage
   AND n IN (SELECT n FROM pass WHERE job = :job AND stage = :stage LIMIT :most);

-- name: job_delete_counts
DELETE FROM pass_count WHERE job = :job;

-- name: job_delete_reasons
DELETE FROM reason_count WHERE job = :job;

-- name: job_delete_batches
DELETE FROM batch WHERE job = :job;

-- name: job_delete_events
DELETE FROM event WHERE job = :job;

-- name: instance_insert
WITH RECURSIVE run(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM run WHERE n < :last)
INSERT INTO instance (job, n, instance_id, off, len)
SELECT :job, n, text_at(:ids, n - :first), int_at(:places, 2 * (n - :first)), int_at(:places, 2 * (n - :first) + 1) FROM run;

-- name: instance_get
SELECT instance_id, off, len FROM instance WHERE job = :job AND n = :n;

-- name: instance_find
-- Without an index: nobody but a person asks this way.
SELECT n FROM instance WHERE job = :job AND instance_id = :instance_id;

-- name: instance_list
SELECT n, instance_id, off, len FROM instance WHERE job = :job AND n BETWEEN :first AND :last ORDER BY n;

-- name: pass_insert
INSERT INTO pass (job, stage, n) VALUES (:job, :stage, :n)
ON CONFLICT (job, stage, n) DO UPDATE SET state = 'READY', attempt = 0, reason = NULL, details = NULL;

-- name: pass_insert_run
WITH RECURSIVE run(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM run WHERE n < :last)
INSERT INTO pass (job, stage, n) SELECT :job, :stage, n FROM run;

-- name: pass_ready
-- What the next request file of a first stage is made of.
SELECT n, attempt FROM pass
 WHERE job = :job AND stage = :stage AND n BETWEEN :from AND :last AND state = 'READY' ORDER BY n;

-- name: pass_ready_later
-- Of a later one, with the answer of the stage before.
SELECT p.n, p.attempt, q.ans_batch, q.ans_kind, q.ans_off, q.ans_len
  FROM pass p LEFT JOIN pass q ON q.job = p.job AND q.stage = p.stage - 1 AND q.n = p.n
 WHERE p.job = :job AND p.stage = :stage AND p.n BETWEEN :from AND :last AND p.state = 'READY'
 ORDER BY p.n;

-- name: pass_any_ready
SELECT 1 FROM pass WHERE job = :job AND stage = :stage AND n BETWEEN :from AND :last AND state = 'READY' LIMIT 1;

-- name: pass_last
SELECT coalesce(max(n), -1) FROM pass WHERE job = :job AND stage = :stage;

-- name: pass_answered
-- What is to be judged next; with the answer of the stage before.
SELECT p.n, p.attempt, p.ans_batch, p.ans_kind, p.ans_off, p.ans_len, q.ans_batch, q.ans_kind, q.ans_off, q.ans_len
  FROM pass p INDEXED BY pass_answered LEFT JOIN pass q ON q.job = p.job AND q.stage = p.stage - 1 AND q.n = p.n
 WHERE p.job = :job AND p.stage = :stage AND p.state = 'ANSWERED' AND p.n >= :from
 ORDER BY p.n LIMIT :most;

-- name: pass_of_batch
-- The members of a batch that have not been dealt with, in the order of its file.
SELECT n, attempt FROM pass
 WHERE job = :job AND stage = :stage AND n BETWEEN :first AND :last AND batch = :batch AND state = 'BATCHED' ORDER BY n;

-- name: pass_to_batched
UPDATE pass SET state = 'BATCHED', attempt = attempt + 1, batch = :batch
 WHERE job = :job AND stage = :stage AND n BETWEEN :first AND :last AND state = 'READY';

-- name: pass_to_answered
-- int_at() reads the answers' line_refs, four numbers each (stmt.h).
UPDATE pass SET state = :state, ans_batch = :batch, ans_kind = int_at(:answers, 4 * (n - :first) + 1),
                ans_off = int_at(:answers, 4 * (n - :first) + 2), ans_len = int_at(:answers, 4 * (n - :first) + 3),
                reason = :reason, details = NULL
 WHERE job = :job AND stage = :stage AND n BETWEEN :first AND :last AND state = 'BATCHED';

-- name: pass_to_done
UPDATE pass SET state = 'DONE', spool = :spool, spool_off = :spool_off, out_len = :out_len, proc_len = :proc_len,
                reason = :reason, details = :details
 WHERE job = :job AND stage = :stage AND n = :n AND state = 'ANSWERED';

-- name: pass_to_ready
-- Asked again: after a failure that may pass, or (given_back = 1) without having been sent.
UPDATE pass SET state = 'READY', attempt = attempt - :given_back, reason = :reason, details = :details
 WHERE job = :job AND stage = :stage AND n = :n AND state = :from;

-- name: pass_to_failed
UPDATE pass SET state = 'FAILED', reason = :reason, details = :details,
                ans_batch = coalesce(:ans_batch, ans_batch), ans_kind = coalesce(:kind, ans_kind),
                ans_off = coalesce(:off, ans_off), ans_len = coalesce(:len, ans_len)
 WHERE job = :job AND stage = :stage AND n = :n AND state = :from;

-- name: pass_cancel_open
-- The reason `answered` says that there is an answer to go on from.
UPDATE pass SET state = 'CANCELED', reason = iif(:from = 'ANSWERED', 'answered', NULL), details = NULL
 WHERE job = :job AND stage = :stage AND n BETWEEN :first AND :last AND state = :from;

-- name: pass_to_canceled
UPDATE pass SET state = 'CANCELED', reason = NULL, details = NULL
 WHERE job = :job AND stage = :stage AND n = :n AND state = 'BATCHED';

-- name: pass_retry_list
-- Passes that a person may ask for again.
SELECT stage, n, state, reason, ans_batch IS NOT NULL FROM pass
 WHERE job = :job AND stage = :stage AND state IN ('FAILED','CANCELED') AND n BETWEEN :first AND :last ORDER BY n;

-- name: pass_retry
UPDATE pass SET state = :to, attempt = iif(:to = 'READY', 0, attempt), reason = NULL, details = NULL
 WHERE job = :job AND stage = :stage AND n = :n AND state = :from;

-- name: pass_release_batch
UPDATE pass SET state = 'READY', attempt = attempt - 1, batch = NULL
 WHERE job = :job AND stage = :stage AND n BETWEEN :first AND :last AND batch = :batch AND state = 'BATCHED';

-- name: pass_list
-- Everything that is rendered into the save_dir, in the order of the dataset, as instance_list has it.
SELECT n, state, attempt, batch, ans_batch, ans_kind, ans_off, ans_len, spool, spool_off, out_len,
       proc_len, reason, details
  FROM pass WHERE job = :job AND stage = :stage ORDER BY n;

-- name: pass_count_really
SELECT state, count(*) FROM pass WHERE job = :job AND stage = :stage GROUP BY state;

-- name: count_add
INSERT INTO pass_count (job, stage, state, n) VALUES (:job, :stage, :state, :n)
ON CONFLICT (job, stage, state) DO UPDATE SET n = n + excluded.n;

-- name: count_list
SELECT stage, state, n FROM pass_count WHERE job = :job ORDER BY stage;

-- name: reason_add
INSERT INTO reason_count (job, kind, reason, n) VALUES (:job, :kind, :reason, :n)
ON CONFLICT (job, kind, reason) DO UPDATE SET n = n + excluded.n;

-- name: reason_list
SELECT kind, reason, n FROM reason_count WHERE job = :job AND n > 0 ORDER BY kind, n DESC, reason;

-- name: batch_insert
INSERT INTO batch (job, stage, endpoint, state, since_ms, created_ms)
VALUES (:job, :stage, :endpoint, 'BUILDING', :now_ms, :now_ms) RETURNING id;

-- name: batch_save
UPDATE batch SET state = :state, reason = :reason, first_n = :first_n, last_n = :last_n, requests = :requests,
       bytes = :bytes, uploads = :uploads, creates = :creates, tries = :tries, next_ms = :next_ms, intent_ms = :intent_ms,
       since_ms = :since_ms, file_id = :file_id, remote_id = :remote_id, remote_word = :remote_word,
       output_file_id = :output_file_id, error_file_id = :error_file_id, completed = :completed, failed = :failed,
       error_code = :error_code, error_line = :error_line, cancel = :cancel, cleanup = :cleanup, ended_ms = :ended_ms
 WHERE id = :id;

-- name: batch_list_open
SELECT id FROM batch WHERE state <> 'ENDED' ORDER BY id;

-- name: batch_get
SELECT id, job, stage, endpoint, state, reason, first_n, last_n, requests, bytes, uploads, creates, tries, next_ms,
       intent_ms, since_ms, file_id, remote_id, remote_word, output_file_id, error_file_id, completed, failed, error_code,
       error_line, cancel, cleanup, created_ms, ended_ms
  FROM batch WHERE id = :id;

-- name: batch_list_cleanup
SELECT id FROM batch WHERE cleanup <> 0 ORDER BY id;

-- name: batch_set_cleanup
UPDATE batch SET cleanup = :cleanup WHERE id = :id;

-- name: batch_list_of_job
SELECT id FROM batch WHERE job = :job ORDER BY id;

-- name: batch_delete
DELETE FROM batch WHERE id = :id;

-- name: endpoint_get
SELECT parked, parked_ms, token_limit FROM endpoint WHERE name = :name;

-- name: endpoint_save
INSERT INTO endpoint (name, parked, parked_ms, token_limit) VALUES (:name, :parked, :parked_ms, :token_limit)
ON CONFLICT (name) DO UPDATE SET parked = excluded.parked, parked_ms = excluded.parked_ms,
                                 token_limit = excluded.token_limit;

-- name: event_insert
INSERT INTO event (time_ms, job, batch, level, text) VALUES (:time_ms, :job, :batch, :level, :text);

-- name: event_list
SELECT e.seq, e.time_ms, e.job, e.batch, e.level, e.text, coalesce(j.name, ''), coalesce(j.owner_uid, -1)
  FROM event e LEFT JOIN job j ON j.id = e.job
 WHERE e.seq > :after ORDER BY e.seq LIMIT :most;

-- name: event_list_of_job
SELECT e.seq, e.time_ms, e.job, e.batch, e.level, e.text, coalesce(j.name, ''), coalesce(j.owner_uid, -1)
  FROM event e LEFT JOIN job j ON j.id = e.job
 WHERE e.job = :job AND e.seq > :after ORDER BY e.seq LIMIT :most;

-- name: event_delete_old
-- Those of no job: a job's go with it.
DELETE FROM event WHERE job = 0 AND time_ms < :before_ms;

-- name: event_when
SELECT time_ms FROM event WHERE job = :job AND text GLOB :text ORDER BY seq DESC LIMIT 1;

-- name: event_back
SELECT coalesce(min(seq), 1) - 1 FROM (SELECT e.seq FROM event e LEFT JOIN job j ON j.id = e.job
 WHERE :owner < 0 OR e.job = 0 OR j.owner_uid = :owner ORDER BY e.seq DESC LIMIT :most);

-- name: event_back_of_job
SELECT coalesce(min(seq), 1) - 1 FROM (SELECT seq FROM event WHERE job = :job ORDER BY seq DESC LIMIT :most);
