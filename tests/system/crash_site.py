# SPDX-License-Identifier: MIT
"""What the crash tests share: a place with an endpoint and a batchd of its own, a small job of two stages, and what
must be true of it in the end, however often batchd died on the way."""
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE_DEMO = os.path.join(HERE, "..", "demo", "make_demo.py")
PATIENCE_S = float(os.environ.get("BATCHD_TEST_PATIENCE", "60"))


class Failed(Exception):
    """What should be true is not."""


def check(true, text, *more):
    if not true:
        raise Failed(text % more if more else text)


def until(what, look, patience=None):
    """The first result of look() that is true."""
    end = time.monotonic() + (patience or PATIENCE_S)
    pause = 0.002
    while True:
        got = look()
        if got:
            return got
        if time.monotonic() > end:
            raise Failed("waited in vain for " + what)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Data:
    """A data set, its structures, and answers that are all good and always the same to the byte."""

    def __init__(self, build, folder, instances=("demo__calc-2", "demo__shelf-1", "demo__textkit-1"), copies=1):
        self.build, self.dir = build, folder
        self.path = os.path.join(folder, "data")
        done = subprocess.run([sys.executable, MAKE_DEMO, self.path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(done.returncode == 0, "make_demo: %s", done.stdout)
        good = {}
        for line in open(os.path.join(self.path, "answers_bugfixer.jsonl"), encoding="utf-8"):
            answer = json.loads(line)
            if answer["finish_reason"] == "stop":
                good[answer["custom_id"], answer["stage"]] = answer
        rows = {}
        for line in open(os.path.join(self.path, "demo.jsonl"), encoding="utf-8"):
            row = json.loads(line)
            rows[row["instance_id"]] = row
        self.rows, self.answers, self.ids = [], [], []
        for copy in range(copies):
            for name in instances:
                self.add(name, name if copy == 0 else "%s%03d" % (name, copy), rows, good)
        self.dataset = self.write("dataset.jsonl", self.rows)
        self.answer_file = self.write("answers.jsonl", self.answers)
        self.structures = os.path.join(self.path, "structures")

    def add(self, name, new, rows, good):
        self.rows.append(dict(rows[name], instance_id=new))
        if new != name:
            os.link(os.path.join(self.path, "structures", name + ".json"),
                    os.path.join(self.path, "structures", new + ".json"))
        for k in range(2):
            self.ids.append("%s__pass%d" % (new, k))
            for stage in (1, 2):
                self.answers.append(self.line(self.ids[-1], stage, good["%s__pass%d" % (name, k), stage]))

    @staticmethod
    def line(custom_id, stage, answer):
        """A whole line of an output file: nothing in it hangs on the batch it comes in."""
        text = answer["content"]
        body = {"id": "chatcmpl-" + custom_id, "object": "chat.completion", "created": 1700000000, "model": "m",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 100, "completion_tokens": len(text) // 4, "total_tokens": 100}}
        return {"id": "r-%d-%s" % (stage, custom_id), "custom_id": custom_id, "stage": stage,
                "response": {"status_code": 200, "request_id": "q", "body": body}, "error": None}

    def write(self, name, rows):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
        return path


class Site:
    """One endpoint, one state_dir, one save_dir.  A batchd in it is started, killed and started again."""

    def __init__(self, data, max_requests=2, delay_ms=0, plan=(), config="", state_dir=None, save_dir=None,
                 env_config="", patient=False):
        self.data = data
        self.dir = tempfile.mkdtemp(prefix="c", dir=data.dir)
        self.state = state_dir or os.path.join(self.dir, "state")
        self.save = save_dir or os.path.join(self.dir, "out")
        self.socket = os.path.join(self.dir, "s")
        self.log = os.path.join(self.dir, "endpoint.jsonl")
        self.batchd = self.endpoint = None
        self.delay_ms, self.plan = delay_ms, list(plan)
        self.port = self.start_endpoint()
        self.conf = os.path.join(self.dir, "batchd.conf")
        grace = 1000 if patient else 40
        self.text = ('state_dir = "%s"; socket = "%s"; %s\n'
                     'endpoints = ( { name = "local"; base_url = "http://127.0.0.1:%d/v1"; poll_min_ms = 10; '
                     'poll_max_ms = 30; grace_ms = %d; max_requests = %d; max_active = 4; %s } );\n' %
                     (self.state, self.socket, env_config, self.port, grace, max_requests, config))
        self.configure(self.text)

    def configure(self, text):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(text)

    # --- the endpoint -------------------------------------------------------------------------------

    def start_endpoint(self, port=0):
        words = [os.path.join(self.data.build, "batch-endpoint"), "--port", str(port),
                 "--port_file", os.path.join(self.dir, "port"), "--log", self.log, "--answers", self.data.answer_file,
                 "--state_dir", os.path.join(self.dir, "endpoint"), "--delay_ms", str(self.delay_ms)]
        if self.plan:
            plan = os.path.join(self.dir, "plan.jsonl")
            with open(plan, "w", encoding="utf-8") as file:
                file.write("".join(json.dumps(fault) + "\n" for fault in self.plan))
            words += ["--plan", plan]
        with open(os.path.join(self.dir, "endpoint.log"), "ab") as log:
            self.endpoint = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        path = os.path.join(self.dir, "port")
        until("the endpoint", lambda: os.path.exists(path) and open(path).read().strip())
        return int(open(path).read())

    def calls(self):
        """What the endpoint wrote down: its calls, and what was billed."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    # --- batchd ---------------------------------------------------------------------------------------

    def start(self, crash_at=0, wait=True, steps=None, wrap=(), verbose=True):
        """True: it answers.  False: it died before it could (by crash_at)."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("BATCHD_")}
        if crash_at:
            env["BATCHD_CRASH_AT"] = str(crash_at)
        if steps:
            env["BATCHD_STEPS_FILE"] = steps
        words = list(wrap) + [os.path.join(self.data.build, "batchd"), "-c", self.conf] + (["-v"] if verbose else [])
        with open(os.path.join(self.dir, "batchd.log"), "ab") as log:
            log.write(b"--- start, crash at %d\n" % crash_at)
            log.flush()
            self.batchd = subprocess.Popen(words, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            until("batchd's start", lambda: self.ping() or self.batchd.poll() is not None)
        return self.batchd.poll() is None

    def alive(self):
        return self.batchd is not None and self.batchd.poll() is None

    def kill(self):
        self.batchd.kill()
        self.batchd.wait()

    def stop(self, patience=15):
        """SIGTERM; its exit status and how long it took."""
        began = time.monotonic()
        self.batchd.send_signal(signal.SIGTERM)
        try:
            status = self.batchd.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failed("batchd has not stopped within %d s of SIGTERM" % patience) from None
        return status, time.monotonic() - began

    def end(self, keep=False):
        """Everything that was started here ends."""
        for process in (self.batchd, self.endpoint):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    # --- asking it -------------------------------------------------------------------------------------

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(self.socket)
        return s

    def ask(self, command, upload=None, **args):
        """The last line of the reply; None: batchd is not there, or died while it was asked."""
        request = {"batchd": 1, "command": command, "args": args}
        if upload is not None:
            request["upload"] = len(upload)
        try:
            with self.connect() as s:
                s.sendall(json.dumps(request).encode() + b"\n" + (upload or b""))
                reply = b""
                while True:
                    part = s.recv(65536)
                    if not part:
                        break
                    reply += part
        except OSError:
            return None
        lines = reply.decode().split("\n")
        return json.loads(lines[-2]) if len(lines) > 1 else None

    def ping(self):
        return os.path.exists(self.socket) and self.ask("ping") is not None

    def submit(self, name="crash", **args):
        """Like batchctl submit: what batchd answers, or None."""
        with open(self.data.dataset, "rb") as file:
            rows = file.read()
        args = dict({"workflow": "bugfixer", "dataset": self.data.dataset, "repostructure_dir": self.data.structures,
                     "save_dir": self.save, "model_name": "m", "passk": 2, "name": name}, **args)
        return self.ask("submit", upload=rows, **args)

    def jobs(self):
        """None: it cannot be asked."""
        reply = self.ask("status")
        return None if reply is None or "ok" not in reply else reply["ok"]["jobs"]

    def job(self, job="1"):
        reply = self.ask("status", job=job)
        return reply.get("ok") if reply else None

    def job_over(self):
        """The state of the one job, if it has ended; True if batchd is dead."""
        jobs = self.jobs()
        if jobs is None:
            return not self.alive()
        return bool(jobs) and jobs[0]["state"] in ("done", "failed", "canceled")

    def go_on(self):
        """Submit unless the job is there already, and wait for its end or batchd's death.  True: it has ended."""
        jobs = self.jobs()
        if jobs is None:
            until("the end of batchd, which does not answer", lambda: not self.alive(), 5)
            return False
        if not jobs:
            reply = self.submit()
            check(reply is None or "ok" in reply, "submit: %s", reply)
        until("the job's end: %s" % self.dir, self.job_over)
        return self.alive()

    # --- what must be true ----------------------------------------------------------------------------

    def batchctl(self, *words):
        env = dict(os.environ, BATCHD_SOCKET=self.socket)
        return subprocess.run([os.path.join(self.data.build, "batchctl")] + list(words), env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def check_job(self):
        """batchd runs and the job has ended: all done, each request paid for once, everything adds up."""
        jobs = self.jobs()
        check(jobs is not None and len(jobs) == 1, "there should be one job: %s", jobs)
        passes = jobs[0]["passes"]
        check(jobs[0]["state"] == "done" and passes["done"] == passes["total"] == len(self.data.ids),
              "job: %s, %s", jobs[0]["state"], passes)
        self.check_billed()
        job = jobs[0]["id"]
        reply = self.ask("audit", job=job)
        check(reply is not None and reply.get("ok", {}).get("ok") is True, "audit: %s", reply)
        return job

    def check_billed(self):
        billed = {}
        for line in self.calls():
            if "billed" in line:
                key = line["billed"], int(line["stage"])
                billed[key] = billed.get(key, 0) + 1
        wanted = {(i, stage): 1 for i in self.data.ids for stage in (1, 2)}
        odd = {k: billed.get(k, 0) for k in set(billed) | set(wanted) if billed.get(k, 0) != wanted.get(k, 0)}
        check(not odd, "billed not once: %s", odd)

    def files(self):
        """{name: digest} of all that is in save_dir."""
        found = {}
        for folder, _, names in os.walk(self.save):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, self.save)] = hashlib.sha256(file.read()).hexdigest()
        return found

    def check_files(self, reference):
        mine = self.files()
        odd = sorted(k for k in set(mine) | set(reference) if mine.get(k) != reference.get(k))
        check(not odd, "files that are not as in the run without a crash: %s", odd)

    def check_state_dir(self):
        """Behind a clean stop: nothing in state_dir that nobody knows."""
        db = sqlite3.connect("file:%s?mode=ro" % os.path.join(self.state, "batchd.db"), uri=True)
        check(db.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "the database is damaged")
        jobs = {i: spools for i, spools in db.execute("SELECT id, spools FROM job")}
        batches = {i: job for i, job in db.execute("SELECT id, job FROM batch")}
        db.close()
        odd = [n for n in os.listdir(self.state)
               if n not in ("lock", "jobs", "batchd.db", "batchd.db-wal", "batchd.db-shm")]
        for job in os.listdir(os.path.join(self.state, "jobs")):
            if not job.isdigit() or int(job) not in jobs:
                odd.append("jobs/" + job)
                continue
            for name in os.listdir(os.path.join(self.state, "jobs", job)):
                batch = re.match(r"batch-(\d+)\.(requests|output|errors)\.jsonl$", name)
                spool = re.match(r"spool-(\d+)\.jsonl$", name)
                if not (name in ("dataset.jsonl", "structures") or
                        batch and batches.get(int(batch[1])) == int(job) or
                        spool and 0 < int(spool[1]) <= jobs[int(job)]):
                    odd.append("jobs/%s/%s" % (job, name))
            for name in os.listdir(os.path.join(self.state, "jobs", job, "structures")):
                if name.endswith(".tmp"):
                    odd.append("jobs/%s/structures/%s" % (job, name))
        check(not odd, "left over in state_dir: %s", odd)

    def tail(self, lines=25):
        text = ""
        for name in ("batchd.log", "endpoint.log"):
            path = os.path.join(self.dir, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text += "--- %s\n%s" % (name, "".join(file.readlines()[-lines:]))
        return text


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))
