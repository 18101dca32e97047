#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Point 5 of the main job: looking at batches, waiting when asked to, parked endpoints.  And secrets.  usage: test_polling.py BUILD"""
import json
import os
import signal
import sys

from harness import check, equal, has, main, request, test, until

ROWS = ["n%d" % i for i in range(5)]


def gaps(s, call="batch_get"):
    times = [c["at_ms"] for c in s.calls(call)]
    return [b - a for a, b in zip(times, times[1:])]


def endpoint_of(s):
    return s.ctl("status", "--json").expect(0).json()["endpoints"][0]


@test
def looks_grow_from_least_to_most(s):
    """5: from poll_min_ms to poll_max_ms, each with some jitter."""
    s.up(delay_ms=6000, poll_min_ms=100, poll_max_ms=1200)
    s.wait(s.submit_raw([request(n) for n in ROWS]))
    waits = gaps(s)
    check(3 <= len(waits) <= 14, "looks in 6 s: %s", waits)
    check(min(waits) >= 70, "looks too soon: %s", waits)             # a quarter of a wait is jitter
    check(min(waits[5:] or [900]) >= 890, "the wait does not grow to poll_max_ms: %s", waits)


@test
def retry_after_is_obeyed(s):
    """5: in seconds or as a date, at looks, creates and uploads."""
    s.up(plan=[{"call": "batch_get", "nth": 1, "do": "status", "status": 429, "headers": {"Retry-After": "3"}},
               {"call": "upload", "nth": 1, "do": "status", "status": 429, "headers": {"Retry-After": "2"}},
               {"call": "create", "nth": 1, "do": "status", "status": 503, "headers": {"Retry-After": "2"}},
               {"call": "content", "nth": 1, "do": "status", "status": 503, "headers": {"Retry-After": "2"}}])
    s.wait(s.submit_raw([request(n) for n in ROWS]))
    for call, least in (("batch_get", 2900), ("upload", 1900), ("content", 1900)):
        check(gaps(s, call) and gaps(s, call)[0] >= least, "%s was asked again after %s ms", call, gaps(s, call))
    equal(len(s.billed()), 5, "billed")


@test
def words_nobody_knows_mean_still_running(s):
    """5: an unknown status word, in any case, is no end; counts are hints."""
    s.up(plan=[{"batch": 1, "do": "status_words", "words": ["Validating", "scheduling", "weird", "IN_PROGRESS", ""]},
               {"batch": 1, "do": "counts", "value": {"total": 3, "completed": 9}}])
    st = s.wait(s.submit_raw([request(n) for n in ROWS]))
    equal(st["passes"]["done"], 5, "done")
    equal(len(st["batches"]), 1, "batches")


@test
def broken_looks_are_no_failure(s):
    """5: 20 broken looks in a row, of all kinds: the batch is still collected, with no attempt lost."""
    s.up(plan=[{"call": "batch_get", "from": 1, "to": 7, "do": "status", "status": 500},
               {"call": "batch_get", "from": 8, "to": 14, "do": "drop"},
               {"call": "batch_get", "from": 15, "to": 20, "do": "status", "status": 404}],
         max_attempts=1, poll_max_ms=100)
    job = s.submit_raw([request(n) for n in ROWS])
    st = s.wait(job)
    equal((st["passes"]["done"], len(st["batches"])), (5, 1), "done in one batch")


@test
def a_key_refused_parks_and_a_new_key_resumes(s):
    """5: 401 parks the endpoint, with the reason shown and the passes untouched; a new key and SIGHUP go on."""
    s.start_endpoint(key="the-right-key")
    s.conf(max_attempts=1)
    s.write_key("an-old-key")
    s.start_batchd()
    job = s.submit_raw([request(n) for n in ROWS])
    until(lambda: endpoint_of(s)["state"] == "parked", "a parked endpoint")
    ep = endpoint_of(s)
    has(ep["reason"], "401", "reason of the endpoint")
    st = s.status(job)
    equal((st["state"], st["passes"]["failed"]), ("running", 0), "state")
    for words in (["status", job], ["why", job], ["status"], ["events"]):
        has(s.ctl(*words).expect(0).out, "401", " ".join(words))
    asked = len(s.calls())
    check(asked < 6, "a parked endpoint was asked %d times", asked)
    s.write_key("the-right-key")
    s.batchd.send_signal(signal.SIGHUP)
    st = s.wait(job)
    equal(st["passes"]["done"], 5, "done")
    equal(endpoint_of(s)["state"], "open", "endpoint")
    equal(len(s.billed()), 5, "billed")


@test
def a_parked_endpoint_resumes_by_hand(s):
    """5, 7: 402 with a batch under way; resume --endpoint tries at once; the batch is not made again."""
    s.up(plan=[{"call": "batch_get", "from": 2, "to": 3, "do": "status", "status": 402, "code": "billing_not_active"}],
         delay_ms=600, max_attempts=1)
    job = s.submit_raw([request(n) for n in ROWS])
    until(lambda: endpoint_of(s)["state"] == "parked", "a parked endpoint")
    has(endpoint_of(s)["reason"], "402", "reason")
    s.ctl("resume", "--endpoint", "nosuch").expect(2)
    s.ctl("resume", "--endpoint", "local").expect(0)
    until(lambda: len([c for c in s.calls("batch_get") if c["status"] == 402]) == 2, "the second try")
    until(lambda: endpoint_of(s)["state"] == "parked", "parked again")
    s.ctl("resume", "--endpoint", "local").expect(0)
    st = s.wait(job)
    equal((st["passes"]["done"], len(s.calls("create"))), (5, 1), "done in one batch")


