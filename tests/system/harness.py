# SPDX-License-Identifier: MIT
"""What the system tests share: real binaries, real sockets, a directory per test, and nothing left running.

A test is a function with @test; main() runs them, each in its own Site, a few at a time.  There are no fixed
sleeps: until() looks again until something is so, or fails with what it saw at its deadline.
"""
import concurrent.futures
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback
import fcntl

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEMO = os.path.join(TOP, "tests", "demo")
BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(TOP, "build")
PATIENCE_S = float(os.environ.get("BATCHD_TEST_PATIENCE", "60"))
AT_A_TIME = 4
UNDER = os.environ.get("BATCHD_UNDER", "").split()      # what batchd is run by: valgrind

tests = []


class Failed(Exception):
    """A test's verdict, in words."""


def test(function):
    tests.append(function)
    return function


def check(condition, text, *values):
    if not condition:
        raise Failed(text % values if values else text)


def equal(have, want, what):
    if have != want:
        raise Failed("%s: is %.700r, should be %.700r" % (what, have, want))


def has(text, piece, what):
    if piece not in text:
        raise Failed("%s: %r is not in it: %r" % (what, piece, text[-2000:]))


def until(look, what, patience=PATIENCE_S):
    """The first true result of look(); what it waits for is told when it does not come."""
    deadline = time.monotonic() + patience
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise Failed("not in %g s: %s" % (patience, what))
        time.sleep(0.02)


def json_lines(path):
    """The objects of a file whose lines must all be whole."""
    with open(path, "rb") as file:
        data = file.read()
    check(not data or data.endswith(b"\n"), "%s: its last line is cut", path)
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def write_lines(path, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write((row if isinstance(row, str) else json.dumps(row)) + "\n")
    return path


def request(custom_id, text="hello", **body):
    """A line of a raw request file."""
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions",
            "body": dict({"model": "m", "messages": [{"role": "user", "content": text}]}, **body)}


class Result:
    """What a program came to."""

    def __init__(self, exit, out, err, words):
        self.exit, self.out, self.err, self.words = exit, out, err, words

    def expect(self, exit, what=""):
        if self.exit != exit:
            raise Failed("%s%s: exit %s, should be %s\nstdout: %s\nstderr: %s" % (
                what and what + ": ", " ".join(self.words), self.exit, exit, self.out[-1500:], self.err[-1500:]))
        return self

    def json(self):
        return json.loads(self.out)


