#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input gets a clear error with file and line, at once, before anything is sent, and leaves nothing behind.

usage: test_bad_input.py BUILD
"""
import json
import os
import shutil
import subprocess
import sys

from harness import BUILD, check, demo_data, equal, has, json_lines, main, request, test, until, write_lines

NOBODY = 65534


def rows(*changes):
    """The demo's dataset, with row n replaced."""
    lines = [json.dumps(r) for r in json_lines(os.path.join(demo_data(), "demo.jsonl"))]
    for n, line in changes:
        lines[n] = line if isinstance(line, str) else json.dumps(line)
    return lines


def left_in_state(s):
    """Files of jobs and uploads in the state_dir."""
    found = []
    for folder, dirs, files in os.walk(s.path("state")):
        found += [os.path.relpath(os.path.join(folder, f), s.path("state")) for f in files + dirs]
    return sorted(f for f in found if not f.startswith(("batchd.db", "lock")) and f not in ("jobs", "uploads"))


def refused(s, words, *pieces, exit=2, save="out", cwd=None):
    """The command ends with that status and says all the pieces; nothing was sent, nothing is left."""
    r = s.ctl(*words, cwd=cwd)
    r.expect(exit, "refusal")
    equal(r.out, "", "stdout of a refusal")
    for piece in pieces:
        has(r.err, piece, " ".join(str(w) for w in words))
    equal(r.err.count("\n") <= 3, True, "a few lines of error, not %r" % r.err)
    check(not os.path.exists(s.path(save)), "%s: left the save_dir behind: %s", words, r.err)
    equal(s.log(), [], "the endpoint's log")
    return r


def settled(s):
    equal(s.ctl("status", "--json").expect(0).json()["jobs"], [], "jobs after refusals only")
    equal(left_in_state(s), [], "files in the state_dir after refusals only")
    equal(s.log(), [], "the endpoint's log")


def bugfixer(s, dataset, *more, **over):
    data = demo_data()
    words = {"dataset": dataset, "repostructure_dir": os.path.join(data, "structures"), "save_dir": s.path("out"),
             "model_name": "m"}
    words.update(over)
    return ["submit", "bugfixer"] + [w for k, v in words.items() if v is not None for w in ("--" + k, v)] + list(more)


@test
def datasets_that_are_none(s):
    """A dataset that is no JSON, a row without instance_id, a duplicate: file and line, in every shape."""
    s.up()
    good = rows()
    one = json.loads(good[1])
    name = s.path("bad.jsonl")
    table = (
        (rows((2, "{this is no JSON}")), "bad.jsonl:3: ", "JSON"),
        (rows((2, good[2][:-10])), "bad.jsonl:3: ", "JSON"),
        (rows((2, good[2] + " x")), "bad.jsonl:3: ", "JSON"),
        (rows((2, "[1, 2]")), "bad.jsonl:3: ", "object"),
        (rows((2, "null")), "bad.jsonl:3: ", "object"),
        (rows((4, {k: v for k, v in one.items() if k != "instance_id"})), "bad.jsonl:5: ", "instance_id"),
        (rows((4, dict(one, instance_id=7))), "bad.jsonl:5: ", "instance_id is no text"),
        (rows((4, dict(one, instance_id=None))), "bad.jsonl:5: ", "instance_id"),
        (rows((4, dict(one, instance_id=""))), "bad.jsonl:5: ", "instance_id"),
        (rows((4, dict(one, instance_id="../up"))), "bad.jsonl:5: ", "instance_id"),
        (rows((4, dict(one, instance_id="a\nb"))), "bad.jsonl:5: ", "control character"),
        (rows((4, dict(one, instance_id="x" * 300))), "bad.jsonl:5: ", "instance_id"),
        (rows((4, one)), "bad.jsonl:5: ", "%s again (first in line 2)" % one["instance_id"]),
        (["[" + good[0] + ",", good[1] + ",", "{]}"], "bad.jsonl", "element 3"),
        (["[" + good[0] + "," + good[1]], "bad.jsonl", "cut off"),
        (["[" + good[0] + "]", "more"], "bad.jsonl", "behind the array"),
        (["[]"], "bad.jsonl", "no rows"),
        ([], "bad.jsonl", "no rows"),
        (["", "  ", ""], "bad.jsonl", "no rows"),
        (["<html>"], "bad.jsonl:1: ", "JSON"),
    )
    for lines, *pieces in table:
        write_lines(name, lines)
        refused(s, bugfixer(s, name), *pieces)
    for text, piece in ((b"PAR1\0\0\0\0", "Parquet"), (b"\x1f\x8b\x08\0\0\0\0\0", "gunzip"), (b"\xff\xfe{\0", "UTF-16"),
                        (b"\0" * 100, "bad.jsonl:1: "), (b"\xff" * 100, "bad.jsonl"), (b'{"instance_id": "a\xff"}\n', "bad.jsonl")):
        with open(name, "wb") as file:
            file.write(text)
        refused(s, bugfixer(s, name), piece)
    settled(s)


