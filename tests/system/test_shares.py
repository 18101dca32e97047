#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns, limits, canaries, dry runs, hooks, metrics, retention: what a machine that is shared needs.  usage: test_shares.py BUILD"""
import json
import os
import re
import signal
import sqlite3
import sys
import time
from collections import Counter

from harness import check, demo_data, equal, has, json_lines, main, request, test, until, write_lines


def rows(prefix, n):
    return [request("%s%03d" % (prefix, i)) for i in range(n)]


def job_of(call):
    """The job whose batch this create made, by the key in its metadata."""
    return call["key"].rsplit("-", 3)[1]


def creates(s):
    return [job_of(c) for c in s.calls("create") if c["effect"] and c["status"] == 200]


def most_active(s):
    """The most batches that were at the endpoint at a time: made, and their end not yet seen by batchd."""
    last = {c["batch"]: c["n"] for c in s.calls("batch_get")}
    now = most = 0
    for c in s.calls():
        now += c["call"] == "create" and bool(c["effect"]) and c["status"] == 200
        most = max(most, now)
        now -= c["call"] == "batch_get" and last[c["batch"]] == c["n"]
    return most


def submit_demo(s, *more, save="out"):
    data = demo_data()
    return s.submit("bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir", os.path.join(data, "structures"),
                    "--save_dir", s.path(save), "--model_name", "m", *more)


def demo_ids():
    return [r["instance_id"] for r in json_lines(os.path.join(demo_data(), "demo.jsonl"))]


@test
def jobs_take_turns_by_batches(s):
    """4: while two jobs have something to send, their batches go out by turns; a thousand rows do not keep four waiting."""
    s.up(delay_ms=60, max_requests=2, max_active=1, plan=[{"batch": 1, "do": "delay", "ms": 1500}])  # until all are submitted
    one = s.submit_raw(rows("a", 24), save="a")
    two = s.submit_raw(rows("b", 6), save="b")
    s.wait(two)
    s.wait(one)
    order = creates(s)
    equal(Counter(order), Counter({one: 12, two: 3}), "batches")
    at = [i for i, job in enumerate(order) if job == two]
    check(at[0] <= 4, "the second job had to wait for %s", order)
    equal([b - a for a, b in zip(at, at[1:])], [2, 2], "turns of %s" % order)


@test
def priority_comes_first_among_ones_own(s):
    """4: --priority: what is more urgent goes out before the rest of the others; less urgent behind it."""
    s.up(delay_ms=60, max_requests=2, max_active=1, plan=[{"batch": 1, "do": "delay", "ms": 1500}])  # until all are submitted
    one = s.submit_raw(rows("a", 16), save="a")
    low = s.submit_raw(rows("c", 4), save="c", priority="-1")
    high = s.submit_raw(rows("b", 6), save="b", priority="5")
    for job in (high, low, one):
        s.wait(job)
    order = creates(s)
    at = [i for i, job in enumerate(order) if job == high]
    equal([b - a for a, b in zip(at, at[1:])], [1, 1], "the urgent one in %s" % order)
    check(at[0] <= 4, "the urgent one had to wait: %s", order)
    equal(order[-2:], [low, low], "the last in %s" % order)
    equal(s.status(high)["priority"], 5, "priority in status")


@test
def batches_of_one_user(s):
    """4: max_active_per_user, and what a job that waits for it is told."""
    s.up(delay_ms=700, max_requests=2, max_active=5, max_active_per_user=2)
    one = s.submit_raw(rows("a", 8), save="a")
    s.until_status(one, lambda st: sum(b["state"] == "running" for b in st["batches"]) == 2, "two batches")
    two = s.submit_raw(rows("b", 2), save="b")
    st = s.until_status(two, lambda st: st["waiting"], "what it waits for")
    has(st["waiting"], "2 of your 2 batches active", "waiting")
    has(s.ctl("why", two).out, "2 of your 2 batches active", "why")
    has(s.ctl("status", two).out, "2 of your 2 batches active", "status")
    s.wait(one)
    s.wait(two)
    equal(most_active(s), 2, "batches at the endpoint at a time")


