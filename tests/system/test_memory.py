#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Memory that runs out: what needs it waits and says so, all else goes on, and nothing is paid twice.  usage: test_memory.py BUILD"""
import json
import resource
import socket
import sys

from harness import check, equal, has, main, request, test, until, write_lines

MB = 1 << 20


def size_of(s):
    with open("/proc/%d/status" % s.batchd.pid, encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmSize:"))


def limit(s, more):
    """So many bytes of address space beyond what it has; None: as many as it likes.  A sanitizer's has nothing to do with memory."""
    if size_of(s) > 1 << 40:
        return
    most = resource.RLIM_INFINITY if more is None else size_of(s) + more
    resource.prlimit(s.batchd.pid, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def why(s, job):
    return s.ctl("why", job).expect(0).out


@test
def an_answer_too_large_for_the_memory_waits_for_it(s):
    """A line of 60 MB with 60 MB to spare: its job waits by that reason, another one ends, and with memory so does the first."""
    s.up(plan=[{"custom_id": "big", "do": "big", "bytes": 60 * MB}])
    s.wait(s.submit_raw([request("before")], save="before"))
    limit(s, 60 * MB)
    job = s.submit_raw([request("big"), request("small")])
    if size_of(s) < 1 << 40:
        until(lambda: "not enough memory" in why(s, job), "the reason")
    s.ctl("ping").expect(0)
    rows = write_lines(s.path("other.jsonl"), [request("other")])       # refused while the other one tries again
    taken = until(lambda: [r for r in [s.ctl("submit", "raw", "--requests", rows, "--save_dir", s.path("other"))] if r.exit == 0],
                  "another job")
    s.wait(taken[0].out.split("\n")[0])
    limit(s, None)
    s.wait(job)
    s.audit(job)
    equal(sorted(n for n, _ in s.billed()), ["before", "big", "other", "small"], "billed")
    if size_of(s) < 1 << 40:
        has(s.ctl("events", job).expect(0).out, "goes on", "events")


@test
def a_line_nobody_can_read_fails_its_pass(s):
    """130 MB in one line: that pass fails with a reason, its neighbours are done."""
    s.up(plan=[{"custom_id": "big", "do": "big", "bytes": 130 * MB}])
    job = s.submit_raw([request("big"), request("small")])
    st = s.wait(job, exit=1)
    equal([(f["reason"], f["count"]) for f in st["failures"]], [("answer_too_long", 1)], "failures")
    equal(st["passes"]["done"], 1, "done")
    s.audit(job)
    equal(len(s.billed()), 2, "billed")


@test
def peers_cannot_use_it_up(s):
    """Hundreds of requests that never end, each of nearly 1 MB, with 60 MB to spare: they are dropped, and it answers."""
    s.up(delay_ms=1000)
    job = s.submit_raw([request("n%d" % i) for i in range(20)])
    limit(s, 60 * MB)
    held = []
    for _ in range(300):
        c = socket.socket(socket.AF_UNIX)
        c.connect(s.socket)
        c.settimeout(5)
        try:
            c.sendall(b'{"batchd":1,"command":"status","args":{"job":"' + b"x" * (1000 << 10))
        except OSError:
            pass                        # hung up on: that is the idea
        held.append(c)
    until(lambda: s.ctl("ping").exit == 0, "an answer while they hold on")
    check(s.batchd.poll() is None, "batchd ended with %s", s.batchd.poll())
    for c in held:
        c.close()
    limit(s, None)
    s.wait(job)
    s.audit(job)
    equal(len(s.billed()), 20, "billed")


@test
def a_list_of_millions_is_no_list(s):
    """An endpoint that answers with 8 MB of list items, where a lost create is looked for."""
    items = json.dumps({"data": [{"id": i} for i in range(600000)], "has_more": False}, separators=(",", ":"))
    s.up(plan=[{"call": "create", "nth": 1, "do": "drop", "effect": "after"},
               {"call": "batch_list", "nth": 1, "do": "garbage", "body": items}], grace_ms=1000)
    limit(s, 60 * MB)
    job = s.submit_raw([request("a")])
    until(lambda: s.calls("batch_list"), "a look for the lost one")
    limit(s, None)
    s.wait(job)
    s.audit(job)
    equal(len(s.billed()), 1, "billed")


sys.exit(main())
