#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The client as people and scripts meet it: every command of the table, into a pipe and on a terminal, its help, its JSON
against replies.def, and the completions in their shells.

usage: test_client.py BUILD [WORD...]
"""
import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

from harness import BUILD, TOP, Failed, check, demo_data, equal, has, main, request, test, write_lines

CODES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z])")


def table(name):
    with open(os.path.join(TOP, "include", "batchd", name), encoding="utf-8") as file:
        return file.read()


COMMANDS = set(re.findall(r"^(?:CMD|LOCAL)\((\w+),", table("commands.def"), re.M))
WITH_JSON = set(re.findall(r"^HERE\((\w+), json,", table("commands.def"), re.M))
SHAPES = {name: {} for name in re.findall(r"^SHAPE\((\w+),", table("replies.def"), re.M)}
PRINTS = {name: set(by.split("|")) for name, by in re.findall(r'^SHAPE\((\w+), "([^"]+)"', table("replies.def"), re.M)}
for shape, member, kind in re.findall(r'^HAS\((\w+), (\w+), "([^"]+)"', table("replies.def"), re.M):
    SHAPES[shape][member] = kind


def plain(text):
    return CODES.sub("", text).replace("\r\n", "\n")


def fits(kind, value, where):
    """Is the value as replies.def says?  Every member, no other, each of its type."""
    if kind.startswith("["):
        check(isinstance(value, list), "%s: is no list: %r", where, value)
        for n, one in enumerate(value):
            fits(kind[1:-1], one, "%s[%d]" % (where, n))
    elif kind in SHAPES:
        check(isinstance(value, dict), "%s: is no object: %r", where, value)
        for name in value:
            check(name in SHAPES[kind], "%s: replies.def does not tell of %s.%s", where, kind, name)
        for name, of in SHAPES[kind].items():
            check(name in value or of.endswith("?"), "%s: has no %s", where, name)
            if name in value:
                fits(of.rstrip("?"), value[name], "%s.%s" % (where, name))
    else:
        good = {"int": int, "ms": int, "str": str, "id": str, "bool": bool}[kind]
        check(type(value) is good, "%s: is %r, should be %s", where, value, kind)
        check(kind != "id" or value.isdigit(), "%s: is no id: %r", where, value)
        check(kind != "ms" or value == 0 or value > 10**12, "%s: is no time: %r", where, value)


def up(s):
    """A job of twelve, of which one fails once."""
    s.up(max_attempts=1, max_requests=6, max_active=2, delay_ms=300,
         plan=[{"custom_id": "n00", "do": "error", "status": 400, "code": "bad_thing", "times": 1},
               {"batch": "every", "from": 4, "do": "delay", "ms": 15000}])
    for name, prefix in (("r", "n"), ("slow", "s")):
        write_lines(s.path(name + ".jsonl"), [request("%s%02d" % (prefix, i)) for i in range(12)])


def script(s):
    """A life of two jobs.  Words, exit status, a piece of what is said."""
    data = demo_data()
    raw = ["submit", "raw", "--requests", "r.jsonl", "--save_dir", "out", "--name", "nightly"]
    slow = ["submit", "raw", "--requests", "slow.jsonl", "--save_dir", "slow", "--name", "slow"]
    stage = ["stage", "bugfixer", "gen_step1", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir",
             os.path.join(data, "structures"), "--model_name", "m", "--output_file", "step1.jsonl"]
    return [
        (raw + ["--dry_run"], 0, "12"), (raw, 0, "1\n"), (["wait", "nightly"], 1, ""), (["status"], 0, "nightly"),
        (["status", "1"], 0, "bad_thing"), (["status", "night"], 0, "bad_thing"), (["why", "1"], 0, "retry"),
        (["audit", "1"], 0, "adds up"), (["fetch", "1", "copy"], 0, "copy"), (["events"], 0, "submitted"),
        (["events", "1"], 0, "submitted"), (["logs", "1", "-n", "1"], 0, "audit"), (["metrics"], 0, "# EOF"), (["ping"], 0, "batchd"),
        (["retry", "1"], 0, "1 pass"), (["wait", "1", "--timeout", "50"], 0, ""), (["pause", "1"], 4, "done"),
        (slow, 0, "2\n"), (["pause", "slow"], 0, "job 2: paused"), (["why", "slow"], 0, "batchctl resume 2"),
        (["resume", "slow"], 0, "job 2: running"), (["resume", "--endpoint", "local"], 0, "endpoint local: open"),
        (["cancel", "slow", "--yes"], 0, "job 2: canceled"), (["wait", "slow", "nightly", "--any"], 0, "1\n"), (["wait", "slow"], 1, ""),
        (["remove", "slow", "--yes"], 0, "job 2: removed"), (["status", "slow"], 3, "slow"), (stage, 0, ""), (["help"], 0, "Exit status"),
        (["help", "stage"], 0, "gen_step1"), (["help", "--man"], 0, ".Sh JSON OUTPUT"), (["completion", "bash"], 0, "complete"),
        (["completion", "zsh"], 0, "compdef"), (["completion", "fish"], 0, "complete"), (["version"], 0, "batchctl")]


@test
def every_command_into_a_pipe(s):
    """7: what each command of the table says and ends with; no codes, whole lines, nothing on stderr when it is well."""
    up(s)
    seen = set()
    for words, want, piece in script(s):
        r = s.ctl(*words).expect(want)
        has(r.out if want == 0 else r.out + r.err, piece, " ".join(words))
        check("\x1b" not in r.out + r.err and "\r" not in r.out, "%s writes codes into a pipe: %r", words, r.out)
        check(not r.out or r.out.endswith("\n"), "%s: its last line has no end", words)
        check(want != 0 or not r.err or words[0] == "stage", "%s: stderr: %s", words, r.err)
        seen.add(words[0])
    equal(seen, COMMANDS, "commands that were tried")


@test
def every_command_on_a_terminal(s):
    """7: the same on terminals of several widths; the terminal is as it was."""
    up(s)
    seen = set()
    for n, (words, want, piece) in enumerate(script(s)):
        code, text = s.ctl_pty(*words, columns=(80, 40, 200)[n % 3])
        equal(code, want, "exit of %s, which says %r" % (words, text))
        has(plain(text), piece, " ".join(words)) if piece and n % 3 != 1 else None
        seen.add(words[0])
    equal(seen, COMMANDS, "commands that were tried")


@test
def every_json_is_as_told(s):
    """5: --json of each command that has it, against replies.def, which batchctl(1) tells."""
    up(s)
    seen = set()

    def one(kind, *words, exit=0):
        r = s.ctl(*words, "--json").expect(exit)
        for line in r.out.splitlines():
            fits(kind, json.loads(line), " ".join(words))
            equal(json.loads(line)["schema"], 1, "schema of %s" % " ".join(words))
        check(r.out, "%s --json says nothing", words)
        check(words[0] in PRINTS[kind], "replies.def does not say that %s prints %s", words[0], kind)
        seen.add((words[0], kind))
        return r.out
    data = demo_data()
    raw = ["submit", "raw", "--requests", "r.jsonl", "--save_dir", "out", "--name", "nightly"]
    one("planned", *raw, "--dry_run")
    one("planned", "submit", "bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir",
        os.path.join(data, "structures"), "--save_dir", "out", "--model_name", "m", "--dry_run")
    one("submitted", *raw)
    for words in (["status", "1"], ["status"], ["why", "1"], ["audit", "1"]):       # while it runs
        one({"status": "job" if len(words) > 1 else "jobs"}.get(words[0], words[0]), *words)
    one("job", "wait", "1", exit=1)
    for words in (["status", "1"], ["status"], ["why", "1"], ["audit", "1", "--remote"]):
        one({"status": "job" if len(words) > 1 else "jobs"}.get(words[0], words[0]), *words)
    one("fetched", "fetch", "1", "copy")
    equal(one("event", "logs", "-n", "2").count("\n"), 2, "events of logs -n 2")
    one("event", "events", "1")
    one("pong", "ping")
    one("retried", "retry", "1")
    one("job", "wait", "1", "--any")
    one("submitted", "submit", "raw", "--requests", "slow.jsonl", "--save_dir", "slow")
    for words in (["pause", "2"], ["resume", "2"], ["resume", "--endpoint", "local"], ["cancel", "2", "--yes"]):
        one("changed", *words)
    one("job", "wait", "2", exit=1)
    one("changed", "remove", "2", "--yes")
    equal({command for command, _ in seen}, WITH_JSON, "commands that have --json")
    equal(seen, {(command, kind) for kind, by in PRINTS.items() for command in by}, "what replies.def tells")


@test
def help_of_every_command(s):
    """5: --help and help COMMAND tell the same, every flag, and fit the terminal."""
    for command in sorted(COMMANDS):
        r = s.ctl(command, "--help").expect(0)
        equal(s.ctl("help", command).expect(0).out, r.out, "help %s" % command)
        equal(s.ctl(command, "-h").expect(0).out, r.out, "%s -h" % command)
        for flag in re.findall(r"^(?:FLAG|HERE)\(%s, (\w+)," % command, table("commands.def"), re.M):
            has(r.out, "--" + flag, "help of " + command)
        for columns in (40, 80, 200):
            code, text = s.ctl_pty("help", command, columns=columns)
            equal(code, 0, "help %s" % command)
            for line in plain(text).split("\n"):
                check(len(line) <= columns or " " not in line.strip(), "help %s at %d columns: %r", command, columns, line)


@test
def what_fits_the_terminal(s):
    """5: tables are no wider than the terminal; NO_COLOR takes the colours; a name with codes in it does no harm."""
    up(s)
    s.ctl("submit", "raw", "--requests", "r.jsonl", "--save_dir", "out", "--name", "a-rather-long-name-" + "x" * 80 + "\u65e5\u672c").expect(0)
    s.ctl("wait", "1").expect(1)
    s.ctl("submit", "raw", "--requests", "slow.jsonl", "--save_dir", "slow").expect(0)
    for columns in (20, 40, 80, 200):
        for words in (["status"], ["status", "1"], ["status", "2"], ["why", "1"], ["audit", "1"], ["help"]):
            code, text = s.ctl_pty(*words, columns=columns, rows=24)
            equal(code, 0, "exit of %s" % words)
            wide = [line for line in plain(text).split("\n") if len(line) > columns]
            check(not wide or words[0] in ("why", "help") and columns < 80 or columns < 40 or
                  words == ["status", "1"] and all(re.match(r"\S+ \(job|  \S+ +\S+$", line) for line in wide),
                  "%s at %d columns: %r", words, columns, wide)
    code, text = s.ctl_pty("status", "1")
    check(re.search(r"\x1b\[[0-9;]*m", text), "no colours on a terminal: %r", text)
    for words in (["status"], ["status", "1"], ["why", "1"], ["audit", "1"], ["events"]):
        code, text = s.ctl_pty(*words, env={"NO_COLOR": "1"})
        check(not re.search(r"\x1b\[[0-9;]*[1-9][0-9;]*m", text), "%s has colours with NO_COLOR: %r", words, text)
    code, text = s.ctl_pty("status", env={"TERM": "dumb"})
    check("\x1b" not in text, "codes on a dumb terminal: %r", text)


@test
def mistakes_are_told_with_a_way_out(s):
    """5: what was wrong, where, what to do; the same without a daemon where none is needed."""
    for words, exit, pieces in (
            (["statis"], 2, ["statis", "status"]), (["status", "--jsn"], 2, ["--jsn", "--json"]), (["events", "-x"], 2, ["-x"]),
            (["wait"], 2, ["job"]), (["status", "1", "2"], 2, ["2"]), (["wait", "1", "--timeout", "soon"], 2, ["--timeout", "soon"]),
            (["completion", "tcsh"], 2, ["tcsh", "bash"]), (["submit", "bugfixr"], 2, ["bugfixr", "bugfixer"]),
            (["submit", "raw"], 2, ["--requests"]), (["logs", "-n", "0"], 2, ["--last", "1000000"]), (["help", "stat"], 2, ["stat"]),
            (["status"], 6, [s.socket, "batchd"]), (["submit", "raw", "--requests", "nofile", "--save_dir", "o"], 2, ["nofile"])):
        r = s.ctl(*words).expect(exit)
        equal(r.out, "", "stdout of %s" % words)
        for piece in pieces:
            has(r.err, piece, "the error of %s" % words)
        check(len(r.err.splitlines()) <= 3, "the error of %s is long: %s", words, r.err)
    up(s)
    for name in ("night-one", "night-two"):
        s.ctl("submit", "raw", "--requests", "r.jsonl", "--save_dir", name, "--name", name).expect(0)
    r = s.ctl("status", "night")
    check(r.exit != 0 and "night-one" in r.err + r.out and "night-two" in r.err + r.out, "a prefix of two names: %s %s", r.exit, r.err)
    equal(s.ctl("status", "night-t", "--json").expect(0).json()["name"], "night-two", "a prefix of one")
    has(s.ctl("status", "99").expect(3).err, "99", "an id that is not there")


@test
def a_person_is_asked(s):
    """5: cancel and remove ask on a terminal, naming the job that is meant; no answer is no; --yes and pipes are not asked."""
    s.up(delay_ms=15000)
    write_lines(s.path("slow.jsonl"), [request("a")])
    s.ctl("submit", "raw", "--requests", "slow.jsonl", "--save_dir", "slow", "--name", "nightly").expect(0)
    for answer, code, state in ((b"\n", 1, "running"), (b"n\n", 1, "running"), (b"\x04", 1, "running"), (b"yes\n", 0, "canceled")):
        got, text = s.ctl_pty("cancel", "night", input=answer, ready=b"[y/N]")
        has(plain(text), "job 1 (nightly)", "the question")
        check(got == code, "cancel answered %r: exit %s, %r", answer, got, text)
        equal(s.status("1")["state"], state, "state behind %r" % answer)
    s.ctl("wait", "1")
    got, text = s.ctl_pty("remove", "1", input=b"n\n", ready=b"[y/N]")
    equal(got, 1, "remove answered n")
    got, text = s.ctl_pty("remove", "nobody")
    check(got == 3 and "y/N" not in text, "remove of no job asks: %r", text)
    equal(s.ctl_pty("remove", "1", "--yes")[0], 0, "remove --yes")


# --- another version at the other end -------------------------------------------------------------

def answers(path, reply):
    """A daemon that gives one reply, whatever it is asked; what it was asked."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4)
    asked = []

    def serve():
        with listener:
            peer, _ = listener.accept()
            with peer:
                asked.append(json.loads(peer.makefile("rb").readline()))
                peer.sendall(reply)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread, asked