@test
def passes_of_one_user(s):
    """4: max_passes_per_user refuses a submit with the numbers, and leaves nothing of it behind."""
    s.up(delay_ms=1500, top="max_passes_per_user = 10;")
    one = s.submit_raw(rows("a", 8), save="a")
    path = write_lines(s.path("more.jsonl"), rows("b", 3))
    words = ("submit", "raw", "--requests", path, "--save_dir", s.path("b"))
    r = s.ctl(*words).expect(4)
    check(re.search(r"\b8 passes.*\b3 more.*\b10\b", r.err), "the numbers: %r", r.err)
    check(not os.path.exists(s.path("b")), "the save_dir of a refused submit stays")
    equal(len(s.ctl("status", "--json").json()["jobs"]), 1, "jobs")
    equal([n for n in os.listdir(s.path("state")) if n.startswith("incoming")], [], "uploads")
    equal(sorted(os.listdir(s.path("state", "jobs"))), [one], "directories of jobs")
    s.submit_raw(rows("c", 2), save="c")                # that fits
    s.wait(one)
    s.wait(s.submit_raw(path, save="b"))                # and now this does
    large = write_lines(s.path("large.jsonl"), rows("d", 11))
    has(s.ctl("submit", "raw", "--requests", large, "--save_dir", s.path("d")).expect(4).err, "11", "too many at once")


@test
def what_a_job_waits_for(s):
    """4: `waiting: endpoint E, N of N batches active, M ahead`, the same in why; a paused one says what unblocks it."""
    s.up(delay_ms=900, max_requests=4, max_active=1)
    one = s.submit_raw(rows("a", 8), save="a")
    s.until_status(one, lambda st: any(b["state"] == "running" for b in st["batches"]), "the first batch")
    two = s.submit_raw(rows("b", 2), save="b")
    text = s.until_status(two, lambda st: st["waiting"], "what it waits for")["waiting"]
    check(re.fullmatch(r"endpoint local, 1 of 1 batches active, \d+ ahead", text), "waiting: %r", text)
    has(s.ctl("why", two).out, "endpoint local, 1 of 1 batches active", "why")
    s.ctl("pause", two).expect(0)
    has(s.status(two)["waiting"], "batchctl resume " + two, "waiting of a paused one")
    has(s.ctl("why", two).out, "batchctl resume " + two, "why of a paused one")
    lines = s.ctl("why", one, "--json").json()["lines"]
    check(any(li["what"].startswith("batch ") and li["next_ms"] > 0 and li["since_ms"] > 0 for li in lines), "why: %s", lines)
    s.ctl("resume", two).expect(0)
    s.wait(two)
    has(s.ctl("why", two).out, "nothing", "why of an ended one")


@test
def a_canary_goes_first(s):
    """5: only the first N instances are sent, through both stages; then it waits for resume, over a restart too."""
    ids = demo_ids()
    s.up(os.path.join(demo_data(), "answers_bugfixer.jsonl"), max_attempts=3)
    job = submit_demo(s, "--passk", "2", "--canary", "2")
    st = s.until_status(job, lambda st: st["state"] == "paused", "the end of the canary")
    first = {"%s__pass%d" % (i, k) for i in ids[:2] for k in (0, 1)}
    equal({n for n, _ in s.billed()}, first, "billed")
    has(st["reason"], "canary", "reason")
    has(st["waiting"], "batchctl resume " + job, "waiting")
    equal((st["passes"]["done"] + st["passes"]["failed"], st["stages"][0]["ready"]), (4, 6), "settled, ready")
    until(lambda: {r["custom_id"] for name in ("output.jsonl", "failures.jsonl") for r in s.saved(name)} == first,
          "results for those who look", 5)
    s.kill_batchd()
    s.start_batchd()
    equal(s.status(job)["state"], "paused", "behind a restart")
    n = len(s.billed())
    equal({x for x, _ in s.billed()}, first, "billed behind a restart")
    s.ctl("resume", job).expect(0)
    end = s.until_status(job, lambda st: st["state"] in ("done", "failed"), "the end")
    equal({x for x, _ in s.billed()[n:]}.isdisjoint(first), True, "the canary's are not asked again")
    equal(end["passes"]["done"] + end["passes"]["failed"], 10, "settled")
    s.audit(job)


