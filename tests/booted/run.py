#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The package on a Debian that is really booted: systemd, users, logins, sandbox, upgrade, reboot, purge.

usage: run.py PACKAGE ENDPOINT ROOT

PACKAGE   what `make deb` left in dist/
ENDPOINT  build/batch-endpoint; what lies beside it is installed as `make install` does
ROOT      a directory for the system: made by debootstrap if it is not there (some 350 MB, from your Debian mirror), and
          kept; each run works on a copy of it beside it

Needs root, debootstrap and systemd-nspawn, and a kernel that lets them work; so it is no part of `make check`. The system
has a loopback of its own and no other network. Nothing of the machine around it is touched.
"""
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))
sys.argv, WORDS = sys.argv[:1], sys.argv[1:]
from harness import Failed, check, demo_data, equal, has, request, until           # noqa: E402

WITH = ["systemd", "systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "ca-certificates", "libmicrohttpd12"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
cases = []


def case(function):
    cases.append(function)
    return function


def host(*words):
    p = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode != 0:
        raise Failed("%s: %s" % (" ".join(words), p.stdout.decode("utf-8", "replace")[-2000:]))
    return p.stdout.decode("utf-8", "replace")


def make_root(root, package):
    """A minimal system of the kind that the package was built on, with all that it depends on, but not the package."""
    with open("/etc/os-release", encoding="utf-8") as file:
        of = dict(line.strip().replace('"', "").split("=", 1) for line in file if "=" in line)
    print("# debootstrap of %s into %s" % (of["VERSION_CODENAME"], root), flush=True)
    host("debootstrap", "--variant=minbase", "--components=main" + (",universe" if of["ID"] == "ubuntu" else ""),
         "--include=" + ",".join(WITH), of["VERSION_CODENAME"], root + ".new")
    for name in ("resolv.conf", "hosts"):
        shutil.copy("/etc/" + name, os.path.join(root + ".new", "etc", name))
    shutil.copy(package, os.path.join(root + ".new", "package.deb"))
    host("chroot", root + ".new", "sh", "-ec", "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq; "
         "apt-get install -y -qq --no-install-recommends /package.deb; dpkg --purge batchd; userdel batchd; rm /package.deb")
    os.rename(root + ".new", root)


class Machine:
    """A booted system, and what is done in it."""

    def __init__(self, root):
        self.root, self.console, self.leader, self.pid = root, b"", None, 0

    def boot(self):
        words = ["systemd-nspawn", "--quiet", "--register=no", "--private-network", "--directory", self.root, "--boot"]
        if not os.path.isdir("/run/systemd/system"):
            words.insert(1, "--keep-unit")
        self.pid, self.tty = pty.fork()
        if self.pid == 0:
            os.environ["UNIFIED_CGROUP_HIERARCHY"] = "1"
            os.execvp(words[0], words)
        threading.Thread(target=self.drink, args=(self.tty,), daemon=True).start()
        self.leader = until(self.find_leader, "the system's first process")
        until(lambda: self.root_sh("systemctl is-system-running", None)[1].strip() in ("running", "degraded"), "the boot")

    def drink(self, tty):
        try:
            while True:
                self.console = (self.console + os.read(tty, 65536))[-20000:]
        except OSError:
            pass

    def find_leader(self):
        done, status = os.waitpid(self.pid, os.WNOHANG)
        check(done == 0, "systemd-nspawn ended with %d: %s", status, self.console.decode("utf-8", "replace"))
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as file:
            found = file.read().split()
        try:
            return next((pid for pid in found if os.readlink("/proc/%s/exe" % pid).endswith("/systemd")), None)
        except OSError:                                 # it came and went
            return None

    def off(self):
        """Power off; systemd-nspawn ends with it."""
        if self.pid == 0:
            return
        if self.leader is not None:
            self.root_sh("systemctl poweroff", None)
        deadline = time.monotonic() + (60 if self.leader is not None else 0)
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                break
            time.sleep(0.1)
        os.close(self.tty)
        self.leader, self.pid = None, 0

    def raw(self, words, input=None):
        p = subprocess.run(["nsenter", "-t", self.leader, "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env", "-i", "PATH=" + PATH,
                            "HOME=/root", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=cat"] + words, input=input,
                           stdin=subprocess.DEVNULL if input is None else None, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return p.returncode, p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")

    def root_sh(self, text, want=0, input=None):
        code, out, err = self.raw(["sh", "-c", text], input)
        if want is not None and code != want:
            raise Failed("root: %s: exit %d, should be %d\n%s%s" % (text, code, want, out[-1500:], err[-1500:]))
        return code, out, err

    def sh(self, text, input=None):
        return self.root_sh(text, 0, input)[1]

    def login(self, name, text, want=0):
        """What that user gets to see of it: a login with a session of its own, which ends with the command."""
        words = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "-p", "PAMName=login", "-p", "User=" + name,
                 "-p", "WorkingDirectory=/home/" + name, "-p", "StandardError=inherit", "sh", "-lc", text]
        code, out, err = self.raw(words)
        if want is not None and code != want:
            raise Failed("%s: %s: exit %d, should be %d\n%s%s" % (name, text, code, want, out[-1500:], err[-1500:]))
        return out + (err if want is None or want != 0 else "")

    def put(self, path, text, mode=0o644):
        """A file, as root."""
        self.sh("mkdir -p $(dirname %s) && cat >%s && chmod %o %s" % (path, path, mode, path), text.encode())

    def show(self, what, unit="batchd"):
        return self.sh("systemctl show -P %s %s" % (what, unit)).strip()

    def journal(self, *words):
        return self.sh("journalctl --no-pager -o cat -u batchd " + " ".join(words))

    def add_user(self, name, *groups):
        self.sh("useradd -m -s /bin/sh %s %s" % (" ".join("-G " + g for g in groups), name))


# --- the life of the service -------------------------------------------------------------------

KEY = "sk-booted-1"
CONF = """workers = 2; shared_roots = "/srv/repos"; admin_group = "adm";
on_done = "%s"; on_failed = "%s";
endpoints = ( { name = "openai"; api_key_credential = "openai.key"; base_url = "http://127.0.0.1:8080/v1"; poll_min_ms = 50;
    poll_max_ms = 400; grace_ms = 500; } );