@test
def a_daemon_of_another_version(s):
    """7: an older or newer batchd: its refusal is shown, members that are new are skipped, those that lack are no trouble."""
    refusal = b'{"error":{"code":-2,"message":"this batchd (0.0.9) speaks version 9 of the protocol, not 1; use its batchctl"}}\n'
    for n, (words, reply, exit, piece) in enumerate((
            (["status"], refusal, 2, "version 9"), (["ping"], refusal, 2, "0.0.9"),
            (["logs", "-n", "3"], b'{"error":{"code":-2,"message":"this batchd (0.0.9) has no such command"}}\n', 2, "0.0.9"),
            (["status"], b'{"ok":{"schema":7,"jobs":[{"id":"4","name":"new","state":"dreaming","new":[{}],"passes":{"total":3}}],"more":1}}\n', 0, "dreaming"),
            (["status", "4"], b'{"ok":{"id":"4","state":"running"}}\n', 0, "running"), (["why", "4"], b'{"ok":{}}\n', 0, ""),
            (["audit", "4"], b'{"ok":{"id":"4","ok":true}}\n', 0, "adds up"), (["ping"], b'{"ok":{}}\n', 0, "batchd"),
            (["retry", "4"], b'{"ok":{}}\n', 0, "no failed"), (["pause", "4"], b'{"ok":{"state":"resting"}}\n', 0, "resting"),
            (["ping"], b'{"okay":{}}\n', 7, "version"), (["ping"], b'{"error":{"code":-77,"message":"a new kind"}}\n', 7, "a new kind"),
            (["ping"], b'{"error":{}}\n', 7, ""), (["status"], b'<html>\n', 7, "JSON"))):
        path = s.path("d%d" % n)
        thread, asked = answers(path, reply)
        r = s.ctl(*words, "--socket", path)
        thread.join(20)
        check(r.exit == exit, "%s, answered %s: exit %s, should be %s: %s%s", words, reply, r.exit, exit, r.out, r.err)
        has(r.out + r.err, piece, "%s answered %s" % (words, reply))
        equal((asked[0]["batchd"], asked[0]["command"]), (1, words[0]), "the request")


