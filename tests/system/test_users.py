#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may what at a batchd for many users, with real users, who are made for this and removed.  usage: test_users.py BUILD

Needs root; the daemon runs as a user of its own, its clients as others.
"""
import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading

import harness
import hub_server
from harness import check, demo_data, equal, has, json_lines, main, request, test, until, write_lines

PID = os.getpid() % 100000
DAEMON, ANN, BOB, EVE, ADA = ("batchd-t%s%d" % (n, PID) for n in ("d", "1", "2", "3", "4"))     # eve is in no group, ada an admin
MEMBERS, ADMINS = "batchd-tg%d" % PID, "batchd-ta%d" % PID


def make_users():
    for group in (MEMBERS, ADMINS):
        subprocess.run(["groupadd", group], check=True)
    for name, group in ((DAEMON, None), (ANN, MEMBERS), (BOB, MEMBERS), (EVE, None), (ADA, ADMINS)):
        words = ["useradd", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/sh", name]
        subprocess.run(words + (["--groups", group] if group else []), check=True, stderr=subprocess.DEVNULL)


def remove_users():
    for name in (DAEMON, ANN, BOB, EVE, ADA):
        subprocess.run(["userdel", name], stderr=subprocess.DEVNULL)
    for group in (MEMBERS, ADMINS):
        subprocess.run(["groupdel", group], stderr=subprocess.DEVNULL)


def uid(name):
    return pwd.getpwnam(name).pw_uid


def own(path, name, mode=0o700):
    os.makedirs(path, exist_ok=True)
    os.chown(path, uid(name), pwd.getpwnam(name).pw_gid)
    os.chmod(path, mode)
    return path


def start(s, shared=True, top="", plan=(), answers=None, delay_ms=0, **settings):
    """The endpoint, and batchd as its own user."""
    s.start_endpoint(answers, plan, delay_ms=delay_ms)
    own(s.path("state"), DAEMON)
    own(s.path("r"), DAEMON, 0o755)
    s.socket = s.path("r", "s")
    for name in (ANN, BOB, EVE, ADA):
        own(s.path(name), name)
    if shared:
        top += ' shared = true; group = "%s"; admin_group = "%s";' % (MEMBERS, ADMINS)
    s.conf(top=top, **settings)
    start_again(s)


def start_again(s):
    who = pwd.getpwnam(DAEMON)
    s.start_batchd(user=who.pw_uid, group=who.pw_gid, extra_groups=[])


def ctl(s, name, *words, **more):
    """batchctl as that user, in that user's directory."""
    wrap = ["setpriv", "--reuid", name, "--regid", str(pwd.getpwnam(name).pw_gid), "--init-groups"]
    return s.ctl(*words, wrap=wrap, cwd=s.path(name), **more)


def rows(prefix, n):
    return [request("%s%03d" % (prefix, i)) for i in range(n)]


def own_file(s, name, file, lines):
    """A file that nobody but that user (and root) can read."""
    path = write_lines(s.path(name, file), lines)
    os.chown(path, uid(name), pwd.getpwnam(name).pw_gid)
    os.chmod(path, 0o600)
    return path


def submit(s, name, lines, *words, save="out"):
    own_file(s, name, "secret-%s.jsonl" % save, lines)
    r = ctl(s, name, "submit", "raw", "--requests", "secret-%s.jsonl" % save, "--save_dir", save, *words).expect(0)
    return r.out.split("\n")[0]


def tree(path):
    """{name: bytes} of the files below it."""
    return {os.path.relpath(os.path.join(d, f), path): open(os.path.join(d, f), "rb").read()
            for d, _, files in os.walk(path) for f in files}


