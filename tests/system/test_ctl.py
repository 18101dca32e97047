#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Point 7 of the main job: batchctl, every command on a terminal and into a pipe, and every exit status of the design's part 2.

usage: test_ctl.py BUILD
"""
import json
import os
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import time

from harness import BUILD, TOP, Failed, check, demo_data, equal, has, main, request, test, until, write_lines

ROWS = ["n%02d" % i for i in range(12)]
STATUS = {"id", "name", "workflow", "state", "endpoint", "passes", "stages", "batches", "tokens", "failures", "save_dir"}
PASSES = {"total", "ready", "batched", "answered", "done", "failed", "canceled"}
BATCH = {"id", "stage", "state", "remote_id", "requests", "reason", "next_poll"}
CODES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z])")


def plain(text):
    return CODES.sub("", text).replace("\r\n", "\n")


def lines_of(process, enough, what):
    """What a program that goes on wrote into its pipe, until that is enough."""
    text, fd = b"", process.stdout.fileno()

    def read():
        nonlocal text
        while select.select([fd], [], [], 0)[0]:
            got = os.read(fd, 65536)
            if not got:
                break
            text += got
        return enough(text.decode())
    until(read, what)
    return text.decode()


@test
def status_json_has_all_it_must(s):
    """7, design 2: the members of status --json, in each state of a job; one line; a list leaves out the batches."""
    s.up(delay_ms=800, max_requests=4, max_active=2, plan=[{"custom_id": "n00", "do": "error", "status": 400, "code": "bad_thing"}])
    job = s.submit_raw([request(n) for n in ROWS], name="nightly")

    def look(st):
        check(STATUS <= set(st), "members of status: %s are missing", STATUS - set(st))
        equal(PASSES <= set(st["passes"]), True, "members of passes")
        equal(sum(v for k, v in st["passes"].items() if k != "total"), st["passes"]["total"], "passes add up")
        for stage in st["stages"]:
            equal(sum(v for k, v in stage.items() if k not in ("total", "stage")), stage["total"], "a stage adds up")
        for b in st["batches"]:
            check(BATCH <= set(b), "members of a batch: %s are missing", BATCH - set(b))
        check({"prompt", "completion", "cached", "reasoning"} <= set(st["tokens"]), "tokens")
        return st["state"] != "running"
    st = s.until_status("nightly", look, "the end")
    equal((st["id"], st["name"], st["state"], st["workflow"], st["endpoint"]), (job, "nightly", "failed", "raw", "local"), "job")
    equal(st["failures"], [{"reason": "bad_thing", "count": 1}], "failures")
    equal(st["save_dir"], s.path("out"), "save_dir")
    r = s.ctl("status", job, "--json")
    equal(r.out.count("\n"), 1, "lines of --json")
    every = s.ctl("status", "--json").expect(0).json()
    equal([j["id"] for j in every["jobs"]], [job], "jobs")
    check("batches" not in every["jobs"][0], "a list has batches")
    equal(every["endpoints"][0]["name"], "local", "endpoints")


@test
def status_for_people(s):
    """7: a list without a job; with one its stages, batches, failures by reason, tokens and a bar; no codes in a pipe."""
    s.up(plan=[{"custom_id": "n00", "do": "error", "status": 400, "code": "bad_thing"}], max_requests=6)
    has(s.ctl("status").expect(0).out.lower(), "no jobs", "status without jobs")
    job = s.submit_raw([request(n) for n in ROWS], name="nightly")
    s.wait(job, exit=1)
    text = s.ctl("status", job).expect(0).out
    for piece in ("nightly", "failed", "bad_thing", "11", "tokens", "completed", s.path("out")):
        has(text, piece, "status")
    has(s.ctl("status").expect(0).out, "nightly", "the list")
    for words in (["status"], ["status", job], ["events"], ["why", job], ["audit", job], ["ping"], ["help"], ["help", "submit"]):
        r = s.ctl(*words).expect(0)
        check("\x1b" not in r.out, "%s writes codes into a pipe: %r", words, r.out)
        check(r.out.endswith("\n"), "%s: no end of the last line", words)
        code, text = s.ctl_pty(*words)
        equal(code, 0, "exit of %s on a terminal" % words)
        for line in plain(text).split("\n") if words[0] != "events" else ():     # a log's lines are as long as they are
            check(len(line) <= 100, "%s: a line is wider than the terminal: %r", words, line)
        code, text = s.ctl_pty(*words, columns=40, rows=10)
        equal(code, 0, "exit of %s on a small terminal" % words)
    code, text = s.ctl_pty("status", job)
    has(text, "\x1b[", "status on a terminal has colours")


@test
def every_command_on_a_terminal(s):
    """7: each command of the table on a terminal: what it says, its exit status, and the terminal as it was."""
    s.up(max_attempts=1, plan=[{"custom_id": "n00", "do": "error", "status": 400, "times": 1}])
    path = write_lines(s.path("r.jsonl"), [request(n) for n in ROWS])
    code, text = s.ctl_pty("submit", "raw", "--requests", path, "--save_dir", s.path("out"), "--name", "nightly")
    equal((code, plain(text)), (0, "1\n"), "submit on a terminal")
    seen = {"submit"}
    # words, exit status, and a piece of what it says
    for words, want, piece in (
            (["wait", "nightly"], 1, "failed"), (["status"], 0, "nightly"), (["status", "1"], 0, "100%"), (["status", "1", "--json"], 0, "{"),
            (["why", "1"], 0, "retry"), (["audit", "1"], 0, ""), (["events"], 0, "submitted"), (["ping"], 0, "batchd"),
            (["pause", "1"], 4, "failed"), (["resume", "1"], 4, "retry"), (["retry", "1"], 0, "1 pass"), (["wait", "1"], 0, ""),
            (["cancel", "1", "--yes"], 4, "done"), (["remove", "1", "-y"], 0, ""), (["help"], 0, "Exit status"),
            (["help", "--man"], 0, ".Dd"), (["completion", "bash"], 0, "batchctl"), (["version"], 0, "batchctl"),
            (["stage", "bugfixer", "gen_step1"], 2, "--dataset"), (["fetch", "1"], None, ""), (["nosuch"], 2, "nosuch")):
        code, text = s.ctl_pty(*words)
        check(want is None or code == want, "%s: exit %s, should be %s: %s", words, code, want, text)
        has(plain(text), piece, "what %s says" % words)
        seen.add(words[0])
    table = open(os.path.join(TOP, "include", "batchd", "commands.def"), encoding="utf-8").read()
    every = set(re.findall(r"^(?:CMD|LOCAL)\((\w+),", table, re.M))
    for command in sorted(every - seen):                # whatever else there is
        code, text = s.ctl_pty(command)
        check(0 <= code <= 7, "%s: exit %s: %r", command, code, text)


@test
def every_command_says_json(s):
    """7: --json is one line of JSON for each command that has it."""
    s.up(delay_ms=3000, max_requests=4)
    job = s.submit_raw([request(n) for n in ROWS])
    for words in (["ping"], ["why", job], ["audit", job], ["pause", job], ["resume", job], ["cancel", job, "--yes"], ["status"]):
        r = s.ctl(*words, "--json").expect(0)
        equal(r.out.count("\n"), 1, "lines of %s --json" % words)
        json.loads(r.out)
    s.ctl("wait", job, "--json", "--timeout", 30).expect(1)
    for line in s.ctl("events", job, "--json").expect(0).out.splitlines():
        check({"time_ms", "level", "text"} <= set(json.loads(line)), "an event: %s", line)
    s.until_status(job, lambda st: all(b["state"] == "ended" for b in st["batches"]), "the end of the batches")
    json.loads(until(lambda: s.ctl("remove", job, "--yes", "--json").out, "the removal"))


@test
def watching_in_a_pipe(s):
    """7: status --watch prints plain lines into a pipe, one per change, and ends with the job."""
    s.up(delay_ms=1200, max_requests=4, max_active=1)
    job = s.submit_raw([request(n) for n in ROWS])
    p = s.ctl_open("status", job, "--watch")
    text = p.communicate(timeout=60)[0].decode()
    equal(p.returncode, 0, "exit of status --watch")
    lines = text.splitlines()
    check(len(lines) >= 3, "lines of --watch: %r", text)
    equal(len(set(lines)), len(lines), "no line twice")
    check("\x1b" not in text and "\r" not in text, "codes in a pipe: %r", text)
    has(lines[-1], "done", "the last line")


@test
def watching_on_a_terminal(s):
    """7: status --watch redraws in place; the bar moves; the keyboard's interrupt leaves the terminal as it was."""
    s.up(delay_ms=900, max_requests=3, max_active=1)
    job = s.submit_raw([request(n) for n in ROWS], name="nightly")
    code, text = s.ctl_pty("status", job, "--watch")
    equal(code, 0, "exit of status --watch")
    has(text, "\x1b[", "a terminal is redrawn")
    frames = [plain(f) for f in re.split(r"\x1b\[J", text)[1:]]
    check(len(frames) >= 3, "frames: %r", text[:2000])
    check(len({f for f in frames}) >= 3, "nothing moves: %r", frames[:3])
    has(frames[-1], "done", "the last frame")
    for frame in frames:
        check(frame.count("\n") < 30, "a frame is higher than the terminal: %r", frame)
    two = s.submit_raw([request(n) for n in ROWS], save="two")
    code, text = s.ctl_pty("status", two, "--watch", end=lambda t: b"running" in t)
    equal(code, -signal.SIGINT, "exit of an interrupted --watch")
    code, text = s.ctl_pty("status", "--watch", end=lambda t: b"nightly" in t)
    equal(code, -signal.SIGINT, "exit of an interrupted --watch of all jobs")