@test
def no_money_parks_too(s):
    """5: 403 and a 429 that says the quota is used up; a park outlives a restart."""
    s.up(plan=[{"call": "create", "nth": 1, "do": "status", "status": 429, "code": "insufficient_quota", "message": "no money"},
               {"call": "create", "nth": 2, "do": "status", "status": 403, "message": "not for you"}], max_attempts=1)
    job = s.submit_raw([request(n) for n in ROWS])
    until(lambda: endpoint_of(s)["state"] == "parked", "a parked endpoint")
    has(endpoint_of(s)["reason"], "no money", "reason")
    s.kill_batchd()
    s.start_batchd()                                    # a start tries again at once
    until(lambda: "not for you" in endpoint_of(s)["reason"], "parked for the second reason")
    s.ctl("resume", "--endpoint", "local").expect(0)
    st = s.wait(job)
    equal((st["passes"]["done"], st["passes"]["failed"]), (5, 0), "done")


@test
def a_bad_reload_changes_nothing(s):
    """4 of the design: SIGHUP with a config that is wrong: told with file and line, and all goes on as before."""
    s.up(delay_ms=1500)
    job = s.submit_raw([request(n) for n in ROWS])
    good = open(s.path("batchd.conf")).read()
    with open(s.path("batchd.conf"), "w") as file:
        file.write(good + "\nnonsense = 1;\n")
    s.batchd.send_signal(signal.SIGHUP)

    def told():
        text = open(s.path("batchd.log")).read()
        return "nonsense" in text and "batchd.conf:" in text
    until(told, "the error in the log")
    s.wait(job)
    with open(s.path("batchd.conf"), "w") as file:      # and one that is good, with a batch under way
        file.write(good.replace("poll_max_ms = 400", "poll_max_ms = 500"))
    job = s.submit_raw([request(n) for n in ROWS], save="two")
    s.until_status(job, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "a running batch")
    s.batchd.send_signal(signal.SIGHUP)
    s.wait(job)
    equal(len(s.calls("create")), 2, "creates")


@test
def reload_under_every_call(s):
    """4 of the design: SIGHUP again and again while uploads, creates, looks and downloads are under way loses and doubles nothing."""
    s.up(plan=[{"call": "upload", "do": "stall", "stall_ms": 150}, {"call": "create", "do": "stall", "stall_ms": 150},
               {"call": "content", "do": "stall", "stall_ms": 150}], max_requests=2, max_active=3)
    job = s.submit_raw([request("r%02d" % n) for n in range(8)])
    for _ in range(40):
        s.batchd.send_signal(signal.SIGHUP)
        if s.status(job)["passes"]["done"] >= 4:
            break
    st = s.wait(job)
    equal(st["passes"]["done"], 8, "done")
    equal(len(s.billed()), 8, "billed")
    s.audit(job)


@test
def a_key_is_nowhere(s):
    """Secrets: the key is in no log, database, file, status, error or command line; not when the endpoint throws it back, either."""
    key = "sk-very-secret-0123456789"
    plan = [{"call": "upload", "nth": 1, "do": "status", "status": 401, "message": "Incorrect API key provided: %s." % key},
            {"call": "batch_get", "nth": 1, "do": "status", "status": 500, "body": "oops, Authorization: Bearer %s" % key},
            {"call": "create", "nth": 1, "do": "status", "status": 400, "message": "bad key %s here" % key},
            {"lines": "error", "batch": 1, "status": 400, "code": "bad", "message": "key %s" % key}]
    s.up(plan=plan, key=key, max_attempts=2)
    shown = []
    job = s.submit_raw([request(n) for n in ROWS])
    until(lambda: endpoint_of(s)["state"] == "parked" or s.status(job)["state"] != "running", "the refusal")
    s.ctl("resume", "--endpoint", "local")
    s.ctl("wait", job, "--timeout", 30)
    with open("/proc/%d/cmdline" % s.batchd.pid, "rb") as file:
        shown.append(file.read().decode())
    for words in (["status", "--json"], ["status", job, "--json"], ["status", job], ["events"], ["events", "--json"], ["why", job],
                  ["why", job, "--json"], ["audit", job]):
        r = s.ctl(*words)
        shown.append(r.out + r.err)
    s.kill_batchd()
    places = [s.path("batchd.log"), s.path("batchd.conf")]
    for top in (s.path("state"), s.path("out")):
        places += [os.path.join(folder, f) for folder, _, files in os.walk(top) for f in files]
    check(any(p.endswith("batchd.db") for p in places), "no database looked at: %s", places)
    for place in places:
        with open(place, "rb") as file:
            data = file.read()
        own = place.endswith((".output.jsonl", ".errors.jsonl", "batch_output_step1.jsonl"))    # the endpoint's own bytes
        check(own or key.encode() not in data, "the key is in %s", place)
    for text in shown:
        check(key not in text, "the key is shown: %s", text)
    with open(s.path("batchd.log")) as file:
        has(file.read(), "401", "the log tells the refusal without it")


@test
def a_key_stays_with_its_host(s):
    """Secrets: content redirected to another host gets no key; to the same host it does not need one."""
    s.up(plan=[{"call": "content", "do": "redirect", "location": "http://localhost:{port}"}], key="the-key")
    s.wait(s.submit_raw([request(n) for n in ROWS]))
    blobs = s.calls("blob")
    check(blobs, "no redirected content")
    check(not any(b.get("authorization") for b in blobs), "a key went to another host: %s", blobs)


sys.exit(main())