class Site:
    """A directory with an endpoint and a batchd."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="bs.")       # short: a socket's path has 107 bytes at most
        os.chmod(self.dir, 0o755)
        self.socket = self.path("s")
        self.batchd = self.endpoint = None
        self.started = []
        self.key = None
        self.port = None
        self.ep_words = []

    def __enter__(self):
        return self

    def under(self):
        """What valgrind has to say: it is quiet otherwise."""
        if self.batchd is not None and self.batchd.poll() is None:
            self.stop_batchd()
        with open(self.path("batchd.log"), encoding="utf-8", errors="replace") as log:
            said = [line for line in log if re.match(r"==\d+== ", line)]
        if said:
            print("FAIL valgrind: " + "".join(said))

    def __exit__(self, *_):
        if UNDER and os.path.exists(self.path("batchd.log")):
            self.under()
        for p in reversed(self.started):
            if p.poll() is None:
                p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def spawn(self, words, log, **more):
        with open(self.path(log), "ab") as out:
            p = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                 cwd=self.dir, **more)
        self.started.append(p)
        return p

    # --- the endpoint ---------------------------------------------------------------------------

    def start_endpoint(self, answers=None, plan=(), key=None, delay_ms=0, port=0, **flags):
        words = [os.path.join(BUILD, "batch-endpoint"), "--port_file", self.path("port"),
                 "--log", self.path("ep.jsonl"), "--state_dir", self.path("ep"), "--delay_ms", str(delay_ms)]
        if isinstance(answers, str):
            words += ["--answers", answers]
        elif answers is not None:
            words += ["--answers", write_lines(self.path("answers.jsonl"), answers)]
        if plan:
            words += ["--plan", write_lines(self.path("plan.jsonl"), plan)]
        if key:
            words += ["--key", key]
            self.key = key
        for name, value in flags.items():
            words += ["--" + name, str(value)]
        self.ep_words = words
        self.open_endpoint(port)

    def open_endpoint(self, port=0):
        if os.path.exists(self.path("port")):
            os.unlink(self.path("port"))
        self.endpoint = self.spawn(self.ep_words + ["--port", str(port)], "endpoint.log")
        until(lambda: os.path.exists(self.path("port")) or self.endpoint.poll() is not None, "the endpoint's port")
        check(os.path.exists(self.path("port")), "the endpoint did not start")
        self.port = int(open(self.path("port")).read())

    def close_endpoint(self):
        self.endpoint.terminate()
        self.endpoint.wait(PATIENCE_S)

    def log(self):
        """What the endpoint was asked so far."""
        if not os.path.exists(self.path("ep.jsonl")):
            return []
        with open(self.path("ep.jsonl"), "rb") as file:
            data = file.read()
        return [json.loads(line) for line in data.split(b"\n")[:-1]]

    def calls(self, call=None):
        return [r for r in self.log() if "call" in r and call in (None, r["call"])]

    def billed(self):
        return [(r["billed"], int(r["stage"])) for r in self.log() if "billed" in r]

    # --- batchd -----------------------------------------------------------------------------------

    def conf(self, name="local", top="", more="", **settings):
        """Write the config: one endpoint, fast polls; settings on top of them."""
        values = {"poll_min_ms": 50, "poll_max_ms": 400, "grace_ms": 1000}
        if self.key:
            self.write_key(self.key)
            values["api_key_file"] = self.path("key")
        values["base_url"] = "http://127.0.0.1:%s/v1" % self.port
        values.update(settings)
        text = "\n".join("    %s = %s;" % (k, v if isinstance(v, int) and not isinstance(v, bool) else
                                           str(v).lower() if isinstance(v, bool) else json.dumps(v))
                         for k, v in values.items())
        with open(self.path("batchd.conf"), "w", encoding="utf-8") as file:
            file.write('socket = "%s"; state_dir = "%s"; %s\nendpoints = ( { name = "%s";\n%s }%s );\n' %
                       (self.socket, self.path("state"), top, name, text, more))

    def write_key(self, key, mode=0o600):
        with open(self.path("key"), "w", encoding="utf-8") as file:
            file.write(key + "\n")
        os.chmod(self.path("key"), mode)

    def start_batchd(self, wait=True, env=None, **more):
        if not os.path.exists(self.path("batchd.conf")):
            self.conf()
        env = dict(os.environ, **(env or {}))
        self.batchd = self.spawn(UNDER + [os.path.join(BUILD, "batchd"), "-c", self.path("batchd.conf"), "-v"], "batchd.log",
                                 env=env, **more)
        if wait:
            until(lambda: self.ctl("ping").exit == 0 or self.batchd.poll() is not None, "batchd's first answer")
            check(self.batchd.poll() is None, "batchd ended at once with %s", self.batchd.poll())

    def stop_batchd(self, sig=signal.SIGTERM):
        """Its exit status and how long it took."""
        began = time.monotonic()
        self.batchd.send_signal(sig)
        try:
            self.batchd.wait(30)
        except subprocess.TimeoutExpired:
            raise Failed("batchd still runs 30 s behind signal %d" % sig) from None
        return self.batchd.returncode, time.monotonic() - began

    def kill_batchd(self):
        self.batchd.kill()
        self.batchd.wait()

    def up(self, answers=None, plan=(), key=None, delay_ms=0, **settings):
        """Both of them, in one line."""
        self.start_endpoint(answers, plan, key, delay_ms)
        self.conf(**settings)
        self.start_batchd()
        return self

    def env(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("BATCHD_", "XDG_"))}
        return dict(env, BATCHD_SOCKET=self.socket, LC_ALL="C.UTF-8")

    def ctl(self, *words, cwd=None, input=None, timeout=PATIENCE_S, env=None, wrap=()):
        words = [str(w) for w in words]
        try:
            p = subprocess.run(list(wrap) + [os.path.join(BUILD, "batchctl")] + words, cwd=cwd or self.dir,
                               input=input, stdin=subprocess.DEVNULL if input is None else None,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                               env=dict(self.env(), **(env or {})))
        except subprocess.TimeoutExpired:
            raise Failed("batchctl %s: no end in %g s" % (" ".join(words), timeout)) from None
        return Result(p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"), words)

    def ctl_open(self, *words, **more):
        """A batchctl that goes on; its output in a pipe."""
        p = subprocess.Popen([os.path.join(BUILD, "batchctl")] + [str(w) for w in words], cwd=self.dir,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=self.env(), **more)
        self.started.append(p)
        return p

    def ctl_pty(self, *words, rows=30, columns=100, input=b"", ready=None, end=None, patience=PATIENCE_S, env=None):
        """batchctl on a terminal: its exit status and all it wrote.  input is typed once `ready` is on the screen;
        with end(text) true it gets an interrupt from the keyboard."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        before = termios.tcgetattr(slave)
        p = subprocess.Popen([os.path.join(BUILD, "batchctl")] + [str(w) for w in words], cwd=self.dir, stdin=slave,
                             stdout=slave, stderr=slave, env=dict(self.env(), TERM="xterm") | (env or {}), start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.started.append(p)
        text, deadline, over = b"", time.monotonic() + patience, False
        try:
            while True:
                got, _, _ = select.select([master], [], [], 0.05)
                if got:
                    text += os.read(master, 65536)
                elif p.poll() is not None:
                    break
                if input and (ready is None or ready in text):
                    os.write(master, input)
                    input = b""
                if end is not None and not over and end(text):
                    over = True
                    os.write(master, b"\x03")
                check(time.monotonic() < deadline, "batchctl %s on a terminal: no end; it wrote %r",
                      " ".join(str(w) for w in words), text[-600:])
            check(termios.tcgetattr(slave) == before, "batchctl %s leaves the terminal in another mode", words[0])
        finally:
            os.close(slave)
            os.close(master)
        return p.returncode, text.decode("utf-8", "replace")

    # --- jobs -------------------------------------------------------------------------------------

    def submit(self, *words, **more):
        """The job's id."""
        r = self.ctl("submit", *words, **more).expect(0)
        first = r.out.split("\n")[0]
        check(first.isdigit(), "submit: the first line is no id alone: %r", r.out)
        return first

    def submit_raw(self, rows, save="out", **flags):
        path = rows if isinstance(rows, str) else write_lines(self.path("requests-%s.jsonl" % save), rows)
        words = [w for k, v in flags.items() for w in ("--" + k, v)]
        return self.submit("raw", "--requests", path, "--save_dir", self.path(save), *words)

    def status(self, job):
        return self.ctl("status", job, "--json").expect(0).json()

    def until_status(self, job, look, what):
        seen = {}

        def one():
            seen.clear()
            seen.update(self.status(job))
            return look(seen)
        try:
            until(one, what)
        except Failed as why:
            raise Failed("%s; the status is %s" % (why, json.dumps(seen))) from None
        return dict(seen)

    def wait(self, job, exit=0):
        r = self.ctl("wait", job, "--timeout", int(PATIENCE_S), timeout=PATIENCE_S + 10)
        if r.exit != exit:
            raise Failed("wait %s: exit %s, should be %s; %s; status %s" % (
                job, r.exit, exit, r.err.strip(), self.ctl("status", job, "--json").out))
        return self.status(job)

    def audit(self, job):
        r = self.ctl("audit", job)
        check(r.exit == 0, "audit: %s%s", r.out, r.err)

    def saved(self, name, save="out"):
        return json_lines(self.path(save, name))

    def logs(self):
        text = []
        for name in ("batchd.conf", "plan.jsonl", "endpoint.log", "batchd.log", "ep.jsonl"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), "rb") as file:
                    tail = file.read().decode("utf-8", "replace").splitlines()[-40:]
                text.append("    --- %s\n" % name + "\n".join("    " + line[:300] for line in tail))
        return "\n".join(text)


