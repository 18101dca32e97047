#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Points 3 and 4 of the main job: batches within the endpoint's limits, and what is sent again.  usage: test_retry.py BUILD"""
import os
import sys
from collections import Counter

from harness import check, demo_data, equal, has, json_lines, main, request, test, until, write_lines


def names(n):
    return ["n%03d" % i for i in range(n)]


def reasons(st, what="failures"):
    return {r["reason"]: r["count"] for r in st[what]}


def most_active(s):
    """The most batches that were at the endpoint at a time: made, and their end not yet seen by batchd."""
    ended = {}
    for c in s.calls():                                 # the last look at a batch is the one that saw its end
        if c["call"] in ("batch_get", "cancel"):
            ended[c["batch"]] = c["n"]
    now = most = 0
    for c in s.calls():
        if c["call"] == "create" and c["effect"] and c["status"] == 200:
            now += 1
            most = max(most, now)
        if c["call"] == "batch_get" and ended.get(c["batch"]) == c["n"]:
            now -= 1
    return most


@test
def batches_within_requests_and_active(s):
    """3: filled up to max_requests, at most max_active at a time; told from the endpoint's log."""
    s.up(delay_ms=300, max_requests=10, max_active=3)
    job = s.submit_raw([request(n) for n in names(95)])
    st = s.wait(job)
    equal([b["requests"] for b in sorted(st["batches"], key=lambda b: b["id"])], [10] * 9 + [5], "requests of the batches")
    equal(len([c for c in s.calls("create")]), 10, "creates")
    equal(most_active(s), 3, "batches at the endpoint at a time")
    equal(len(s.billed()), 95, "billed")


@test
def batches_within_bytes(s):
    """3: max_bytes holds for the file; a line that alone exceeds it fails its pass by name, and no other."""
    rows = [request(n, "x" * 300) for n in names(30)]
    rows[7]["body"]["messages"][0]["content"] = "y" * 5000
    s.up(max_bytes=2000)
    job = s.submit_raw(rows)
    st = s.wait(job, exit=1)
    equal(reasons(st), {"too_large": 1}, "failures")
    failures = s.saved("failures.jsonl")
    equal([f["custom_id"] for f in failures], ["n007"], "what failed")
    has(failures[0]["details"], "2000", "details name the limit")
    equal(sorted(n for n, _ in s.billed()), [n for n in names(30) if n != "n007"], "billed")
    check(all(b["bytes"] <= 2000 for b in st["batches"]), "bytes of the batches: %s", [b["bytes"] for b in st["batches"]])
    files = [os.path.join(d, f) for d, _, fs in os.walk(s.path("ep")) for f in fs]
    check(len(st["batches"]) < 29, "one request a batch: not filled up")
    check(files, "the endpoint kept no files")
    equal(len(s.saved("batch_output_step1.jsonl")), 29, "lines of batch_output_step1.jsonl")
    s.audit(job)


@test
def one_model_and_one_url_per_batch(s):
    """3: a raw file has one model and one url (bad input else); the url of the lines goes into the create."""
    s.up(line_url="/v1/completions")
    rows = [dict(request(n), url="/v1/completions") for n in names(4)]
    s.wait(s.submit_raw(rows))
    for r in s.saved("batch_requests_step1.jsonl"):
        equal(r["url"], "/v1/completions", "url")


@test
def a_raw_file_with_another_url_than_the_endpoint(s):
    """3: the url of the lines and that of the create must agree, or the endpoint fails the batch."""
    s.up()
    st = s.wait(s.submit_raw([dict(request(n), url="/v1/embeddings") for n in names(4)]))
    equal((st["passes"]["done"], len(s.calls("create"))), (4, 1), "done at once")
    rows = [{k: v for k, v in request(n).items() if k not in ("url", "method")} for n in names(3)]
    st = s.wait(s.submit_raw(rows, save="bare"))        # without one, the endpoint's line_url is written into the lines
    equal(s.saved("batch_requests_step1.jsonl", "bare")[0]["url"], "/v1/chat/completions", "url")


