#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Input that is odd and good, and endpoints that are neither: the main job attacked.  usage: test_odd.py BUILD"""
import json
import os
import shutil
import socket
import sys
import time

from harness import check, demo_data, equal, has, json_lines, main, request, test, until, write_lines


def demo_rows():
    return json_lines(os.path.join(demo_data(), "demo.jsonl"))


def bugfixer(s, dataset, *more, save="out", passk=2):
    return s.submit("bugfixer", "--dataset", dataset, "--repostructure_dir", os.path.join(demo_data(), "structures"), "--save_dir",
                    s.path(save) if isinstance(save, str) else save[0], "--model_name", "m", "--passk", passk, *more)


def answers():
    return os.path.join(demo_data(), "answers_bugfixer.jsonl")


ODD_IDS = ["ümlaut-日本-😀", "dots.and.more.dots", "x" * 300, "y" * 512, "a__pass1", "a", "a__pass", "a__pass1__pass1", "b1-0", "b1-3",
           "b1-999999", "b2-0", " leading", "trailing ", "tab\there", "line\nbreak", "\n", "cr\r", "quote\"back\\slash", "/slash/../up",
           "percent%20", "\u2028", "null", "0", "-1", "{}", "é", "e\u0301", "\x7f\x1b[31m"]


@test
def odd_custom_ids(s):
    """1: any text is a custom_id; what the endpoint cannot take is mapped and back; nobody outside notices."""
    s.up(max_requests=11, dialect="doubleword")         # 64 bytes are the most that it takes
    job = s.submit_raw([request(n) for n in ODD_IDS])
    st = s.wait(job)
    equal(st["passes"]["done"], len(ODD_IDS), "done")
    back = s.saved("batch_output_step1.jsonl")
    equal([r["custom_id"] for r in back], ODD_IDS, "custom_ids that came back")
    equal([r["custom_id"] for r in s.saved("batch_requests_step1.jsonl")], ODD_IDS, "custom_ids that went out")
    for r in back:                                      # each has the answer to its own request
        sent = next(n for n, _ in s.billed() if r["response"]["body"]["choices"][0]["message"]["content"] == "echo " + n)
        check(sent == r["custom_id"] or sent.startswith("b%s-" % job), "%r got the answer of %r", r["custom_id"], sent)
    equal(len({r["response"]["body"]["choices"][0]["message"]["content"] for r in back}), len(ODD_IDS), "answers")
    for n, _ in s.billed():
        check(0 < len(n) <= 64 and n.isascii() and n.isprintable() and " " not in n, "%r went out to one who does not take it", n)
    s.audit(job)


@test
def odd_instance_ids(s):
    """1: the same for instances: unicode, dots, 200 bytes, one that is the beginning of another."""
    ids = ["ünï-日本", "a.b.c", "z" * 200, "a__pass1", "a", "a__pass1__pass0", "with blank", "b1-0", "q'q", "-rf", "per%cent"]
    row = demo_rows()[0]
    os.mkdir(s.path("structures"))
    for name in ids:
        shutil.copy(os.path.join(demo_data(), "structures", "demo__calc-1.json"), s.path("structures", name + ".json"))
    good = {a["stage"]: a for a in json_lines(answers()) if a["custom_id"] == "demo__calc-1__pass0"}
    s.start_endpoint()
    s.close_endpoint()
    said = write_lines(s.path("a.jsonl"), [dict(good[n], custom_id="%s__pass%d" % (name, k)) for name in ids for k in (0, 1) for n in (1, 2)])
    s.ep_words += ["--answers", said, "--default", good[1]["content"]]
    s.open_endpoint()
    s.conf(dialect="doubleword")
    s.start_batchd()
    job = s.submit("bugfixer", "--dataset", write_lines(s.path("d.jsonl"), [dict(row, instance_id=n) for n in ids]),
                   "--repostructure_dir", s.path("structures"), "--save_dir", s.path("out"), "--model_name", "m", "--passk", 2)
    st = s.ctl("wait", job, "--timeout", 60)
    st = s.status(job)
    want = ["%s__pass%d" % (n, k) for n in ids for k in (0, 1)]
    done = [r["custom_id"] for r in s.saved("output.jsonl")]
    failed = [r["custom_id"] for r in s.saved("failures.jsonl")]
    equal(sorted(done + failed), sorted(want), "every pass is in one of the files")
    for name in done:
        equal(s.saved("samples/%s.jsonl" % name)[0]["custom_id"], name, "sample")
    mapped = {n for n, _ in s.billed() if n.startswith("b%s-" % job)}
    equal(failed, [n for n in want if n not in {b for b, _ in s.billed()}], "only what the endpoint did not know by name failed")
    check(len(failed) <= len(mapped), "failed: %s", failed)
    s.audit(job)


