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
#define REPLY_SCHEMA 1                      /* of the replies' objects, see replies.def; each says it as "schema" */
#define STATUS_JOBS_MAX 200                 /* jobs of a status without one */
#define WIRE_LINE_MAX (1 << 20)             /* bytes of a request line */

/*
 * What the replies hold ("ok" or "more") is what --json prints: replies.def.  A command has the shape that names it there, with
 * these exceptions:
 *
 * wait      "ok": a job, once it is done or failed, or canceled with all its batches ended
 * events, logs   "more": an event each; "ok": {}
 * metrics   {"text"}
 * fetch     {"name","state","fetch_dir","files":[{"name","size","mtime_ms"}]}; with a file {"size","mtime_ms","from","bytes"}, and so many
 *           raw bytes behind its LF
 */

#endif