@test
def a_canary_resumed_early_stays_one(s):
    """5: pause and resume before the canary is through do not set the rest free; a canary as large as the job is none."""
    s.up(delay_ms=600)
    job = s.submit_raw(rows("a", 6), canary="2")
    s.until_status(job, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "its batch")
    s.ctl("pause", job).expect(0)
    s.ctl("resume", job).expect(0)
    st = s.until_status(job, lambda st: st["state"] == "paused", "the end of the canary")
    equal((st["passes"]["done"], st["passes"]["ready"]), (2, 4), "done, ready")
    s.ctl("resume", job).expect(0)
    s.wait(job)
    equal(Counter(n for n, _ in s.billed()).most_common(1)[0][1], 1, "billed once each")
    s.wait(s.submit_raw(rows("b", 3), save="all", canary="3"))
    s.ctl("submit", "raw", "--requests", s.path("requests-out.jsonl"), "--save_dir", s.path("x"), "--canary", "0").expect(2)


@test
def a_dry_run_only_tells(s):
    """5: --dry_run counts rows, requests, batches, bytes and tokens; nothing is sent, nothing is made."""
    s.up(max_requests=4, delay_ms=60000)
    data, ids = demo_data(), demo_ids()
    words = ["submit", "bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir",
             os.path.join(data, "structures"), "--save_dir", s.path("deep", "out"), "--model_name", "m", "--passk", "2"]
    text = s.ctl(*words, "--dry_run").expect(0).out
    has(text, "%d instances, %d passes" % (len(ids), 2 * len(ids)), "the text")
    plan = s.ctl(*words, "--dry-run", "--json").expect(0).json()
    equal((plan["instances"], plan["passes"], plan["missing_repos"]), (len(ids), 2 * len(ids), 0), "instances, passes, missing")
    stage = plan["stages"][0]
    equal((stage["stage"], stage["requests"], stage["batches"]), (1, 10, 3), "stage 1")
    equal(plan["stages"][1]["requests"], 10, "stage 2, at most")
    half = s.ctl(*words, "--dry_run", "--json", "--start_file", 0, "--end_file", 4).expect(0).json()
    equal((half["passes"], half["instances"], half["stages"][0]["requests"]), (4, 2, 4), "a range of it")
    check(not os.path.exists(s.path("deep")), "the save_dir was made")
    equal(s.ctl("status", "--json").json()["jobs"], [], "jobs")
    equal(s.log(), [], "calls")
    equal([n for n in os.listdir(s.path("state")) if n.startswith("incoming")], [], "uploads")
    job = s.submit(*words[1:])
    sent = s.until_status(job, lambda st: st["stages"][0]["ready"] == 0, "stage 1")["batches"]
    equal(sum(b["bytes"] for b in sent), stage["bytes"], "bytes, as they are really sent")
    s.ctl("cancel", job, "--yes").expect(0)
    words[words.index("--save_dir") + 1] = s.path("other")
    words[words.index("--dataset") + 1] = write_lines(s.path("odd.jsonl"), [dict(r, instance_id=r["instance_id"] + "-x") for r in
                                                      json_lines(os.path.join(data, "demo.jsonl"))[:1]])
    r = s.ctl(*words, "--dry_run").expect(0)
    has(r.out, "1 instances have no repository", "a missing repository")
    plan = s.ctl("submit", "raw", "--requests", write_lines(s.path("r.jsonl"), rows("a", 9)), "--save_dir", s.path("raw"), "--dry_run",
                 "--json").expect(0).json()
    equal((plan["passes"], plan["stages"][0]["batches"]), (9, 3), "a raw one")
    equal(plan["stages"][0]["bytes"], os.path.getsize(s.path("r.jsonl")), "bytes of a raw one")
    s.ctl("submit", "raw", "--requests", write_lines(s.path("bad.jsonl"), ["{"]), "--save_dir", s.path("raw"), "--dry_run").expect(2)
    check(not os.path.exists(s.path("raw")), "the save_dir of a raw one was made")


@test
def waiting_for_the_first_of_several(s):
    """5: wait --any prints the first that has ended, with its verdict; --timeout ends with 7."""
    s.up(plan=[{"custom_id": "b*", "do": "error", "status": 400}, {"batch": 1, "do": "delay", "ms": 60000}])
    slow = s.submit_raw(rows("a", 2), save="a")
    s.until_status(slow, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "the slow one's batch")
    s.ctl("wait", "--any", slow, "--timeout", 1).expect(7)
    quick = s.submit_raw(rows("c", 2), save="c")
    equal(s.ctl("wait", "--any", slow, quick).expect(0).out, quick + "\n", "the first")
    bad = s.submit_raw(rows("b", 2), save="b")
    equal(s.ctl("wait", slow, bad, "--any").expect(1).out, bad + "\n", "one that failed")
    equal(s.ctl("wait", "--any", slow, bad, quick, "--json").expect(1).json()["id"], bad, "the first of two")
    s.ctl("wait", "--any", slow, "nobody").expect(3)