"""
HOOK = "/srv/look.sh"
# What a hook finds behind the service's walls: a line for each thing that must not be possible.
LOOK = r"""#!/bin/sh
exec >/var/lib/batchd/look 2>&1
echo "job $BATCHD_JOB $BATCHD_STATE"
for path in /etc/batchd/batchd.conf /usr/bin/batchd /home/ann/x /root/x /srv/x /var/log/x /dev/shm/x /run/x; do
	(: >>"$path") 2>/dev/null && echo "may write $path"
done
for path in /etc/batchd/openai.key /home/ann/demo.jsonl /etc/shadow /dev/kmsg /dev/mem; do
	(head -c1 "$path") >/dev/null 2>&1 && echo "may read $path"
done
[ -z "$(ls /home /root /dev/shm 2>/dev/null | grep -v ':$')" ] || echo "sees into directories"
for pid in /proc/[0-9]*; do
	[ "$(stat -c %U "$pid")" = batchd ] || echo "sees $pid"
done
echo "caps $(sed -n 's/^CapEff:\t//p' /proc/self/status) nnp $(sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)"
unshare -U true 2>/dev/null && echo "may unshare"
env | grep -i -e key -e sk- | sed 's/^/knows /'
: >/tmp/mine && echo "tmp"
echo end
"""


@case
def installed(m):
    """apt installs it; nothing is enabled or started, the user and the group are there, and the manuals."""
    m.sh("apt-get install -y -qq /root/batchd.deb")
    equal(m.root_sh("systemctl is-enabled batchd", None)[1].strip(), "disabled", "the unit")
    equal(m.show("ActiveState"), "inactive", "the service")
    has(m.sh("getent passwd batchd"), "/usr/sbin/nologin", "the user")
    equal(m.sh("stat -c '%a %U' /etc/batchd"), "755 root\n", "/etc/batchd")


@case
def started_without_a_key(m):
    """It says what is missing, and is not started again and again."""
    m.root_sh("systemctl start batchd", 1)
    has(m.journal(), "/etc/batchd/openai.key", "the journal")
    equal((m.show("Result"), m.show("NRestarts")), ("exit-code", "0"), "the end")
    m.sh("systemctl reset-failed batchd")


@case
def started_with_a_key(m):
    """READY comes before start returns; STATUS tells what it does; the socket is open to all, the state to nobody."""
    m.sh("install -m 600 /dev/stdin /etc/batchd/openai.key", (KEY + "\n").encode())
    m.sh("echo 'shared_roots = \"/srv/repos\";' >>/etc/batchd/batchd.conf; CREDENTIALS_DIRECTORY=/etc/batchd batchd -n")
    m.put("/etc/batchd/batchd.conf", CONF % (HOOK, HOOK))
    m.put(HOOK, LOOK, 0o755)
    m.sh("mkdir -p /srv/endpoint /srv/repos && cp -r /root/data/structures /root/data/mirrors /srv/repos")
    start_endpoint(m)
    m.sh("systemctl enable --now batchd")
    m.sh("batchctl ping")
    equal((m.show("ActiveState"), m.show("SubState"), m.show("User")), ("active", "running", "batchd"), "the service")
    until(lambda: "0 jobs running" in m.show("StatusText"), "the line of what it does")
    equal(m.sh("stat -c '%a %U %G' /run/batchd /run/batchd/batchd.sock /var/lib/batchd"),
          "755 batchd batchd\n666 batchd batchd\n700 batchd batchd\n", "modes")
    for name, groups in (("ann", ["batchd"]), ("eve", []), ("bob", [])):
        m.add_user(name, *groups)


def start_endpoint(m, delay_ms=0, plan=""):
    m.sh("systemctl stop endpoint 2>/dev/null; systemctl reset-failed endpoint 2>/dev/null; :")
    m.put("/srv/plan.jsonl", plan)
    m.sh("systemd-run -q --unit=endpoint /root/batch-endpoint --port 8080 --state_dir /srv/endpoint --log /srv/endpoint/log "
         "--answers /root/data/answers_bugfixer.jsonl --plan /srv/plan.jsonl --key %s --delay_ms %d" % (KEY, delay_ms))
    until(lambda: m.root_sh("grep -q ' 0100007F:1F90 .* 0A ' /proc/net/tcp", None)[0] == 0 or
          m.root_sh("grep -q ':1F90 00000000:0000 0A' /proc/net/tcp", None)[0] == 0, "the endpoint")


SUBMIT = ("batchctl submit bugfixer --dataset demo.jsonl --repostructure_dir /srv/repos/structures --save_dir runs/demo "
          "--model_name m --passk 2")


@case
def a_user_submits_logs_out_and_fetches(m):
    """A member of the group: submit, log out, come back, fetch; who is in no group may look only."""
    m.sh("install -o ann -g ann -m 600 /root/data/demo.jsonl /home/ann/demo.jsonl")
    start_endpoint(m, delay_ms=2000)
    job = m.login("ann", SUBMIT).split("\n")[0]
    equal(job, "1", "the first line of submit")
    until(lambda: "ann" not in m.sh("loginctl --no-legend list-sessions"), "the end of her session")
    has(m.login("eve", "batchctl status"), "bugfixer", "what others see")
    check("demo.jsonl" not in m.login("eve", "batchctl status 1 --json"), "others see the dataset's name")
    m.login("eve", "batchctl fetch 1", 5)
    m.sh("install -o eve -m 600 /root/data/demo.jsonl /home/eve/")
    has(m.login("eve", SUBMIT, 5), "group batchd", "what to do about it")
    m.login("ann", "batchctl wait 1", None)
    has(m.login("ann", "batchctl fetch 1"), "/home/ann/runs/demo", "fetch")
    has(m.sh("find /home/ann/runs/demo -user ann -name '*.patch' | wc -l; stat -c %U /home/ann/runs/demo"), "ann", "owner")
    check(int(m.sh("find /home/ann/runs/demo/samples -user ann -name '*.patch' | wc -l")) > 0, "patches")
    m.login("ann", "batchctl audit 1")


@case
def its_walls(m):
    """What its hook may do: write the state, reach its own /tmp, and nothing else."""
    seen = until(lambda: m.root_sh("grep -qx end /var/lib/batchd/look && cat /var/lib/batchd/look", None)[1], "the hook")
    equal(seen.split("\n"), ["job 1 failed", "caps 0000000000000000 nnp 1", "tmp", "end", ""], "what the hook found")
    check(not os.path.exists(os.path.join(m.root, "tmp", "mine")), "/tmp is everybody's")
    level = json.loads(m.sh("systemd-analyze security --json=short batchd >/dev/null; systemd-analyze security batchd | "
                            "sed -n 's/.*exposure level for batchd.service: \\([0-9.]*\\).*/\\1/p'"))
    check(level <= 2.0, "systemd-analyze security: %s", level)
    m.sh("systemd-analyze --man=no verify batchd.service")
    pid = m.show("MainPID")
    equal(m.sh("sed -n 's/^Seccomp:\\t//p' /proc/%s/status" % pid), "2\n", "its calls are filtered")


@case
def the_journal(m):
    """A line an event, with its priority and the job; no key."""
    lines = [json.loads(li) for li in m.sh("journalctl --no-pager -o json -u batchd _COMM=batchd").splitlines()]
    check(len({li["PRIORITY"] for li in lines}) > 1, "priorities: %s", {li["PRIORITY"] for li in lines})
    check(any("job 1" in li["MESSAGE"] for li in lines), "no line names the job")
    check(not any(li["MESSAGE"].startswith("<") for li in lines), "a priority is in the text")
    check(KEY not in m.sh("journalctl --no-pager -o json -u batchd"), "the key is in the journal")


@case
def reloaded(m):
    """reload takes a good file, leaves all as it was with a bad one, and goes through the state `reloading`."""
    m.sh("sed -i 's/workers = 2/workers = 1/' /etc/batchd/batchd.conf && systemctl reload batchd")
    until(lambda: "reloaded /etc/batchd/batchd.conf" in m.journal(), "the reload")
    m.sh("busctl monitor --match \"type='signal',interface='org.freedesktop.DBus.Properties',path_namespace="
         "'/org/freedesktop/systemd1/unit/batchd_2eservice'\" >/root/signals 2>&1 & echo $! >/root/monitor; sleep 1")
    m.sh("echo 'nonsense = ;' >>/etc/batchd/batchd.conf && systemctl reload batchd")
    until(lambda: "nothing was changed" in m.journal(), "the refusal")
    equal(m.show("ActiveState"), "active", "the service")
    has(until(lambda: m.root_sh("grep reloading /root/signals", None)[1], "reloading"), "reloading", "the manager's signals")
    m.sh("kill $(cat /root/monitor); sed -i '$d' /etc/batchd/batchd.conf && systemctl reload batchd && batchctl ping")


@case
def killed(m):
    """kill -9: it is there again in some seconds and the job goes on."""
    m.sh("grep -c . /srv/endpoint/log")
    start_endpoint(m, delay_ms=6000)
    job = m.login("ann", SUBMIT.replace("runs/demo", "runs/two")).split("\n")[0]
    until(lambda: "running" in m.sh("batchctl status %s" % job), "its batch")
    before = m.show("MainPID")
    m.sh("systemctl kill -s KILL batchd")
    until(lambda: m.show("NRestarts") == "1" and m.show("ActiveState") == "active", "the restart")
    check(m.show("MainPID") != before, "the same process")
    m.root_sh("batchctl wait %s" % job, None)
    m.sh("batchctl audit %s --remote" % job)


@case
def watched(m):
    """The watchdog's heartbeat comes; one that hangs is ended and started again."""
    m.put("/etc/systemd/system/batchd.service.d/quick.conf", "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
    m.sh("systemctl daemon-reload && systemctl restart batchd")
    first = m.show("WatchdogTimestampMonotonic")
    until(lambda: m.show("WatchdogTimestampMonotonic") not in (first, "0"), "a heartbeat")
    m.sh("systemctl kill -s STOP batchd")
    until(lambda: "watchdog" in m.journal().lower(), "the watchdog")
    until(lambda: m.show("ActiveState") == "active" and m.show("NRestarts") == "1", "the restart")
    m.sh("batchctl ping; rm -r /etc/systemd/system/batchd.service.d; systemctl daemon-reload; systemctl restart batchd")


@case
def another_key(m):
    """A key that was changed is taken with a restart."""
    m.sh("install -m 600 /dev/stdin /etc/batchd/openai.key", b"sk-wrong\n")
    m.sh("systemctl restart batchd")
    m.sh("batchctl ping")
    m.put("/home/ann/r.jsonl", json.dumps(request("one")) + "\n")
    job = m.login("ann", "batchctl submit raw --requests r.jsonl --save_dir runs/raw").split("\n")[0]
    until(lambda: "parked" in m.sh("batchctl why %s" % job), "the park")
    has(until(lambda: "parked" in m.show("StatusText") and m.show("StatusText"), "STATUS"), "401", "the line of what it does")
    m.sh("install -m 600 /dev/stdin /etc/batchd/openai.key", (KEY + "\n").encode())
    m.sh("systemctl restart batchd")
    m.root_sh("batchctl wait %s" % job, None)


@case
def groups_change_at_run_time(m):
    """Who is put into the group may submit at once, with a login of before too; who is taken out may not."""
    m.sh("usermod -aG batchd eve")
    job = m.login("eve", SUBMIT).split("\n")[0]
    m.login("eve", "batchctl wait %s" % job, None)
    m.sh("gpasswd -d eve batchd")
    m.login("eve", SUBMIT, 5)
    m.login("eve", "batchctl fetch %s" % job)


@case
def metrics_by_a_timer(m):
    """The example of the package, as its first lines say."""
    m.sh("mkdir -p /var/lib/prometheus/node-exporter && cp /usr/share/doc/batchd/examples/batchd-metrics.* /etc/systemd/system && "
         "systemctl daemon-reload && systemctl enable --now batchd-metrics.timer && systemctl start batchd-metrics.service")
    has(m.sh("cat /var/lib/prometheus/node-exporter/batchd.prom"), "# EOF", "the file")
    equal(m.sh("ls /var/lib/prometheus/node-exporter"), "batchd.prom\n", "files")


@case
def a_users_own(m):
    """The user unit: enabled, used, at work after the logout (linger), its results where they were wanted."""
    m.sh("install -d -o bob -g bob -m 700 /home/bob/.config /home/bob/.config/batchd")
    m.put("/home/bob/.config/batchd/environment", "OPENAI_API_KEY=%s\nOPENAI_BASE_URL=http://127.0.0.1:8080/v1\n" % KEY, 0o600)
    m.sh("chown bob /home/bob/.config/batchd/environment; cp -r /root/data /home/bob/data; chown -R bob /home/bob/data")
    m.sh("loginctl enable-linger bob")                  # he may himself where there is polkit
    m.login("bob", "systemctl --user enable --now batchd && systemctl --user is-active batchd && "
            "batchctl ping")
    start_endpoint(m, delay_ms=3000)
    job = m.login("bob", "cd data && batchctl submit bugfixer --dataset demo.jsonl --repo_mirrors mirrors --save_dir ~/out "
                  "--model_name m --passk 2").split("\n")[0]
    equal(job, "1", "his first job")
    until(lambda: "bob" not in m.sh("loginctl --no-legend list-sessions"), "the end of his session")
    m.login("bob", "batchctl wait 1 --timeout 60; systemctl --user reload batchd && systemctl --user status batchd | grep -q Status:")
    check(int(m.sh("find /home/bob/out/samples -user bob -name '*.patch' | wc -l")) > 0, "patches")
    equal(m.sh("stat -c %a /home/bob/.local/state/batchd /home/bob/out"), "700\n755\n", "modes")
    has(m.login("bob", "journalctl --user -u batchd --no-pager 2>/dev/null || :") +
        m.sh("journalctl --no-pager _SYSTEMD_USER_UNIT=batchd.service"), "done", "his journal")


@case
def upgraded(m):
    """An upgrade stops and starts it; the job that was under way goes on; the config stays."""
    start_endpoint(m, delay_ms=8000)
    job = m.login("ann", SUBMIT.replace("runs/demo", "runs/three")).split("\n")[0]
    until(lambda: "running" in m.sh("batchctl status %s" % job), "its batch")
    before = m.show("MainPID")
    conf = m.sh("cat /etc/batchd/batchd.conf")
    m.sh("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --reinstall /root/batchd.deb")
    equal(m.show("ActiveState"), "active", "the service behind the upgrade")
    check(m.show("MainPID") != before, "the same process")
    equal(m.sh("cat /etc/batchd/batchd.conf"), conf, "the config")
    m.root_sh("batchctl wait %s" % job, None)
    m.sh("batchctl audit %s --remote" % job)


@case
def rebooted(m):
    """Enabled, it comes back with the machine, the user's own as well, and a job goes on."""
    start_endpoint(m, delay_ms=20000)
    job = m.login("ann", SUBMIT.replace("runs/demo", "runs/four")).split("\n")[0]
    until(lambda: "running" in m.sh("batchctl status %s" % job), "its batch")
    m.off()
    m.boot()
    start_endpoint(m, delay_ms=1000)
    m.sh("systemctl is-active batchd && batchctl ping")
    m.root_sh("batchctl wait %s --timeout 100" % job, None)
    m.sh("batchctl audit %s --remote" % job)
    has(m.login("bob", "batchctl status"), "done", "bob's batchd")


@case
def removed_and_purged(m):
    """A removal keeps config, key and state and ends it; a purge leaves nothing but the user's number."""
    m.sh("systemctl stop user@$(id -u bob) ; apt-get remove -y -qq batchd")
    equal(m.root_sh("systemctl is-active batchd", None)[1].strip(), "inactive", "the service")
    m.sh("test -e /etc/batchd/openai.key && test -e /etc/batchd/batchd.conf && test -e /var/lib/batchd/batchd.db")
    m.sh("! test -e /usr/bin/batchd && ! test -e /run/batchd")
    m.sh("apt-get install -y -qq /root/batchd.deb && systemctl start batchd && batchctl status 1 && "
         "systemctl is-enabled batchd")
    m.sh("apt-get purge -y -qq batchd")
    equal(m.sh("ls -d /etc/batchd /var/lib/batchd /run/batchd 2>/dev/null; find /etc /lib/systemd /usr -name '*batchd*' "
               "! -name 'batchd-metrics*' ! -path '*/__pycache__/*'; :"), "", "what a purge leaves")
    m.sh("id batchd && systemctl --failed --no-legend | grep -c batchd | grep -qx 0")


@case
def installed_from_source(m):
    """`make install` in the place of the package, with the words of the README."""
    p = subprocess.run(["cmake", "--install", os.path.dirname(os.path.abspath(WORDS[1])), "--prefix", "/usr/local"],
                       env=dict(os.environ, DESTDIR=m.root), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal(p.returncode, 0, "the installation: %s" % p.stdout.decode())
    m.sh("systemd-sysusers; systemctl daemon-reload")
    m.sh("install -m 600 /dev/stdin /etc/batchd/openai.key", (KEY + "\n").encode())
    m.sh("systemctl enable --now batchd && batchctl ping && systemctl show -P ExecStart batchd | grep -q /usr/local/bin/batchd")
    m.sh("systemctl start user@$(id -u bob)")
    m.login("bob", "systemctl --user daemon-reload; systemctl --user restart batchd && batchctl status 1 | grep -q done")
    m.sh("systemctl disable --now batchd")


def main():
    if len(WORDS) < 3:
        sys.exit(__doc__)
    package, endpoint, root = (os.path.abspath(w) for w in WORDS[:3])
    if os.geteuid() != 0 or not all(map(shutil.which, ("debootstrap", "systemd-nspawn", "nsenter"))):
        sys.exit("needs root, debootstrap and systemd-nspawn")
    if not os.path.isdir(root):
        make_root(root, package)
    copy = tempfile.mkdtemp(prefix=os.path.basename(root) + ".", dir=os.path.dirname(root))
    machine, name, failed = None, "setup", None
    try:
        host("cp", "-a", "--reflink=auto", root + "/.", copy)
        os.chmod(copy, 0o755)
        data = demo_data()
        shutil.copytree(data, os.path.join(copy, "root", "data"))
        shutil.rmtree(data)
        shutil.copy(package, os.path.join(copy, "root", "batchd.deb"))
        shutil.copy(endpoint, os.path.join(copy, "root", "batch-endpoint"))
        machine = Machine(copy)
        machine.boot()
        for one in cases:
            name, began = one.__name__, time.monotonic()
            one(machine)
            print("ok %s (%.1f s)" % (name, time.monotonic() - began), flush=True)
    except Failed as why:
        failed = why
        print("FAIL %s: %s" % (name, why))
        if machine is not None and machine.leader is not None:
            print(machine.root_sh("systemctl status --no-pager -l batchd; journalctl --no-pager -n 40 -u batchd -u endpoint", None)[1])
            if os.environ.get("STAY"):
                print("# it stays: nsenter -t %s -a; Return ends it" % machine.leader, flush=True)
                sys.stdin.readline()
    finally:
        if machine is not None:
            machine.off()
        shutil.rmtree(copy, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