@test
def passing_reasons_are_asked_again(s):
    """4: 408, 409, 429, 5xx, expired, missing from both files: again by themselves, at most max_attempts times."""
    plan = [{"custom_id": "n%03d" % i, "do": "error", "status": status, "times": 1}
            for i, status in enumerate((408, 409, 429, 500, 502, 503, 504, 529))]
    plan += [{"custom_id": "n008", "do": "missing", "times": 1}, {"custom_id": "n009", "do": "duplicate"},
             {"custom_id": "n010", "do": "error", "status": 500}, {"custom_id": "n011", "do": "missing"}]
    s.up(plan=plan, max_attempts=3)
    job = s.submit_raw([request(n) for n in names(13)])
    st = s.wait(job, exit=1)
    failures = {f["custom_id"]: f for f in s.saved("failures.jsonl")}
    equal(sorted(failures), ["n010", "n011"], "what failed")
    equal({f["attempts"] for f in failures.values()}, {3}, "attempts of what failed")
    equal(st["passes"]["done"], 11, "done")
    sizes = [b["requests"] for b in sorted(st["batches"], key=lambda b: b["id"])]
    equal(sizes, [13, 11, 2], "requests of the batches: only what failed is sent again")
    s.audit(job)


@test
def permanent_reasons_fail_at_once(s):
    """4: permanent ones fail the pass with the reason kept, without another attempt."""
    plan = [{"custom_id": "n000", "do": "error", "status": 400, "code": "context_length_exceeded", "message": "too long a prompt"},
            {"custom_id": "n001", "do": "error", "status": 404, "code": "model_not_found"},
            {"custom_id": "n002", "do": "error", "status": 422, "code": "invalid_value"},
            {"custom_id": "n003", "do": "error", "status": 400, "code": "content_policy_violation"}]
    s.up(plan=plan)
    job = s.submit_raw([request(n) for n in names(6)])
    st = s.wait(job, exit=1)
    failures = {f["custom_id"]: f for f in s.saved("failures.jsonl")}
    equal(sorted(failures), names(4), "what failed")
    equal({f["attempts"] for f in failures.values()}, {1}, "attempts")
    has(failures["n000"]["reason"], "context_length_exceeded", "reason")
    has(failures["n000"]["details"], "too long a prompt", "details")
    equal(len(s.calls("create")), 1, "creates")
    equal(sum(reasons(st).values()), 4, "failures of status")
    has(s.ctl("status", job).out, "context_length_exceeded", "failures by reason in status")


@test
def an_expired_batch_gives_up_what_it_has(s):
    """4: the answers of an expired batch are kept and paid for once; only the rest is sent again."""
    s.up(plan=[{"batch": 1, "do": "expire", "done": 0.5}])
    st = s.wait(s.submit_raw([request(n) for n in names(20)]))
    counts = Counter(n for n, _ in s.billed())
    equal((len(counts), max(counts.values())), (20, 1), "billed once each")
    equal(sorted(b["requests"] for b in st["batches"]), [10, 20], "requests of the batches")
    equal([r["custom_id"] for r in s.saved("batch_output_step1.jsonl")], names(20), "the merged output")


@test
def a_failed_batch_gives_up_what_it_has(s):
    """4: the same for one that fails half-way, and one that fails at once and is sent again as a whole."""
    s.up(plan=[{"batch": 1, "do": "fail", "code": "server_error", "message": "it broke", "done": 0.3},
               {"batch": 2, "do": "fail", "code": "server_error", "message": "it broke"}])
    st = s.wait(s.submit_raw([request(n) for n in names(10)]))
    equal([b["requests"] for b in sorted(st["batches"], key=lambda b: b["id"])], [10, 7, 7], "requests of the batches")
    counts = Counter(n for n, _ in s.billed())
    equal((len(counts), max(counts.values())), (10, 1), "billed once each")
    has(s.ctl("events").out, "it broke", "events")


@test
def a_batch_cancelled_over_there_gives_up_what_it_has(s):
    """4: somebody cancels the batch at the endpoint: its answers are kept, the rest is sent again."""
    s.up(delay_ms=1500)
    job = s.submit_raw([request(n) for n in names(10)])
    remote = s.until_status(job, lambda st: st["batches"] and st["batches"][0]["remote_id"], "the batch")["batches"][0]["remote_id"]
    import urllib.request
    with urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/v1/batches/%s/cancel" % (s.port, remote),
                                                       data=b"", method="POST")) as reply:
        equal(reply.status, 200, "cancel")
    st = s.wait(job)
    equal(st["passes"]["done"], 10, "done")
    counts = Counter(n for n, _ in s.billed())
    equal(max(counts.values()), 1, "billed once each")