@test
def members_submit_and_others_look(s):
    """3: members of the group submit; who is in none gets exit 5 and may look."""
    start(s)
    job = submit(s, ANN, rows("a", 3))
    s.wait(job)
    own_file(s, EVE, "r.jsonl", rows("e", 1))
    r = ctl(s, EVE, "submit", "raw", "--requests", "r.jsonl", "--save_dir", "out").expect(5)
    has(r.err, "no right", "the error")
    check(not os.path.exists(s.path(EVE, "out")), "the save_dir of a refused submit stays")
    ctl(s, EVE, "submit", "raw", "--requests", "r.jsonl", "--save_dir", "out", "--dry_run").expect(5)
    for words in (["status"], ["status", job], ["ping"], ["metrics"], ["events"]):
        ctl(s, EVE, *words).expect(0)
    for words in (["pause", job], ["cancel", job, "--yes"], ["remove", job, "--yes"], ["resume", "--endpoint", "local"]):
        ctl(s, EVE, *words).expect(5)
    equal(s.status(job)["owner_uid"], uid(ANN), "owner_uid")
    equal(len(s.ctl("status", "--json").json()["jobs"]), 1, "jobs")


@test
def what_others_see_of_a_job(s):
    """3: that it is there, whose, its state and counts; not its name, model, files or reasons, and nothing can be done to it."""
    start(s, plan=[{"custom_id": "hush*", "do": "error", "status": 400, "code": "hush_code", "message": "hush words"}])
    job = submit(s, ANN, [request("hush000", model="hush-model")] + [request("hush%03d" % i, model="hush-model") for i in range(1, 4)],
                 "--name", "hush-name", save="hush-dir")
    s.wait(job, exit=1)
    mine = ctl(s, ANN, "status", job, "--json").expect(0).json()
    equal((mine["name"], mine["model"], len(mine["batches"])), ("hush-name", "hush-model", 1), "what the owner sees")
    for who in (BOB, EVE):
        for words in (["status", "--json"], ["status", job, "--json"], ["status"], ["status", job], ["events"], ["events", "--json"],
                      ["logs"], ["metrics"]):
            out = ctl(s, who, *words).expect(0).out
            check("hush" not in out, "%s of another user tells %r", " ".join(words), out)
        st = ctl(s, who, "status", job, "--json").json()
        equal((st["state"], st["owner_uid"], st["passes"]["failed"]), ("failed", uid(ANN), 4), "state, owner, counts")
        equal([st.get(k) for k in ("batches", "failures", "asked_again")], [None] * 3, "batches, failures")
        equal([st[k] for k in ("model", "dataset", "save_dir", "reason", "waiting")], [""] * 5, "what is kept back")
        for words in (["why"], ["audit"], ["events"], ["logs"], ["fetch"], ["wait"]):
            r = ctl(s, who, words[0], job).expect(5)
            check("hush" not in r.out + r.err, "%s tells %r", words, r.out + r.err)
        for words in (["retry", job], ["cancel", job, "--yes"], ["pause", job], ["resume", job], ["remove", job, "--yes"]):
            ctl(s, who, *words).expect(5)
        for name in ("hush-name", "hush"):
            has(ctl(s, who, "status", name).expect(3).err, "no such job", "a name of another's job")
    equal(s.status(job)["state"], "failed", "the job")
    for who, seen in ((BOB, True), (ANN, False)):
        equal(ANN in ctl(s, who, "status").expect(0).out, seen, "whose it is, in the list that %s sees" % who)
        has(ctl(s, who, "status", job).expect(0).out, ANN, "whose it is")
    theirs = submit(s, BOB, rows("b", 1), "--name", "hush-name")
    s.wait(theirs)
    equal(ctl(s, ANN, "status", "hush-name", "--json").json()["id"], job, "the same name, for its owner")
    equal(ctl(s, BOB, "status", "hush", "--json").json()["id"], theirs, "the same name, for the other")


@test
def events_are_ones_own(s):
    """3: events without a job are those of one's own jobs, also when they are followed."""
    start(s)
    one, two = submit(s, ANN, rows("a", 2)), submit(s, BOB, rows("b", 2))
    for job in (one, two):
        s.wait(job)
        until(lambda: "adds up" in s.ctl("events", job).out, "its last word")
    for who, job, other in ((ANN, one, two), (BOB, two, one)):
        events = [json.loads(li) for li in ctl(s, who, "events", "--json").expect(0).out.splitlines()]
        check(events and {e["job"] for e in events} <= {job, ""}, "events of %s: %s", who, events)
        jobs = {json.loads(li)["job"] for li in ctl(s, who, "logs", "-n", 3, "--json").expect(0).out.splitlines()}
        equal(jobs, {job}, "the last of them")
    for who in (EVE,):
        check(all(not json.loads(li)["job"] for li in ctl(s, who, "events", "--json").out.splitlines()), "events of a stranger")
    equal({json.loads(li)["job"] for li in s.ctl("events", "--json").out.splitlines()} >= {one, two}, True, "what root sees")


