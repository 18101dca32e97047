# SPDX-License-Identifier: MIT
"""Data of the bench: repositories made of the Python sources that this machine has, as structures and as a mirror."""
import ast, json, os, random, re, subprocess, sys, sysconfig, warnings

from bench import fresh, need, path, size

REPO = 'bench/tree'


def sources():
    """(path, text) of every Python file that the machine's packages brought, in a fixed order."""
    roots = {sysconfig.get_paths()['stdlib'], '/usr/lib/python3', '/usr/share', *sys.path}
    seen = set()
    for root in sorted(r for r in roots if os.path.isdir(r)):
        for at, dirs, files in os.walk(root):
            dirs.sort()
            dirs[:] = [d for d in dirs if d != '__pycache__']
            for name in sorted(files):
                full = os.path.realpath(os.path.join(at, name))
                if not name.endswith('.py') or full in seen:
                    continue
                seen.add(full)
                try:
                    text = open(full, encoding='utf-8').read()
                    tree = ast.parse(text)
                except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
                    continue
                if text.strip():
                    yield os.path.relpath(full, '/'), text, tree


def entry(text, tree):
    """A file as Agentless keeps it: its classes, functions and lines."""
    lines = text.splitlines()
    cut = lambda n: lines[n.lineno - 1:n.end_lineno]
    place = lambda n: {'name': n.name, 'start_line': n.lineno, 'end_line': n.end_lineno, 'text': cut(n)}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = [dict(place(n), methods=[place(m) for m in n.body if isinstance(m, functions)])
               for n in tree.body if isinstance(n, ast.ClassDef)]
    return {'classes': classes, 'functions': [place(n) for n in tree.body if isinstance(n, functions)], 'text': lines}


def put(tree, name, value):
    *dirs, last = name.split('/')
    for d in dirs:
        tree = tree.setdefault(d, {})
    tree[last] = value


def plain_files():
    """One file a source with its entry: made once, since parsing them takes longest."""
    cache = path('sources.jsonl')
    if not os.path.exists(cache):
        total = 0
        with open(cache + '.tmp', 'w') as f, warnings.catch_warnings():
            warnings.simplefilter('ignore')
            for name, text, tree in sources():
                f.write(json.dumps([name, text, entry(text, tree)]) + '\n')
                total += len(text)
                if total > 28000000:    # of text, about 75 MB of structure; more than that is made of copies
                    break
        os.rename(cache + '.tmp', cache)
    with open(cache) as f:
        for line in f:
            yield json.loads(line)


def structure(megabytes):
    """A structure file of about that size; (path, names of its files)."""
    name, names = path('structure-%d.json' % megabytes), path('structure-%d.names' % megabytes)
    if not os.path.exists(name):
        tree, total, kept = {}, 0, []
        for copy in range(1000):
            for file, _, e in plain_files():
                at = 'copy%d/%s' % (copy, file) if copy else file
                put(tree, at, e)
                kept.append(at)
                total += len(json.dumps(e)) + len(file)
                if total > megabytes * 1000000:
                    break
            if total > megabytes * 1000000 or total == 0:
                break
        with open(name + '.tmp', 'w') as f:
            json.dump({'repo': REPO, 'base_commit': '0' * 40, 'structure': {'tree': tree}, 'instance_id': 'x'}, f)
        json.dump(kept, open(names, 'w'))
        os.rename(name + '.tmp', name)
    return name, json.load(open(names))


def mirror(megabytes):
    """A bare repository with the same files; (directory of mirrors, commit)."""
    need('git')
    top, bare = path('mirrors-%d' % megabytes), path('mirrors-%d' % megabytes, 'bench__tree.git')
    if not os.path.isdir(bare):
        _, names = structure(megabytes)
        wanted, work = set(names), fresh('mirror-work')
        git = lambda *a: subprocess.run(['git', '-c', 'user.name=b', '-c', 'user.email=b@b', *a], cwd=work, check=True,
                                        stdout=subprocess.PIPE).stdout.decode().strip()
        git('init', '-q')
        for copy in range(1000):
            there = 0
            for file, text, _ in plain_files():
                at = 'copy%d/%s' % (copy, file) if copy else file
                if at in wanted:
                    there += 1
                    os.makedirs(os.path.dirname(os.path.join(work, at)), exist_ok=True)
                    open(os.path.join(work, at), 'w', newline='').write(text)
            if not there:
                break
        git('add', '-A', '-f')
        git('commit', '-q', '-m', 'all')
        os.makedirs(top, exist_ok=True)
        subprocess.run(['git', 'clone', '-q', '--bare', work, bare], check=True)
        subprocess.run(['git', '-C', bare, 'repack', '-adq'], check=True)
        subprocess.run(['rm', '-rf', work], check=True)
    out = subprocess.run(['git', '-C', bare, 'rev-parse', 'HEAD'], stdout=subprocess.PIPE, check=True)
    return top, out.stdout.decode().strip()