@test
def events_and_following_them(s):
    """7: events tells what happened; -f goes on with what happens, in a pipe and on a terminal."""
    s.up(delay_ms=700)
    one = s.submit_raw([request(n) for n in ROWS], name="first")
    follow = s.ctl_open("events", "-f")
    follow_one = s.ctl_open("events", one, "-f", "--json")
    lines_of(follow, lambda t: "submitted" in t, "the first event")
    s.wait(one)
    two = s.submit_raw([request(n) for n in ROWS], save="two", name="second")
    s.wait(two)
    text = lines_of(follow, lambda t: t.count("done:") >= 2, "the ends of both jobs")
    has(text, "second", "what follows")
    text = lines_of(follow_one, lambda t: "done:" in t, "the end of the first job")
    equal({json.loads(line)["job"] for line in text.splitlines()}, {one}, "jobs of events JOB")
    for p in (follow, follow_one):
        equal(p.poll(), None, "events -f goes on")
        p.send_signal(signal.SIGINT)
        p.wait(10)
    past = s.ctl("events", two).expect(0).out
    check("first" not in past, "events of another job: %s", past)
    code, text = s.ctl_pty("events", "-f", end=lambda t: b"second" in t)
    equal(code, -signal.SIGINT, "exit of an interrupted events -f")
    p = subprocess.run("'%s/batchctl' events | head -n 1" % BUILD, shell=True, env=s.env(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    equal((p.stdout.count(b"\n"), p.stderr), (1, b""), "events | head")


@test
def waiting(s):
    """7: wait ends with the job, 0 or 1; 7 when its time is up; of several jobs with the worst of them."""
    s.up(delay_ms=1500, plan=[{"custom_id": "bad", "do": "error", "status": 400}])
    good = s.submit_raw([request(n) for n in ROWS])
    bad = s.submit_raw([request("bad")], save="bad")
    r = s.ctl("wait", good, "--timeout", 0).expect(7)
    has(r.err, "time", "the error of a wait whose time is up")
    s.ctl("wait", good, "--timeout", 60).expect(0)
    s.ctl("wait", good, bad, "--timeout", 60).expect(1)
    s.ctl("wait", bad, good, "--timeout", 60).expect(1)
    s.ctl("wait", good, good).expect(0)
    s.ctl("wait", "nobody").expect(3)
    s.ctl("wait", good, "nobody").expect(3)
    code, text = s.ctl_pty("wait", good)
    equal(code, 0, "exit of wait on a terminal")


@test
def pausing_and_resuming(s):
    """7: a paused job sends nothing more, its batches under way are collected; resume goes on."""
    s.up(delay_ms=500, max_requests=2, max_active=1)
    job = s.submit_raw([request(n) for n in ROWS])
    s.until_status(job, lambda st: any(b["state"] == "running" for b in st["batches"]), "a running batch")
    s.ctl("pause", job).expect(0)
    equal(s.status(job)["state"], "paused", "state")
    s.ctl("pause", job).expect(0)                       # once more is no error
    s.until_status(job, lambda st: st["passes"]["done"] >= 2 and not any(b["state"] in ("running", "fetching", "reading", "creating")
                                                                         for b in st["batches"]), "what was under way")
    creates = len(s.calls("create"))
    why = s.ctl("why", job).expect(0).out
    has(why, "job %s is paused" % job, "why of a paused job")
    lines = s.ctl("why", job, "--json").expect(0).json()["lines"]
    who = pwd.getpwuid(os.getuid()).pw_name
    equal((lines[0]["waits_for"], lines[0]["unblocks"]), ("a person (paused by %s)" % who, "batchctl resume " + job), "why of a paused job")
    check(time.time() * 1000 - lines[0]["since_ms"] < 60000 and lines[0]["since_ms"] > s.status(job)["created_ms"], "since when")
    for line in lines[1:]:                              # what a person holds up does not wait for the endpoint
        if line["state"] in ("ready", "built"):
            equal((line["waits_for"], line["unblocks"]), ("the job, which is paused", "batchctl resume " + job), "why of " + line["what"])
    has(s.ctl("status", job).out, "paused by " + who, "status of a paused job")
    until(lambda: os.path.exists(s.path("out", "batch_output_step1.jsonl")) and s.saved("batch_output_step1.jsonl"), "results meanwhile")
    equal(len(s.calls("create")), creates, "creates of a paused job")
    s.ctl("resume", job).expect(0)
    s.ctl("resume", job).expect(0)
    equal(s.status(job)["reason"], "", "the reason of a job that goes on")
    s.wait(job)
    equal(len(s.billed()), 12, "billed")
    s.ctl("pause", job).expect(4)
    s.ctl("resume", job).expect(4)
    has(s.ctl("resume", job).err, "retry", "the error tells of retry")


@test
def canceling_and_removing(s):
    """7: cancel ends the batches over there and keeps what they answered; asks on a terminal; remove forgets the job only."""
    s.up(delay_ms=4000, max_requests=4, max_active=2)
    job = s.submit_raw([request(n) for n in ROWS])
    s.until_status(job, lambda st: sum(b["state"] == "running" for b in st["batches"]) == 2, "two running batches")
    s.ctl("remove", job, "--yes").expect(4)
    code, text = s.ctl_pty("cancel", job, input=b"n\n", ready=b"[y/N]")
    equal((code, s.status(job)["state"]), (1, "running"), "a cancel that was not meant")
    code, text = s.ctl_pty("cancel", job, input=b"y\n", ready=b"[y/N]")
    equal((code, s.status(job)["state"]), (0, "canceled"), "a cancel that was meant")
    s.ctl("cancel", job).expect(0)
    st = s.until_status(job, lambda st: st["passes"]["canceled"] + st["passes"]["done"] == 12 and all(b["state"] == "ended" for b in st["batches"]), "the end")
    until(lambda: len(s.calls("cancel")) == 2, "the cancels at the endpoint")
    equal(len(s.calls("create")), 2, "creates")
    s.ctl("wait", job).expect(1)
    s.ctl("pause", job).expect(4)
    until(lambda: s.ctl("remove", job, "--yes").exit == 0, "the removal")
    until(lambda: s.ctl("status", job).exit == 3, "the job to be gone")
    check(os.path.isdir(s.path("out")), "the save_dir is gone")
    until(lambda: not os.listdir(s.path("state", "jobs")), "the job's files to be gone")


@test
def a_canceled_job_has_ended_with_its_batches(s):
    """7: wait of a canceled job is over when its batches are; then it can be removed."""
    s.up(delay_ms=3000, max_requests=4)
    job = s.submit_raw([request(n) for n in ROWS])
    s.until_status(job, lambda st: sum(b["state"] == "running" for b in st["batches"]) == 3, "running batches")
    s.ctl("cancel", job, "--yes").expect(0)
    s.ctl("remove", job, "--yes").expect(4)
    watch = s.ctl_open("status", job, "--watch")
    s.ctl("wait", job).expect(1)
    check(all(b["state"] == "ended" for b in s.status(job)["batches"]), "wait ends before the batches do")
    equal(watch.wait(30), 1, "exit of status --watch")
    s.ctl("wait", job, "--any").expect(1)
    s.ctl("remove", job, "--yes").expect(0)


@test
def remote_ids(s):
    """7: people find a batch at the endpoint: its id there, in status and why."""
    s.up(delay_ms=3000)
    job = s.submit_raw([request("a")])
    st = s.until_status(job, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "its batch")
    remote = st["batches"][0]["remote_id"]
    check(remote, "no remote id: %s", st)
    for words in (["status", job], ["why", job]):
        has(s.ctl(*words).expect(0).out, remote, " ".join(words))
    has(plain(s.ctl_pty("status", job, columns=200)[1]), remote, "status on a wide terminal")
    equal(s.ctl("why", job, "--json").json()["lines"][-1]["remote_id"], remote, "why --json")


@test
def refused_submits_take_no_ids(s):
    """7: ids are given to jobs that come in; a removed job's id does not come again."""
    s.up()
    bad = write_lines(s.path("bad.jsonl"), [request("a"), request("a")])
    for _ in range(3):
        s.ctl("submit", "raw", "--requests", bad, "--save_dir", s.path("bad")).expect(2)
        until(lambda: not os.path.isdir(s.path("state", "jobs")) or not os.listdir(s.path("state", "jobs")), "what it left")
    equal(s.submit_raw([request("a")]), "1", "the first job's id")
    s.wait("1")
    s.ctl("remove", "1", "--yes").expect(0)
    equal(s.submit_raw([request("a")], save="two"), "2", "the id behind a removal")


@test
def a_canceled_job_retried(s):
    """4, 7: retry of a canceled job asks for what was not answered, and only for that."""
    s.up(max_requests=4, max_active=1, delay_ms=700)
    job = s.submit_raw([request(n) for n in ROWS])
    s.until_status(job, lambda st: st["passes"]["done"] == 4, "the first batch")
    s.ctl("cancel", job, "--yes").expect(0)
    s.until_status(job, lambda st: all(b["state"] == "ended" for b in st["batches"]) and st["passes"]["ready"] == 0, "the end")
    kept = s.status(job)["passes"]["done"]
    check(kept >= 4, "what was done is kept: %s", s.status(job)["passes"])
    until(lambda: s.ctl("retry", job).exit == 0, "retry")
    st = s.wait(job)
    equal(st["passes"]["done"], 12, "done")
    equal([r["custom_id"] for r in s.saved("batch_output_step1.jsonl")], ROWS, "the merged output")


@test
def exit_statuses(s):
    """Design 2: 0 done, 1 failed, 2 usage, 3 no such job, 4 not in this state, 5 no permission, 6 no daemon, 7 trouble."""
    s.ctl("ping").expect(6)
    s.ctl("status").expect(6)
    s.ctl("submit", "raw", "--requests", write_lines(s.path("r.jsonl"), [request("a")]), "--save_dir", s.path("out")).expect(6)
    check(not os.path.exists(s.path("out")), "a submit without a daemon left its save_dir")
    s.ctl("wait", "1", "--timeout", "0").expect(6)
    s.ctl("ping", "--socket", s.path("nowhere")).expect(6)
    write_lines(s.path("file"), [])
    s.ctl("ping", "--socket", s.path("file")).expect(6)
    s.up(plan=[{"custom_id": "bad", "do": "error", "status": 400}])
    for words in (["--version"], ["version"], ["help"], ["--help"], ["help", "retry"], ["retry", "--help"], ["ping"], ["-h"], ["-V"]):
        r = s.ctl(*words).expect(0)
        equal(r.err, "", "stderr of %s" % words)
    has(s.ctl("--version").out, "batchctl", "--version")
    for n in range(8):
        check(re.search(r"^\s*%d\s" % n, s.ctl("help").out, re.M), "help does not tell exit status %d", n)
    r = s.ctl().expect(2)
    equal(r.out, "", "stdout of a usage error")
    s.ctl("help", "nosuch").expect(2)
    s.ctl("status", "--nosuch").expect(2)
    for command in ("status", "wait", "why", "audit", "retry", "pause", "resume", "cancel", "events", "remove"):
        words = [command, "nobody"] + (["--yes"] if command in ("cancel", "remove") else [])
        r = s.ctl(*words).expect(3)
        has(r.err, "nobody", "the error of " + command)
        equal(r.out, "", "stdout of an error")
    job = s.submit_raw([request("bad")])
    s.ctl("wait", job).expect(1)
    s.ctl("pause", job).expect(4)
    s.ctl("wait", job, "--timeout", "5").expect(1)
    if os.getuid() == 0:                                # the socket of somebody else
        s.ctl("ping", wrap=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]).expect(5)
    with socket.socket(socket.AF_UNIX) as deaf:         # listens and never answers
        deaf.bind(s.path("deaf"))
        deaf.listen(1)
        s.ctl("ping", "--socket", s.path("deaf")).expect(7)


@test
def where_the_socket_is(s):
    """Design 2: --socket, else $BATCHD_SOCKET, else $XDG_RUNTIME_DIR/batchd/batchd.sock."""
    os.makedirs(s.path("run", "batchd"))
    s.socket = s.path("run", "batchd", "batchd.sock")
    s.up()
    env = {k: v for k, v in s.env().items() if k != "BATCHD_SOCKET"}

    def ping(*words, **more):
        return subprocess.run([os.path.join(BUILD, "batchctl"), "ping"] + list(words), env=dict(env, **more),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode
    equal(ping("--socket", s.socket), 0, "--socket")
    equal(ping("--socket=" + s.socket, BATCHD_SOCKET="/nowhere"), 0, "--socket beats the environment")
    equal(ping(BATCHD_SOCKET=s.socket), 0, "$BATCHD_SOCKET")
    equal(ping(XDG_RUNTIME_DIR=s.path("run")), 0, "$XDG_RUNTIME_DIR")
    equal(ping(XDG_RUNTIME_DIR=s.path("run"), BATCHD_SOCKET="/nowhere"), 6, "$BATCHD_SOCKET beats $XDG_RUNTIME_DIR")


@test
def no_file_at_all(s):
    """Design 4: with no config batchd runs for its user: state in $XDG_STATE_HOME, endpoint openai with $OPENAI_API_KEY."""
    s.start_endpoint(key="k-of-the-environment")
    for name in ("run", "statehome", "home"):
        os.mkdir(s.path(name))
    env = {"PATH": os.environ["PATH"], "HOME": s.path("home"), "XDG_RUNTIME_DIR": s.path("run"), "XDG_STATE_HOME": s.path("statehome"),
           "XDG_CONFIG_HOME": s.path("home", "none"), "OPENAI_API_KEY": "k-of-the-environment",
           "OPENAI_BASE_URL": "http://127.0.0.1:%d/v1" % s.port}
    if os.getuid() == 0 and os.path.exists("/etc/batchd/batchd.conf"):
        return                                          # a machine that has one
    s.batchd = s.spawn([os.path.join(BUILD, "batchd")], "batchd.log", env=env)
    s.socket = s.path("run", "batchd", "batchd.sock")
    until(lambda: s.ctl("ping").exit == 0 or s.batchd.poll() is not None, "batchd")
    equal(s.ctl("status", "--json").expect(0).json()["endpoints"][0]["name"], "openai", "the endpoint")
    job = s.submit_raw([request("a")])
    s.until_status(job, lambda st: st["batches"] and st["batches"][0]["state"] == "running", "the batch at the endpoint")
    check(os.path.exists(s.path("statehome", "batchd", "batchd.db")), "no database in $XDG_STATE_HOME/batchd")


@test
def a_bare_socket(s):
    """The control socket with requests of no good sense: an error each, and the daemon stays."""
    s.up()

    def say(data):
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(10)
            c.connect(s.socket)
            out = b""
            try:
                c.sendall(data)
                c.shutdown(socket.SHUT_WR)
                while True:
                    got = c.recv(65536)
                    if not got:
                        break
                    out += got
            except (ConnectionResetError, BrokenPipeError):
                pass
            return out
    ask = b'{"batchd":1,"command":"%s","args":%s}\n'
    for data in (b"", b"\n", b"no json\n", b"[]\n", b"{}\n", b'{"batchd":1}\n', b'{"batchd":99,"command":"ping","args":{}}\n', ask % (b"nosuch", b"{}"),
                 ask % (b"status", b'{"job":7}'), ask % (b"retry", b'{"job":"1","stage":"x"}'),
                 ask % (b"submit", b'{}'), ask % (b"submit", b'{"workflow":"raw","save_dir":"relative","requests":"x"}'),
                 b'{"batchd":1,"command":"submit","args":{"workflow":"raw","save_dir":"%s","requests":"x"},"upload":5}\nab'
                 % s.path("out").encode(), b'{"batchd":1,"command":"ping","args":{},"upload":-1}\n',
                 b'{"batchd":1,"command":"ping","args":{},"upload":1e30}\n', b"\0\xff\n", b'{"a":' * 5000 + b"\n"):
        reply = say(data)
        check(b'"ok"' not in reply or b"ping" in data, "%r was answered %r", data[:80], reply)
        for line in reply.splitlines():
            json.loads(line)
    say(b"x" * 3000000)
    say(ask % (b"ping", b"{}") * 3)
    s.ctl("ping").expect(0)
    equal(s.ctl("status", "--json").json()["jobs"], [], "jobs")
    check(not os.path.exists(s.path("out")), "a broken submit left a directory")


sys.exit(main())