def hook(s, name):
    """A command that writes its environment to a file of that name, whole."""
    return "env > %s.tmp && mv %s.tmp %s" % ((s.path(name),) * 3)


def told(s, name):
    until(lambda: os.path.exists(s.path(name)), "the hook's file " + name)
    return dict(line.split("=", 1) for line in open(s.path(name)).read().splitlines() if "=" in line)


@test
def hooks_when_a_job_ends(s):
    """6: on_done and on_failed run once, with the facts and without the key; a hook that fails harms nothing."""
    os.environ["BATCHD_TEST_KEY"] = "sk-of-the-environment"
    try:
        s.start_endpoint(plan=[{"custom_id": "b*", "do": "error", "status": 400}], key="sk-of-the-environment")
        s.key = None
        s.conf(top='on_done = "%s; echo x >> %s; exit 3"; on_failed = "%s";' % (hook(s, "done"), s.path("count"), hook(s, "failed")),
               api_key_env="BATCHD_TEST_KEY")
        s.start_batchd()
    finally:
        del os.environ["BATCHD_TEST_KEY"]
    good = s.submit_raw(rows("a", 3), save="a", name="nightly")
    s.wait(good)
    env = told(s, "done")
    want = {"BATCHD_EVENT": "done", "BATCHD_JOB": good, "BATCHD_NAME": "nightly", "BATCHD_STATE": "done", "BATCHD_REASON": "",
            "BATCHD_SAVE_DIR": s.path("a"), "BATCHD_PASSES": "3", "BATCHD_DONE": "3", "BATCHD_FAILED": "0",
            "BATCHD_OWNER_UID": str(os.getuid())}
    equal({k: v for k, v in env.items() if k in want}, want, "on_done")
    bad = s.submit_raw(rows("b", 2) + rows("c", 1), save="b", name="a b;$(touch x)'\"")
    s.wait(bad, exit=1)
    env = told(s, "failed")
    equal((env["BATCHD_EVENT"], env["BATCHD_JOB"], env["BATCHD_DONE"], env["BATCHD_FAILED"]), ("failed", bad, "1", "2"), "on_failed")
    equal(env["BATCHD_NAME"], "a b;$(touch x)'\"", "a name is data")
    for name in ("done", "failed"):
        check("sk-of-the" not in open(s.path(name)).read(), "the key is in the environment of on_%s", name)
    until(lambda: "status 3" in open(s.path("batchd.log")).read(), "the log's word on a hook that failed")
    equal(s.stop_batchd()[0], 0, "batchd's exit")
    s.start_batchd(env={"BATCHD_TEST_KEY": "sk-of-the-environment"})
    s.status(good)
    equal(open(s.path("count")).read(), "x\n", "how often on_done ran")


@test
def a_hook_when_a_batch_stalls(s):
    """6: on_stalled once for a batch that stays too long under one word; status, why and the metrics tell it too."""
    s.start_endpoint(plan=[{"batch": 1, "do": "stuck", "status": "in_progress"}])
    s.conf(top='on_stalled = "echo x >> %s; %s";' % (s.path("count"), hook(s, "stalled")), stalled_in_progress_ms=1000)
    s.start_batchd()
    job = s.submit_raw(rows("a", 3))
    env = told(s, "stalled")
    batch = s.status(job)["batches"][0]
    equal((env["BATCHD_EVENT"], env["BATCHD_JOB"], env["BATCHD_BATCH"]), ("stalled", job, str(batch["id"])), "on_stalled")
    has(batch["reason"], "stalled", "reason of the batch")
    has(s.ctl("why", job).out, "stalled", "why")
    has(s.ctl("metrics").out, "batchd_batches_stalled 1\n", "metrics")
    n = len(s.calls("batch_get"))
    until(lambda: len(s.calls("batch_get")) > n + 2, "more looks")
    equal(open(s.path("count")).read(), "x\n", "how often on_stalled ran")


