#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`batchctl stage` from a dataset to samples, and the scripts it makes, run.

usage: test_stage.py BUILD

The repository is made here: a package with a bug, its tests, as structure files and as a git mirror.
"""
import ast, json, os, shutil, subprocess, sys, tempfile, traceback

BATCHCTL = os.path.join(os.path.abspath(sys.argv[1]), 'batchctl')
HOME = tempfile.mkdtemp()

FILES = {
    'setup.py': 'import os\n',
    'README.md': 'words\n',
    'pkg/__init__.py': '',
    'pkg/calc.py': 'def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a + a\n',
    'tests/__init__.py': '',
    'tests/helper.py': 'from pkg.calc import add\n\nTWO = 2\n',
    'tests/test_calc.py': '"""Tests."""\nfrom __future__ import annotations\n\nimport unittest\n\nfrom .helper import (add,  # the one\n                     TWO)\n'
                          'from pkg.calc import twice\n\n\ndef test_twice():\n    from . import helper\n    assert twice(helper.TWO) == 4\n\n\n'
                          'class TestAdd(unittest.TestCase):\n    def test_zero(self):\n        self.assertEqual(add(TWO, 0), 2)\n\n\n'
                          "if __name__ == '__main__':\n    unittest.main()\n",
}
ROWS = [{'instance_id': f'o__r-{n}', 'repo': 'o/r', 'problem_statement': f'add() subtracts {{structure}} ({n})'} for n in range(1, 6)]


def git(*args, cwd):
    env = dict(os.environ, GIT_CONFIG_GLOBAL='/dev/null', GIT_CONFIG_SYSTEM='/dev/null')
    return subprocess.run(['git', '-c', 'user.name=t', '-c', 'user.email=t@t', *args], cwd=cwd, check=True, env=env,
                          capture_output=True, text=True).stdout.strip()


def leaf(path, text):
    return {'classes': [], 'functions': [], 'text': text.splitlines()} if path.endswith('.py') else {}


def make_world():
    work = os.path.join(HOME, 'work')
    for path, text in FILES.items():
        os.makedirs(os.path.dirname(os.path.join(work, path)), exist_ok=True)
        with open(os.path.join(work, path), 'w') as f:
            f.write(text)
    git('init', '-q', cwd=work)
    git('add', '-A', cwd=work)
    git('commit', '-q', '-m', 'base', cwd=work)
    commit = git('rev-parse', 'HEAD', cwd=work)
    os.makedirs(os.path.join(HOME, 'mirrors'))
    git('clone', '-q', '--bare', work, os.path.join(HOME, 'mirrors', 'o__r.git'), cwd=HOME)
    os.makedirs(os.path.join(HOME, 'structures'))
    root = {}
    for path, text in FILES.items():
        parts = (path if '/' in path else 'r/' + path).split('/')
        at = root
        for part in parts[:-1]:
            at = at.setdefault(part, {})
        at[parts[-1]] = leaf(path, text)
    with open(os.path.join(HOME, 'data.jsonl'), 'w') as f:
        for row in ROWS:
            row['base_commit'] = commit
            f.write(json.dumps(row) + '\n')
            with open(os.path.join(HOME, 'structures', row['instance_id'] + '.json'), 'w') as s:
                json.dump({'repo': 'o/r', 'base_commit': commit, 'structure': root, 'instance_id': row['instance_id']}, s)


SOURCES = {'structure': ['--repostructure_dir', os.path.join(HOME, 'structures')], 'mirror': ['--repo-mirrors', os.path.join(HOME, 'mirrors')]}


def stage(workflow, step, source, *flags, status=0):
    p = subprocess.run([BATCHCTL, 'stage', workflow, step, '--dataset', os.path.join(HOME, 'data.jsonl'), *SOURCES[source], *flags],
                       capture_output=True, text=True, cwd=HOME, timeout=120)
    assert p.returncode == status, (p.returncode, p.stdout, p.stderr)
    return p.stderr


def lines(path):
    with open(os.path.join(HOME, path)) as f:
        return [json.loads(line) for line in f]


def answer(path, answers):
    """An output file: custom_id -> text, or a whole response."""
    with open(os.path.join(HOME, path), 'w') as f:
        for custom_id, text in answers:
            body = text if isinstance(text, dict) else {'model': 'm-1', 'choices': [{'finish_reason': 'stop', 'message': {'content': text}}],
                                                        'usage': {'prompt_tokens': 5, 'completion_tokens': 2}}
            f.write(json.dumps({'custom_id': custom_id, 'response': {'status_code': 200, 'body': body}, 'error': None}) + '\n')


def block(path, search, replace):
    return f'```python\n### {path}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n```\n'


FIX = block('pkg/calc.py', '    return a - b', '    return a + b')
NAMES = '```\npkg/calc.py\n```'


def ids(passk):
    return [r['instance_id'] + (f'__pass{k}' if passk > 1 else '') for r in ROWS for k in range(passk)]


def run_bugfixer(source, workers, passk=3):
    out = f'bug-{source}-{workers}'
    flags = ['--model_name', 'm', '--passk', str(passk), '--num_workers', str(workers)]
    stage('bugfixer', 'gen_step1', source, *flags, '--temp', '0.5', '--greedy_first', '--output_file', out + '-req1.jsonl')
    answer(out + '-out1.jsonl', [(i, NAMES) for i in reversed(ids(passk))])
    stage('bugfixer', 'proc_step1_gen_step2', source, *flags, '--input_file', out + '-out1.jsonl', '--output_file', out + '-req2.jsonl')
    answer(out + '-out2.jsonl', [(i, FIX if '-2' not in i else 'no idea') for i in ids(passk)])
    stage('bugfixer', 'proc_step2', source, *flags, '--input_file', out + '-out2.jsonl', '--step1_file', out + '-out1.jsonl', '--save_dir', out)
    return out


def files_of(out):
    texts = {}
    for name in [out + '-req1.jsonl', out + '-req2.jsonl']:
        texts[name[len(out):]] = open(os.path.join(HOME, name), 'rb').read()
    for base, _, names in os.walk(os.path.join(HOME, out)):
        for name in names:
            path = os.path.join(base, name)
            texts[os.path.relpath(path, os.path.join(HOME, out))] = open(path, 'rb').read()
    return texts


def test_bugfixer_from_dataset_to_patches():
    for source in SOURCES:
        out = run_bugfixer(source, 1)
        req = lines(out + '-req1.jsonl')
        assert [r['custom_id'] for r in req] == ids(3)
        assert [r['body'].get('temperature') for r in req[:3]] == [0, 0.5, 0.5]
        assert 'add() subtracts {structure} (1)' in req[0]['body']['messages'][0]['content']
        assert 'pkg/\n    __init__.py\n    calc.py\n' in req[0]['body']['messages'][0]['content']
        assert 'return a - b' in lines(out + '-req2.jsonl')[0]['body']['messages'][0]['content']
        done = [i for i in ids(3) if '-2' not in i]
        assert [o['custom_id'] for o in lines(out + '/output.jsonl')] == done
        assert [(f['custom_id'], f['stage'], f['reason']) for f in lines(out + '/failures.jsonl')] == [(i, 2, 'no_edit') for i in ids(3) if '-2' in i]
        for k in range(3):
            rows = lines(out + f'/output_{k}_processed.jsonl')
            assert [r['instance_id'] for r in rows] == [r['instance_id'] for r in ROWS if '-2' not in r['instance_id']]
            assert set(rows[0]) == {'model_name_or_path', 'instance_id', 'model_patch', 'raw_model_patch', 'original_file_content',
                                    'edited_files', 'new_file_content'}
        patch = os.path.join(HOME, out, 'samples', done[0] + '.patch')
        git('apply', '--check', patch, cwd=os.path.join(HOME, 'work'))
        assert lines(out + f'/samples/{done[0]}.jsonl')[0]['edits'][0]['fate'] == 'applied'


def test_output_does_not_hang_on_the_number_of_workers():
    one, four = files_of(run_bugfixer('structure', 1)), files_of(run_bugfixer('structure', 4))
    assert one == four, [k for k in one if one[k] != four.get(k)]


def test_ranges_by_name_and_by_position():
    out = 'range.jsonl'
    for flags, want in [(['--start_file', '1', '--end_file', '3'], ids(1)[1:3]), (['--start_file', 'o__r-2', '--end_file', 'o__r-4'], ids(1)[1:4])]:
        stage('bugfixer', 'gen_step1', 'mirror', '--model_name', 'm', '--output_file', out, *flags)
        assert [r['custom_id'] for r in lines(out)] == want


def test_every_pass_is_accounted_for():
    answer('acc1.jsonl', [('o__r-1', NAMES), ('o__r-2', 'nothing'), ('o__r-3', NAMES), ('o__r-9', NAMES)])
    with open(os.path.join(HOME, 'acc1.jsonl'), 'a') as f:
        f.write('{"custom_id": "o__r-4", "resp')
    err = stage('bugfixer', 'proc_step1_gen_step2', 'mirror', '--model_name', 'm', '--passk', '1', '--input_file', 'acc1.jsonl', '--output_file', 'acc2.jsonl')
    assert '2 done, 3 failed' in err and 'o__r-9' in err and 'line 5' in err, err
    assert [r['custom_id'] for r in lines('acc2.jsonl')] == ['o__r-1', 'o__r-3']
    answer('acc3.jsonl', [('o__r-1', FIX)])
    stage('bugfixer', 'proc_step2', 'mirror', '--passk', '1', '--input_file', 'acc3.jsonl', '--step1_file', 'acc1.jsonl', '--save_dir', 'acc')
    assert [(f['custom_id'], f['stage'], f['reason']) for f in lines('acc/failures.jsonl')] == [
        ('o__r-2', 1, 'no_file'), ('o__r-3', 2, 'missing_in_results'), ('o__r-4', 1, 'missing_in_results'), ('o__r-5', 1, 'missing_in_results')]
    assert lines('acc/output.jsonl')[0]['model_name_or_path'] == 'm-1'       # the one that answered


def test_an_error_of_the_endpoint_is_the_reason():
    with open(os.path.join(HOME, 'e1.jsonl'), 'w') as f:
        f.write(json.dumps({'custom_id': 'o__r-1', 'response': None, 'error': {'code': 'batch_expired', 'message': 'too late'}}) + '\n')
        f.write(json.dumps({'custom_id': 'o__r-2', 'response': {'status_code': 500, 'body': {'error': {'message': 'boom'}}}}) + '\n')
        f.write(json.dumps({'custom_id': 'o__r-3', 'response': {'status_code': 200, 'body': {'choices': []}}}) + '\n')
    stage('bugfixer', 'proc_step2', 'mirror', '--model_name', 'm', '--input_file', 'e1.jsonl', '--save_dir', 'errors')
    assert [(f['custom_id'], f['reason']) for f in lines('errors/failures.jsonl')] == [
        ('o__r-1', 'batch_expired'), ('o__r-2', 'http_500'), ('o__r-3', 'no_answer')]


def test_a_missing_structure_fails_its_instance_by_name():
    os.rename(os.path.join(HOME, 'structures/o__r-3.json'), os.path.join(HOME, 'hidden'))
    try:
        err = stage('bugfixer', 'gen_step1', 'structure', '--model_name', 'm', '--output_file', 'miss.jsonl', status=1)
    finally:
        os.rename(os.path.join(HOME, 'hidden'), os.path.join(HOME, 'structures/o__r-3.json'))
    assert 'o__r-3' in err
    assert [r['custom_id'] for r in lines('miss.jsonl')] == [i for i in ids(1) if i != 'o__r-3']


def test_usage():
    stage('bugfixer', 'gen_step1', 'mirror', '--model_name', 'm', status=2)
    stage('bugfixer', 'proc_step2', 'mirror', '--model_name', 'm', '--save_dir', 's', status=2)
    stage('bugfixer', 'gen_step1', 'mirror', '--output_file', 'x', status=2)
    stage('bugfixer', 'gen_step1', 'mirror', '--output_file', 'x', '--model_name', 'm', '--temp', 'hot', status=2)
    assert not os.path.exists(os.path.join(HOME, 'x'))


# --- the test writer ------------------------------------------------------------------------------------------

FUNCTION = block('tests/test_calc.py', 'def test_twice():', 'def test_sum():\n    assert add(1, TWO) == 3\n\n\ndef test_twice():')
METHOD = block('tests/test_calc.py', '        self.assertEqual(add(TWO, 0), 2)', '        self.assertEqual(add(TWO, 0), 2)\n\n    def test_sum(self):\n        self.assertEqual(add(TWO, 1), 3)')
MISSING = block('tests/test_calc.py', 'def test_twice():', 'def test_other():\n    from pkg.calc import nothing\n\n\ndef test_twice():')
FIXTURE = block('tests/test_calc.py', 'def test_twice():', 'def test_fixture(nobody_has_this):\n    pass\n\n\ndef test_twice():')
BROKEN = block('tests/test_calc.py', 'def test_twice():', 'def test_sum(:\n    pass\n\n\ndef test_twice():')

def method_of(base, name, body):
    """A class of its own with one method."""
    text = 'class TestMore(%s):\n    %s:\n        %s\n\n\ndef test_twice():' % (base, name, body)
    return block('tests/test_calc.py', 'def test_twice():', text)


IMPORT = block('tests/test_calc.py', 'import unittest', 'import unittest\nimport nobody_has_this') + '\n\n' + FUNCTION
LEAVES = block('tests/test_calc.py', 'import unittest', 'import sys\nimport unittest\nsys.exit(0)') + '\n\n' + FUNCTION
ASYNC = block('tests/test_calc.py', 'def test_twice():', 'async def test_later():\n    assert add(1, TWO) == 4\n\n\ndef test_twice():')
ASYNC_METHOD = method_of('unittest.TestCase', 'async def test_later(self)', 'self.assertEqual(add(1, TWO), 4)')
ASYNC_CASE = method_of('unittest.IsolatedAsyncioTestCase', 'async def test_later(self)', 'self.assertEqual(add(1, TWO), 3)')

REPRODUCED, RESOLVED, OTHER = 'Issue reproduced', 'Issue resolved', 'Other issues'


def run_script(script, fixed, pytest):
    """What it prints in a checkout of the repository."""
    d = tempfile.mkdtemp(dir=HOME)
    for path, text in FILES.items():
        os.makedirs(os.path.dirname(os.path.join(d, path)), exist_ok=True)
        with open(os.path.join(d, path), 'w') as f:
            f.write(text.replace('a - b', 'a + b') if fixed else text)
    if not pytest:
        with open(os.path.join(d, 'pytest.py'), 'w') as f:
            f.write('raise ImportError("not here")\n')
    shutil.copy(script, os.path.join(d, 'reproduce_bug.py'))
    p = subprocess.run([sys.executable, 'reproduce_bug.py'], cwd=d, capture_output=True, text=True, timeout=120)
    return p.stdout, p.stderr


def have_pytest():
    return subprocess.run([sys.executable, '-c', 'import pytest'], capture_output=True).returncode == 0


def scripts_tell(save_dir, rows, want):
    """What the scripts print with the bug and without it, with pytest and without it."""
    for custom_id, (bug, fixed) in want.items():
        script = os.path.join(HOME, save_dir, 'samples', custom_id + '.py')
        source = open(script).read()
        assert not any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(ast.parse(source)))
        assert 'from tests.helper import (add,  # the one\n                     TWO)' in source
        d = tempfile.mkdtemp(dir=HOME)
        subprocess.run(['git', 'apply', '-'], input=rows[custom_id]['test_patch'], text=True, cwd=d, check=True)
        assert open(os.path.join(d, 'reproduce_bug.py')).read() == source
        for pytest in [True, False] if have_pytest() else [False]:
            out, err = run_script(script, False, pytest)
            assert out == bug + '\n', (custom_id, pytest, out, err)
            out, err = run_script(script, True, pytest)
            assert out == fixed + '\n', (custom_id, pytest, out, err)


def test_testwriter_makes_scripts_that_tell():
    answers = [('o__r-1', FUNCTION), ('o__r-2', METHOD), ('o__r-3', MISSING), ('o__r-4', FIXTURE), ('o__r-5', BROKEN)]
    answer('tw1.jsonl', [(i, 'I think\n```\ntests/test_calc.py\n```') for i, _ in answers])
    answer('tw2.jsonl', answers)
    stage('testwriter', 'proc_step1_gen_step2', 'mirror', '--model_name', 'm', '--input_file', 'tw1.jsonl', '--output_file', 'tw-req2.jsonl')
    assert 'from .helper import (add,  # the one' in lines('tw-req2.jsonl')[0]['body']['messages'][0]['content']
    stage('testwriter', 'proc_step2', 'mirror', '--model_name', 'm', '--input_file', 'tw2.jsonl', '--step1_file', 'tw1.jsonl', '--save_dir', 'tw')
    assert [(f['custom_id'], f['reason']) for f in lines('tw/failures.jsonl')] == [('o__r-5', 'bad_python')]
    assert not os.path.exists(os.path.join(HOME, 'tw/samples/o__r-5.py'))
    rows = {r['instance_id']: r for r in lines('tw/output_0_processed_reproduction_test.jsonl')}
    assert [r['test_func_name'] for r in rows.values()] == ['test_sum', 'test_sum', 'test_other', 'test_fixture']
    assert rows['o__r-1']['original_file_content'] == FILES['tests/test_calc.py']
    want = {'o__r-1': (REPRODUCED, RESOLVED), 'o__r-2': (REPRODUCED, RESOLVED), 'o__r-3': (OTHER, OTHER), 'o__r-4': (OTHER, OTHER)}
    scripts_tell('tw', rows, want)


def test_scripts_that_do_not_come_so_far():
    """Imports that fail, a process that is left, async tests that nobody runs: no traceback alone, and no verdict about the issue."""
    answers = [('o__r-1', IMPORT), ('o__r-2', LEAVES), ('o__r-3', ASYNC), ('o__r-4', ASYNC_METHOD), ('o__r-5', ASYNC_CASE)]
    answer('far1.jsonl', [(i, '```\ntests/test_calc.py\n```') for i, _ in answers])
    answer('far2.jsonl', answers)
    stage('testwriter', 'proc_step2', 'mirror', '--model_name', 'm', '--input_file', 'far2.jsonl', '--step1_file', 'far1.jsonl', '--save_dir', 'far')
    rows = {r['instance_id']: r for r in lines('far/output_0_processed_reproduction_test.jsonl')}
    assert [r['test_func_name'] for r in rows.values()] == 2 * ['test_sum'] + 3 * ['test_later']
    scripts_tell('far', rows, {'o__r-1': (OTHER, OTHER), 'o__r-2': (OTHER, OTHER), 'o__r-3': (OTHER, OTHER), 'o__r-4': (OTHER, OTHER),
                               'o__r-5': (REPRODUCED, RESOLVED)})


# --- beside the daemon ------------------------------------------------------------------------------------------

def beside_the_daemon(workflow, passk):
    """What stage makes of the daemon's own answers is what the daemon made, byte for byte."""
    from harness import Site, demo_data
    data = demo_data()
    flags = ['--dataset', os.path.join(data, 'demo.jsonl'), '--repostructure_dir', os.path.join(data, 'structures'),
             '--model_name', 'demo-model', '--passk', str(passk), '--temp', '0.8', '--greedy_first', '--convert_crlf']
    with Site() as s:
        s.up(os.path.join(data, f'answers_{workflow}.jsonl'), max_requests=4, max_active=3, max_attempts=2)
        s.wait(s.submit(workflow, *flags, '--save_dir', s.path('out')), exit=1)        # one pass of the demo is hopeless
        at = lambda *names: open(s.path(*names), 'rb').read()

        def stage_of(step, *more):
            p = subprocess.run([BATCHCTL, 'stage', workflow, step, *flags, *more], capture_output=True, text=True, timeout=120)
            assert p.returncode == 0, p.stderr

        stage_of('gen_step1', '--output_file', s.path('req1'))
        assert at('req1') == at('out', 'batch_requests_step1.jsonl')
        stage_of('proc_step1_gen_step2', '--input_file', s.path('out', 'batch_output_step1.jsonl'), '--output_file', s.path('req2'))
        assert at('req2') == at('out', 'batch_requests_step2.jsonl')
        stage_of('proc_step2', '--input_file', s.path('out', 'batch_output_step2.jsonl'), '--step1_file',
                 s.path('out', 'batch_output_step1.jsonl'), '--save_dir', s.path('own'))
        assert sorted(os.listdir(s.path('own', 'samples'))) == sorted(os.listdir(s.path('out', 'samples')))
        for name in os.listdir(s.path('own', 'samples')):
            assert at('own', 'samples', name) == at('out', 'samples', name), name
        processed = [n for n in os.listdir(s.path('out')) if n.startswith('output')]
        assert len(processed) == passk + 1, processed
        for name in processed:
            assert at('own', name) == at('out', name), name
        brief = lambda d: [(f['custom_id'], f['stage'], f['reason'], f['details']) for f in lines(s.path(d, 'failures.jsonl'))]
        assert brief('own') == brief('out'), (brief('own'), brief('out'))


def test_stage_makes_what_the_daemon_makes():
    beside_the_daemon('bugfixer', 2)


def test_stage_makes_what_the_daemon_makes_of_tests():
    beside_the_daemon('testwriter', 2)


def main():
    failed = 0
    make_world()
    for name, test in [(n, t) for n, t in globals().items() if n.startswith('test_')]:
        try:
            test()
            print('ok', name, flush=True)
        except Exception as e:
            failed += 1
            print(f'FAIL {name}: {e!r}', flush=True)
            traceback.print_exc()
    shutil.rmtree(HOME)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
