#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Point 1, 4 and 6 of the main job: the path from a dataset to samples, and the files it leaves.  usage: test_path.py BUILD"""
import os
import subprocess
import sys

from harness import DEMO, check, demo_data, equal, has, json_lines, main, request, test, until

PROCESSED = {"model_name_or_path", "instance_id", "model_patch", "raw_model_patch", "original_file_content", "edited_files",
             "new_file_content"}
FAILURE = {"custom_id", "instance_id", "stage", "reason", "details", "attempts"}


def submit_demo(s, *more, save="out", repos=("--repostructure_dir", "structures"), passk=2):
    data = demo_data()
    return s.submit("bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), repos[0], os.path.join(data, repos[1]),
                    "--save_dir", s.path(save), "--model_name", "demo-model", "--passk", passk, "--convert_crlf", *more)


def demo_answers():
    return os.path.join(demo_data(), "answers_bugfixer.jsonl")


@test
def raw_from_file_to_merged_output(s):
    """1: raw splits, submits, polls, and merges in the order of the input, whatever order comes back."""
    s.up(plan=[{"lines": "shuffle"}], max_requests=7, max_active=2)
    names = ["r%02d" % (n * 7 % 40) for n in range(40)]
    job = s.submit_raw([request(n, "say " + n) for n in names])
    st = s.wait(job)
    equal(st["state"], "done", "state")
    equal(st["passes"], dict(total=40, ready=0, batched=0, answered=0, done=40, failed=0, canceled=0), "passes")
    out = s.saved("batch_output_step1.jsonl")
    equal([line["custom_id"] for line in out], names, "order of batch_output_step1.jsonl")
    equal(out[3]["response"]["body"]["choices"][0]["message"]["content"], "echo " + names[3], "an answer")
    sent = s.saved("batch_requests_step1.jsonl")
    equal(sent, [request(n, "say " + n) for n in names], "batch_requests_step1.jsonl")
    equal(s.saved("failures.jsonl"), [], "failures.jsonl")
    check(st["tokens"]["prompt"] > 0 and st["tokens"]["completion"] > 0, "no tokens: %s", st["tokens"])
    equal(sorted(s.billed()), sorted((n, 1) for n in names), "what was billed")
    uploads = s.calls("upload")
    equal(len(uploads), 6, "uploads of 7 at most")
    s.audit(job)


@test
def raw_rows_keep_their_bytes(s):
    """1: what a person wrote into a request goes out as it is: order of members, escapes, big numbers, unicode."""
    row = ('{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","seed":12345678901234567890,'
           '"temperature":0.10,"z":1e-7,"messages":[{"role":"user","content":"\\u00e9 \\ud83d\\ude00 ü \\u0000 \\/ <>&"}]}}')
    s.up()
    s.wait(s.submit_raw([row]))
    with open(s.path("out", "batch_requests_step1.jsonl"), encoding="utf-8") as file:
        equal(file.read(), row + "\n", "the request")