@test
def datasets_that_lack_what_the_workflow_needs(s):
    """A row without repo, base_commit or problem_statement fails by name and no other; one of a wrong type too."""
    one = json_lines(os.path.join(demo_data(), "demo.jsonl"))[1]
    s.up(os.path.join(demo_data(), "answers_bugfixer.jsonl"))
    for member in ("repo", "problem_statement"):
        name = write_lines(s.path("lacks-%s.jsonl" % member), rows((1, {k: v for k, v in one.items() if k != member})))
        save = "out-" + member
        r = s.ctl(*bugfixer(s, name, "--passk", 2, save_dir=s.path(save)))
        if r.exit == 2:
            has(r.err, "lacks-%s.jsonl:2: " % member, "a row without " + member)
            continue
        st = s.wait(r.expect(0).out.split()[0], exit=1)
        failures = [f for f in s.saved("failures.jsonl", save) if f["stage"] == 1]
        equal({f["instance_id"] for f in failures}, {one["instance_id"]}, "what failed at stage 1")
        has(failures[0]["details"], member, "details")


@test
def request_files_that_are_none(s):
    """raw: the same for its request file."""
    s.up()
    good = [json.dumps(request(n)) for n in "abc"]
    name = s.path("bad.jsonl")

    def but(**changes):
        r = dict(request("z"), **changes)
        return json.dumps({k: v for k, v in r.items() if v is not Ellipsis})
    table = (
        ("{no JSON", "bad.jsonl:3: ", "JSON"),
        (but(custom_id=...), "bad.jsonl:3: ", "custom_id"),
        (but(custom_id=3), "bad.jsonl:3: ", "custom_id"),
        (but(custom_id=""), "bad.jsonl:3: ", "custom_id"),
        (but(custom_id="x" * 600), "bad.jsonl:3: ", "custom_id"),
        (good[0], "bad.jsonl:3: ", "a again (first in line 1)"),
        (but(body=...), "bad.jsonl:3: ", "body"),
        (but(body="text"), "bad.jsonl:3: ", "body"),
        (but(body={"messages": []}), "bad.jsonl:3: ", "model"),
        (but(body={"model": "other", "messages": []}), "bad.jsonl:3: ", "model"),
        (but(url="/v1/embeddings"), "bad.jsonl:3: ", "url"),
        (but(method="GET"), "bad.jsonl:3: ", "method"),
        ('{"custom_id":"q","custom_id":"r","body":{"model":"m"}}', "bad.jsonl:3: ", "custom_id"),
    )
    for line, *pieces in table:
        write_lines(name, [good[0], good[1], line, good[2]])
        refused(s, ["submit", "raw", "--requests", name, "--save_dir", s.path("out")], *pieces)
    write_lines(name, [])
    refused(s, ["submit", "raw", "--requests", name, "--save_dir", s.path("out")], "bad.jsonl", "no rows")
    settled(s)