@test
def admins_may_all(s):
    """3: members of admin_group see and do with every job what its owner may."""
    start(s, delay_ms=60000)
    job = submit(s, ANN, rows("a", 2), "--name", "nightly")
    equal(ctl(s, ADA, "status", "nightly", "--json").expect(0).json()["save_dir"] != "", True, "what an admin sees")
    for words in (["why", job], ["audit", job], ["events", job], ["pause", job], ["resume", job], ["fetch", job, "copy"],
                  ["cancel", job, "--yes"]):
        ctl(s, ADA, *words).expect(0)
    check(job in {json.loads(li)["job"] for li in ctl(s, ADA, "events", "--json").out.splitlines()}, "events of an admin")
    ctl(s, ANN, "status", job).expect(0)
    until(lambda: ctl(s, ADA, "remove", job, "--yes").exit == 0, "the removal by an admin")
    ctl(s, ANN, "status", job).expect(3)


@test
def only_shared_roots_are_read(s):
    """3: structures, mirrors and prompts of others lie under shared_roots, links resolved; root and the daemon's user name any."""
    data = demo_data()
    roots = own(s.path("roots"), DAEMON, 0o755)
    shutil.copytree(os.path.join(data, "structures"), s.path("roots", "structures"))
    shutil.copytree(os.path.join(data, "structures"), s.path("elsewhere"))
    shutil.copytree(os.path.join(data, "structures"), s.path("roots-not"))
    os.symlink(s.path("elsewhere"), s.path("roots", "out"))
    os.symlink(s.path("roots", "structures"), s.path("into"))
    start(s, top='shared_roots = "/nonexistent:%s";' % roots,
          answers=os.path.join(data, "answers_bugfixer.jsonl"))

    def words(repos, *more):
        return ["submit", "bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir", repos, "--save_dir", "out",
                "--model_name", "m", "--passk", "2", *more]
    for path in (s.path("elsewhere"), s.path("roots", "out"), s.path("roots-not"), s.path("roots", "..", "elsewhere"), "/"):
        for more in ([], ["--dry_run"]):
            r = ctl(s, ANN, *words(path, *more)).expect(5, path)
            has(r.err, "shared_roots", "the error")
    own(s.path(ANN, "mirrors"), ANN), own(s.path(ANN, "prompts"), ANN)
    ctl(s, ANN, *words(s.path("roots", "structures"), "--prompt_dir", "prompts")).expect(5)
    mirrors = words("mirrors")
    mirrors[mirrors.index("--repostructure_dir")] = "--repo_mirrors"
    ctl(s, ANN, *mirrors).expect(5)
    check(not os.path.exists(s.path(ANN, "out")), "the save_dir of a refused submit stays")
    equal(s.ctl("status", "--json").json()["jobs"], [], "jobs")
    for path in (s.path("roots", "structures"), s.path("into")):
        job = ctl(s, ANN, *words(path)).expect(0).out.split("\n")[0]
        st = s.until_status(job, lambda st: st["state"] in ("done", "failed"), "the end")
        check(st["passes"]["done"] > 0, "passes: %s", st["passes"])
    ctl(s, ANN, "fetch", job).expect(0)
    have = tree(s.path(ANN, "out"))
    check(any(n.startswith("samples/") and n.endswith(".patch") for n in have), "samples: %s", sorted(have))
    equal(have, tree(s.path("state", "jobs", job, "results")), "what was fetched")
    job = s.ctl(*words(s.path("elsewhere"))[:-2], cwd=s.path(EVE)).expect(0).out.split("\n")[0]
    s.until_status(job, lambda st: st["state"] in ("done", "failed"), "the end of root's")


