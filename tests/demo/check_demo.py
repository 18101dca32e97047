#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hold what a demo run left against what it must be.

usage: check_demo.py DATA_DIR SAVE_DIR bugfixer|testwriter ENDPOINT_LOG

Every pass is either in output.jsonl or in failures.jsonl, and only the hopeless one failed. bugfixer: every patch
applies with `git apply` in a checkout of its base_commit, and the hidden tests say how many resolve their issue.
testwriter: every script says "Issue reproduced" there, and "Issue resolved" with the true fix.
The endpoint's log must show that no batch was made twice.
Ends with status 1 and the reasons if anything is off.
"""
import json
import os
import subprocess
import sys
import tempfile

PASSK = 2
HOPELESS = {"demo__shelf-2__pass1"}
WRONG_FIX = {"demo__shelf-1__pass1"}
RUN_TESTS = """
import glob, importlib, sys, unittest
sys.path.insert(0, ".")
for path in sorted(glob.glob("tests/test_*.py")):
    module = importlib.import_module(path[:-3].replace("/", "."))
    for name, test in list(vars(module).items()):
        if name.startswith("test_"):
            test()
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    if not unittest.TextTestRunner(stream=sys.stderr).run(suite).wasSuccessful():
        sys.exit(1)
"""
problems = []


def wrong(text, *values):
    problems.append(text % values)


def lines(path):
    if not os.path.exists(path):
        wrong("%s is not there", path)
        return []
    with open(path, "rb") as file:
        data = file.read()
    if data and not data.endswith(b"\n"):
        wrong("%s: the last line has no end", path)
    found = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            wrong("%s:%d: %s", path, number, error)
    return found


def git(where, *words, **more):
    return subprocess.run(("git", "-C", where) + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


class Checkout:
    """A clean work tree of an instance's base_commit."""

    def __init__(self, data, row):
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name
        mirror = os.path.join(data, "mirrors", row["repo"].replace("/", "__") + ".git")
        subprocess.run(("git", "clone", "-q", mirror, self.path), check=True)
        git(self.path, "checkout", "-q", row["base_commit"]).check_returncode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def apply(self, patch, what):
        done = git(self.path, "apply", "--whitespace=nowarn", "-", input=patch.encode())
        if done.returncode != 0:
            wrong("%s does not apply: %s", what, done.stdout.decode().strip())
        return done.returncode == 0

    def read(self, name):
        with open(os.path.join(self.path, name), newline="", encoding="utf-8") as file:
            return file.read()

    def run(self, *words):
        env = dict(os.environ, PYTHONPATH=self.path, PYTHONDONTWRITEBYTECODE="1")
        return subprocess.run((sys.executable,) + words, cwd=self.path, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60)


def check_fix(data, save, row, sample):
    """True if the patch resolves the issue."""
    custom_id, patch = sample["custom_id"], sample["model_patch"]
    with open(os.path.join(save, "samples", custom_id + ".patch"), encoding="utf-8", newline="") as file:
        if file.read() != patch:
            wrong("%s: the patch in samples/ is not the one in output.jsonl", custom_id)
    with Checkout(data, row) as tree:
        if not patch or not tree.apply(patch, "the patch of " + custom_id):
            return False
        number = custom_id.rpartition("__pass")[2]
        for line in lines(os.path.join(save, "output_%s_processed.jsonl" % number)):
            if line["instance_id"] == row["instance_id"]:
                for name, content in zip(line["edited_files"], line["new_file_content"]):
                    if tree.read(name) != content:
                        wrong("%s: new_file_content of %s is not what its patch makes", custom_id, name)
        if not tree.apply(row["test_patch"], "the hidden test of " + custom_id):
            return False
        return tree.run("-c", RUN_TESTS).returncode == 0


def check_script(data, save, row, sample):
    """True if the script tells the bug from the fix."""
    script = os.path.abspath(os.path.join(save, "samples", sample["custom_id"] + ".py"))
    with Checkout(data, row) as tree:
        before = tree.run(script).stdout.decode()
        tree.apply(row["patch"], "the true fix")
        after = tree.run(script).stdout.decode()
    if "Issue reproduced" in before and "Issue resolved" in after:
        return True
    wrong("%s says %r with the bug and %r without", script, before.strip(), after.strip())
    return False


def check_log(path):
    """Every batch has a key of its own: an attempt that was sent twice would show here."""
    keys, billed = {}, 0
    for line in lines(path):
        billed += "billed" in line
        if line.get("call") == "create" and line.get("effect"):
            keys.setdefault(line["key"], []).append(line["batch"])
    for key, batches in keys.items():
        if len(batches) > 1 or not key:
            wrong("batches %s were made for the same key %r", ", ".join(batches), key)
    print("the endpoint made %d batches, none twice, and billed %d requests" % (len(keys), billed))


def main():
    if len(sys.argv) != 5 or sys.argv[3] not in ("bugfixer", "testwriter"):
        sys.exit(__doc__)
    data, save, workflow, log = sys.argv[1:]
    rows = {row["instance_id"]: row for row in lines(os.path.join(data, "demo.jsonl"))}
    output = {line["custom_id"]: line for line in lines(os.path.join(save, "output.jsonl"))}
    failed = {line["custom_id"]: line for line in lines(os.path.join(save, "failures.jsonl"))}
    passes = {"%s__pass%d" % (name, k) for name in rows for k in range(PASSK)}
    for custom_id in sorted(passes - set(output) - set(failed)):
        wrong("%s is in neither file", custom_id)
    for custom_id in sorted((set(output) & set(failed)) | ((set(output) | set(failed)) - passes)):
        wrong("%s does not belong there", custom_id)
    if set(failed) != HOPELESS:
        wrong("failed are %s, it should be %s", sorted(failed), sorted(HOPELESS))
    good = 0
    for custom_id, sample in sorted(output.items()):
        row = rows[sample["instance_id"]]
        if workflow == "testwriter":
            good += check_script(data, save, row, sample)
            continue
        resolved = check_fix(data, save, row, sample)
        good += resolved
        if resolved == (custom_id in WRONG_FIX):
            wrong("%s: the hidden tests %s", custom_id, "pass" if resolved else "fail")
    for custom_id, line in sorted(failed.items()):
        print("failed, as it had to: %s at stage %s after %s attempts: %s" %
              (custom_id, line.get("stage"), line.get("attempts"), line.get("reason")))
    check_log(log)
    if problems:
        print("\n".join("WRONG: " + text for text in problems))
        sys.exit(1)
    if workflow == "bugfixer":
        print("%d of %d patches apply with git apply; %d of them pass the hidden tests" %
              (len(output), len(output), good))
    else:
        print("%d of %d scripts reproduce the issue, and see it resolved by the fix" % (good, len(output)))


main()
