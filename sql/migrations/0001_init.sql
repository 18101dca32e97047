-- Jobs, their rows, passes and batches.  States stand under their names (daemon/model/*_state.def).
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('uuid', lower(hex(randomblob(6))));

CREATE TABLE job (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL,
  workflow   TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('LOADING','RUNNING','PAUSED','DONE','FAILED','CANCELED')),
  reason     TEXT NOT NULL DEFAULT '',      -- why it is as it is, for people
  endpoint   TEXT NOT NULL,
  params     TEXT NOT NULL,                 -- JSON: rollout_params_print()
  model      TEXT NOT NULL DEFAULT '',
  dataset    TEXT NOT NULL DEFAULT '',      -- as the submitter named it
  save_dir   TEXT NOT NULL,
  fetch_dir  TEXT NOT NULL DEFAULT '',      -- where its owner wants them, if batchd keeps the results in save_dir until then
  owner_uid  INTEGER NOT NULL,
  priority   INTEGER NOT NULL DEFAULT 0,    -- among the jobs of its owner
  canary     INTEGER NOT NULL DEFAULT 0,    -- send only so many instances until a person says go on; 0: all
  stages     INTEGER NOT NULL,
  passk      INTEGER NOT NULL,
  instances  INTEGER NOT NULL DEFAULT 0,
  passes     INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL,
  ended_ms   INTEGER NOT NULL DEFAULT 0,
  spools     INTEGER NOT NULL DEFAULT 0,    -- spool files known to be whole: 1..spools
  prompt     INTEGER NOT NULL DEFAULT 0,    -- tokens
  completion INTEGER NOT NULL DEFAULT 0,
  cached     INTEGER NOT NULL DEFAULT 0,
  reasoning  INTEGER NOT NULL DEFAULT 0,
  parses     INTEGER NOT NULL DEFAULT 0,    -- structure files scanned
  bytes_read INTEGER NOT NULL DEFAULT 0     -- of structure files
) STRICT;
CREATE INDEX job_open ON job(id) WHERE state IN ('LOADING','RUNNING','PAUSED');
CREATE INDEX job_by_name ON job(name);

-- A dataset row: where it stands in the job's dataset.jsonl.
CREATE TABLE instance (
  job         INTEGER NOT NULL,
  n           INTEGER NOT NULL,             -- from 0, in the order of the dataset
  instance_id TEXT NOT NULL,
  off         INTEGER NOT NULL,
  len         INTEGER NOT NULL,
  PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;

-- A pass at a stage: its state and the last answer to it.  Here are the many rows: a CHECK of the states' names would cost
-- more than all else of a move, and an index would be changed with each; pass_state.def and the audit stand for the names.
CREATE TABLE pass (
  job       INTEGER NOT NULL,
  stage     INTEGER NOT NULL,
  n         INTEGER NOT NULL,               -- instance.n * job.passk + k
  state     TEXT NOT NULL DEFAULT 'READY',
  attempt   INTEGER NOT NULL DEFAULT 0,     -- how often it was sent
  batch     INTEGER,                        -- the last one it was sent in; its request stands in that one's file
  ans_batch INTEGER,                        -- the batch whose answer counts
  ans_kind  INTEGER,                        -- 0 output file, 1 error file
  ans_off   INTEGER,
  ans_len   INTEGER,
  spool     INTEGER,                        -- the spool file with its lines of output.jsonl and processed
  spool_off INTEGER,
  out_len   INTEGER,
  proc_len  INTEGER,
  reason    TEXT,                           -- FAILED: a word
  details   TEXT,
  PRIMARY KEY (job, stage, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX pass_answered ON pass(job, stage, n) WHERE state = 'ANSWERED';      -- raw has none of them

-- Sums kept beside the rows, so that nobody counts.
CREATE TABLE pass_count (
  job   INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  state TEXT NOT NULL,
  n     INTEGER NOT NULL,
  PRIMARY KEY (job, stage, state)
) STRICT, WITHOUT ROWID;
-- kind: 'failed' passes by reason, 'again': how often a pass was asked again for it
CREATE TABLE reason_count (
  job    INTEGER NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('failed','again')),
  reason TEXT NOT NULL,
  n      INTEGER NOT NULL,
  PRIMARY KEY (job, kind, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  job            INTEGER NOT NULL,
  stage          INTEGER NOT NULL,
  endpoint       TEXT NOT NULL,
  state          TEXT NOT NULL CHECK (state IN ('BUILDING','BUILT','UPLOADING','UPLOADED','CREATING','RUNNING',
                                                'FETCHING','READING','ENDED')),
  reason         TEXT NOT NULL DEFAULT '',
  first_n        INTEGER NOT NULL DEFAULT 0,
  last_n         INTEGER NOT NULL DEFAULT -1,
  requests       INTEGER NOT NULL DEFAULT 0,
  bytes          INTEGER NOT NULL DEFAULT 0,
  uploads        INTEGER NOT NULL DEFAULT 0,  -- how often an upload was begun: part of the file's name
  creates        INTEGER NOT NULL DEFAULT 0,  -- how often a create was begun: part of the metadata key
  tries          INTEGER NOT NULL DEFAULT 0,  -- calls in a row that brought nothing
  next_ms        INTEGER NOT NULL DEFAULT 0,  -- when to act again
  intent_ms      INTEGER NOT NULL DEFAULT 0,  -- when the open intent was written
  since_ms       INTEGER NOT NULL DEFAULT 0,  -- of the state, or of the endpoint's status word
  file_id        TEXT NOT NULL DEFAULT '',
  remote_id      TEXT NOT NULL DEFAULT '',
  remote_word    TEXT NOT NULL DEFAULT '',
  output_file_id TEXT NOT NULL DEFAULT '',
  error_file_id  TEXT NOT NULL DEFAULT '',
  completed      INTEGER NOT NULL DEFAULT -1,
  failed         INTEGER NOT NULL DEFAULT -1,
  error_code     TEXT NOT NULL DEFAULT '',
  error_line     INTEGER NOT NULL DEFAULT -1, -- 1-based, of the request file
  cancel         INTEGER NOT NULL DEFAULT 0,  -- 1: the endpoint is to cancel it
  cleanup        INTEGER NOT NULL DEFAULT 0,  -- files to be deleted there: 1 input, 2 output, 4 errors
  created_ms     INTEGER NOT NULL,
  ended_ms       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX batch_open ON batch(id) WHERE state <> 'ENDED';
CREATE INDEX batch_cleanup ON batch(id) WHERE cleanup <> 0;
CREATE INDEX batch_by_job ON batch(job, id);

CREATE TABLE endpoint (
  name        TEXT PRIMARY KEY,
  parked      TEXT NOT NULL DEFAULT '',     -- why nothing is sent to it; '': it is open
  parked_ms   INTEGER NOT NULL DEFAULT 0,
  token_limit INTEGER NOT NULL DEFAULT -1   -- enqueued tokens it takes, learned from its errors
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  time_ms INTEGER NOT NULL,
  job     INTEGER NOT NULL DEFAULT 0,
  batch   INTEGER NOT NULL DEFAULT 0,
  level   TEXT NOT NULL,
  text    TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_job ON event(job, seq);