@test
def links_are_looked_at_when_they_are_opened(s):
    """3: a link below shared_roots that leads out, there from the start or put there later, is not followed."""
    data = demo_data()
    roots = own(s.path("roots"), DAEMON, 0o755)
    for name in ("structures", "mirrors", "elsewhere"):
        shutil.copytree(os.path.join(data, "mirrors" if name == "mirrors" else "structures"),
                        s.path(name) if name == "elsewhere" else s.path("roots", name))
    ids = sorted(os.listdir(s.path("elsewhere")))
    for name, to in ((ids[0], s.path("elsewhere", ids[0])), (ids[1], s.path("roots", "kept.json"))):
        os.rename(s.path("roots", "structures", name), s.path("roots", "kept.json"))
        os.symlink(to, s.path("roots", "structures", name))
    for name in os.listdir(s.path("roots", "mirrors")):
        shutil.copytree(s.path("roots", "mirrors", name), s.path("out-" + name))
        shutil.rmtree(s.path("roots", "mirrors", name))
        os.symlink(s.path("out-" + name), s.path("roots", "mirrors", name))
    start(s, top='shared_roots = "%s";' % roots, answers=os.path.join(data, "answers_bugfixer.jsonl"))

    def failed(flag, path, *more):
        words = ["submit", "bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), flag, path, "--save_dir", "out",
                 "--model_name", "m", "--passk", "2", *more]
        job = ctl(s, ANN, *words).expect(0).out.split("\n")[0]
        st = s.until_status(job, lambda st: st["state"] in ("done", "failed"), "the end")
        ctl(s, ANN, "fetch", job, "copy-" + job).expect(0)
        lines = [f for f in json_lines(s.path(ANN, "copy-" + job, "failures.jsonl")) if f["reason"] == "missing_repo"]
        check(all("shared_roots" in f["details"] for f in lines), "details: %s", lines)
        return {f["instance_id"] for f in lines}, st
    bad, st = failed("--repostructure_dir", s.path("roots", "structures"))
    equal(bad, {ids[0][:-5]}, "what was not read")
    check(st["passes"]["done"] > 0, "passes: %s", st["passes"])
    bad, st = failed("--repo_mirrors", s.path("roots", "mirrors"))
    equal(st["passes"]["failed"], st["passes"]["total"], "passes of mirrors that lie elsewhere")


@test
def a_data_set_of_the_hub(s):
    """3: batchd fetches it for members of the group, the job is theirs; for others the hub is not asked."""
    with hub_server.Hub(rows=3) as hub:
        repos = own(s.path("repos"), DAEMON, 0o755)
        for n in range(3):
            with open(os.path.join(repos, "own__lib-%d.json" % n), "w") as file:
                file.write("{}")
        start(s, top='hub_url = "%s"; shared_roots = "%s";' % (hub.url, repos), delay_ms=60000)
        words = ["submit", "bugfixer", "--dataset", "owner/some-set_1.0", "--repostructure_dir", repos, "--save_dir", "out",
                 "--model_name", "m"]
        ctl(s, EVE, *words).expect(5)
        ctl(s, ANN, *words[:4], "--repostructure_dir", s.path("elsewhere"), *words[6:]).expect(2)
        has(ctl(s, ANN, *words[:4], "--repostructure_dir", s.dir, *words[6:]).expect(5).err, "shared_roots", "the error")
        equal(hub.calls, [], "what the hub was asked")
        job = ctl(s, ANN, *words).expect(0).out.split("\n")[0]
        equal(ctl(s, ANN, "status", job, "--json").json()["owner_uid"], uid(ANN), "owner")
        equal(s.status(job)["passes"]["total"], 3, "passes")
        asked = len(hub.calls)
        theirs = ctl(s, BOB, *words).expect(0).out.split("\n")[0]
        check(not any(c.path == "/rows" for c in hub.calls[asked:]), "fetched again for the second user: %s", hub.calls[asked:])
        ctl(s, BOB, "why", job).expect(5)
        equal(ctl(s, BOB, "status", theirs, "--json").json()["owner_uid"], uid(BOB), "owner of the second")