@test
def a_stalled_batch_is_cancelled_if_so_set(s):
    """6: cancel_stalled: what it has is kept, the rest goes out again."""
    s.up(plan=[{"batch": 1, "do": "stuck", "status": "in_progress"}], stalled_in_progress_ms=1000, cancel_stalled=True)
    job = s.submit_raw(rows("a", 3))
    st = s.wait(job)
    equal((st["passes"]["done"], len(s.calls("cancel"))), (3, 1), "done, cancels")
    equal(Counter(n for n, _ in s.billed()).most_common(1)[0][1], 1, "billed once each")


LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"'
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(%s(?:,%s)*)\})? (-?\d+(?:\.\d+)?)' % (LABEL, LABEL))


def open_metrics(text):
    """The values of an OpenMetrics text that keeps the rules; {name or name{labels}: value}."""
    check(text.endswith("# EOF\n"), "the end: %r", text[-100:])
    types, helps, values, family = {}, {}, {}, None
    for line in text.split("\n")[:-2]:
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            check(kind in ("TYPE", "HELP"), "line %r", line)
            check(name == family or name not in types, "%s comes in two places", name)
            (types if kind == "TYPE" else helps)[name] = rest
            family = name
        else:
            m = SAMPLE.fullmatch(line)
            check(m, "line %r", line)
            equal(m.group(1), family, "family of %r" % line)
            key = line.rsplit(" ", 1)[0]
            check(key not in values, "%s twice", key)
            values[key] = float(m.group(3))
    equal(set(types), set(helps), "families with TYPE and HELP")
    equal(set(types.values()), {"gauge"}, "types")
    return values


@test
def metrics_for_the_node_exporter(s):
    """6: OpenMetrics text; the numbers are those of status."""
    s.up(delay_ms=2500, max_requests=2, max_active=1)
    job = s.submit_raw(rows("a", 6))
    s.until_status(job, lambda st: any(b["state"] == "running" for b in st["batches"]), "a batch")
    m = open_metrics(s.ctl("metrics").expect(0).out)
    equal(m['batchd_jobs{state="running"}'], 1, "jobs")
    equal(sum(v for k, v in m.items() if k.startswith('batchd_passes{stage="1"')), 6, "passes of stage 1")
    equal(m['batchd_batches{state="running"}'], 1, "batches")
    equal((m['batchd_endpoint_active{endpoint="local"}'], m['batchd_endpoint_max_active{endpoint="local"}']), (1, 1), "endpoint")
    equal(m['batchd_endpoint_parked{endpoint="local"}'], 0, "parked")
    s.ctl("cancel", job, "--yes").expect(0)
    equal(open_metrics(s.ctl("metrics").expect(0).out)['batchd_jobs{state="canceled"}'], 1, "jobs")


@test
def old_jobs_are_forgotten(s):
    """5: keep_days: an ended job goes with its copies, its save_dir stays; younger ones and those under way stay too."""
    s.up(top="keep_days = 3;")
    old, young = s.submit_raw(rows("a", 3), save="a"), s.submit_raw(rows("b", 3), save="b")
    s.wait(old)
    s.wait(young)
    until(lambda: "adds up" in s.ctl("events", old).out and "adds up" in s.ctl("events", young).out, "the last word on them")
    paused = s.submit_raw(rows("c", 3), save="c", canary="1")
    s.until_status(paused, lambda st: st["state"] == "paused", "a paused one")
    equal(s.stop_batchd()[0], 0, "batchd's exit")
    names = {p: open(s.path("a", p), "rb").read() for p in os.listdir(s.path("a")) if os.path.isfile(s.path("a", p))}
    with sqlite3.connect(s.path("state", "batchd.db")) as db:
        days = lambda n: int((time.time() - n * 86400) * 1000)
        db.execute("UPDATE job SET ended_ms = ? WHERE id = ?", (days(4), old))
        db.execute("UPDATE job SET ended_ms = ? WHERE id = ?", (days(2), young))
        db.execute("UPDATE job SET created_ms = ? WHERE id = ?", (days(9), paused))
        for text, n in (("long ago", 4), ("the other day", 2)):
            db.execute("INSERT INTO event (time_ms, level, text) VALUES (?, 'notice', ?)", (days(n), text))
    db.close()
    s.start_batchd()
    until(lambda: s.ctl("status", old).exit == 3, "the end of the old job")
    equal(s.status(young)["state"], "done", "the young one")
    equal(s.status(paused)["state"], "paused", "the paused one")
    has(s.ctl("events").out, "job %s ended 3 days ago and is forgotten" % old, "events")
    until(lambda: "long ago" not in s.ctl("events").out, "the end of an old event of no job")
    has(s.ctl("events").out, "the other day", "events")
    until(lambda: sorted(os.listdir(s.path("state", "jobs"))) == sorted([young, paused]), "the end of its directory")
    equal({p: open(s.path("a", p), "rb").read() for p in names}, names, "its save_dir")
    s.wait(s.submit_raw(rows("d", 1), save="d"))