@test
def flags_that_are_wrong(s):
    """Unknown flag, wrong type, out of range, missing, two that exclude each other: exit 2, and what is wrong by name."""
    s.up()
    dataset = write_lines(s.path("d.jsonl"), rows())
    requests = write_lines(s.path("r.jsonl"), [request("a")])
    data = demo_data()
    table = (
        (bugfixer(s, dataset, "--pask", "2"), "--pask", "--passk"),
        (bugfixer(s, dataset, "--passk", "two"), "--passk", "two"),
        (bugfixer(s, dataset, "--passk", "0"), "--passk"),
        (bugfixer(s, dataset, "--passk"), "--passk"),
        (bugfixer(s, dataset, "--passk", "1.5"), "--passk"),
        (bugfixer(s, dataset, "--passk", "99999999999999999999"), "--passk"),
        (bugfixer(s, dataset, "--temp", "hot"), "--temp"),
        (bugfixer(s, dataset, "--temp", "-1"), "--temp"),
        (bugfixer(s, dataset, "--temp", "nan"), "--temp"),
        (bugfixer(s, dataset, "--top_p", "1.5"), "--top_p"),
        (bugfixer(s, dataset, "--max_tokens", "0"), "--max_tokens"),
        (bugfixer(s, dataset, "--extra_body", "[1]"), "--extra_body"),
        (bugfixer(s, dataset, "--extra_body", "{"), "--extra_body"),
        (bugfixer(s, dataset, "--convert_crlf=yes"), "--convert_crlf"),
        (bugfixer(s, dataset, "--endpoint", "nowhere"), "nowhere", "not in the config"),
        (bugfixer(s, dataset, "--start_file", "zzz"), "--start_file zzz: no custom_id"),
        (bugfixer(s, dataset, "--start_file", "4", "--end_file", "2"), "start_file"),
        (bugfixer(s, dataset, "--start_file", "7", "--end_file", "9"), "--start_file"),
        (bugfixer(s, dataset, "--prompt_dir", s.path("ep")), "prompt"),
        (bugfixer(s, dataset, "--prompt_dir", s.path("none")), "--prompt_dir"),
        (bugfixer(s, dataset, "--repo_mirrors", os.path.join(data, "mirrors")), "--repo_mirrors", "--repostructure_dir"),
        (bugfixer(s, dataset, repostructure_dir=None), "--repostructure_dir", "--repo_mirrors"),
        (bugfixer(s, dataset, repostructure_dir=dataset), "--repostructure_dir", "not a directory"),
        (bugfixer(s, dataset, model_name=None), "--model_name"),
        (bugfixer(s, dataset, save_dir=None), "--save_dir"),
        (bugfixer(s, None), "--dataset"),
        (bugfixer(s, s.path("nothing.jsonl")), "--dataset", "nothing.jsonl"),
        (bugfixer(s, s.path("ep")), "--dataset", "directory"),
        (bugfixer(s, dataset, "--requests", requests), "--requests"),
        (bugfixer(s, dataset, "--save_dir=" + dataset + "/below", save_dir=None), "--save_dir"),
        (["submit", "raw", "--requests", requests, "--save_dir", s.path("out"), "--passk", "2"], "--passk"),
        (["submit", "bugfixed"], "bugfixed", "bugfixer"),
        (["submit"], "workflow"),
        (["sumbit"], "sumbit", "submit"),
        (["status", "a", "b"], "b"),
        (["wait"], "job"),
        (["retry", "1", "--pass", "x", "--instance", "y"], "--pass", "--instance"),
        (["retry", "1", "--stage", "3"], "--stage"),
    )
    for words, *pieces in table:
        refused(s, words, *pieces)
    settled(s)


