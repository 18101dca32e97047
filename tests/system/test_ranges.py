#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several machines share a run: each has a batchd of its own and a range of the custom_ids.  usage: test_ranges.py BUILD"""
import os
import sys
from collections import Counter

from harness import Site, check, demo_data, equal, json_lines, main, test

PASSK = 3


def submit(s, save, *more):
    data = demo_data()
    return s.submit("bugfixer", "--dataset", os.path.join(data, "demo.jsonl"), "--repostructure_dir",
                    os.path.join(data, "structures"), "--save_dir", s.path(save), "--model_name", "demo-model", "--passk", PASSK,
                    *more)


def results():
    return ["output.jsonl", "failures.jsonl"] + ["output_%d_processed.jsonl" % k for k in range(PASSK)]


@test
def two_daemons_share_a_run_by_ranges(s):
    """Two ranges, one endpoint, an instance cut in two: joined, the parts are what one daemon makes of the whole, and the
    audits add up.  A create whose reply is lost is found among the batches of both."""
    ids = [row["instance_id"] for row in json_lines(os.path.join(demo_data(), "demo.jsonl"))]
    total, cut = len(ids) * PASSK, PASSK + 1
    s.up(os.path.join(demo_data(), "answers_bugfixer.jsonl"), max_requests=2,
         plan=[{"call": "create", "nth": n, "do": "drop", "effect": "after"} for n in (2, 3)])
    with Site() as other:
        other.port = s.port
        other.conf(max_requests=2)
        other.start_batchd()
        parts = [(s, submit(s, "part", "--end_file", cut)), (other, submit(other, "part", "--start_file", cut))]
        seen, passes = [], 0
        for site, job in parts:
            site.ctl("wait", job, "--timeout", 60)
            audit = site.ctl("audit", job, "--json").expect(0).json()
            check(audit["ok"], "audit: %r", audit)
            passes += site.status(job)["passes"]["total"]
            seen += [r["custom_id"] for r in site.saved("batch_requests_step1.jsonl", "part")]
        equal(passes, total, "passes of both")
        equal(sorted(seen), sorted("%s__pass%d" % (i, k) for i in ids for k in range(PASSK)), "requests of both")
        # whose key names daemon, job, batch and try: a batch of ours is made once
        made = Counter((r["billed"], r["attempt_key"].rsplit("-", 1)[0]) for r in s.log() if "billed" in r)
        equal([k for k, n in made.items() if n > 1], [], "requests of a batch that was made twice")
        whole = submit(s, "whole")
        s.ctl("wait", whole, "--timeout", 60)
        for name in results():
            joined = [line for site, _ in parts for line in site.saved(name, "part")]
            key = lambda line: (line["instance_id"], line.get("custom_id", ""))
            equal(sorted(joined, key=key), sorted(s.saved(name, "whole"), key=key), name)
        check(s.saved("output.jsonl", "whole"), "no samples at all")


if __name__ == "__main__":
    sys.exit(main())