@test
def remote_files_are_deleted_behind_their_use(s):
    """delete_remote_files: input and results go once the batch is collected, no sooner; without it nothing is deleted."""
    s.up(plan=[{"custom_id": "a001", "do": "error", "status": 400}], delete_remote_files=True, delay_ms=300, max_requests=3)
    job = s.submit_raw(rows("a", 6))
    s.wait(job, exit=1)
    log = until(lambda: len(s.calls("file_delete")) >= 5 and s.calls(), "five deletes")
    equal({c["status"] for c in log if c["call"] == "file_delete"}, {200}, "answers to the deletes")
    deleted = {c["file"]: c["n"] for c in log if c["call"] == "file_delete"}
    fetched = {c["file"]: c["n"] for c in log if c["call"] == "content"}
    uploads = [c["file"] for c in log if c["call"] == "upload"]
    equal(set(deleted), set(uploads) | set(fetched), "what is deleted")
    check(all(deleted[f] > n for f, n in fetched.items()), "a result is deleted before it was fetched")
    last_look = max(c["n"] for c in log if c["call"] == "batch_get")
    first = {c["batch"]: c["n"] for c in log if c["call"] == "batch_get"}
    check(min(deleted.values()) > min(first.values()), "deleted at %s, last looks %s (%s)", deleted, first, last_look)
    equal(len(s.saved("batch_output_step1.jsonl")), 6, "lines of output")
    s.audit(job)


@test
def remote_files_stay_by_default(s):
    """Without the setting no file at the endpoint is touched."""
    s.up()
    s.wait(s.submit_raw(rows("a", 2)))
    equal(s.calls("file_delete"), [], "deletes")


@test
def a_token_limit_is_no_failed_attempt(s):
    """token_limit_exceeded at validation: it waits and goes out again by itself, with no attempt counted."""
    s.up(plan=[{"batch": "every", "from": 1, "to": 2, "do": "fail", "code": "token_limit_exceeded",
                "message": "Enqueued token limit reached for m."}], max_attempts=1)
    job = s.submit_raw(rows("a", 3))
    s.until_status(job, lambda st: st["batches"] and "token limit" in st["batches"][0]["reason"], "the reason it waits")
    has(s.ctl("why", job).out, "token limit", "why")
    has(s.ctl("events", job).out, "token limit", "events")


@test
def a_token_limit_in_numbers_is_learned(s):
    """A limit that the endpoint names keeps the batches under it: what is too large alone goes out in smaller files."""
    limit = 1000                                        # tokens; a request has about 60
    s.up(plan=[{"batch": 1, "do": "fail", "code": "token_limit_exceeded",
                "message": "Enqueued token limit reached for m in organization o. Limit: %d enqueued tokens. Please try again "
                           "once some in_progress batches have been completed." % limit}], max_attempts=1)
    job = s.submit_raw([request("a%03d" % i, "x" * 200) for i in range(40)])
    st = s.wait(job)
    equal(st["passes"]["done"], 40, "done")
    sizes = [b["bytes"] for b in sorted(st["batches"], key=lambda b: b["id"])]
    check(sizes[0] > 4 * limit and all(n <= 4 * limit for n in sizes[1:]), "bytes of the batches: %s", sizes)
    has(s.ctl("events").out, "takes %d enqueued tokens" % limit, "events")
    equal(Counter(n for n, _ in s.billed()).most_common(1)[0][1], 1, "billed once each")
    equal(len(s.billed()), 40, "billed")
    s.stop_batchd()
    s.start_batchd()                                    # it is remembered
    n = len(s.calls("create"))
    rows = [request("b%03d" % i, "x" * 200) for i in range(40)]
    plan = s.ctl("submit", "raw", "--requests", write_lines(s.path("b.jsonl"), rows), "--save_dir", s.path("more"), "--dry_run",
                 "--json").expect(0).json()["stages"][0]
    st = s.wait(s.submit_raw(s.path("b.jsonl"), save="more"))
    equal((plan["batches"], plan["bytes"]), (len(st["batches"]), sum(b["bytes"] for b in st["batches"])), "a dry run's batches")
    check(all(b["bytes"] <= 4 * limit for b in st["batches"]), "bytes: %s", [b["bytes"] for b in st["batches"]])
    check(len(s.calls("create")) - n > 2, "creates")