@test
def a_batch_refused_for_one_line(s):
    """4: a validation that names a line fails that request; the others are given back and sent again."""
    s.up(plan=[{"batch": 1, "do": "fail", "code": "invalid_json_line", "message": "line 3 is bad", "line": 3, "count": 1}])
    job = s.submit_raw([request(n) for n in names(6)])
    st = s.wait(job, exit=1)
    equal([f["custom_id"] for f in s.saved("failures.jsonl")], ["n002"], "what failed")
    equal(st["passes"]["done"], 5, "done")


@test
def a_batch_refused_for_many_lines(s):
    """4: all the lines that a validation names fail at once; the file is not sent again for each of them."""
    s.up(plan=[{"batch": 1, "do": "fail", "code": "invalid_json_line", "message": "bad", "line": 2, "count": 7}])
    job = s.submit_raw([request(n) for n in names(20)])
    st = s.wait(job, exit=1)
    failed = [f["custom_id"] for f in s.saved("failures.jsonl")]
    equal(len(failed), 7, "what failed: %s" % failed)
    equal((st["passes"]["done"], len(s.calls("create"))), (13, 2), "done, creates")


@test
def answers_without_use_are_asked_again(s):
    """4: no file found, no edit that fits, cut answers: asked again within max_attempts, then failed by name."""
    ids = [r["instance_id"] for r in json_lines(os.path.join(demo_data(), "demo.jsonl"))]
    good = {(a["custom_id"], a["stage"]): a for a in json_lines(os.path.join(demo_data(), "answers_bugfixer.jsonl"))
            if a.get("attempt", 1) == 1}
    one = dict(good["demo__calc-1__pass0", 1], custom_id="demo__calc-1"), dict(good["demo__calc-1__pass0", 2], custom_id="demo__calc-1")
    answers = [dict(one[0], attempt=2), dict(one[0], attempt=1, content="I do not know.")]
    answers += [dict(one[1], attempt=2), dict(one[1], attempt=1, content="```python\n### calc/parser.py\n<<<<<<< SEARCH\nno such\n"
                                              "=======\nline\n>>>>>>> REPLACE\n```\n")]
    s.up(answers, max_attempts=2)
    dataset = write_lines(s.path("d.jsonl"), [r for r in json_lines(os.path.join(demo_data(), "demo.jsonl"))
                                              if r["instance_id"] in ids[:2]])
    job = s.submit("bugfixer", "--dataset", dataset, "--repostructure_dir", os.path.join(demo_data(), "structures"), "--save_dir",
                   s.path("out"), "--model_name", "m")
    st = s.wait(job, exit=1)                            # calc-2 is answered "echo ...": it names no file
    failures = s.saved("failures.jsonl")
    equal([(f["custom_id"], f["stage"], f["attempts"]) for f in failures], [("demo__calc-2", 1, 2)], "what failed")
    equal([r["custom_id"] for r in s.saved("output.jsonl")], ["demo__calc-1"], "what is done")
    equal(Counter(s.billed())["demo__calc-1", 1], 2, "stage 1 asked")
    equal(Counter(s.billed())["demo__calc-1", 2], 2, "stage 2 asked")
    check(st["asked_again"], "status does not tell why passes were asked again")