@test
def odd_shapes_of_a_dataset(s):
    """1: CRLF, BOM, no final newline, blank lines, arrays, {"data": [...]}, one row."""
    s.up(answers())
    rows = demo_rows()[:2]
    text = [json.dumps(r, ensure_ascii=False) for r in rows]
    shapes = {
        "crlf": "\r\n".join(text) + "\r\n", "bom": "\ufeff" + "\n".join(text) + "\n", "no-end": "\n".join(text),
        "blank": "\n\n" + text[0] + "\n  \n" + text[1] + "\n\n", "array": json.dumps(rows, indent=2), "data": json.dumps({"data": rows}),
        "bom-array": "\ufeff" + json.dumps(rows), "crlf-array": json.dumps(rows, indent=1).replace("\n", "\r\n"),
        "one": text[0],
    }
    jobs = {}
    for name, content in shapes.items():
        with open(s.path(name + ".json"), "w", encoding="utf-8", newline="") as file:
            file.write(content)
        jobs[name] = bugfixer(s, s.path(name + ".json"), save="out-" + name, passk=1)
    want = [r["instance_id"] for r in rows]
    for name, job in jobs.items():
        st = s.until_status(job, lambda st: st["state"] in ("done", "failed"), "the end of " + name)
        equal(st["passes"]["total"], 1 if name == "one" else 2, "passes of " + name)
        sent = [r["custom_id"] for r in s.saved("batch_requests_step1.jsonl", "out-" + name)]
        equal(sent, want[:1] if name == "one" else want, "custom_ids of " + name)


@test
def a_problem_statement_of_any_bytes(s):
    """1: what is in a row goes into a request that is JSON: NUL, lone surrogates, control characters, bytes that are no UTF-8."""
    row = demo_rows()[0]
    head = '{"instance_id": "%s", "repo": "demo/calc", "base_commit": "' + row["base_commit"] + '", "problem_statement": "'
    texts = [b"nul \\u0000 here", b"lone \\ud800 here", b"raw \xff\xfe here", b"esc \\u001b[31m \x7f", b"quote \\\" \\\\ {structure} {content}",
             "é 日本 \u2028".encode(), b"crlf \\r\\n end"]
    os.mkdir(s.path("structures"))
    with open(s.path("d.jsonl"), "wb") as file:
        for n, text in enumerate(texts):
            file.write((head % ("i%d" % n)).encode() + text + b'"}\n')
            shutil.copy(os.path.join(demo_data(), "structures", "demo__calc-1.json"), s.path("structures", "i%d.json" % n))
    s.start_endpoint()
    s.conf(max_attempts=1)
    s.start_batchd()
    r = s.ctl("submit", "bugfixer", "--dataset", s.path("d.jsonl"), "--repostructure_dir", s.path("structures"), "--save_dir",
              s.path("out"), "--model_name", "m")
    st = s.wait(r.expect(0).out.split()[0], exit=1)     # "echo" names no file
    for line in open(s.path("out", "batch_requests_step1.jsonl"), "rb").read().split(b"\n")[:-1]:
        sent = json.loads(line.decode("utf-8"))
        n = int(sent["custom_id"][1:])
        content = sent["body"]["messages"][-1]["content"]
        has(content, texts[n].split()[0].decode("utf-8", "replace"), "the prompt of row %d" % n)
    for f in s.saved("failures.jsonl"):
        check(f["reason"] in ("no_file", "no_request", "bad_row", "missing_repo", "no_file_found", "no_answer") or f["reason"], "reason")
    equal(st["passes"]["failed"], len(texts), "failed")