def place(rng, lines):
    """Where four lines begin that stand in the file once and read like no part of an edit; None: nowhere."""
    for _ in range(200):
        at = rng.randrange(max(1, len(lines) - 8))
        search = lines[at:at + 4]
        there = sum(lines[i:i + 4] == search for i in range(len(lines) - 3))
        if there == 1 and any(l.strip() for l in search) and not any(re.match('###|```|<<<|>>>|===', l) for l in search):
            return at
    return None


def answer2(rng, names, texts):
    """An answer of stage 2 that fits: some thought, then one edit of a file that was shown."""
    file, at = None, None
    while at is None:
        file = rng.choice(names)
        at = place(rng, texts[file])
    lines = texts[file]
    search = lines[at:at + 4]
    thought = '\n'.join(l for l in (rng.choice(lines) for _ in range(120)) if not re.search('###|```|<<<|>>>|===', l))
    return '%s\n\n```python\n### %s\n<<<<<<< SEARCH\n%s\n=======\n%s\n# looked at\n>>>>>>> REPLACE\n```\n' % (
        thought, file, '\n'.join(search), '\n'.join(search))


def bugfixer(instances, passk, megabytes):
    """Dataset, structures (hard links of one file), answers of both stages, the directory of it all."""
    top = path('edits-%d-%d-%d' % (instances, passk, megabytes))
    if os.path.isdir(top):
        return top
    made, names = structure(megabytes)
    _, commit = mirror(megabytes)
    tmp = fresh('bugfixer.tmp')
    os.makedirs(os.path.join(tmp, 'structures'))
    rng = random.Random(7)
    some = [n for n in rng.sample(names, min(len(names), 400)) if not n.split('/')[-1].startswith('test')]
    tree, texts = json.load(open(made))['structure']['tree'], {}
    for n in some:
        e = tree
        for part in n.split('/'):
            e = e[part]
        if 8 < len(e['text']) < 1500 and place(random.Random(1), e['text']) is not None:
            texts[n] = e['text']
    del tree
    some = sorted(texts)
    problem = '\n'.join(rng.choice(texts[rng.choice(some)]) for _ in range(60))
    with open(os.path.join(tmp, 'dataset.jsonl'), 'w') as rows, open(os.path.join(tmp, 'answers'), 'w') as answers, \
            open(os.path.join(tmp, 'output1.jsonl'), 'w') as out1, open(os.path.join(tmp, 'output2.jsonl'), 'w') as out2:
        for i in range(instances):
            iid = 'bench__tree-%d' % i
            os.link(made, os.path.join(tmp, 'structures', iid + '.json'))
            rows.write(json.dumps({'instance_id': iid, 'repo': REPO, 'base_commit': commit,
                                   'problem_statement': 'Problem %d\n%s' % (i, problem)}) + '\n')
            for k in range(passk):
                chosen = rng.sample(some, min(5, len(some)))
                cid = '%s__pass%d' % (iid, k) if passk > 1 else iid
                for stage, out, text in ((1, out1, 'These:\n\n```\n%s\n```\n' % '\n'.join(chosen)),
                                         (2, out2, answer2(rng, chosen, texts))):
                    answers.write(json.dumps({'custom_id': cid, 'stage': stage, 'content': text}) + '\n')
                    out.write(json.dumps({'id': 'r', 'custom_id': cid, 'error': None, 'response': {
                        'status_code': 200, 'request_id': 'q', 'body': {'id': 'c', 'object': 'chat.completion',
                        'model': 'm', 'choices': [{'index': 0, 'finish_reason': 'stop', 'message': {
                            'role': 'assistant', 'content': text}}], 'usage': {'prompt_tokens': 9,
                            'completion_tokens': 9, 'total_tokens': 18}}}}) + '\n')
    os.rename(tmp, top)
    return top


def sizes():
    return size('INSTANCES', 300), size('PASSK', 8), size('MB', 60)