@test
def structures_that_are_not_there(s):
    """A structure that is missing fails that instance's passes by name and no others; all of them missing is refused."""
    s.up(os.path.join(demo_data(), "answers_bugfixer.jsonl"))
    dataset = write_lines(s.path("d.jsonl"), rows())
    os.mkdir(s.path("empty"))
    refused(s, bugfixer(s, dataset, repostructure_dir=s.path("empty")), "no structure file", s.path("empty"))
    settled(s)
    some = s.path("some")
    shutil.copytree(os.path.join(demo_data(), "structures"), some)
    os.unlink(os.path.join(some, "demo__calc-2.json"))
    with open(os.path.join(some, "demo__shelf-1.json"), "w") as file:
        file.write('{"structure": {"shelf": ')             # and one that is cut
    r = s.ctl(*bugfixer(s, dataset, "--passk", "2", "--start_file", "demo__shelf-2__pass0", repostructure_dir=some,
                        save_dir=s.path("range"))).expect(0)
    check("structure" not in r.err, "a warning of what is outside the range: %s", r.err)
    has(s.ctl("events").expect(0).out, "2 instances, 4 passes", "event of submit")
    s.ctl("wait", r.out.split()[0])
    r = s.ctl(*bugfixer(s, dataset, "--passk", "2", repostructure_dir=some)).expect(0)
    has(r.err, "demo__calc-2", "warning of submit")
    st = s.wait(r.out.split()[0], exit=1)
    failures = s.saved("failures.jsonl")
    bad = {"demo__calc-2__pass0", "demo__calc-2__pass1", "demo__shelf-1__pass0", "demo__shelf-1__pass1"}
    equal({f["custom_id"] for f in failures if f["stage"] == 1}, bad, "passes that failed at stage 1")
    for f in failures:
        if f["custom_id"] in bad:
            equal(f["reason"], "missing_repo", "reason")
            has(f["details"], f["instance_id"], "details")
    check(not any(name in bad for name, _ in s.billed()), "a request of an instance without a structure was sent")
    equal(st["passes"]["done"] >= 5, True, "the others are done: %s" % st["passes"])


@test
def mirrors_that_are_not_there(s):
    """The same for git mirrors and for commits that they do not have."""
    s.up(os.path.join(demo_data(), "answers_bugfixer.jsonl"))
    one = json_lines(os.path.join(demo_data(), "demo.jsonl"))[1]
    mirrors = os.path.join(demo_data(), "mirrors")
    dataset = write_lines(s.path("d.jsonl"), rows((1, dict(one, base_commit="0" * 40)), (2, dict(one, instance_id="x-1",
                                                                                               repo="no/where"))))
    r = s.ctl(*bugfixer(s, dataset, "--passk", 2, repostructure_dir=None, repo_mirrors=mirrors)).expect(0)
    s.wait(r.out.split()[0], exit=1)
    early = {f["instance_id"] for f in s.saved("failures.jsonl") if f["stage"] == 1}
    equal(early, {one["instance_id"], "x-1"}, "instances that failed at stage 1")


