# SPDX-License-Identifier: MIT
"""batchd under a service manager: its notifications, the watchdog, priorities for the journal; its own command line."""
import os
import re
import signal
import socket
import subprocess
import sys

from harness import BUILD, PATIENCE_S, check, equal, has, main, request, test, until

BATCHD = os.path.join(BUILD, "batchd")
KEY = "sk-0123456789-not-to-be-seen"


class Manager:
    """The socket that a service manager listens at; what came, each datagram a dictionary."""

    def __init__(self, address):
        self.address = address
        self.seen = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1))
        self.socket.settimeout(PATIENCE_S)

    def next(self):
        text = self.socket.recv(65536).decode()
        check(not text.endswith("\n"), "a notification ends with an empty line: %r", text)
        self.seen.append(dict(line.split("=", 1) for line in text.split("\n")))
        return self.seen[-1]

    def until(self, name, value=None):
        """The next one that says so."""
        while True:
            have = self.next()
            if name in have and value in (None, have[name]):
                return have


def start(site, manager, **env):
    site.start_endpoint(key=KEY, delay_ms=600000)
    site.conf()
    site.start_batchd(wait=False, env=dict(env, NOTIFY_SOCKET=manager.address))
    return manager.until("READY", "1")


def goes_through_its_states(site, address):
    manager = Manager(address)
    start(site, manager, WATCHDOG_USEC="200000")
    equal(site.ctl("ping").exit, 0, "ping once it said READY")
    beat = manager.until("WATCHDOG", "1")
    has(beat["STATUS"], "0 jobs running", "the status")
    job = site.submit_raw([request("a")])
    until(lambda: "1 job running, 1 batch at the endpoints" in manager.until("STATUS")["STATUS"], "the job in the status")

    site.batchd.send_signal(signal.SIGHUP)
    reload = manager.until("RELOADING", "1")
    check(int(reload["MONOTONIC_USEC"]) > 0, "when it began to reload: %s", reload)
    equal(manager.next().get("READY"), "1", "what follows RELOADING")

    with open(site.path("batchd.conf"), "a", encoding="utf-8") as conf:
        conf.write("colour = 1;\n")
    site.batchd.send_signal(signal.SIGHUP)
    manager.until("RELOADING", "1")
    manager.until("READY", "1")
    equal(site.status(job)["state"], "running", "the job behind a bad reload")

    status, _ = site.stop_batchd()
    equal(status, 0, "exit status")
    manager.until("STOPPING", "1")
    with open(site.path("batchd.log"), encoding="utf-8") as log:
        text = log.read()
    has(text, "batchd.conf:", "the reason of the bad reload")
    check(KEY not in text, "the key is in the log")
    check(all(KEY not in str(n) for n in manager.seen), "the key is in a notification")


@test
def tells_the_manager_at_a_path(site):
    goes_through_its_states(site, site.path("notify"))


@test
def tells_the_manager_at_an_abstract_address(site):
    goes_through_its_states(site, "@batchd-test-%d" % os.getpid())


@test
def a_parked_endpoint_is_in_the_status(site):
    manager = Manager(site.path("notify"))
    site.start_endpoint(key=KEY)
    site.key = "sk-another"
    site.conf()
    site.start_batchd(wait=False, env={"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"})
    manager.until("READY", "1")
    site.submit_raw([request("a")])
    until(lambda: "endpoint local parked" in manager.until("STATUS")["STATUS"], "the parked endpoint in the status")
    site.stop_batchd()


@test
def works_without_a_manager(site):
    """No socket, or one where nobody listens."""
    site.start_endpoint()
    site.conf()
    site.start_batchd(env={"NOTIFY_SOCKET": site.path("nobody")})
    equal(site.stop_batchd()[0], 0, "exit status")


def log_lines(site, stream=None):
    """What batchd writes to a pipe; with JOURNAL_STREAM naming that pipe, or another one."""
    site.start_endpoint(key=KEY)
    site.conf(top="workers = 1;")
    read, write = os.pipe()
    st = os.fstat(write)
    env = dict(os.environ, JOURNAL_STREAM=stream or "%d:%d" % (st.st_dev, st.st_ino))
    p = subprocess.Popen([BATCHD, "-c", site.path("batchd.conf")], stderr=write, stdout=subprocess.DEVNULL, env=env)
    site.started.append(p)
    os.close(write)
    until(lambda: site.ctl("ping").exit == 0, "batchd's first answer")
    job = site.submit_raw([request("a"), request("b")])
    site.wait(job)
    site.write_key("")
    p.send_signal(signal.SIGHUP)        # an error, for its priority
    with os.fdopen(read, encoding="utf-8") as log:
        first = []
        for line in log:
            first.append(line)
            if "nothing was changed" in line:
                break
        p.terminate()
        rest = log.readlines()
    equal(p.wait(PATIENCE_S), 0, "exit status")
    return job, first + rest


