# SPDX-License-Identifier: MIT
"""SIGTERM while something is stuck, a second one, SIGHUP with a config that is no good and with one that is."""
import os
import signal
import time

from crash_site import Failed, Site, check, until

# What is stuck, in which state of a batch it is seen, and the plan that makes it so once.
STUCK = [
    ("upload", "uploading", {"call": "upload", "nth": 1, "do": "stall", "stall_ms": 600000}),
    ("slow upload", "uploading", {"call": "upload", "nth": 1, "do": "slow", "slow_bps": 400}),
    ("create", "creating", {"call": "create", "nth": 1, "do": "stall", "stall_ms": 600000}),
    ("poll", "running", {"call": "batch_get", "nth": 1, "do": "stall", "stall_ms": 600000}),
    ("download", "fetching", {"call": "content", "nth": 1, "do": "slow", "slow_bps": 20}),
]


def batch_is(site, state):
    job = site.job()
    return job and any(b["state"] == state for b in job["batches"])


def log_has(site, text):
    with open(os.path.join(site.dir, "batchd.log"), errors="replace") as file:
        return text in file.read()


def in_site(data, body, **more):
    """body(site), told with the logs where it fails."""
    site, keep = Site(data, **more), True
    try:
        site.start()
        note = body(site)
        keep = False
        return note
    except Failed as why:
        raise Failed("%s\n%s" % (why, site.tail())) from None
    finally:
        site.end(keep)


def finish(site, wanted):
    """The job goes on to a good end, and batchd stops."""
    check(site.go_on(), "batchd died")
    site.check_job()
    if wanted is not None:
        site.check_files(wanted)
    check(site.stop()[0] == 0, "exit status")
    site.check_state_dir()


def stuck(data, wanted, case):
    what, state, plan = case

    def body(site):
        check("ok" in (site.submit() or {}), "submit")
        until("a batch that is " + state, lambda: batch_is(site, state))
        time.sleep(0.1)                         # the call itself goes out behind its intent
        status, took = site.stop()
        check(status == 0, "%s: exit status %s", what, status)
        check(took < 10, "%s: stopped after %.1f s", what, took)
        site.start()
        finish(site, wanted)
        return took
    return in_site(data, body, plan=[plan])


def second_term(data):
    def body(site):
        check("ok" in (site.submit() or {}), "submit")
        until("the upload", lambda: batch_is(site, "uploading"))
        site.batchd.send_signal(signal.SIGTERM)
        until("the first signal's line in the log", lambda: log_has(site, "SIGTERM: finishing"))
        began = time.monotonic()
        site.batchd.send_signal(signal.SIGTERM)
        site.batchd.wait(10)
        check(time.monotonic() - began < 2, "the second SIGTERM took %.1f s", time.monotonic() - began)
        site.start()
        finish(site, None)
    # on a busy machine it may be the upload behind the restart that is held up, so not for ever
    return in_site(data, body, plan=[dict(STUCK[0][2], stall_ms=8000)])


def reload_config(data, wanted):
    def body(site):
        check("ok" in (site.submit() or {}), "submit")
        until("a batch at the endpoint", lambda: batch_is(site, "running"))
        before = site.ask("status")["ok"]["endpoints"]
        site.configure(site.text.replace("max_active = 4", "max_active = 5; max_actve = 6"))
        site.batchd.send_signal(signal.SIGHUP)
        until("the complaint", lambda: log_has(site, "nothing was changed"))
        names = [(e["name"], e["max_active"]) for e in site.ask("status")["ok"]["endpoints"]]
        check(names == [(e["name"], e["max_active"]) for e in before], "a bad config changed something: %s", names)
        for n in range(5, 9):                   # one behind the other, with calls under way
            site.configure(site.text.replace("max_active = 4", "max_active = %d" % n))
            site.batchd.send_signal(signal.SIGHUP)
            time.sleep(0.02)
            check(site.jobs() is not None, "batchd does not answer")
        until("the new setting", lambda: (site.ask("status")["ok"]["endpoints"] or [{}])[0].get("max_active") == 8)
        check(site.batchd.poll() is None, "batchd died of a reload")
        finish(site, wanted)
    return in_site(data, body, delay_ms=300)