@test
def bugfixer_from_dataset_to_patches(s):
    """1, 4, 6: the whole path with passk 2; unusable answers are asked for again; patches apply with git."""
    s.up(demo_answers(), max_requests=4, max_active=3, max_attempts=4)
    job = submit_demo(s, "--temp", "0.8", "--greedy_first")
    st = s.wait(job, exit=1)                            # one pass of the demo is hopeless
    equal(st["state"], "failed", "state")
    equal((st["passes"]["total"], st["passes"]["done"], st["passes"]["failed"]), (10, 9, 1), "passes")
    equal([x["total"] for x in st["stages"]], [10, 10], "passes that came to each stage")
    data = demo_data()
    p = subprocess.run([sys.executable, os.path.join(DEMO, "check_demo.py"), data, s.path("out"), "bugfixer",
                        s.path("ep.jsonl")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    check(p.returncode == 0, "check_demo: %s", p.stdout.decode())
    s.audit(job)
    ids = [row["instance_id"] for row in json_lines(os.path.join(data, "demo.jsonl"))]
    passes = ["%s__pass%d" % (i, k) for i in ids for k in range(2)]
    for stage in (1, 2):
        sent = s.saved("batch_requests_step%d.jsonl" % stage)
        equal([r["custom_id"] for r in sent], passes, "batch_requests_step%d.jsonl" % stage)
        for r in sent:
            equal(set(r), {"custom_id", "method", "url", "body"}, "members of a request")
            equal(r["body"]["model"], "demo-model", "model")
            equal(r["body"]["temperature"], 0 if r["custom_id"].endswith("__pass0") else 0.8, "temperature")
            check("max_tokens" not in r["body"] and "top_p" not in r["body"], "what was not given is in the body")
        back = s.saved("batch_output_step%d.jsonl" % stage)
        equal([r["custom_id"] for r in back], passes, "batch_output_step%d.jsonl" % stage)
    output = s.saved("output.jsonl")
    done = [p for p in passes if p != "demo__shelf-2__pass1"]
    equal([r["custom_id"] for r in output], done, "output.jsonl")
    for r in output:
        check({"instance_id", "custom_id", "pass", "model_name_or_path", "model_patch"} <= set(r), "output.jsonl: %s", sorted(r))
        equal(r["pass"], int(r["custom_id"][-1]), "pass")
        sample = s.saved("samples/%s.jsonl" % r["custom_id"])
        equal(len(sample), 1, "lines of a sample")
        equal(sample[0]["custom_id"], r["custom_id"], "sample")
    for k in range(2):
        lines = s.saved("output_%d_processed.jsonl" % k)
        want = [p.rpartition("__")[0] for p in done if p.endswith("__pass%d" % k)]
        equal([r["instance_id"] for r in lines], want, "output_%d_processed.jsonl" % k)
        for r in lines:
            equal(set(r), PROCESSED, "members of output_%d_processed.jsonl" % k)
            equal(len(r["original_file_content"]), len(r["edited_files"]), "files of a patch")
            equal(len(r["new_file_content"]), len(r["edited_files"]), "files of a patch")
    failures = s.saved("failures.jsonl")
    equal([set(r) for r in failures], [FAILURE], "failures.jsonl")
    equal((failures[0]["custom_id"], failures[0]["stage"], failures[0]["attempts"]), ("demo__shelf-2__pass1", 2, 4), "the failure")
    check(not os.path.exists(s.path("out", "samples", "demo__shelf-2__pass1.patch")), "a failed pass has a patch")
    left = [n for n in os.listdir(s.path("out")) + os.listdir(s.path("out", "samples")) if "tmp" in n or n.startswith(".")]
    equal(left, [], "temporary files left")


@test
def bugfixer_of_one_pass_and_mirrors(s):
    """1: passk 1 goes by the bare instance_id; mirrors and structures give the same patches."""
    answers = [dict(a, custom_id=a["custom_id"][:-len("__pass0")]) for a in json_lines(demo_answers())
               if a["custom_id"].endswith("__pass0")]
    s.up(answers)
    one = submit_demo(s, passk=1, save="one")
    two = submit_demo(s, passk=1, save="two", repos=("--repo_mirrors", "mirrors"))
    s.wait(one)
    s.wait(two)
    lines = [{r["custom_id"]: r["model_patch"] for r in s.saved("output.jsonl", save)} for save in ("one", "two")]
    equal(sorted(lines[0]), ["demo__calc-1", "demo__calc-2", "demo__shelf-1", "demo__shelf-2", "demo__textkit-1"], "custom_ids")
    equal(lines[0], lines[1], "patches from structures and from mirrors")
    check(os.path.exists(s.path("one", "samples", "demo__calc-1.patch")), "no demo__calc-1.patch")
    check(os.path.exists(s.path("one", "output_0_processed.jsonl")), "no output_0_processed.jsonl")


@test
def stage_2_does_not_wait_for_the_stage(s):
    """1: a pass whose stage 1 answer is in goes on while another's batch is stuck; its files are there meanwhile."""
    s.up(demo_answers(), plan=[{"batch": 2, "do": "stuck", "status": "in_progress"}], max_requests=5)
    job = submit_demo(s)
    st = s.until_status(job, lambda st: st["passes"]["done"] >= 4, "4 passes done while batch 2 is stuck")
    equal(st["state"], "running", "state")
    equal(st["stages"][0]["batched"], 5, "passes of stage 1 still at the endpoint")
    until(lambda: os.path.exists(s.path("out", "output.jsonl")) and len(s.saved("output.jsonl")) >= 4, "4 lines in output.jsonl")
    s.ctl("cancel", job, "--yes").expect(0)
    r = s.ctl("wait", job, "--timeout", 30).expect(1)
    has(r.err, "canceled", "wait of a canceled job")
    equal(len(s.saved("output.jsonl")) >= 4, True, "what was done is kept")


@test
def a_range_of_custom_ids(s):
    """2 of the design: --start_file and --end_file, inclusive ids or positions."""
    s.up(demo_answers())
    one = submit_demo(s, "--start_file", "demo__calc-2__pass1", "--end_file", "demo__shelf-1__pass0", save="one")
    two = submit_demo(s, "--start_file", 2, "--end_file", 5, save="two")
    for job, save, want in ((one, "one", ["demo__calc-2__pass1", "demo__shelf-1__pass0"]),
                            (two, "two", ["demo__calc-2__pass0", "demo__calc-2__pass1", "demo__shelf-1__pass0"])):
        st = s.wait(job)
        equal(st["passes"]["total"], len(want), "passes of " + save)
        equal([r["custom_id"] for r in s.saved("output.jsonl", save)], want, "output.jsonl of " + save)
        s.audit(job)


sys.exit(main())