@test
def the_journal_gets_priorities(site):
    job, lines = log_lines(site)
    for line in lines:
        check(re.match(r"<[3-7]>[^<\x00-\x1f]+\n$", line), "no priority in front, or no single line: %r", line)
    check(any(line.startswith("<3>reload: ") for line in lines), "no error of priority 3: %r", lines)
    check(any(line.startswith("<5>batchd ") for line in lines), "no notice of the start: %r", lines)
    check(any(re.search(r"job %s\b.*batch \d|batch \d.*job %s\b" % (job, job), line) for line in lines),
          "no line with the ids of job and batch: %r", lines)
    check(KEY not in "".join(lines), "the key is in the log")


@test
def another_stream_gets_times(site):
    _, lines = log_lines(site, stream="1:1")
    for line in lines:
        check(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (error|warning|notice|info): ", line), "no time: %r", line)


# --- the command line ------------------------------------------------------------------------------

def batchd(site, *words, env=None):
    p = subprocess.run([BATCHD, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       cwd=site.dir, timeout=PATIENCE_S, env=dict(site.env(), HOME=site.dir, **(env or {})))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


@test
def tells_about_itself(site):
    for words in (["--help"], ["-h"]):
        status, out, err = batchd(site, *words)
        equal((status, err), (0, ""), "batchd " + words[0])
        for flag in ("--config", "--check", "--state_dir", "--socket", "--verbose", "--print-config", "--version"):
            has(out, flag, "the help")
    status, out, _ = batchd(site, "--version")
    equal(status, 0, "batchd --version")
    check(re.match(r"batchd \d+\.\d+\.\d+, schema \d+\n$", out), "version: %r", out)


@test
def wrong_usage_is_2(site):
    for words in (["--colour"], ["-c"], ["status"], ["-n", "extra"]):
        status, out, err = batchd(site, *words)
        equal((status, out), (2, ""), "batchd " + " ".join(words))
        has(err, "usage: batchd", "the complaint")


BAD = [
    ("colour = 1;\n", r":1: .*colour"),
    ("\n\nworkers = 0;\n", r":3: .*workers"),
    ("workers = \"two\";\n", r":1: .*workers"),
    ("workers = 2;\nendpoints = ( { name = \"a\" }\n", r":\d: "),
    ("\nendpoints = (\n  { name = \"a\"; pol_min_ms = 5; } );\n", r":3: .*poll_min_ms"),
    ("endpoints = (\n  { name = \"a\";\n    api_key_file = \"/nowhere/key\"; } );\n", r":3: .*/nowhere/key"),
]


@test
def a_bad_config_is_2_with_its_line(site):
    path = site.path("bad.conf")
    for text, want in BAD:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        for words in (["-n", "-c", path], ["-c", path], ["-c", "bad.conf"]):
            status, out, err = batchd(site, *words)
            equal((status, out), (2, ""), "batchd %s with %r" % (" ".join(words), text))
            check(re.search(re.escape(path) + want, err), "%r: the complaint is %r", text, err)
    equal(batchd(site, "-n", "-c", "nowhere.conf")[0], 2, "no such file")
    check(not os.path.exists(site.path("state")), "a bad config left a state directory")


@test
def a_good_config_is_0(site):
    site.port, site.key = 1, KEY
    site.conf()
    status, out, err = batchd(site, "-n", "-c", "batchd.conf")
    equal((status, err), (0, ""), "batchd -n")
    has(out, "batchd.conf: the configuration is good", "what it says")
    check(not os.path.exists(site.path("state")), "-n made the state directory")
    status, out, _ = batchd(site, "--print-config")
    equal(status, 0, "batchd --print-config")
    with open(site.path("printed.conf"), "w", encoding="utf-8") as file:
        file.write(out)
    equal(batchd(site, "-n", "-c", "printed.conf")[0], 0, "the printed config")


@test
def the_credential_of_the_unit(site):
    """The shipped config under systemd: the key, then the stand-in for a missing one."""
    conf = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                        "conf", "batchd-minimal.conf")
    os.mkdir(site.path("cred"))
    for key, status in ((KEY + "\n", 0), ("\n", 2)):
        with open(site.path("cred", "openai.key"), "w", encoding="utf-8") as file:
            file.write(key)
        have, _, err = batchd(site, "-n", "-c", conf, env={"CREDENTIALS_DIRECTORY": site.path("cred")})
        equal(have, status, "batchd -n with the key %r: %s" % (key, err))
    has(err, "api_key_credential", "the complaint")
    status, _, err = batchd(site, "-n", "-c", conf)
    equal(status, 2, "without systemd")
    has(err, "LoadCredential", "the complaint")


@test
def a_second_one_is_refused(site):
    site.start_endpoint()
    site.conf()
    site.start_batchd()
    status, _, err = batchd(site, "-c", site.path("batchd.conf"))
    equal(status, 4, "a second batchd in the same state_dir")
    has(err, "another batchd", "the complaint")
    with open(site.path("second.conf"), "w", encoding="utf-8") as file:
        file.write(open(site.path("batchd.conf"), encoding="utf-8").read().replace(site.path("state"), site.path("two")))
    status, _, err = batchd(site, "-c", site.path("second.conf"))
    equal(status, 4, "a second batchd at the same socket")
    equal(site.ctl("ping").exit, 0, "ping of the first one")


if __name__ == "__main__":
    sys.exit(main())