@test
def relative_and_odd_save_dirs(s):
    """2 of the design: relative paths mean the caller's directory; blanks, unicode and .. in them are fine."""
    s.up()
    os.mkdir(s.path("my place"))
    write_lines(s.path("my place", "r.jsonl"), [request("a")])
    for given, real in (("with blank ü/below", "my place/with blank ü/below"), ("./dot", "my place/dot"), ("../up", "up"),
                        ("-dash", "my place/-dash"), ("trailing/", "my place/trailing")):
        r = s.ctl("submit", "raw", "--requests", "r.jsonl", "--save_dir=" + given, cwd=s.path("my place")).expect(0)
        s.wait(r.out.split()[0])
        equal([r["custom_id"] for r in s.saved("batch_output_step1.jsonl", real)], ["a"], "results in " + real)


@test
def two_jobs_at_once(s):
    """1: in save_dirs of their own both get on; a save_dir in use, or with results of a job, is refused by name."""
    s.up(answers(), delay_ms=300, max_requests=3, max_active=2)
    one = bugfixer(s, os.path.join(demo_data(), "demo.jsonl"), save="one")
    two = s.submit_raw([request("r%d" % n) for n in range(9)], save="two")
    path = write_lines(s.path("r.jsonl"), [request("a")])
    os.symlink(s.path("two"), s.path("link"))
    for name in ("two", "link", "two/", "one/../two"):
        r = s.ctl("submit", "raw", "--requests", path, "--save_dir", s.dir + "/" + name).expect(2)
        has(r.err, "in use by job " + two, "refusal of " + name)
    st = s.wait(two)
    r = s.ctl("submit", "raw", "--requests", path, "--save_dir", s.path("two")).expect(2)
    has(r.err, "results of job " + two, "refusal of a save_dir with results")
    equal(len(s.saved("batch_output_step1.jsonl", "two")), 9, "the results are still there")
    s.ctl("remove", two, "--yes").expect(0)
    until(lambda: s.ctl("status", two).exit == 3, "the job's removal")
    s.wait(s.submit("raw", "--requests", path, "--save_dir", s.path("two")))
    equal(len(s.saved("batch_output_step1.jsonl", "two")), 1, "results of the new job")
    st = s.wait(one, exit=1)
    equal(st["passes"]["done"], 9, "done")


@test
def names_of_jobs(s):
    """7: by name, by the beginning of one name, never two meanings; control characters do not reach a terminal."""
    s.up()
    path = write_lines(s.path("r.jsonl"), [request("a")])
    for n, name in enumerate(("nightly", "nightly-2", "ünï 日本", "esc\x1b[31mred", "line\nbreak", "tab\tx", "--flag", "", "7", "x" * 500)):
        r = s.ctl("submit", "raw", "--requests", path, "--save_dir", s.path("o%d" % n), "--name=" + name)
        if r.exit == 2:
            check(name not in ("nightly", "nightly-2", "ünï 日本", "--flag"), "the name %r is refused: %s", name, r.err)
            check(not os.path.exists(s.path("o%d" % n)), "a refused name leaves a directory")
            continue
        job = r.expect(0).out.split()[0]
        check(name in ("nightly", "nightly-2", "ünï 日本", "--flag"), "the name %r is taken", name)
        s.wait(job)
        for words in (["status"], ["status", job], ["events"], ["why", job]):
            for text in (s.ctl(*words).expect(0).out, s.ctl_pty(*words)[1]):
                bare = text.replace("\r\n", "\n")
                for code in ("\x1b[31mred", "\x1b]", "line\nbreak"):
                    check(code not in bare, "%r of the name %r reaches the terminal", code, name)
    equal(s.status("nightly")["name"], "nightly", "an exact name wins")
    equal(s.ctl("status", "night").exit, 3, "two names begin so")
    equal(s.status("ün")["name"], "ünï 日本", "the beginning of a name")
    jobs = s.ctl("status", "--json").expect(0).json()["jobs"]
    for job in jobs:                                    # an id is never another job's name
        equal(s.status(job["id"])["id"], job["id"], "status by id")


