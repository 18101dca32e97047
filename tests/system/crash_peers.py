# SPDX-License-Identifier: MIT
"""Peers that mean harm, or mean nothing, at the control socket: only they are dropped."""
import json
import os
import random
import socket
import time

from crash_site import check, fds, until
from crash_stop import finish, in_site

MANY = 1000


class Pinger:
    """How long batchd takes to answer while all that goes on."""

    def __init__(self, site):
        self.site, self.slowest = site, 0

    def ping(self, what):
        began = time.monotonic()
        check(self.site.ping(), "no answer to a ping: %s", what)
        self.slowest = max(self.slowest, time.monotonic() - began)


def send(s, data):
    """All of it or what they take; how much that was."""
    sent = 0
    try:
        while sent < len(data):
            sent += s.send(data[sent:])
    except OSError:
        pass
    return sent


def answer(s):
    """What comes until they close; b"" if they only dropped us."""
    got = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
    except OSError:
        pass
    return got


def garbage(site, pinger):
    chance = random.Random(7)
    lines = [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 3000))) + b"\n" for _ in range(60)]
    lines += [b"\n", b"{}\n", b"[]\n", b"null\n", b'{"batchd":1}\n', b'{"batchd":1,"command":null}\n',
              b'{"batchd":1e400,"command":"ping"}\n', b'{"batchd":1,"command":"ping","args":[1]}\n',
              b'{"batchd":1,"command":"ping","args":{"":{}}}\n', b'{"batchd":1,"command":"status","args":{"job":{}}}\n',
              b'{"batchd":1,"command":"ping","args":7}\n', b'{"batchd":1,"command":"ping\\u0000","args":{}}\n',
              b'{"batchd":1,"command":"\xff\xfe"}\n', b'{"batchd":99,"command":"ping"}\n',
              b'{"batchd":1,"command":"ping","upload":100000}\n' + b"x" * 100000,
              b'{"batchd":1,"command":"submit","args":{"passk":1e18,"workflow":7,"save_dir":[]}}\n',
              b'{"batchd":1,"command":"submit","args":{"workflow":"bugfixer","save_dir":"x","model_name":"m"}}\n',
              b'{"batchd":1,"command":"retry","args":{"job":"1","stage":-9223372036854775808}}\n',
              b"[" * 500000 + b"\n", b'{"a":' * 150000 + b"\n", b'"' + b"\\" * 900000 + b"\n"]
    for line in lines:
        with site.connect() as s:
            send(s, line)
            for reply in answer(s).split(b"\n")[:-1]:
                check(isinstance(json.loads(reply), dict), "a reply that is no object: %r", reply)
        pinger.ping("garbage")


def half_lines(site, pinger):
    for cut in (1, 5, 20):
        held = [site.connect() for _ in range(20)]
        for s in held:
            send(s, b'{"batchd":1,"command":"ping","args":{}}\n'[:cut])
        pinger.ping("half lines")
        for s in held[::2]:
            s.shutdown(socket.SHUT_WR)
        for s in held:
            s.close()


def endless_line(site, pinger):
    piece, sent = b"a" * (1 << 20), 0
    with site.connect() as s:
        while sent < 1 << 30:
            took = send(s, piece)
            sent += took
            if took < len(piece):
                break
    check(sent < 64 << 20, "a line of %d bytes was taken", sent)
    pinger.ping("a line of 1 GB")


def many(site, pinger):
    held = []
    try:
        for _ in range(MANY):
            held.append(site.connect())
            if len(held) % 100 == 0:
                pinger.ping("%d connections" % len(held))
    finally:
        for s in held:
            s.close()


def slow_readers(site, pinger):
    held = []
    for command in (b'"events","args":{"follow":true}', b'"wait","args":{"job":"1"}', b'"status","args":{}') * 20:
        held.append(site.connect())
        send(held[-1], b'{"batchd":1,"command":' + command + b"}\n")
    pinger.ping("slow readers")
    for s in held[::2]:
        s.shutdown(socket.SHUT_WR)
    pinger.ping("slow readers")
    for s in held:
        s.close()


def submit_line(size, **more):
    args = dict({"workflow": "raw", "requests": "r", "save_dir": "/nonexistent/x"}, **more)
    return json.dumps({"batchd": 1, "command": "submit", "args": args, "upload": size}).encode() + b"\n"


def uploads(site, pinger):
    for size, body in ((1000000, b"x" * 500000), (1 << 62, b"x" * 300000), (10, b""), (1, b"xyz"), (0, b"abc")):
        with site.connect() as s:
            send(s, submit_line(size) + body)
            pinger.ping("an upload that ends too early")
    for size in (-5, -(1 << 63), 1e300, "12", None, [], 1.5):
        with site.connect() as s:
            send(s, submit_line(size) + b"x" * 1000)
            s.shutdown(socket.SHUT_WR)
            answer(s)
        pinger.ping("an upload of no size")
    held = [site.connect() for _ in range(50)]
    for s in held:
        send(s, submit_line(1 << 40) + b"y" * 70000)
    pinger.ping("50 uploads that stand still")
    for s in held:
        s.close()


def settled_fds(site):
    """How many are open once nothing more is closed."""
    seen, quiet = fds(site.batchd.pid), 0
    while quiet < 20:
        time.sleep(0.02)
        now = fds(site.batchd.pid)
        quiet = quiet + 1 if now == seen else 0
        seen = now
    return seen


def hostile(data, wanted):
    def body(site):
        pinger = Pinger(site)
        check("ok" in (site.submit() or {}), "submit")
        attacks = (garbage, half_lines, endless_line, many, slow_readers, uploads)
        for attack in attacks:
            attack(site, pinger)
            check(site.alive(), "batchd died of %s", attack.__name__)
        until("the job's end", site.job_over)
        until("the uploads' files to be gone", lambda: not [n for n in os.listdir(site.state) if "incoming" in n], 10)
        before = settled_fds(site)
        for attack in attacks:                  # once more, now that all there is to open is open
            attack(site, pinger)
        until("descriptors as before: %d, not %d" % (before, fds(site.batchd.pid)),
              lambda: fds(site.batchd.pid) <= before, 10)
        until("the uploads' files to be gone", lambda: not [n for n in os.listdir(site.state) if "incoming" in n], 10)
        with open("/proc/%d/status" % site.batchd.pid) as file:
            peak = [int(line.split()[1]) for line in file if line.startswith("VmHWM")][0]
        check(peak < 400000, "batchd took %d kB", peak)
        check(pinger.slowest < 2, "a ping took %.2f s", pinger.slowest)
        finish(site, wanted)
        return "slowest ping %d ms" % (pinger.slowest * 1000)
    return in_site(data, body)