@test
def a_client_of_another_version(s):
    """7: a newer or older batchctl at this batchd: it is told which version is here; what it does not know is refused, not guessed."""
    s.up()

    def ask(**members):
        with socket.socket(socket.AF_UNIX) as c:
            c.settimeout(20)
            c.connect(s.socket)
            c.sendall(json.dumps(members).encode() + b"\n")
            return json.loads(c.makefile("rb").readline())
    version = s.ctl("ping", "--json").json()["version"]
    for wire in (0, 2, 99, "1", None):
        r = ask(batchd=wire, command="ping", args={})
        equal(r.get("error", {}).get("code"), -2, "version %r" % wire)
        has(r["error"]["message"], version, "the refusal")
        has(r["error"]["message"], "version 1", "the refusal")
    has(ask(batchd=1, command="dream", args={})["error"]["message"], version, "a command that is new")
    has(ask(batchd=1, command="status", args={"sorted_by": "age"})["error"]["message"], "--sorted_by", "a flag that is new")
    check("ok" in ask(batchd=1, command="ping", args={}, hint="a member that is new"), "a member of the request is skipped")


# --- completions ----------------------------------------------------------------------------------

def shells(s):
    """A directory for $PATH, a job with a plain name and one that no shell may run."""
    up(s)
    for n, name in enumerate(("nightly", "$(touch${IFS}%s)" % s.path("run1"), "`touch %s`" % s.path("run2"), "x;touch run3", "two words")):
        s.ctl("submit", "raw", "--requests", "slow.jsonl", "--save_dir", "out%d" % n, "--name", name).expect(0)
    for shell in ("bash", "zsh", "fish"):
        with open(s.path("comp." + shell), "w", encoding="utf-8") as file:
            file.write(s.ctl("completion", shell).expect(0).out)
    return dict(s.env(), PATH=BUILD + ":" + os.environ["PATH"], HOME=s.dir, TERM="dumb")