@test
def an_endpoint_that_is_down(s):
    """5: submitted while nobody listens; once the endpoint is up the job is done, and no attempt was lost."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        s.port = free.getsockname()[1]
    s.conf(max_attempts=1)
    s.start_batchd()
    job = s.submit_raw([request("r%d" % n) for n in range(5)])
    st = s.until_status(job, lambda st: any(b["reason"] for b in st["batches"]), "a reason at the batch")
    equal((st["state"], st["passes"]["failed"]), ("running", 0), "state")
    has(s.ctl("why", job).expect(0).out, "onnect", "why")
    s.start_endpoint(port=s.port)
    st = s.wait(job)
    equal(st["passes"]["done"], 5, "done")
    equal(len(s.billed()), 5, "billed")


@test
def an_endpoint_that_goes_away_for_a_while(s):
    """5: a transport error is never "the job failed": the endpoint stops with a batch under way and comes back."""
    s.up(delay_ms=2000, max_attempts=1)
    job = s.submit_raw([request("r%d" % n) for n in range(5)])
    s.until_status(job, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "a running batch")
    port = s.port
    s.close_endpoint()
    st = s.until_status(job, lambda st: st["batches"][0]["reason"], "the reason of a broken look")
    equal((st["state"], st["passes"]["failed"]), ("running", 0), "state")
    s.open_endpoint(port)
    s.wait(job)
    equal(len(s.calls("create")), 1, "creates")


@test
def an_endpoint_that_answers_garbage(s):
    """5: HTML, nothing, half a reply, on every kind of call: asked again, never twice made, never the job's failure."""
    plan = [{"call": "upload", "nth": 1, "do": "status", "status": 502, "html": True},
            {"call": "create", "nth": 1, "do": "status", "status": 429, "headers": {"Retry-After": "1"}},
            {"call": "batch_get", "nth": 1, "do": "garbage"}, {"call": "batch_get", "nth": 2, "do": "empty"},
            {"call": "batch_get", "nth": 3, "do": "status", "status": 500, "huge": 3000000}, {"call": "batch_get", "nth": 4, "do": "drop"},
            {"call": "batch_get", "nth": 5, "do": "cut", "cut_at": 20},
            {"call": "content", "nth": 1, "do": "cut", "cut_at": 300, "chunked": True},
            {"call": "content", "nth": 2, "do": "status", "status": 503}, {"call": "content", "nth": 3, "do": "drop"}]
    s.up(plan=plan, delay_ms=400)
    job = s.submit_raw([request("r%d" % n) for n in range(20)])
    st = s.wait(job)
    equal(st["passes"]["done"], 20, "done")
    equal(len(s.billed()), 20, "billed")
    equal([r["custom_id"] for r in s.saved("batch_output_step1.jsonl")], ["r%d" % n for n in range(20)], "the merged output")


@test
def an_endpoint_that_speaks_no_batches(s):
    """5: some other server: 404 for all, a web page for all.  Told with the reason; no loop without a pause."""
    s.start_endpoint(plan=[{"call": "any", "do": "status", "status": 404, "html": True}])
    s.conf()
    s.start_batchd()
    job = s.submit_raw([request("a")])
    st = s.until_status(job, lambda st: st["state"] == "failed" or any(b["reason"] for b in st["batches"]), "a reason")
    text = s.ctl("status", job).out + s.ctl("events", job).out
    has(text, "404", "what is shown")
    check(len(s.calls()) < 40, "%d calls", len(s.calls()))


@test
def result_files_of_odd_shapes(s):
    """4: BOM, CRLF, blank lines, no final newline, another order, strangers, doubles, all in one file: the merged output is plain
    JSONL in the order of the input, whatever the custom_ids were on the way."""
    ids = ["r%02d" % n for n in range(8)] + ["x" * 300, "b1-5"]
    s.up(plan=[{"lines": "bom"}, {"lines": "crlf"}, {"lines": "blank"}, {"lines": "no_final_newline"}, {"lines": "shuffle"},
               {"lines": "stranger"}, {"lines": "duplicate"}, {"lines": "one_file"}, {"custom_id": "r03", "do": "error", "status": 400}], dialect="doubleword")
    st = s.wait(s.submit_raw([request(n) for n in ids]), exit=1)
    equal(st["passes"]["done"], 9, "done")
    back = s.saved("batch_output_step1.jsonl")
    equal([r["custom_id"] for r in back], ids, "the merged output")
    data = open(s.path("out", "batch_output_step1.jsonl"), "rb").read()
    check(b"\r" not in data and b"\xef\xbb\xbf" not in data, "a CR or a BOM in the merged output")


