/* SPDX-License-Identifier: MIT */
#ifndef BATCHD_WIRE_H
#define BATCHD_WIRE_H

/*
 * The protocol between batchctl and batchd: JSON, one object a line (LF), over a Unix stream socket.
 *
 * request   {"batchd":1,"command":"status","args":{"job":"nightly"}}
 *           args carries every positional word, and every FLAG, by the name it has in commands.def; HERE flags stay in the client.
 *           Paths are absolute: the client made them so.
 *           With "upload":N in the request, exactly N raw bytes follow its LF (the dataset of a submit).
 *           One request a connection; the daemon closes it behind the last line of its reply.  It may refuse before the upload is through:
 *           the client then stops sending and reads the reply.
 * reply     any number of {"more":{...}} lines (events, wait), then one last line:
 *           {"ok":{...}}  or  {"error":{"code":-3,"message":"no such job: x"}}, code as in errors.def.
 *
 * "batchd" is WIRE_VERSION; a daemon answers an unknown one with an error that names its own.  Members that a
 * reader does not know are skipped.
 */
#define WIRE_VERSION 1
#define WIRE_LINE_MAX (1 << 20)             /* bytes of a request line */

/*
 * What the replies hold ("ok" or "more"):
 *
 * submit  {"id":"7","name":"lite","passes":2400,"warnings":["..."]}
 *         with dry_run: {"dry_run":true,"instances","passes","missing_repos","stages":[{"stage","requests","batches","bytes","tokens","too_large"}]}
 * status  {"schema":1,"daemon":{"version","uptime_s"},"jobs":[JOB...],"endpoints":[ENDPOINT...]}; with a job: JOB
 * wait    "ok": JOB once it is done or failed, or canceled with all its batches ended
 * retry   {"passes":12}        pause, resume, cancel, remove   {"id":"7","state":"paused"}
 * why     {"id","state","lines":[{"what":"batch 12","state":"RUNNING","waits_for":"...","since_ms":..,"next_ms":..,"unblocks":"...","remote_id":"batch_.."}]}
 *         (remote_id: of a batch that is at its endpoint)
 * audit   {"id","ok":true,"problems":["..."],"stages":[{"stage","ready",..,"total"}]}
 * events  "more": {"seq","time_ms","job","job_name","batch","level","text"} each; "ok": {}
 * ping    {"version":"0.1.0","pid":123,"uptime_s":5,"wire":1,"schema":1}
 *
 * JOB: {"id":"7","name","workflow","state","reason","endpoint","priority","owner_uid","model","passk",
 *   "created_ms","started_ms","ended_ms","save_dir",
 *   "passes":{"total","ready","batched","answered","done","failed","canceled"},
 *   "stages":[{"stage":1,"total","ready","batched","answered","done","failed","canceled"}],
 *   "batches":[{"id":12,"stage","state","remote_id","remote_status","requests","completed","reason","next_poll","created_ms"}],
 *   "tokens":{"prompt","completion","cached","reasoning"},
 *   "failures":[{"reason","count"}], "structures":{"parses","bytes_read","bytes"},
 *   "waiting":"endpoint openai, 20 of 20 batches active"}       (times in unix ms, 0 or absent: not yet)
 * A list of jobs leaves out "batches".
 * ENDPOINT: {"name","base_url","state":"open"|"parked","reason","active","max_active","retry_ms"}
 */

#endif