@test
def groups_are_looked_up_at_each_call(s):
    """3: who is put into the group may submit at once, who is taken out no more; one's jobs stay one's own."""
    start(s)
    try:
        own_file(s, EVE, "r.jsonl", rows("e", 2))
        words = ["submit", "raw", "--requests", "r.jsonl", "--save_dir", "out"]
        has(ctl(s, EVE, *words).expect(5).err, MEMBERS, "the error names the group")
        subprocess.run(["gpasswd", "-a", EVE, MEMBERS], check=True, stdout=subprocess.DEVNULL)
        job = ctl(s, EVE, *words).expect(0).out.split("\n")[0]
        s.wait(job)
    finally:
        subprocess.run(["gpasswd", "-d", EVE, MEMBERS], check=True, stdout=subprocess.DEVNULL)
    ctl(s, EVE, *words).expect(5)
    ctl(s, EVE, "retry", job).expect(5)
    ctl(s, EVE, "why", job).expect(0)
    ctl(s, EVE, "fetch", job).expect(0)


@test
def results_are_fetched_with_ones_own_rights(s):
    """3: batchd keeps the results; fetch writes them as the caller, into the save_dir or DIR, while it runs and again."""
    start(s, plan=[{"batch": 2, "do": "delay", "ms": 2500}], max_requests=3, max_active=1)
    job = submit(s, ANN, rows("a", 6))
    st = ctl(s, ANN, "status", job, "--json").json()
    has(st["save_dir"], s.path("state"), "save_dir while batchd keeps it")
    equal(st["fetch_dir"], s.path(ANN, "out"), "where they are wanted")
    s.until_status(job, lambda st: st["passes"]["done"] == 3, "half of it")
    until(lambda: ctl(s, ANN, "fetch", job, "--json").expect(0).json()["files"] >= 0 and
          os.path.exists(s.path(ANN, "out", "batch_output_step1.jsonl")), "results while it runs")
    for line in json_lines(s.path(ANN, "out", "batch_output_step1.jsonl")):
        check(line["custom_id"].startswith("a"), "a line")
    s.wait(job)
    results = s.path("state", "jobs", job, "results")
    r = until(lambda: ctl(s, ANN, "fetch", job, "--json").expect(0).json(), "the rest")
    equal(tree(s.path(ANN, "out")), tree(results), "what was fetched")
    again = ctl(s, ANN, "fetch", job, "--json").expect(0).json()
    equal((again["files"], again["bytes"], again["already_here"]), (0, 0, len(tree(results))), "fetched again")
    for d, _, files in os.walk(s.path(ANN, "out")):
        for f in files:
            equal(os.stat(os.path.join(d, f)).st_uid, uid(ANN), "owner of " + f)
    r = ctl(s, ANN, "fetch", job, "other/deep").expect(0)
    has(r.out, s.path(ANN, "other", "deep"), "where")
    equal(tree(s.path(ANN, "other", "deep")), tree(results), "into DIR")
    ctl(s, ANN, "fetch", job, "single", "--file", "batch_output_step1.jsonl").expect(0)
    equal(sorted(tree(s.path(ANN, "single"))), ["batch_output_step1.jsonl"], "--file")
    ctl(s, ANN, "fetch", job, "single", "--file", "../../batchd.db").expect(2)
    r = ctl(s, ANN, "fetch", job, s.path(BOB, "mine"))
    check(r.exit not in (0, 6), "fetch into somebody else's directory: exit %s", r.exit)
    check(not os.path.exists(s.path(BOB, "mine")), "something is in somebody else's directory")
    ctl(s, ANN, "remove", job, "--yes").expect(0)
    until(lambda: not os.path.exists(s.path("state", "jobs", job)), "the end of batchd's copy")
    check(os.path.exists(s.path(ANN, "out", "batch_output_step1.jsonl")), "what was fetched goes with the job")


@test
def a_broken_fetch_goes_on(s):
    """3: a .part of the same file is gone on with, one of another is begun again."""
    start(s)
    job = submit(s, ANN, rows("a", 200))
    s.wait(job)
    until(lambda: "adds up" in s.ctl("events", job).out, "its last word")
    ctl(s, ANN, "fetch", job).expect(0)
    path = s.path(ANN, "out", "batch_output_step1.jsonl")
    whole, times = open(path, "rb").read(), os.stat(path)
    for right in (True, False):
        os.rename(path, path + ".part")
        os.truncate(path + ".part", 1000)
        with open(path + ".part", "r+b") as file:
            file.write(whole[:1000] if right else b"x" * 1000)
        os.utime(path + ".part", ns=(times.st_mtime_ns, times.st_mtime_ns if right else times.st_mtime_ns - 10**9))
        r = ctl(s, ANN, "fetch", job, "--json").expect(0).json()
        equal((r["files"], r["bytes"]), (1, len(whole) - (1000 if right else 0)), "fetched")
        equal(open(path, "rb").read(), whole, "the file")
        check(not os.path.exists(path + ".part"), "the .part stays")
    os.unlink(path)                                     # and one that was through but for its name
    with open(path + ".part", "wb") as file:
        file.write(whole)
    os.chown(path + ".part", uid(ANN), -1)
    os.utime(path + ".part", ns=(times.st_mtime_ns, times.st_mtime_ns))
    equal(ctl(s, ANN, "fetch", job, "--json").expect(0).json()["bytes"], 0, "bytes of a whole .part")
    equal(open(path, "rb").read(), whole, "the file")


