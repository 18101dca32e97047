#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exactly once, and nothing lost: batchd dies, is stopped, runs out of disk and is attacked, with its real binaries.

usage: test_crash.py BUILD [WORD...]      only tests with such a word in their name

BATCHD_CRASH_STRIDE=k    die at every k-th step (1: at every one; every sixth or so if it is not set)
BATCHD_KILLS=n           kill -9 that often (100 is the full run)
BATCHD_CRASH_SEED=n      of what is random
"""
import concurrent.futures
import os
import random
import shutil
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crash_disk                                       # noqa: E402
import crash_peers                                      # noqa: E402
import crash_steps                                      # noqa: E402
import crash_stop                                       # noqa: E402
from crash_site import Data, Failed, check              # noqa: E402

STRIDE = int(os.environ.get("BATCHD_CRASH_STRIDE", "0"))
KILLS = int(os.environ.get("BATCHD_KILLS", "12"))
SEED = int(os.environ.get("BATCHD_CRASH_SEED", "1"))
AT_A_TIME = 2


class Run:
    """The data all tests use."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.data = Data(build, folder)
        self.wanted, self.steps = None, 0

    def reference(self):
        if self.wanted is None:
            self.wanted, self.steps = crash_steps.reference(self.data)
        return self.wanted, self.steps


def over(run, orders):
    """Each of these lists of steps, two at a time; (tried, deaths).  All that fails is told, not the first alone."""
    wanted, _ = run.reference()
    died, tried, wrong = 0, 0, []
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for one in [pool.submit(crash_steps.crash_at, run.data, wanted, order) for order in orders]:
            tried += 1
            try:
                died += one.result()
            except Failed as why:
                wrong.append(str(why))
    check(not wrong, "%d of %d; the first:\n%s\n%s", len(wrong), tried, "\n".join(wrong[:1]),
          "\n".join(text.split("\n")[0] for text in wrong[1:]))
    check(died > 0, "nobody died")
    return tried, died


def every_step(run):
    """Death at step n, for every n."""
    _, steps = run.reference()
    stride = STRIDE or max(1, steps // 40)
    tried = over(run, [[n] for n in range(1 + SEED % stride, steps + 60, stride)])
    return "%d steps in a run without a crash; %d steps tried, %d deaths" % ((steps,) + tried)


def twice(run):
    """And once more while it recovers."""
    _, steps = run.reference()
    chance = random.Random(SEED)
    count = steps // STRIDE if STRIDE else 10
    tried = over(run, [[chance.randrange(1, steps), chance.randrange(1, 60)] for _ in range(count)])
    return "%d pairs of steps tried, %d ended in death" % tried


def kill_at_random(run):
    """kill -9, again and again."""
    data = Data(run.build, tempfile.mkdtemp(dir=run.folder), copies=8)
    wanted, _ = crash_steps.reference(data)
    return "%d kills" % crash_steps.killed(data, wanted, KILLS, SEED)


def stop_while_stuck(run):
    """SIGTERM with a call that hangs: out within 10 s, and the next start goes on."""
    wanted, _ = run.reference()
    with concurrent.futures.ThreadPoolExecutor(len(crash_stop.STUCK)) as pool:
        took = list(pool.map(lambda case: crash_stop.stuck(run.data, wanted, case), crash_stop.STUCK))
    return ", ".join("%s %.1f s" % (case[0], t) for case, t in zip(crash_stop.STUCK, took))


def second_signal(run):
    """A second SIGTERM ends it at once."""
    crash_stop.second_term(run.data)
    return "at once"


def reload_config(run):
    """SIGHUP: a bad config changes nothing, good ones one behind the other do."""
    crash_stop.reload_config(run.data, run.reference()[0])
    return "as it should"


def hostile_peers(run):
    """The control socket under attack."""
    return crash_peers.hostile(run.data, run.reference()[0])


def disk_trouble(run):
    """No room, no writing, no directory: the job waits, says why, and goes on."""
    wanted, _ = run.reference()
    crash_disk.gone(run.data, wanted)
    done = ["gone"]
    for case in (crash_disk.full_save_dir, crash_disk.full_state_dir, crash_disk.read_only):
        try:
            case(run.data, wanted, run.folder)
            done.append(case.__name__)
        except PermissionError as why:
            done.append("%s left out: %s" % (case.__name__, why))
    return ", ".join(done)


def bad_databases(run):
    """A database that is none, damaged or from tomorrow: refused, and not touched."""
    for damage, words in crash_disk.DAMAGES:
        crash_disk.bad_database(run.data, damage, words)
    return ", ".join(damage.__name__ for damage, _ in crash_disk.DAMAGES)


TESTS = [every_step, twice, kill_at_random, stop_while_stuck, second_signal, reload_config, hostile_peers, disk_trouble,
         bad_databases]


def main():
    build, words = os.path.abspath(sys.argv[1]), sys.argv[2:]
    folder = tempfile.mkdtemp(prefix="bcrash", dir=os.environ.get("TMPDIR", "/tmp"))
    run, failed = Run(build, folder), 0
    for test in TESTS:
        if words and not any(word in test.__name__ for word in words):
            continue
        began = time.monotonic()
        try:
            note = test(run)
            print("ok %s (%s; %.1f s)" % (test.__name__, note, time.monotonic() - began), flush=True)
        except Failed as why:
            failed += 1
            print("FAIL %s: %s" % (test.__name__, why), flush=True)
        except Exception:               # noqa: BLE001: the test itself is broken: say so, go on
            failed += 1
            print("FAIL %s: %s" % (test.__name__, traceback.format_exc()), flush=True)
    if failed == 0:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print("what is left of it: %s" % folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
