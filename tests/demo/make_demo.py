#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build what the demo needs, from the files beside this one.

usage: make_demo.py OUT_DIR [--update]

OUT_DIR/demo.jsonl                  the dataset
OUT_DIR/mirrors/<owner>__<name>.git a repository each, always with the same commits
OUT_DIR/structures/<id>.json        the repository at the instance's base_commit, as Agentless writes it
OUT_DIR/answers_<workflow>.jsonl    what the model says: custom_id, stage, attempt, content, finish_reason
OUT_DIR/plan_<workflow>.jsonl       how the endpoint misbehaves

The history of a repository: its tree under repos/, then for each of its instances, in the order of demo.jsonl,
the fix and the test of that instance. So every bug is there at its base_commit and gone in the commit behind it.
--update writes the base_commits into demo.jsonl (after a change to repos/ or to a patch).
"""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WHEN = "2024-01-01T12:00:00+0000"


def git(where, *words, **more):
    env = {"PATH": os.environ["PATH"], "HOME": where, "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
           "GIT_CONFIG_GLOBAL": "/dev/null",
           "GIT_AUTHOR_NAME": "Demo", "GIT_AUTHOR_EMAIL": "demo@localhost", "GIT_AUTHOR_DATE": WHEN,
           "GIT_COMMITTER_NAME": "Demo", "GIT_COMMITTER_EMAIL": "demo@localhost", "GIT_COMMITTER_DATE": WHEN}
    done = subprocess.run(("git", "-C", where) + words, env=env, stdout=subprocess.PIPE, **more)
    if done.returncode != 0:
        sys.exit("make_demo: git %s failed in %s" % (words[0], where))
    return done.stdout


def commit(where, message):
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", message)
    return git(where, "rev-parse", "HEAD").decode().strip()


def build_mirror(repo, instances, out):
    """Return {instance_id: base_commit}."""
    name = repo.replace("/", "__")
    bases = {}
    with tempfile.TemporaryDirectory() as work:
        tree = os.path.join(work, "tree")
        shutil.copytree(os.path.join(HERE, "repos", name), tree, ignore=shutil.ignore_patterns("__pycache__"))
        for folder, _, files in os.walk(tree):      # modes are part of a commit
            for file in files:
                os.chmod(os.path.join(folder, file), 0o644)
        git(tree, "init", "-q", "--template=", "--object-format=sha1")
        git(tree, "symbolic-ref", "HEAD", "refs/heads/main")
        head = commit(tree, "Start")
        for row in instances:
            bases[row["instance_id"]] = head
            for patch in ("patch", "test_patch"):
                git(tree, "apply", "-", input=row[patch].encode())
            head = commit(tree, "Fix " + row["instance_id"])
        mirror = os.path.join(out, name + ".git")
        shutil.rmtree(mirror, ignore_errors=True)
        git(work, "clone", "-q", "--bare", "--template=", "tree", mirror)
    return bases


def definitions(source):
    """Classes and functions of a module with their lines, and all its lines."""
    lines = source.splitlines()

    def entry(node):
        return {"name": node.name, "start_line": node.lineno, "end_line": node.end_lineno,
                "text": lines[node.lineno - 1:node.end_lineno]}

    module = ast.parse(source)
    classes = []
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            methods = [entry(n) for n in node.body if isinstance(n, ast.FunctionDef)]
            classes.append(dict(entry(node), methods=methods))
    functions = [entry(node) for node in module.body if isinstance(node, ast.FunctionDef)]
    return {"classes": classes, "functions": functions, "text": lines}


def build_structure(mirror, row):
    """A directory is an object, a Python file its definitions, any other {}; the root's files lie under the repo's name."""
    commit_id = row["base_commit"]
    top = row["repo"].split("/")[1]
    root = {}
    for path in git(mirror, "ls-tree", "-r", "-z", "--name-only", commit_id).decode().rstrip("\0").split("\0"):
        *folders, name = path.split("/")
        at = root
        for folder in folders or [top]:
            at = at.setdefault(folder, {})
        at[name] = {}
        if name.endswith(".py"):
            at[name] = definitions(git(mirror, "show", "%s:%s" % (commit_id, path)).decode())
    return {"repo": row["repo"], "base_commit": commit_id, "structure": root, "instance_id": row["instance_id"]}


HEAD = re.compile(r"@@@ (?P<custom_id>\S+) step(?P<stage>[12])(?: attempt (?P<attempt>\d+))?"
                  r"(?P<flags>(?: (?:length|crlf))*)$")


def read_answers(path):
    """The answers in a file: `@@@ custom_id stepN [attempt N] [length] [crlf]`, then the text up to the next."""
    answer = None
    for line in open(path, encoding="utf-8"):
        head = HEAD.match(line.rstrip("\n"))
        if head is None and line.startswith("@@@"):
            sys.exit("make_demo: %s: cannot read %r" % (path, line))
        if head is None:
            if answer is not None:
                answer["content"] += line
            continue
        if answer is not None:
            yield answer
        answer = {"custom_id": head["custom_id"], "stage": int(head["stage"])}
        if head["attempt"]:
            answer["attempt"] = int(head["attempt"])
        answer["flags"] = head["flags"].split()
        answer["content"] = ""
    yield answer


def answer_line(answer):
    flags = answer.pop("flags")
    text = answer.pop("content").strip("\n")
    answer["content"] = text.replace("\n", "\r\n") if "crlf" in flags else text
    answer["finish_reason"] = "length" if "length" in flags else "stop"
    return json.dumps(answer, ensure_ascii=False)


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def main():
    words = [w for w in sys.argv[1:] if w != "--update"]
    if len(words) != 1:
        sys.exit(__doc__)
    out = os.path.abspath(words[0])
    dataset = os.path.join(HERE, "demo.jsonl")
    rows = [json.loads(line) for line in open(dataset, encoding="utf-8")]
    for folder in ("mirrors", "structures"):
        os.makedirs(os.path.join(out, folder), exist_ok=True)
    bases = {}
    for repo in dict.fromkeys(row["repo"] for row in rows):
        bases.update(build_mirror(repo, [r for r in rows if r["repo"] == repo], os.path.join(out, "mirrors")))
    for row in rows:
        base = bases[row["instance_id"]]
        if row["base_commit"] != base and "--update" not in sys.argv:
            sys.exit("make_demo: base_commit of %s is %s; run me with --update" % (row["instance_id"], base))
        row["base_commit"] = base
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if "--update" in sys.argv:
        write(dataset, text)
    write(os.path.join(out, "demo.jsonl"), text)
    for row in rows:
        mirror = os.path.join(out, "mirrors", row["repo"].replace("/", "__") + ".git")
        write(os.path.join(out, "structures", row["instance_id"] + ".json"), json.dumps(build_structure(mirror, row)))
    for workflow in ("bugfixer", "testwriter"):
        answers = read_answers(os.path.join(HERE, "answers", workflow + ".md"))
        write(os.path.join(out, "answers_%s.jsonl" % workflow), "".join(answer_line(a) + "\n" for a in answers))
        shutil.copyfile(os.path.join(HERE, "plan_%s.jsonl" % workflow), os.path.join(out, "plan_%s.jsonl" % workflow))


main()
