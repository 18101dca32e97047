#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Data sets by hub name, from a hub on this machine that misbehaves on order.

usage: test_hub.py BUILD [WORD...]
"""
import json
import os
import sys
import threading

from harness import Failed, check, main, test, until
import hub_server
from hub_server import Hub, at, error, once

SET = "owner/some-set_1.0"
WHOLE = [(0, 100), (100, 100), (200, 100)]


def start(site, hub, env=None, top="", **more):
    """batchd with that hub.  Its endpoint is not there: a submitted job just stays."""
    site.port = 9
    site.conf(top='hub_url = "%s/"; %s' % (hub.url, top) if hub else top, **more)
    quiet = {"HF_TOKEN": "", "HF_ENDPOINT": "", "http_proxy": "", "no_proxy": "*"}
    site.start_batchd(env=dict(quiet, **(env or {})))
    os.makedirs(site.path("repos"), exist_ok=True)
    with open(site.path("repos", "own__lib-0.json"), "w") as f:
        f.write("{}")


def words(site, save="out", dataset=SET, *more):
    return ["submit", "bugfixer", "--dataset", dataset, "--repostructure_dir", site.path("repos"), "--model_name", "m",
            "--save_dir", site.path(save), *more]


def submit(site, *more, **named):
    return site.ctl(*words(site, *more, **named))


def paused(site, result, rows=250):
    """A submit that went well: the job has those rows, as the hub had them."""
    result.expect(0)
    job = result.out.strip()
    check(job.isdigit(), "no id: %r", result.out)
    check(site.status(job)["passes"]["total"] == rows, "job %s has %s", job, site.status(job)["passes"])
    return job


def dataset(site, job):
    with open(site.path("state", "jobs", job, "dataset.jsonl"), encoding="utf-8") as f:
        return f.read().split("\n")[:-1]


def kept(site):
    try:
        return sorted(os.listdir(site.path("state", "hub")))
    except FileNotFoundError:
        return []


def is_whole(site, job, rows=250, revision="aaaa1111"):
    lines = dataset(site, job)
    want = [hub_server.row(n, revision) for n in range(rows)]
    check([json.loads(line) for line in lines] == want, "job %s: not the hub's rows", job)
    return lines


@test
def a_whole_dataset_comes_in_pages_and_the_second_submit_asks_for_none(site):
    with Hub() as hub:
        start(site, hub)
        lines = is_whole(site, paused(site, submit(site)))
        check('12345678901234567890' in lines[0] and '1.1,' in lines[0], "numbers were changed: %s", lines[0])
        check(hub.pages() == WHOLE, "%s", hub.pages())
        check(all(c.auth is None for c in hub.calls), "a token was made up")
        name = "owner%2Fsome-set_1.0-default-test-aaaa1111"
        check(kept(site) == [name + ".json", name + ".jsonl"], "%s", kept(site))
        is_whole(site, paused(site, submit(site, "again")))
        check(hub.pages() == WHOLE, "asked again: %s", hub.pages())
        hub.revision = "bbbb2222"
        is_whole(site, paused(site, submit(site, "third")), revision="bbbb2222")
        check(kept(site) == [name[:-8] + "bbbb2222.json", name[:-8] + "bbbb2222.jsonl"], "the old one stays: %s", kept(site))


@test
def without_a_revision_in_the_list_of_splits_the_first_page_tells_it(site):
    with Hub() as hub:
        start(site, hub)
        hub.tell_on_splits = False
        is_whole(site, paused(site, submit(site)))
        is_whole(site, paused(site, submit(site, "again")))
        check(hub.pages() == WHOLE + [(0, 100)], "%s", hub.pages())


@test
def without_any_revision_it_is_fetched_each_time(site):
    with Hub(rows=120) as hub:
        start(site, hub)
        hub.tell_revision = False
        is_whole(site, paused(site, submit(site), 120), 120)
        is_whole(site, paused(site, submit(site, "again"), 120), 120)
        check(hub.pages() == [(0, 100), (100, 100)] * 2, "%s", hub.pages())


@test
def a_change_of_revision_midway_begins_again(site):
    with Hub() as hub:
        start(site, hub)

        def change(h):
            h.revision = "bbbb2222"
        hub.faults.append(once(at(200), change))
        is_whole(site, paused(site, submit(site)), revision="bbbb2222")
        check(hub.pages() == WHOLE + WHOLE, "%s", hub.pages())


@test
def other_counts_and_rows_that_do_not_follow_begin_again(site):
    with Hub() as hub:
        start(site, hub)

        def shifted(h):
            page = h.page(100, 100)
            page["rows"][7]["row_idx"] += 1
            return 200, h.head("/rows"), page

        def grown(h):
            return 200, h.head("/rows"), dict(h.page(200, 100), num_rows_total=251)
        hub.faults += [once(at(100), shifted), once(at(200), grown)]
        is_whole(site, paused(site, submit(site)))
        check(hub.pages() == WHOLE[:2] + WHOLE + WHOLE, "%s", hub.pages())


@test
def one_that_changes_for_ever_is_given_up(site):
    with Hub(total=300) as hub:
        start(site, hub)
        r = submit(site).expect(7)
        check("changes while it is read" in r.err and SET in r.err, "%s", r.err)


@test
def cut_cells_are_refused_by_row(site):
    with Hub() as hub:
        start(site, hub)

        def cut(h):
            page = h.page(100, 100)
            page["rows"][17]["truncated_cells"] = ["patch"]
            return 200, h.head("/rows"), page
        hub.faults.append(once(at(100), cut))
        r = submit(site).expect(2)
        check("row 117 (own__lib-117)" in r.err and "patch" in r.err, "%s", r.err)


@test
def pages_that_are_too_big_shrink_and_grow_again(site):
    with Hub() as hub:
        start(site, hub)

        def big(h, path, query, headers):
            if path == "/rows":
                offset, length = int(query["offset"]), int(query["length"])
                if offset < 112 <= offset + length - 1 and length > 1:
                    return error(500, "TooBigContentError", "Rows from parquet row groups are too big to be read")
            return None
        hub.faults.append(big)
        is_whole(site, paused(site, submit(site)))
        want = [(0, 100), (100, 100), (100, 10), (110, 10)] + [(n, 1) for n in range(110, 120)]
        want += [(n, 10) for n in range(120, 200, 10)] + [(200, 100)]
        check(hub.pages() == want, "%s", hub.pages())


@test
def a_row_too_big_alone_is_refused(site):
    with Hub(rows=30) as hub:
        start(site, hub)
        hub.faults.append(lambda h, path, q, _: error(500, "TooBigContentError", "too big") if path == "/rows" else None)
        r = submit(site).expect(2)
        check("row 0 is too big" in r.err, "%s", r.err)
        check(hub.pages() == [(0, 100), (0, 10), (0, 1)], "%s", hub.pages())


@test
def busy_unready_and_broken_are_waited_for(site):
    with Hub() as hub:
        start(site, hub)
        pending = (200, {}, {"splits": [], "pending": [{"dataset": SET, "config": "default"}], "failed": []})
        hub.faults += [once(lambda path, q: path == "/splits", pending),
                       once(at(0), error(429, "", "too many requests", **{"Retry-After": "1"})),
                       once(at(0), error(500, "ResponseNotReady", "The server is busier than usual")),
                       once(at(100), "cut"), once(at(200), (200, {"X-Revision": "aaaa1111"}, b"{\"rows\": ["))]
        is_whole(site, paused(site, submit(site)))
        check(hub.pages() == [(0, 100)] * 3 + [(100, 100)] * 2 + [(200, 100)] * 2, "%s", hub.pages())


@test
def waiting_has_an_end_and_what_is_there_stays(site):
    with Hub() as hub:
        start(site, hub, top="hub_wait_ms = 1500;")
        hub.faults.append(lambda h, path, q, _: error(503, "", "down") if q.get("offset") == "200" else None)
        r = submit(site).expect(7)
        check("503: down" in r.err and "submit again" in r.err.lower(), "%s", r.err)
        slow = error(429, "", "slow down", **{"Retry-After": "600"})
        hub.faults[0] = lambda h, path, q, _: slow if path == "/rows" else None
        r = submit(site).expect(7)
        check("asks to wait 600 s" in r.err, "%s", r.err)
        del hub.faults[:]
        del hub.calls[:]
        is_whole(site, paused(site, submit(site)))
        check(hub.pages() == [(200, 100)], "%s", hub.pages())


@test
def private_without_a_token_says_so(site):
    with Hub() as hub:
        hub.token = "hf_right"
        start(site, hub)
        r = submit(site).expect(2)
        check("no such data set" in r.err and "HF_TOKEN" in r.err and "401" in r.err, "%s", r.err)
        check("no such data set" in submit(site, dataset="owner/other").expect(2).err, "404")


@test
def the_token_goes_to_the_hub_alone_and_is_never_told(site):
    with Hub() as hub, Hub() as other:
        other.token = hub.token = "hf_right"

        def away(h, path, query, headers):
            if path == "/splits":
                return 302, {"Location": other.url + "/splits?dataset=owner%2Fsome-set_1.0"}, b""
            return None
        start(site, hub, env={"HF_TOKEN": "hf_right"})
        is_whole(site, paused(site, submit(site)))
        check(all(c.auth == "Bearer hf_right" for c in hub.calls), "%s", hub.calls)
        hub.faults.append(away)
        r = submit(site, "second").expect(2)
        check("gets no token" in r.err, "%s", r.err)
        check([c.auth for c in other.calls] == [None], "%s", other.calls)
        hub.faults[:] = []
        hub.token = "hf_other"
        r = submit(site, "third").expect(2)
        check("may not read it" in r.err and "hf_right" not in r.err and "Bearer ***" in r.err, "%s", r.err)
        with open(site.path("batchd.log")) as f:
            check("hf_right" not in f.read(), "the token is in the log")


@test
def a_token_file_and_a_mirror_by_hf_endpoint(site):
    with Hub(rows=20) as hub:
        hub.token = "hf_file"
        with open(site.path("token"), "w") as f:
            f.write("hf_file\n")
        os.chmod(site.path("token"), 0o600)
        start(site, None, env={"HF_ENDPOINT": hub.url + "/", "HF_TOKEN": "hf_wrong"},
              top='hub_token_file = "%s";' % site.path("token"))
        is_whole(site, paused(site, submit(site), 20), 20)


@test
def a_redirect_to_the_same_hub_is_followed(site):
    with Hub(rows=20) as hub:
        def moved(h, path, query, headers):
            if query.get("dataset") == "old/name":
                return 307, {"Location": "%s?%s" % (path, "&".join(
                    "%s=%s" % (k, "owner%2Fsome-set_1.0" if k == "dataset" else v) for k, v in query.items()))}, b""
            return None
        hub.faults.append(moved)
        start(site, hub)
        is_whole(site, paused(site, submit(site, dataset="old/name"), 20), 20)


@test
def a_split_that_is_not_there_names_those_that_are(site):
    with Hub() as hub:
        start(site, hub)
        r = submit(site, "out", SET, "--split", "tset").expect(2)
        check("no split tset; there are: dev, test" in r.err, "%s", r.err)
        is_whole(site, paused(site, submit(site, "out", SET, "--split", "dev")))
        check(hub.calls[-1].query["split"] == "dev", "%s", hub.calls[-1])


@test
def configs_and_partial_conversions_are_warned_of(site):
    with Hub(rows=20, splits=[("en", "test"), ("de", "test")]) as hub:
        hub.partial = True
        start(site, hub)
        for save in "first", "cached":
            r = submit(site, save)
            paused(site, r, 20)
            check("en is taken, not de" in r.err and "partial" in r.err, "%s", r.err)
        check(hub.calls[-2].query["config"] == "en", "%s", hub.calls)


@test
def after_a_crash_it_goes_on_at_the_last_whole_page(site):
    with Hub() as hub:
        start(site, hub)
        held = threading.Event()

        def hold(h, path, query, headers):
            if query.get("offset") == "200" and not held.is_set():
                held.set()
                return error(503, "", "hold on", **{"Retry-After": "100"})
            return None
        hub.faults.append(hold)
        client = site.ctl_open(*words(site))
        until(held.is_set, "the third page")
        site.kill_batchd()
        check(client.wait(20) == 7, "the client ended with %s", client.returncode)
        with open(site.path("state", "hub", "owner%2Fsome-set_1.0-default-test.part"), "ab") as f:
            f.write(b'{"half a row')
        start(site, hub)
        is_whole(site, paused(site, submit(site)))
        check(hub.pages() == WHOLE + [(200, 100)], "%s", hub.pages())
        # and with another revision than the part's, from the first row
        held.clear()
        hub.revision = "bbbb2222"
        client = site.ctl_open(*words(site, "again"))
        until(held.is_set, "the third page")
        site.kill_batchd()
        client.wait(20)
        hub.revision = "cccc3333"
        start(site, hub)
        del hub.calls[:]
        is_whole(site, paused(site, submit(site, "again")), revision="cccc3333")
        check(hub.pages() == WHOLE, "%s", hub.pages())


@test
def those_who_want_the_same_share_it(site):
    with Hub() as hub:
        start(site, hub)
        go = threading.Event()
        hub.faults.append(lambda h, path, q, _: None if go.is_set() else error(503, "", "wait", **{"Retry-After": "0"}))
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append(submit(site, "out%d" % n))) for n in range(4)]
        for t in threads:
            t.start()
        until(lambda: len(hub.calls) > 1, "the first call")
        go.set()
        for t in threads:
            t.join()
        for r in results:
            is_whole(site, paused(site, r))
        check(len(set(r.out for r in results)) == 4, "%s", [r.out for r in results])
        check(hub.pages() == WHOLE, "%s", hub.pages())
        check(len(kept(site)) == 2, "%s", kept(site))


@test
def a_client_that_goes_away_gets_no_job(site):
    with Hub() as hub:
        start(site, hub)
        held = threading.Event()
        hub.faults.append(lambda h, path, q, _: (held.set(), error(503, "", "wait"))[1] if not held.is_set() else None)
        client = site.ctl_open(*words(site))
        until(held.is_set, "the first call")
        client.kill()
        client.wait()
        until(lambda: len(kept(site)) == 2 and len(hub.pages()) == 3, "the rest of it")
        until(lambda: not [n for n in kept(site) if n.startswith("lease")], "the lease's end")
        check(site.ctl("status", "--json").expect(0).json()["jobs"] == [], "there is a job")
        is_whole(site, paused(site, submit(site)))
        check(hub.pages() == WHOLE, "%s", hub.pages())


@test
def what_is_wrong_with_the_submit_is_told_before_the_hub_is_asked(site):
    with Hub() as hub:
        start(site, hub)
        r = submit(site, "out", SET, "--endpoint", "nope").expect(2)
        check("nope" in r.err and not hub.calls, "%s %s", r.err, hub.calls)


@test
def a_stop_meanwhile_is_quick_and_tells_the_client(site):
    with Hub() as hub:
        start(site, hub)
        hub.faults.append(lambda h, path, q, _: error(503, "", "wait"))
        client = site.ctl_open(*words(site))
        until(lambda: hub.calls, "the first call")
        status, took = site.stop_batchd()
        check(status == 0 and took < 8, "status %s in %.1f s", status, took)
        check(client.wait(20) == 7 and b"stopping" in client.stdout.read(), "the client ended with %s", client.returncode)


@test
def parquet_and_arrow_by_path_are_refused_with_advice(site):
    with Hub() as hub:
        start(site, hub)
        for magic, name in (b"PAR1", "Parquet"), (b"ARROW1\0\0", "Arrow"), (b"\xff\xff\xff\xff", "Arrow"):
            with open(site.path("data.bin"), "wb") as f:
                f.write(magic + b"\0" * 100)
            r = submit(site, dataset=site.path("data.bin")).expect(2)
            check(name in r.err and "to_json" in r.err, "%s", r.err)
        check(not hub.calls, "%s", hub.calls)


if __name__ == "__main__":
    sys.exit(main())
