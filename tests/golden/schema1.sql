-- unreleased: schema 1, as batchd 0.1.0 wrote it (make_golden.sh)
BEGIN TRANSACTION;
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
INSERT INTO "batch" VALUES(1,1,1,'quick','ENDED','',0,3,4,6396,1,1,0,0,1795364943627,1795364943900,'file-000001','batch_000001','completed','file-000004','',4,0,'',-1,0,0,1795364943611,1795364943900);
INSERT INTO "batch" VALUES(2,1,1,'quick','ENDED','',4,7,4,5986,1,1,0,0,1795364943630,1795364943894,'file-000002','batch_000002','completed','file-000005','',4,0,'',-1,0,0,1795364943624,1795364943894);
INSERT INTO "batch" VALUES(3,1,1,'quick','ENDED','',8,9,2,3214,1,1,0,0,1795364943633,1795364943923,'file-000003','batch_000003','completed','file-000006','',2,0,'',-1,0,0,1795364943628,1795364943923);
INSERT INTO "batch" VALUES(4,1,2,'quick','ENDED','',4,7,4,17754,1,1,0,0,1795364943902,1795364944196,'file-000007','batch_000004','completed','file-000011','',4,0,'',-1,0,0,1795364943896,1795364944196);
INSERT INTO "batch" VALUES(5,1,2,'quick','ENDED','',0,3,3,15307,1,1,0,0,1795364943908,1795364944194,'file-000008','batch_000005','completed','file-000012','',3,0,'',-1,0,0,1795364943903,1795364944194);
INSERT INTO "batch" VALUES(6,1,1,'quick','ENDED','',1,1,1,1581,1,1,0,0,1795364943910,1795364944157,'file-000009','batch_000006','completed','file-000013','',1,0,'',-1,0,0,1795364943906,1795364944157);
INSERT INTO "batch" VALUES(7,1,2,'quick','ENDED','',8,9,2,6910,1,1,0,0,1795364943929,1795364944183,'file-000010','batch_000007','completed','file-000014','',2,0,'',-1,0,0,1795364943925,1795364944183);
INSERT INTO "batch" VALUES(8,1,2,'quick','ENDED','',1,1,1,5946,1,1,0,0,1795364944163,1795364944445,'file-000015','batch_000008','completed','file-000017','',1,0,'',-1,0,0,1795364944158,1795364944445);
INSERT INTO "batch" VALUES(9,1,2,'quick','ENDED','',3,7,3,14432,1,1,0,0,1795364944205,1795364944458,'file-000016','batch_000009','completed','file-000018','',3,0,'',-1,0,0,1795364944201,1795364944458);
INSERT INTO "batch" VALUES(10,2,1,'slow','RUNNING','',0,3,4,6396,1,1,1,1795364944594,1795364944491,1795364944494,'file-000001','batch_000001','validating','','',0,0,'',-1,0,0,1795364944482,0);
INSERT INTO "batch" VALUES(11,3,1,'slow','RUNNING','',0,1,2,3160,1,1,0,1795364944597,1795364944498,1795364944500,'file-000002','batch_000002','validating','','',0,0,'',-1,1,0,1795364944492,0);
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
INSERT INTO "event" VALUES(1,1795364943611,1,0,'notice','submitted: bugfixer ended, 5 instances, 10 passes, endpoint quick');
INSERT INTO "event" VALUES(2,1795364943629,1,1,'info','stage 1: 4 requests are at the endpoint as batch_000001');
INSERT INTO "event" VALUES(3,1795364943631,1,2,'info','stage 1: 4 requests are at the endpoint as batch_000002');
INSERT INTO "event" VALUES(4,1795364943634,1,3,'info','stage 1: 2 requests are at the endpoint as batch_000003');
INSERT INTO "event" VALUES(5,1795364943894,1,2,'info','stage 1: 4 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(6,1795364943900,1,1,'info','stage 1: 4 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(7,1795364943904,1,4,'info','stage 2: 4 requests are at the endpoint as batch_000004');
INSERT INTO "event" VALUES(8,1795364943910,1,5,'info','stage 2: 3 requests are at the endpoint as batch_000005');
INSERT INTO "event" VALUES(9,1795364943911,1,6,'info','stage 1: 1 requests are at the endpoint as batch_000006');
INSERT INTO "event" VALUES(10,1795364943923,1,3,'info','stage 1: 2 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(11,1795364943931,1,7,'info','stage 2: 2 requests are at the endpoint as batch_000007');
INSERT INTO "event" VALUES(12,1795364944157,1,6,'info','stage 1: 1 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(13,1795364944165,1,8,'info','stage 2: 1 requests are at the endpoint as batch_000008');
INSERT INTO "event" VALUES(14,1795364944183,1,7,'info','stage 2: 2 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(15,1795364944194,1,5,'info','stage 2: 3 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(16,1795364944196,1,4,'info','stage 2: 4 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(17,1795364944207,1,9,'info','stage 2: 3 requests are at the endpoint as batch_000009');
INSERT INTO "event" VALUES(18,1795364944445,1,8,'info','stage 2: 1 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(19,1795364944458,1,9,'info','stage 2: 3 answered, 0 without an answer (to be asked again if they may), 0 failed');
INSERT INTO "event" VALUES(20,1795364944467,1,0,'warning','failed: 9 passes done, 1 failed');
INSERT INTO "event" VALUES(21,1795364944469,1,0,'info','its audit adds up');
INSERT INTO "event" VALUES(22,1795364944481,2,0,'notice','submitted: bugfixer open, 2 instances, 4 passes, endpoint slow');
INSERT INTO "event" VALUES(23,1795364944492,3,0,'notice','submitted: bugfixer canceled, 1 instances, 2 passes, endpoint slow');
INSERT INTO "event" VALUES(24,1795364944494,2,10,'info','stage 1: 4 requests are at the endpoint as batch_000001');
INSERT INTO "event" VALUES(25,1795364944500,3,11,'info','stage 1: 2 requests are at the endpoint as batch_000002');
INSERT INTO "event" VALUES(26,1795364944518,3,0,'notice','canceled');
CREATE TABLE instance (
  job         INTEGER NOT NULL,
  n           INTEGER NOT NULL,             -- from 0, in the order of the dataset
  instance_id TEXT NOT NULL,
  off         INTEGER NOT NULL,
  len         INTEGER NOT NULL,
  PRIMARY KEY (job, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "instance" VALUES(1,0,'demo__calc-1',0,1948);
INSERT INTO "instance" VALUES(1,1,'demo__calc-2',1949,2388);
INSERT INTO "instance" VALUES(1,2,'demo__shelf-1',4338,1687);
INSERT INTO "instance" VALUES(1,3,'demo__shelf-2',6026,1911);
INSERT INTO "instance" VALUES(1,4,'demo__textkit-1',7938,2099);
INSERT INTO "instance" VALUES(2,0,'demo__calc-1',0,1948);
INSERT INTO "instance" VALUES(2,1,'demo__calc-2',1949,2388);
INSERT INTO "instance" VALUES(2,2,'demo__shelf-1',4338,1687);
INSERT INTO "instance" VALUES(2,3,'demo__shelf-2',6026,1911);
INSERT INTO "instance" VALUES(2,4,'demo__textkit-1',7938,2099);
INSERT INTO "instance" VALUES(3,0,'demo__calc-1',0,1948);
INSERT INTO "instance" VALUES(3,1,'demo__calc-2',1949,2388);
INSERT INTO "instance" VALUES(3,2,'demo__shelf-1',4338,1687);
INSERT INTO "instance" VALUES(3,3,'demo__shelf-2',6026,1911);
INSERT INTO "instance" VALUES(3,4,'demo__textkit-1',7938,2099);
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
INSERT INTO "job" VALUES(1,'ended','bugfixer','FAILED','1 of 10 passes failed','quick','{"workflow":"bugfixer","model_name":"demo-model","temp":0.8,"greedy_first":true,"convert_crlf":true,"passk":2,"repo_mirrors":"/golden/data/mirrors","line_url":"/v1/chat/completions"}','demo-model','/golden/data/demo.jsonl','/golden/ended','',0,0,0,2,2,5,10,1795364943607,1795364944467,4,19390,2005,0,0,0,0);
INSERT INTO "job" VALUES(2,'open','bugfixer','RUNNING','','slow','{"workflow":"bugfixer","model_name":"demo-model","temp":0.8,"greedy_first":true,"convert_crlf":true,"passk":2,"repo_mirrors":"/golden/data/mirrors","line_url":"/v1/chat/completions"}','demo-model','/golden/data/demo.jsonl','/golden/open','',0,0,0,2,2,2,4,1795364944478,0,0,0,0,0,0,0,0);
INSERT INTO "job" VALUES(3,'canceled','bugfixer','CANCELED','canceled','slow','{"workflow":"bugfixer","model_name":"demo-model","temp":0.8,"greedy_first":true,"convert_crlf":true,"passk":2,"repo_mirrors":"/golden/data/mirrors","line_url":"/v1/chat/completions"}','demo-model','/golden/data/demo.jsonl','/golden/canceled','',0,0,0,2,2,1,2,1795364944488,0,0,0,0,0,0,0,0);
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('uuid','67b6ea7a5ab8');
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
INSERT INTO "pass" VALUES(1,1,0,'DONE',1,1,1,0,0,589,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,1,'DONE',2,6,6,0,0,747,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,2,'DONE',1,1,1,0,1255,549,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,3,'DONE',1,1,1,0,1805,549,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,4,'DONE',1,2,2,0,0,587,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,5,'DONE',1,2,2,0,588,558,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,6,'DONE',1,2,2,0,1147,552,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,7,'DONE',1,2,2,0,1700,534,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,8,'DONE',1,3,3,0,0,540,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,1,9,'DONE',1,3,3,0,541,576,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,0,'DONE',1,5,5,0,0,1109,2,0,759,5825,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,1,'DONE',1,8,8,0,0,1169,3,0,1009,6361,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,2,'DONE',1,5,5,0,1110,1558,2,6584,1285,8318,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,3,'DONE',2,9,9,0,0,1343,4,0,1189,7825,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,4,'DONE',1,4,4,0,0,942,2,16187,561,2946,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,5,'DONE',1,4,4,0,943,817,2,19694,541,2406,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,6,'DONE',2,9,9,0,1344,812,4,9014,661,3216,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,7,'FAILED',2,9,9,0,2157,745,NULL,NULL,NULL,NULL,'no_edit','stage 2: no SEARCH/REPLACE block');
INSERT INTO "pass" VALUES(1,2,8,'DONE',1,7,7,0,0,1185,1,0,948,2790,NULL,NULL);
INSERT INTO "pass" VALUES(1,2,9,'DONE',1,7,7,0,1186,1663,1,3738,1462,4057,NULL,NULL);
INSERT INTO "pass" VALUES(2,1,0,'BATCHED',1,10,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(2,1,1,'BATCHED',1,10,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(2,1,2,'BATCHED',1,10,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(2,1,3,'BATCHED',1,10,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(3,1,0,'BATCHED',1,11,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "pass" VALUES(3,1,1,'BATCHED',1,11,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE pass_count (
  job   INTEGER NOT NULL,
  stage INTEGER NOT NULL,
  state TEXT NOT NULL,
  n     INTEGER NOT NULL,
  PRIMARY KEY (job, stage, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "pass_count" VALUES(1,1,'ANSWERED',0);
INSERT INTO "pass_count" VALUES(1,1,'BATCHED',0);
INSERT INTO "pass_count" VALUES(1,1,'DONE',10);
INSERT INTO "pass_count" VALUES(1,1,'READY',0);
INSERT INTO "pass_count" VALUES(1,2,'ANSWERED',0);
INSERT INTO "pass_count" VALUES(1,2,'BATCHED',0);
INSERT INTO "pass_count" VALUES(1,2,'DONE',9);
INSERT INTO "pass_count" VALUES(1,2,'FAILED',1);
INSERT INTO "pass_count" VALUES(1,2,'READY',0);
INSERT INTO "pass_count" VALUES(2,1,'BATCHED',4);
INSERT INTO "pass_count" VALUES(2,1,'READY',0);
INSERT INTO "pass_count" VALUES(3,1,'BATCHED',2);
INSERT INTO "pass_count" VALUES(3,1,'READY',0);
CREATE TABLE reason_count (
  job    INTEGER NOT NULL,
  kind   TEXT NOT NULL CHECK (kind IN ('failed','again')),
  reason TEXT NOT NULL,
  n      INTEGER NOT NULL,
  PRIMARY KEY (job, kind, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO "reason_count" VALUES(1,'again','no_edit',1);
INSERT INTO "reason_count" VALUES(1,'again','no_edit_fits',1);
INSERT INTO "reason_count" VALUES(1,'again','no_file',1);
INSERT INTO "reason_count" VALUES(1,'again','truncated',1);
INSERT INTO "reason_count" VALUES(1,'failed','no_edit',1);
CREATE INDEX job_open ON job(id) WHERE state IN ('LOADING','RUNNING','PAUSED');
CREATE INDEX job_by_name ON job(name);
CREATE INDEX pass_answered ON pass(job, stage, n) WHERE state = 'ANSWERED';
CREATE INDEX batch_open ON batch(id) WHERE state <> 'ENDED';
CREATE INDEX batch_cleanup ON batch(id) WHERE cleanup <> 0;
CREATE INDEX batch_by_job ON batch(job, id);
CREATE INDEX event_by_job ON event(job, seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('job',3);
INSERT INTO "sqlite_sequence" VALUES('event',26);
INSERT INTO "sqlite_sequence" VALUES('batch',11);
COMMIT;
PRAGMA user_version = 1;