@test
def names_that_leave_the_directory(s):
    """3: whatever names a daemon sends, fetch writes nothing outside of its directory."""
    here = own(s.path("here"), "root", 0o755)
    names = ["../evil", s.path("evil"), "samples/../../evil", ".evil", "samples/.evil", "..", "", "samples/../.evil"]
    for name in names:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(s.path("fake"))
        listener.listen(8)
        listener.settimeout(20)

        def serve():
            for n in range(4):
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    line = peer.makefile("rb").readline()
                    if not line:
                        return
                    reply = {"size": 4, "mtime_ms": 1, "from": 0, "bytes": 4} if b'"file"' in line else \
                        {"name": "x", "state": "done", "fetch_dir": here, "files": [{"name": name, "size": 4, "mtime_ms": 1}]}
                    peer.sendall(json.dumps({"ok": reply}).encode() + b"\n" + (b"evil" if b'"file"' in line else b""))
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        r = s.ctl("--socket", s.path("fake"), "fetch", "1", here)
        check(r.exit == 5, "fetch of %r: exit %s, %s", name, r.exit, r.err)
        poke = socket.socket(socket.AF_UNIX)
        poke.connect(s.path("fake"))
        poke.close()
        thread.join(20)
        listener.close()
        os.unlink(s.path("fake"))
        found = [p for p in tree(s.dir) if "evil" in p or p.endswith(".part")]
        equal(found, [], "what %r left" % name)