@test
def one_request_over_the_learned_limit_goes_alone(s):
    """What was learned is a guess in tokens: a request that is larger than it is sent alone, not failed."""
    s.up(plan=[{"batch": 1, "do": "fail", "code": "token_limit_exceeded",
                "message": "Enqueued token limit reached for m. Limit: 1000 enqueued tokens."}], max_attempts=1)
    st = s.wait(s.submit_raw([request("a%d" % i, "x" * (6000 if i == 1 else 200)) for i in range(6)]))
    equal((st["passes"]["done"], st["passes"]["failed"]), (6, 0), "done, failed")
    check(1 in [b["requests"] for b in st["batches"]], "requests of the batches: %s", [b["requests"] for b in st["batches"]])


@test
def a_file_refused_as_too_large_is_split(s):
    """413: smaller files, no attempt counted; a line that fits alone is not failed for what was learned."""
    s.up(plan=[{"call": "upload", "nth": 1, "do": "status", "status": 413}], max_attempts=1)
    st = s.wait(s.submit_raw([request("a%d" % i, "x" * (3000 if i == 1 else 200)) for i in range(6)]))
    equal((st["passes"]["done"], st["passes"]["failed"]), (6, 0), "done, failed")


@test
def an_audit_asks_the_endpoint(s):
    """audit --remote looks at every batch over there, and says so when one is not."""
    s.up(max_requests=2)
    job = s.submit_raw(rows("a", 6))
    s.wait(job)
    n = len(s.calls("batch_get"))
    r = s.ctl("audit", job, "--remote", "--json").expect(0).json()
    equal((r["ok"], r["problems"]), (True, []), "audit --remote")
    equal(len({c["batch"] for c in s.calls("batch_get")[n:]}), 3, "batches asked for")
    s.ctl("audit", job).expect(0)
    s.close_endpoint()
    s.ep_words[s.ep_words.index("--state_dir") + 1] = s.path("ep-empty")
    s.open_endpoint(s.port)
    r = s.ctl("audit", job, "--remote").expect(1)
    has(r.out, "is not at the endpoint", "audit --remote of what is gone")
    s.ctl("audit", job).expect(0)
    s.close_endpoint()
    has(s.ctl("audit", job, "--remote").expect(1).out, "cannot be looked at", "audit --remote without an endpoint")


@test
def the_last_of_the_events(s):
    """5: logs: the end of events, of all or of one job; -f goes on."""
    s.up()
    one, two = (s.submit_raw(rows(n, 2), save=n) for n in "ab")
    for job in (one, two):
        s.wait(job)
        until(lambda: "adds up" in s.ctl("events", job).out, "its last word")
    for words in ([], [one], [two]):
        lines = s.ctl("events", *words).expect(0).out.splitlines()
        equal(s.ctl("logs", *words).expect(0).out.splitlines(), lines[-50:], "logs")
        equal(s.ctl("logs", *words, "--last", 2).expect(0).out.splitlines(), lines[-2:], "logs --last 2")
    seqs = [json.loads(li)["seq"] for li in s.ctl("logs", one, "-n", 3, "--json").expect(0).out.splitlines()]
    equal((len(seqs), seqs), (3, sorted(seqs)), "logs --json")
    follow = s.ctl_open("logs", two, "-f", "-n", 1)
    until(lambda: follow.stdout.readline(), "the first line")
    s.ctl("remove", one, "--yes").expect(0)
    follow.send_signal(signal.SIGINT)
    follow.wait(20)
    s.ctl("logs", "nobody").expect(3)
    s.ctl("logs", "--last", "0").expect(2)
    code, text = s.ctl_pty("logs", two)
    equal(code, 0, "exit on a terminal")
    has(text, "adds up", "on a terminal")


sys.exit(main())