@test
def a_save_dir_that_cannot_be_written(s):
    """A file in the way, a directory of somebody else, for the client and for the daemon."""
    s.start_endpoint()
    if os.getuid() == 0:                                # batchd as somebody who may not write everywhere
        for name in ("state", "theirs"):
            os.mkdir(s.path(name))
        os.chown(s.path("state"), NOBODY, NOBODY)
        os.mkdir(s.path("run"))
        os.chown(s.path("run"), NOBODY, NOBODY)
        shutil.copy(os.path.join(BUILD, "batchd"), s.path("batchd"))
        shutil.copy(os.path.join(BUILD, "batchctl"), s.path("batchctl"))
        s.socket = s.path("run", "s")
        s.conf()
        s.batchd = s.spawn([s.path("batchd"), "-c", s.path("batchd.conf")], "batchd.log", user=NOBODY, group=NOBODY,
                           extra_groups=[])
        until(lambda: s.ctl("ping").exit == 0, "batchd of nobody")
    else:
        s.conf()
        s.start_batchd()
    requests = write_lines(s.path("r.jsonl"), [request("a")])
    words = ["submit", "raw", "--requests", requests, "--save_dir"]
    refused(s, words + [requests], "--save_dir", "r.jsonl")
    refused(s, words + [requests + "/out"], "--save_dir", "r.jsonl")
    if os.getuid() == 0:
        refused(s, words + [s.path("theirs")], "theirs", "not writable")        # root may, batchd may not
        equal(os.listdir(s.path("theirs")), [], "what is in a save_dir that was refused")
        refused(s, words + [s.path("out")], "not writable")                      # made by the client, not for the daemon
        r = subprocess.run([s.path("batchctl")] + words + [s.path("theirs")], env=s.env(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, user=NOBODY, group=NOBODY, extra_groups=[])
        equal(r.returncode, 2, "exit for nobody: %s" % r.stderr)
        has(r.stderr.decode(), "theirs", "error for nobody")
    settled(s)


@test
def keys_that_others_can_read(s):
    """A key file that others can read is refused, with the file and its mode, and its endpoint gets no jobs."""
    s.start_endpoint(key="k-secret")
    s.conf()
    os.chmod(s.path("key"), 0o644)
    r = subprocess.run([os.path.join(BUILD, "batchd"), "-n", "-c", s.path("batchd.conf")], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    text = r.stdout.decode()
    has(text, s.path("key"), "batchd -n")
    has(text, "others", "batchd -n")
    check("k-secret" not in text, "the key is in the error")
    s.start_batchd(wait=False)
    try:
        ended = s.batchd.wait(3)
        equal(ended, 2, "exit of a batchd that refuses to start")
        s.batchd = None
    except subprocess.TimeoutExpired:
        requests = write_lines(s.path("r.jsonl"), [request("a")])
        r = refused(s, ["submit", "raw", "--requests", requests, "--save_dir", s.path("out")], s.path("key"), "others")
        check("k-secret" not in r.err, "the key is in the error")


@test
def configs_that_are_wrong(s):
    """An unknown name, a wrong type, a value out of range: file and line, exit 2; and a bad reload changes nothing."""
    s.start_endpoint()
    s.conf()
    good = open(s.path("batchd.conf")).read()
    table = (
        ("workres = 2;\n" + good, ":1:", "workres", "workers"),
        (good + "workers = \"two\";\n", "workers"),
        (good + "workers = 1000;\n", "workers", "1000"),
        (good.replace("poll_min_ms = 50;", "poll_min_ms = -1;"), "poll_min_ms"),
        (good.replace("poll_min_ms = 50;", "poll_mim_ms = 50;"), "poll_mim_ms", "poll_min_ms"),
        (good.replace("poll_min_ms = 50;", "poll_min_ms = \"fast\";"), "poll_min_ms"),
        (good.replace("poll_min_ms = 50;", "poll_min_ms = 50 }"), "batchd.conf:"),
        (good.replace('name = "local";', ""), "name"),
        (good.replace("http://", "ftp://"), "base_url"),
        ("endpoints = ();\n", "endpoint"),
        ("\x00\x01", "batchd.conf"),
    )
    for text, *pieces in table:
        with open(s.path("bad.conf"), "w") as file:
            file.write(text.replace("batchd.conf", "bad.conf"))
        for words in (["-n"], []):
            r = subprocess.run([os.path.join(BUILD, "batchd"), "-c", s.path("bad.conf")] + words, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=20)
            said = r.stdout.decode()
            equal(r.returncode, 2, "exit for %r: %s" % (text[:60], said))
            has(said, "bad.conf", "the error")
            for piece in pieces:
                has(said, piece.replace("batchd.conf", "bad.conf"), "the error")
    check(not os.path.exists(s.path("state")), "a batchd that refused to start made its state_dir")
    equal(subprocess.run([os.path.join(BUILD, "batchd"), "-n", "-c", s.path("nothing.conf")], stderr=subprocess.PIPE).returncode, 2,
          "exit without the config file")


sys.exit(main())
