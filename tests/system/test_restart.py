#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Point 2 of the main job: stop, restart and kill -9 at any time; batchd goes on where it was, nothing is asked for in person,
nothing is paid for twice, and no line of a file is doubled, cut or missing.  usage: test_restart.py BUILD
"""
import json
import os
import select
import signal
import sys
from collections import Counter

from harness import check, demo_data, equal, has, json_lines, main, request, test, tests, until, write_lines

ROWS = ["n%02d" % i for i in range(12)]

# Where batchd is held, and how its status tells: name, plan, what is seen, creates that took effect, stage of the look.
MOMENTS = {
    "an_upload_under_way": ([{"call": "upload", "nth": 1, "do": "slow", "slow_bps": 800}], "uploading"),
    "an_upload_whose_reply_is_late": ([{"call": "upload", "nth": 1, "do": "stall", "stall_ms": 2000}], "uploading"),
    "an_upload_that_is_lost": ([{"call": "upload", "nth": 1, "do": "drop", "effect": "before", "stall_ms": 2000}], "uploading"),
    "a_create_whose_reply_is_late": ([{"call": "create", "nth": 1, "do": "stall", "stall_ms": 2000}], "creating"),
    "a_create_that_is_lost": ([{"call": "create", "nth": 1, "do": "drop", "effect": "before", "stall_ms": 2000}], "creating"),
    "a_batch_that_runs": ([{"batch": 1, "do": "delay", "ms": 2500}], "running"),
    "a_poll_under_way": ([{"batch": 1, "do": "delay", "ms": 1000}, {"call": "batch_get", "from": 1, "to": 2, "do": "stall",
                                                                      "stall_ms": 3000}], "running"),
    "a_download_under_way": ([{"call": "content", "nth": 1, "do": "slow", "slow_bps": 1500}], "fetching"),
    "a_refusal_it_waits_out": ([{"call": "create", "nth": 1, "do": "status", "status": 429, "headers": {"Retry-After": "2"}}],
                               "uploaded"),
}


def state_of(s, job):
    r = s.ctl("status", job, "--json")
    if r.exit != 0:
        return None
    batches = r.json()["batches"]
    return batches[0]["state"] if batches else None


def paid_once(s, names, stages=(1,)):
    counts = Counter(s.billed())
    equal(sorted(counts), sorted((n, stage) for n in names for stage in stages), "what was billed")
    equal(max(counts.values()), 1, "how often each was billed")
    keys = Counter(c.get("key") for c in s.calls("create") if c.get("effect") and c["status"] == 200)
    check(not keys or max(keys.values()) == 1, "a batch was made twice: %s", keys)


def through(s, plan, seen, stop):
    """Submit, stop batchd at the moment, start it again: all of it is there, once."""
    s.up(plan=plan)
    job = s.submit_raw([request(n) for n in ROWS])
    until(lambda: state_of(s, job) == seen, "a batch in state %s; it is %s" % (seen, state_of(s, job)))
    if stop == signal.SIGKILL:
        s.kill_batchd()
    else:
        code, took = s.stop_batchd(stop)
        equal(code, 0, "exit status of batchd")
        check(took < 10.5, "batchd took %.1f s to stop", took)
    s.start_batchd()
    st = s.wait(job)
    equal(st["passes"]["done"], len(ROWS), "done")
    equal(st["stages"][0]["total"], len(ROWS), "total")
    equal([r["custom_id"] for r in s.saved("batch_output_step1.jsonl")], ROWS, "the merged output")
    equal([r["custom_id"] for r in s.saved("batch_requests_step1.jsonl")], ROWS, "the requests")
    paid_once(s, ROWS)
    s.audit(job)
    code, took = s.stop_batchd()
    equal(code, 0, "exit status of an idle batchd")
    check(took < 5, "an idle batchd took %.1f s to stop", took)


def make_moment(name, plan, seen, stop):
    def moment(s):
        through(s, plan, seen, stop)
    moment.__name__ = "%s_at_%s" % ("kill_9" if stop == signal.SIGKILL else "sigterm", name)
    tests.append(moment)


for moment_name, (moment_plan, moment_seen) in MOMENTS.items():
    make_moment(moment_name, moment_plan, moment_seen, signal.SIGKILL)
    make_moment(moment_name, moment_plan, moment_seen, signal.SIGTERM)


@test
def kill_9_whenever_something_changed(s):
    """2: a whole bugfixer job, killed each time its status has moved on a little."""
    answers = [a for a in json_lines(os.path.join(demo_data(), "answers_bugfixer.jsonl"))]
    s.up(answers, max_requests=4, max_active=3, max_attempts=4, delay_ms=200)
    data = demo_data()
    job = s.submit("bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir", os.path.join(data, "structures"),
                   "--save_dir", s.path("out"), "--model_name", "m", "--passk", "2")
    before, kills = "", 0

    def moved():
        nonlocal before
        st = s.status(job)
        if st["state"] != "running":
            return "over"
        now = json.dumps([st["stages"], [(b["id"], b["state"]) for b in st["batches"]]])
        old, before = before, now
        return "moved" if now != old else None
    while until(moved, "the next change") == "moved":
        for name in ("output.jsonl", "failures.jsonl", "batch_output_step1.jsonl"):     # never half a line, at any time
            if os.path.exists(s.path("out", name)):
                s.saved(name)
        s.kill_batchd()
        s.start_batchd()
        kills += 1
        check(kills < 200, "no end after %d kills", kills)
    check(kills >= 5, "only %d kills", kills)
    st = s.wait(job, exit=1)
    equal((st["passes"]["done"], st["passes"]["failed"]), (9, 1), "passes")
    ids = [r["custom_id"] for r in s.saved("output.jsonl")] + [r["custom_id"] for r in s.saved("failures.jsonl")]
    equal(len(ids), len(set(ids)), "lines doubled")
    equal(len(ids), 10, "lines of output.jsonl and failures.jsonl")
    for r in s.saved("output.jsonl"):
        equal(s.saved("samples/%s.jsonl" % r["custom_id"])[0]["custom_id"], r["custom_id"], "sample")
        with open(s.path("out", "samples", r["custom_id"] + ".patch"), encoding="utf-8", newline="") as file:
            equal(file.read(), r["model_patch"], "patch of " + r["custom_id"])
    # each attempt was paid for once: as often as the demo's answers make it be asked
    counts = Counter(s.billed())
    want = {("demo__calc-1__pass1", 1): 2, ("demo__calc-2__pass1", 2): 2, ("demo__shelf-2__pass0", 2): 2, ("demo__shelf-2__pass1", 2): 4}
    for what, n in counts.items():
        equal(n, want.get(what, 1), "how often %s stage %d was paid for, after %d kills" % (what + (kills,)))
    s.audit(job)


@test
def a_paused_job_stays_paused(s):
    """2, 7: over a kill -9; resume goes on."""
    s.up(delay_ms=300, max_requests=4, max_active=1)
    job = s.submit_raw([request(n) for n in ROWS])
    s.ctl("pause", job).expect(0)
    s.until_status(job, lambda st: st["passes"]["batched"] == 0 or all(b["state"] in ("built", "uploaded", "ended") for b in st["batches"]),
                   "the batches under way to be collected")
    creates = len(s.calls("create"))
    s.kill_batchd()
    s.start_batchd()
    equal(s.status(job)["state"], "paused", "state behind the restart")
    equal(len(s.calls("create")), creates, "creates of a paused job")
    s.ctl("resume", job).expect(0)
    s.wait(job)
    paid_once(s, ROWS)


@test
def an_ended_job_is_left_alone(s):
    """2: its files are not touched by a restart, nor by commands that it refuses."""
    s.up()
    job = s.submit_raw([request(n) for n in ROWS])
    before = s.wait(job)
    stamps = {n: os.stat(s.path("out", n)).st_mtime_ns for n in os.listdir(s.path("out"))}
    events = s.ctl("events", job).out
    calls = len(s.calls())
    s.stop_batchd()
    s.start_batchd()
    for words in (["pause", job], ["resume", job], ["cancel", job, "--yes"], ["retry", job], ["retry", job, "--pass", "n01"]):
        s.ctl(*words).expect(4)
    s.ctl("audit", job).expect(0)
    s.stop_batchd()
    s.start_batchd()
    equal(s.status(job), before, "status")
    equal({n: os.stat(s.path("out", n)).st_mtime_ns for n in os.listdir(s.path("out"))}, stamps, "times of the files")
    equal(s.ctl("events", job).out, events, "events")
    equal(len(s.calls()), calls, "calls")


@test
def kill_9_while_a_job_comes_in(s):
    """2: a submit that was answered is there whole; one that was not is not there at all, and leaves nothing."""
    s.up(delay_ms=60000)
    path = write_lines(s.path("r.jsonl"), [request("r%06d" % n) for n in range(60000)])
    p = s.ctl_open("submit", "raw", "--requests", path, "--save_dir", s.path("out"))
    until(lambda: p.poll() is not None or (os.path.isdir(s.path("state", "jobs")) and os.listdir(s.path("state", "jobs"))), "the job's directory")
    s.kill_batchd()
    out = p.communicate(timeout=30)[0].decode()
    s.start_batchd()
    if p.returncode == 0:
        equal(s.status(out.split()[0])["passes"]["total"], 60000, "passes of an accepted job")
        return
    equal(p.returncode in (6, 7), True, "exit of a submit whose daemon died: %s %s" % (p.returncode, out))
    jobs = s.ctl("status", "--json").expect(0).json()["jobs"]
    for job in jobs:                                    # committed, but the answer was lost: then it is whole
        equal(job["passes"]["total"], 60000, "passes")
    if not jobs:
        until(lambda: not os.listdir(s.path("state", "jobs")), "the removal of the job's directory")


@test
def those_who_watch_outlive_a_restart(s):
    """7: wait and status --watch go on while batchd is killed and starts again."""
    s.up(delay_ms=2500)
    job = s.submit_raw([request(n) for n in ROWS])
    s.until_status(job, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "a running batch")
    wait, watch = s.ctl_open("wait", job, "--timeout", "60"), s.ctl_open("status", job, "--watch")

    def connected():
        fds = "/proc/%d/fd" % wait.pid
        return any(os.readlink(os.path.join(fds, fd)).startswith("socket:") for fd in os.listdir(fds))
    until(connected, "the connection of wait")
    check(select.select([watch.stdout], [], [], 30)[0], "the first line of --watch")
    s.ctl("ping").expect(0)
    s.kill_batchd()
    s.start_batchd()
    s.wait(job)
    equal(wait.wait(30), 0, "exit of wait")
    equal(watch.wait(30), 0, "exit of status --watch")


@test
def one_batchd_per_state_dir(s):
    """2: a second one on the same state_dir does not start, and does not disturb the first."""
    s.up()
    first = s.batchd
    s.start_batchd(wait=False)
    until(lambda: s.batchd.poll() is not None, "the end of the second batchd")
    check(s.batchd.returncode != 0, "the second batchd ended with 0")
    s.batchd = first
    s.wait(s.submit_raw([request("a")]))


sys.exit(main())