# --- the demo's data ---------------------------------------------------------------------------

demo_lock = threading.Lock()
demo_dir = None


def demo_data():
    """dataset, mirrors, structures and answers of tests/demo, made once."""
    global demo_dir
    with demo_lock:
        if demo_dir is None:
            path = tempfile.mkdtemp(prefix="bsdemo.")
            os.chmod(path, 0o755)
            p = subprocess.run([sys.executable, os.path.join(DEMO, "make_demo.py"), path], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
            check(p.returncode == 0, "make_demo: %s", p.stdout.decode())
            demo_dir = path
    return demo_dir


# --- running them ---------------------------------------------------------------------------------

def run_one(function):
    site = Site()
    began = time.monotonic()
    try:
        with site:
            try:
                function(site)
                if site.batchd is not None and site.batchd.poll() not in (None, 0, -9):
                    raise Failed("batchd ended with %s" % site.batchd.poll())
                return function.__name__, None, "", time.monotonic() - began
            except Exception as error:
                why = str(error) if isinstance(error, Failed) else repr(error)
                where = "".join(traceback.format_exception(type(error), error, error.__traceback__)[-3:])
                return function.__name__, why, where + site.logs(), time.monotonic() - began
    except Exception as error:
        return function.__name__, repr(error), "", time.monotonic() - began


def main():
    words = sys.argv[2:]
    wanted = [t for t in tests if not words or any(w in t.__name__ for w in words)]
    failed = 0
    for tool in ("batchd", "batchctl", "batch-endpoint"):
        if not os.access(os.path.join(BUILD, tool), os.X_OK):
            print("FAIL setup: %s has no %s" % (BUILD, tool))
            return 1
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for name, why, more, took in pool.map(run_one, wanted):
            if why is None:
                print("ok %s (%.1f s)" % (name, took), flush=True)
            else:
                failed += 1
                print("FAIL %s: %s\n%s" % (name, why.replace("\n", "\n    "), more), flush=True)
    if demo_dir is not None:
        shutil.rmtree(demo_dir, ignore_errors=True)
    return 1 if failed else 0