@test
def retry_by_all_selectors(s):
    """4, 7: retry --pass, --instance, --stage, --failed, none; attempts from zero again; what it answers."""
    ids = [r["instance_id"] for r in json_lines(os.path.join(demo_data(), "demo.jsonl"))]
    good = json_lines(os.path.join(demo_data(), "answers_bugfixer.jsonl"))
    s.up(max_attempts=1)                                # every answer is "echo": all fail at stage 1
    data = demo_data()
    job = s.submit("bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir", os.path.join(data, "structures"),
                   "--save_dir", s.path("out"), "--model_name", "m", "--passk", "2", "--name", "nightly")
    st = s.wait(job, exit=1)
    equal(st["passes"]["failed"], 10, "failed")
    s.close_endpoint()                                  # now with a model that knows something
    s.ep_words += ["--answers", write_lines(s.path("better.jsonl"), [a for a in good if a.get("attempt", 1) == 1])]
    s.open_endpoint(s.port)
    before = len(s.billed())
    s.ctl("retry", "nightly", "--pass", ids[0] + "__pass0").expect(0)
    st = s.wait(job, exit=1)
    equal((st["passes"]["done"], st["passes"]["failed"]), (1, 9), "after retry --pass")
    equal([n for n, _ in s.billed()[before:]], [ids[0] + "__pass0"] * 2, "asked by retry --pass")
    s.ctl("retry", job, "--pass", ids[0] + "__pass0").expect(4)                  # not failed any more
    s.ctl("retry", job, "--pass", "nobody__pass0").expect(3)
    s.ctl("retry", job, "--pass", ids[0]).expect(3)
    s.ctl("retry", job, "--pass", ids[0] + "__pass7").expect(3)
    s.ctl("retry", job, "--instance", "nobody").expect(3)
    s.ctl("retry", job, "--stage", "2").expect(4)                                # nothing failed there
    s.ctl("retry", "nosuch").expect(3)
    before = len(s.billed())
    r = s.ctl("retry", job, "--instance", ids[2], "--json").expect(0).json()
    equal(r["passes"], 2, "passes of retry --instance")
    s.wait(job, exit=1)
    equal({n for n, _ in s.billed()[before:]}, {ids[2] + "__pass0", ids[2] + "__pass1"}, "asked by retry --instance")
    before = len(s.billed())
    n = s.status(job)["passes"]["failed"]
    r = s.ctl("retry", job, "--stage", "1", "--json").expect(0).json()
    check(0 < r["passes"] <= n, "passes of retry --stage: %s of %s", r["passes"], n)
    s.wait(job, exit=1)
    n = s.status(job)["passes"]["failed"]
    r = s.ctl("retry", job, "--failed", "--json").expect(0).json()
    equal(r["passes"], n, "passes of retry --failed")
    st = s.wait(job, exit=1)
    again = s.ctl("retry", job, "--json").expect(0).json()
    equal(again["passes"], st["passes"]["failed"], "passes of retry alone")
    st = s.wait(job, exit=1)
    failures = s.saved("failures.jsonl")
    equal({f["attempts"] for f in failures}, {1}, "attempts count afresh")
    equal(len(s.saved("output.jsonl")), st["passes"]["done"], "lines of output.jsonl")
    equal(len(failures), st["passes"]["failed"], "lines of failures.jsonl")
    s.audit(job)


@test
def retry_names_with_pass_in_them(s):
    """4: an instance whose own name has __pass<k> in it is found all the same."""
    rows = []
    for name in ("a__pass1", "a", "a__pass1__pass0"):
        rows.append(dict(json_lines(os.path.join(demo_data(), "demo.jsonl"))[0], instance_id=name))
    os.mkdir(s.path("structures"))
    text = open(os.path.join(demo_data(), "structures", "demo__calc-1.json")).read()
    for row in rows:
        with open(s.path("structures", row["instance_id"] + ".json"), "w") as file:
            file.write(text)
    s.up(max_attempts=1)
    job = s.submit("bugfixer", "--dataset", write_lines(s.path("d.jsonl"), rows), "--repostructure_dir", s.path("structures"),
                   "--save_dir", s.path("out"), "--model_name", "m", "--passk", "2")
    s.wait(job, exit=1)
    want = sorted("%s__pass%d" % (r["instance_id"], k) for r in rows for k in (0, 1))
    equal(sorted(f["custom_id"] for f in s.saved("failures.jsonl")), want, "custom_ids")
    for name in want:
        before = len(s.billed())
        equal(s.ctl("retry", job, "--pass", name, "--json").expect(0).json()["passes"], 1, "passes of retry --pass " + name)
        s.wait(job, exit=1)
        equal([n for n, _ in s.billed()[before:]], [name], "asked by retry --pass " + name)


sys.exit(main())