@test
def answers_of_odd_shapes(s):
    """4: contents with custom_id in them, lone surrogates, NUL, a megabyte; a line that is rubbish costs one request."""
    s.up([{"custom_id": "a", "content": "{\"custom_id\": \"b1-0\"}"}],
         plan=[{"custom_id": "b", "do": "content", "json": "\"lone \\ud800 nul \\u0000 end\""},
               {"custom_id": "c", "do": "big", "bytes": 3000000}, {"custom_id": "d", "do": "raw", "hex": "7b22ff00fe", "times": 1},
               {"custom_id": "e", "do": "raw", "line": "{\"response\": {\"status_code\": 200, \"body\": {\"custom_id\": \"zz\", \"choices\": "
                "[{\"message\": {\"content\": \"late\"}, \"finish_reason\": \"stop\"}]}}, \"error\": null, \"custom_id\": \"e\"}"},
               {"custom_id": "f", "do": "length", "content": None, "times": 1}], dialect="doubleword")
    ids = list("abcdefg") + ["x" * 300]
    rows = [request(n) for n in ids]
    rows[7] = {"body": dict(rows[7]["body"], metadata={"custom_id": "mine"}), "custom_id": ids[7]}
    st = s.wait(s.submit_raw(rows))
    equal(st["passes"]["done"], 8, "done")
    equal(s.saved("batch_requests_step1.jsonl")[7]["custom_id"], ids[7], "a custom_id behind another")
    back = s.saved("batch_output_step1.jsonl")
    equal([r["custom_id"] for r in back], ids, "the merged output")
    equal(len(back[2]["response"]["body"]["choices"][0]["message"]["content"]), 3000000, "bytes of the big one")


@test
def a_dataset_out_of_a_pipe(s):
    """2 of the design: a dataset may come from a pipe."""
    s.up(answers())
    text = open(os.path.join(demo_data(), "demo.jsonl"), "rb").read()
    r = s.ctl("submit", "bugfixer", "--dataset", "/dev/stdin", "--repostructure_dir", os.path.join(demo_data(), "structures"),
              "--save_dir", s.path("out"), "--model_name", "m", "--passk", 2, input=text).expect(0)
    equal(s.wait(r.out.split()[0], exit=1)["passes"]["done"] > 0, True, "something is done")


@test
def many_submits_at_a_time(s):
    """2: twenty at once: each is a job of its own, all of them end, the batches within max_active."""
    s.up(max_active=3, delay_ms=100)
    path = write_lines(s.path("r.jsonl"), [request("r%d" % n) for n in range(30)])
    running = [s.ctl_open("submit", "raw", "--requests", path, "--save_dir", s.path("out%d" % n)) for n in range(20)]
    jobs = [p.communicate(timeout=60)[0].decode().split("\n")[0] for p in running]
    equal(len(set(jobs)), 20, "ids: %s" % jobs)
    s.ctl("wait", *jobs, "--timeout", 60).expect(0)
    for n in range(20):
        equal(len(s.saved("batch_output_step1.jsonl", "out%d" % n)), 30, "results of %d" % n)
    equal(len(s.billed()), 600, "billed")


@test
def two_endpoints(s):
    """4: each has its limits; what parks one does not hold up the other."""
    s.start_endpoint()
    s.conf(more=', { name = "bad"; base_url = "http://127.0.0.1:1/v1"; }')
    s.start_batchd()
    bad = s.submit_raw([request("a")], save="bad", endpoint="bad")
    s.wait(s.submit_raw([request("a")], endpoint="local"))
    equal(s.status(bad)["state"], "running", "the other job")


@test
def twenty_thousand_rows(s):
    """1: many rows: all come back in order, status and ping answer meanwhile."""
    s.up(max_requests=3000, max_active=4)
    names = ["row-%05d" % (n * 7919 % 20000) for n in range(20000)]
    began = time.monotonic()
    job = s.submit_raw([request(n) for n in names])
    slow = 0.0
    while True:
        before = time.monotonic()
        s.ctl("ping").expect(0)
        slow = max(slow, time.monotonic() - before)
        st = s.status(job)
        if st["state"] not in ("running",):
            break
        check(time.monotonic() < began + 90, "no end: %s", st["passes"])
    equal(st["state"], "done", "state")
    with open(s.path("out", "batch_output_step1.jsonl")) as file:
        equal([json.loads(line)["custom_id"] for line in file], names, "the merged output")
    equal(len(s.billed()), 20000, "billed")
    s.audit(job)


sys.exit(main())
