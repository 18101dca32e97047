#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What goes wrong around a job while it runs, and goes on once it is mended.  usage: test_mend.py BUILD"""
import os
import resource
import shutil
import signal
import sys

from harness import DEMO, check, demo_data, equal, has, json_lines, main, request, test, until, write_lines

ROWS = ["n%02d" % i for i in range(12)]


def submit_demo(s, *more, passk=2):
    data = demo_data()
    return s.submit("bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir", os.path.join(data, "structures"),
                    "--save_dir", s.path("out"), "--model_name", "m", "--passk", passk, *more)


def answers():
    return os.path.join(demo_data(), "answers_bugfixer.jsonl")


@test
def prompts_that_are_gone_at_a_restart(s):
    """2: a job whose prompts are gone at a start waits, says so, and goes on by resume; its batches are not forgotten."""
    os.makedirs(s.path("prompts", "bugfixer"))
    with open(s.path("prompts", "bugfixer", "stage1.txt"), "w") as file:
        file.write("Mine: {problem_statement}\n{structure}\n")
    s.up(answers(), delay_ms=1000, max_attempts=4)
    job = submit_demo(s, "--prompt_dir", s.path("prompts"))
    s.until_status(job, lambda st: any(b["state"] == "running" for b in st["batches"]), "a running batch")
    s.kill_batchd()
    os.rename(s.path("prompts"), s.path("away"))
    s.start_batchd()
    until(lambda: "prompt" in s.ctl("events").out, "an event that tells it")
    r = s.ctl("resume", job)
    check(r.exit != 0, "resume works without the prompts")
    has(r.err, "prompts", "the error")
    os.rename(s.path("away"), s.path("prompts"))
    s.ctl("resume", job).expect(0)
    st = s.wait(job, exit=1)
    equal(st["passes"]["done"], 9, "done")
    has(s.saved("batch_requests_step1.jsonl")[0]["body"]["messages"][-1]["content"], "Mine: ", "the prompt")


@test
def an_endpoint_that_leaves_the_config(s):
    """4: jobs of an endpoint that the config names no longer wait, visibly; once it is back they go on."""
    s.up(delay_ms=700, max_requests=4, max_active=1, max_attempts=1)
    job = s.submit_raw([request(n) for n in ROWS])
    good = open(s.path("batchd.conf")).read()
    s.until_status(job, lambda st: any(b["state"] == "running" for b in st["batches"]), "a running batch")
    with open(s.path("batchd.conf"), "w") as file:
        file.write(good.replace('"local"', '"another"'))
    s.batchd.send_signal(signal.SIGHUP)
    until(lambda: "not in the config" in s.ctl("status", job).out, "the reason in status")
    st = s.status(job)
    equal((st["state"], st["passes"]["failed"]), ("running", 0), "state")
    s.kill_batchd()
    s.start_batchd()
    until(lambda: "not in the config" in s.ctl("status", job).out, "the reason behind a restart")
    with open(s.path("batchd.conf"), "w") as file:
        file.write(good)
    s.batchd.send_signal(signal.SIGHUP)
    st = s.wait(job)
    equal(len(s.billed()), 12, "billed")


@test
def a_save_dir_that_is_taken_away(s):
    """3: the save_dir vanishes while the job runs: told, and once it is back the job goes on."""
    s.up(answers(), delay_ms=700, max_attempts=4)
    job = submit_demo(s)
    s.until_status(job, lambda st: any(b["state"] == "running" for b in st["batches"]), "a running batch")
    shutil.rmtree(s.path("out"))
    with open(s.path("out"), "w") as file:
        file.write("in the way")
    st = s.until_status(job, lambda st: st["reason"], "the reason")
    has(st["reason"], s.path("out"), "the reason")
    os.unlink(s.path("out"))
    os.mkdir(s.path("out"))
    s.ctl("resume", job).expect(0)
    st = s.wait(job, exit=1)
    equal(st["passes"]["done"], 9, "done")
    for r in s.saved("output.jsonl"):
        equal(s.saved("samples/%s.jsonl" % r["custom_id"])[0]["custom_id"], r["custom_id"], "sample")
    s.audit(job)


@test
def more_passes_than_open_files(s):
    """1: passk beyond the number of files that a process may have open, with all that root allows it."""
    row = json_lines(os.path.join(demo_data(), "demo.jsonl"))[0]
    good = {a["stage"]: a for a in json_lines(answers()) if a["custom_id"] == "demo__calc-1__pass0"}
    s.start_endpoint([dict(good[n], custom_id="demo__calc-1__pass%d" % k) for k in range(600) for n in (1, 2)])
    s.conf()
    s.start_batchd(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 400)))
    job = s.submit("bugfixer", "--dataset", write_lines(s.path("d.jsonl"), [row]), "--repostructure_dir",
                   os.path.join(demo_data(), "structures"), "--save_dir", s.path("out"), "--model_name", "m", "--passk", 600)
    st = s.wait(job)
    equal(st["passes"]["done"], 600, "done")
    for k in range(600):
        equal(len(s.saved("output_%d_processed.jsonl" % k)), 1, "lines of file %d" % k)
    equal([r["pass"] for r in s.saved("output.jsonl")], list(range(600)), "passes in output.jsonl")


@test
def a_database_of_a_newer_batchd(s):
    """2: a database that is no database, or newer than this batchd: refused with its name, nothing is changed."""
    import sqlite3
    s.up()
    s.wait(s.submit_raw([request("a")]))
    s.stop_batchd()
    path = s.path("state", "batchd.db")
    db = sqlite3.connect(path)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute("PRAGMA user_version = 9999")
    db.commit()
    db.close()
    s.start_batchd(wait=False)
    until(lambda: s.batchd.poll() is not None, "the end of batchd")
    check(s.batchd.returncode != 0, "it starts with a newer database")
    has(open(s.path("batchd.log")).read(), "batchd.db", "the log")
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = %d" % version)
    db.commit()
    db.close()
    s.start_batchd()
    equal(len(s.ctl("status", "--json").json()["jobs"]), 1, "jobs")
    s.stop_batchd()
    with open(path, "wb") as file:
        file.write(b"this is no database" * 1000)
    for name in ("batchd.db-wal", "batchd.db-shm"):
        if os.path.exists(s.path("state", name)):
            os.unlink(s.path("state", name))
    s.start_batchd(wait=False)
    until(lambda: s.batchd.poll() is not None, "the end of batchd")
    check(s.batchd.returncode != 0, "it starts with rubbish for a database")
    equal(open(path, "rb").read(), b"this is no database" * 1000, "the rubbish")
    s.batchd = None


sys.exit(main())