def run_nothing(s):
    check(not [name for name in os.listdir(s.dir) if name.startswith("run")], "a name was run: %s", os.listdir(s.dir))


# words so far, the last of them to be completed; what must be offered, what must not
ASKED = ((["sta"], {"status", "stage"}, {"submit"}), (["submit", ""], {"bugfixer", "testwriter", "raw"}, set()),
         (["status", ""], {"1", "nightly"}, {"$(touch", "raw"}), (["wait", "1", "ni"], {"nightly"}, set()),
         (["submit", "raw", "--re"], {"--requests"}, {"--save_dir"}), (["retry", "1", "--"], {"--failed", "--pass", "--stage", "--json"}, {"--canary"}),
         (["help", "comp"], {"completion"}, set()), (["completion", ""], {"bash", "zsh", "fish"}, set()),
         (["--socket", "x", "res"], {"resume"}, {"retry"}))


def offered(asked, words, wanted, not_wanted, got):
    check(wanted <= got and not not_wanted & got, "%s: %s of %r: %s", asked, "completion", words, sorted(got))


@test
def completion_in_bash(s):
    """5: what bash offers, by the function that `complete` runs."""
    if shutil.which("bash") is None:
        return
    env = shells(s)
    for words, wanted, not_wanted in ASKED:
        text = 'source comp.bash; COMP_WORDS=(batchctl "$@"); COMP_CWORD=$#; _batchctl batchctl; printf "%s\\n" "${COMPREPLY[@]}"'
        p = subprocess.run(["bash", "--norc", "-c", text, "bash"] + words, env=env, cwd=s.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(p.stderr, b"", "stderr of bash")
        offered("bash", words, wanted, not_wanted, set(p.stdout.decode().split("\n")))
    run_nothing(s)
    text = typed(s, ["bash", "--norc", "--noprofile", "-i"], env, ["source ./comp.bash", "batchctl vers\t", "batchctl --socket %s pi\t" % s.socket])
    has(text, "batchctl 0", "what bash ran")
    has(text, "answered in", "what bash ran")


@test
def completion_in_fish(s):
    """5: what fish offers."""
    if shutil.which("fish") is None:
        print("# left out: no fish here", flush=True)
        return
    env = shells(s)
    for words, wanted, not_wanted in ASKED:
        line = "batchctl " + " ".join(words)
        p = subprocess.run(["fish", "-N", "-c", "source comp.fish; complete -C %s" % json.dumps(line)], env=env, cwd=s.dir,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(p.stderr, b"", "stderr of fish")
        offered("fish", words, wanted, not_wanted, {li.split("\t")[0] for li in p.stdout.decode().split("\n")})
    run_nothing(s)


@test
def completion_in_zsh(s):
    """5: what zsh makes of a line and a tab."""
    if shutil.which("zsh") is None:
        print("# left out: no zsh here", flush=True)
        return
    env = shells(s)
    begin = ["autoload -U compinit; compinit -u -D", "source ./comp.zsh"]
    text = typed(s, ["zsh", "-f", "-i"], env, begin + ["batchctl vers\t", "batchctl help complet\t", "batchctl why night\t", "batchctl ping --js\t"])
    for piece in ("batchctl 0", "usage: batchctl completion", "job 1 is", '"uptime_s"'):
        has(text, piece, "what zsh ran")
    run_nothing(s)


def typed(s, words, env, lines):
    """Those lines typed into a shell on a terminal; all it wrote."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(s.dir)
        os.execvpe(words[0], words, dict(env, TERM="xterm", PS1="READY> ", PROMPT="READY> "))
    text, deadline = b"", time.monotonic() + 40
    try:
        for n, line in enumerate(lines + ["exit"]):
            # the line and its tab, then Return when the line has been completed or nothing comes any more
            before = text.count(b"READY> ")
            os.write(fd, line.encode())
            quiet = 0
            while quiet < (8 if "\t" in line else 1):
                got, _, _ = select.select([fd], [], [], 0.1)
                quiet = 0 if got else quiet + 1
                if got:
                    text += os.read(fd, 65536)
            os.write(fd, b"\n")
            while n < len(lines) and text.count(b"READY> ") <= before:
                if time.monotonic() > deadline:
                    raise Failed("%s: no prompt behind %r: %r" % (words[0], line, text[-800:]))
                if select.select([fd], [], [], 0.1)[0]:
                    text += os.read(fd, 65536)
    except OSError:                                     # it has left
        pass
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
    return text.decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main())
