# SPDX-License-Identifier: MIT
"""batchd dies at every durable step, and at random moments; then it goes on as if nothing had been."""
import contextlib
import os
import random
import subprocess
import time

from crash_site import Failed, Site, check, until


def reference(data):
    """The job without a crash: what its save_dir must hold, and how many steps it took."""
    site = Site(data)
    try:
        steps = os.path.join(site.dir, "steps")
        site.start(steps=steps)
        check(site.go_on(), "batchd died without an order")
        site.check_job()
        check(site.stop()[0] == 0, "batchd's exit status")
        site.check_state_dir()
        return site.files(), int(open(steps).read())
    finally:
        site.end()


def crash_at(data, wanted, orders):
    """One run: batchd dies at step orders[0], the next one at its step orders[1], ..., the last one lives.
    False: there were fewer steps than that, so nobody died at the last order."""
    site, keep = Site(data), True
    try:
        for n in orders:
            site.start(crash_at=n)
            if site.alive() and site.go_on():
                break
            check(site.batchd.wait(10) == 99, "batchd ended with %s, not by order", site.batchd.returncode)
        died = not site.alive()
        if not died:
            try:
                site.check_job()
            except Failed:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    died = site.batchd.wait(2) == 99    # the order came behind the job's end
                if not died:
                    raise
        if died:
            check(site.start(), "batchd does not start again")
            check(site.go_on(), "batchd died again")
            site.check_job()
        site.check_files(wanted)
        status = site.stop()[0]
        if status == 99 and not died:                   # the order came while it stopped
            died = True
            check(site.start(), "batchd does not start again")
            site.check_job()
            status = site.stop()[0]
        check(status == 0, "batchd's exit status behind a crash at %s: %s", orders, status)
        site.check_state_dir()
        keep = False
        return died
    except Failed as why:
        raise Failed("crash at step %s: %s\n%s" % (" then ".join(map(str, orders)), why, site.tail())) from None
    finally:
        site.end(keep)


def killed(data, wanted, times, seed):
    """kill -9 at random times over a longer job."""
    site, keep, chance = Site(data, max_requests=8, delay_ms=60), True, random.Random(seed)
    kills = 0
    try:
        site.start()
        while True:
            jobs = site.jobs()
            check(jobs is not None, "batchd does not answer")
            if not jobs:
                check("ok" in (site.submit() or {"ok": 1}), "submit")
            if kills < times:
                time.sleep(chance.random() ** 2 * 0.25)
                site.kill()
                kills += 1
                check(site.start(wait=chance.random() < 0.7) or site.batchd.poll() is None, "batchd does not start")
                until("batchd's start", lambda: site.ping() or not site.alive())
                continue
            until("the job's end", site.job_over)
            break
        check(site.alive(), "batchd died by itself")
        site.check_job()
        site.check_files(wanted)
        check(site.stop()[0] == 0, "batchd's exit status")
        site.check_state_dir()
        keep = False
        return kills
    except Failed as why:
        raise Failed("killed %d times, seed %s: %s\n%s" % (kills, seed, why, site.tail())) from None
    finally:
        site.end(keep)