@test
def the_state_is_the_daemons_alone(s):
    """3: nobody reads what batchd keeps: the directory is closed, whatever its umask was."""
    own(s.path("v"), DAEMON, 0o755)
    start(s)
    job = submit(s, ANN, rows("a", 2))
    s.wait(job)
    for who in (ANN, BOB, EVE, ADA):
        for path in (s.path("state"), s.path("state", "batchd.db"), s.path("state", "jobs", job, "results")):
            p = subprocess.run(["setpriv", "--reuid", who, "--regid", str(pwd.getpwnam(who).pw_gid), "--init-groups", "ls", path],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            check(p.returncode != 0, "%s reads %s", who, path)
    equal(s.stop_batchd()[0], 0, "batchd's exit")
    with open(s.path("batchd.conf")) as file:
        text = file.read().replace(s.path("state"), s.path("v", "made"))
    with open(s.path("batchd.conf"), "w") as file:
        file.write(text)
    who = pwd.getpwnam(DAEMON)
    s.start_batchd(user=who.pw_uid, group=who.pw_gid, extra_groups=[], umask=0)
    equal(stat.S_IMODE(os.stat(s.path("v", "made")).st_mode), 0o700, "mode of a state_dir that batchd makes")
    job = submit(s, ANN, rows("a", 2), save="more")
    s.wait(job)
    os.chmod(s.path("v", "made"), 0o755)                # an admin may have made it, and open
    for name in os.listdir(s.path("v", "made")):
        path = s.path("v", "made", name)
        if os.path.isfile(path) and name != "lock":
            equal(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, "mode of " + name)
    for path in (s.path("v", "made", "jobs", job), s.path("v", "made", "jobs", job, "results")):
        p = subprocess.run(["setpriv", "--reuid", EVE, "--regid", str(pwd.getpwnam(EVE).pw_gid), "--init-groups", "ls", path],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        check(p.returncode != 0, "others read %s", path)


@test
def without_shared_others_are_refused(s):
    """3: a batchd that is not shared serves its own user and root; the rest get exit 5, by whatever way they come."""
    start(s, shared=False)
    for who in (ANN, EVE, ADA):
        for words in (["ping"], ["status"], ["events"], ["metrics"], ["status", "1"]):
            ctl(s, who, *words).expect(5)
        own_file(s, who, "r.jsonl", rows("a", 1))
        ctl(s, who, "submit", "raw", "--requests", "r.jsonl", "--save_dir", "out").expect(5)
    os.chmod(s.socket, 0o666)                           # the mode is not what it hangs on
    for words in (["ping"], ["status"], ["events"], ["submit", "raw", "--requests", "r.jsonl", "--save_dir", "out"]):
        ctl(s, ANN, *words).expect(5)
    own(s.path(DAEMON), DAEMON)
    own_file(s, DAEMON, "r.jsonl", rows("a", 2))
    job = ctl(s, DAEMON, "submit", "raw", "--requests", "r.jsonl", "--save_dir", "out").expect(0).out.split("\n")[0]
    s.wait(job)
    equal(len(json_lines(s.path(DAEMON, "out", "batch_output_step1.jsonl"))), 2, "its own user's results lie where they are wanted")
    s.ctl("status", job).expect(0)


@test
def users_take_turns(s):
    """4: users take turns by batches, however many jobs each has; a limit per user holds for all of one's jobs."""
    start(s, delay_ms=60, plan=[{"batch": 1, "do": "delay", "ms": 2500}], max_requests=2, max_active=1)
    anns = [submit(s, ANN, rows("a%d" % i, 8), save="out%d" % i) for i in range(3)]
    bobs = submit(s, BOB, rows("b", 6))
    for job in [bobs] + anns:
        s.wait(job)
    order = [c["key"].rsplit("-", 3)[1] for c in s.calls("create") if c["effect"] and c["status"] == 200]
    at = [i for i, job in enumerate(order) if job == bobs]
    check(at[0] <= 4, "the second user had to wait: %s", order)
    equal([b - a for a, b in zip(at, at[1:])], [2, 2], "turns of %s" % order)


@test
def limits_of_each_user(s):
    """4: max_passes_per_user and max_active_per_user count a user's own jobs, not another's."""
    start(s, top="max_passes_per_user = 5;", delay_ms=3000, max_requests=1, max_active=9, max_active_per_user=2)
    ann = submit(s, ANN, rows("a", 4))
    own_file(s, ANN, "r.jsonl", rows("c", 2))
    has(ctl(s, ANN, "submit", "raw", "--requests", "r.jsonl", "--save_dir", "more").expect(4).err, "4 passes", "the error")
    bob = submit(s, BOB, rows("b", 4))
    for job in (ann, bob):
        s.until_status(job, lambda st: sum(b["state"] == "running" for b in st["batches"]) == 2, "two batches of each")
    for job in (ann, bob):
        check(sum(b["state"] == "running" for b in s.status(job)["batches"]) <= 2, "batches of one user")
        s.ctl("cancel", job, "--yes").expect(0)


@test
def jobs_stay_their_owners(s):
    """3: whose a job is outlives a restart."""
    start(s)
    job = submit(s, ANN, rows("a", 2))
    s.wait(job)
    s.stop_batchd()
    start_again(s)
    equal(ctl(s, ANN, "status", job, "--json").json()["owner_uid"], uid(ANN), "owner behind a restart")
    ctl(s, BOB, "why", job).expect(5)
    ctl(s, ANN, "fetch", job).expect(0)


def as_root():
    copy = tempfile.mkdtemp(prefix="bsbin.")            # the build may lie where others cannot go
    os.chmod(copy, 0o755)
    try:
        for tool in ("batchd", "batchctl", "batch-endpoint"):
            shutil.copy2(os.path.join(harness.BUILD, tool), copy)
        harness.BUILD = copy
        make_users()
        return main()
    finally:
        remove_users()
        shutil.rmtree(copy, ignore_errors=True)


if os.geteuid() != 0 or not all(map(shutil.which, ("useradd", "groupadd", "setpriv"))):
    print("ok skipped: needs root, useradd and setpriv")
    sys.exit(0)
sys.exit(as_root())
