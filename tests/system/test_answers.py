#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Answers as models write them, through `batchctl stage`: every one that a person can read comes to the fixed file, and
every other one to the reason why it does not.

usage: test_answers.py BUILD
"""
import json, os, shutil, subprocess, sys, tempfile, traceback

BATCHCTL = os.path.join(os.path.abspath(sys.argv[1]), 'batchctl')
HOME = tempfile.mkdtemp()

CART = '''"""A shopping cart."""
import math


class Cart:
    """What a customer has taken."""

    def __init__(self):
        self.items = []

    def add(self, name, price, count=1):
        if count < 1:
            raise ValueError("count must be positive")
        self.items.append((name, price, count))

    def total(self):
        """The price of everything."""
        result = 0
        for name, price, count in self.items:
            result += price

        return math.floor(result)

    def names(self):
        return [item[0] for item in self.items]
'''
FIXED = CART.replace('result += price\n', 'result += price * count\n')
TEST = '''"""Tests of the cart."""
import unittest

from .data import PRICES
from shop.cart import Cart


def test_names():
    cart = Cart()
    cart.add("tea", PRICES["tea"])
    assert cart.names() == ["tea"]


class TestCart(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(Cart().total(), 0)
'''
FILES = {'shop/__init__.py': '', 'shop/cart.py': CART, 'shop/tax.py': 'RATE = 1\n', 'tests/__init__.py': '',
         'tests/data.py': 'PRICES = {"tea": 2}\n', 'tests/test_cart.py': TEST, 'setup.py': 'import os\n'}

OLD = '        for name, price, count in self.items:\n            result += price\n'
NEW = '        for name, price, count in self.items:\n            result += price * count\n'
BODY = '<<<<<<< SEARCH\n' + OLD + '=======\n' + NEW + '>>>>>>> REPLACE\n'
WHY = 'The total ignores how many pieces of an item are in the cart: `result += price` has to be multiplied by `count`.\n\n'


def numbered(text, first, form):
    return ''.join(form % (first + i, line) for i, line in enumerate(text.splitlines(True)))


def diff(*lines):
    return ''.join(line + '\n' for line in lines)


HUNK = ['         result = 0', '         for name, price, count in self.items:', '-            result += price',
        '+            result += price * count', ' ', '         return math.floor(result)']

# name, answer, fates of its edits; all come to FIXED
GOOD = [
    ('as asked for', WHY + '```python\n### shop/cart.py\n' + BODY + '```\n', 'applied'),
    ('thinking first', '<think>\nMaybe in tax.py?\n```python\n### shop/tax.py\n<<<<<<< SEARCH\nRATE = 1\n=======\nRATE = 2\n>>>>>>> REPLACE\n```\nNo.\n</think>\n\n' + WHY +
     '```python\n### shop/cart.py\n' + BODY + '```\n', 'applied'),
    ('no opening tag', 'Let me see, first RATE...\n</think>\n```python\n### shop/cart.py\n' + BODY + '```\n', 'applied'),
    ('a heading in words', '## Fix\n\nIn **`shop/cart.py`**, the loop of `total()`:\n\n```python\n' + BODY + '```\n\nThis handles counts.\n', 'applied'),
    ('one step after the other', '1. **Open `shop/cart.py`.**\n2. Apply this:\n\n   ```python\n' + ''.join('   ' + l for l in BODY.splitlines(True)) + '   ```\n', 'indentation'),
    ('path in the info string', WHY + '```python title="shop/cart.py"\n' + BODY + '```\n', 'applied'),
    ('path in a docker checkout', '### /testbed/shop/cart.py\n```python\n' + BODY + '```\n', 'applied'),
    ('no fence, no closing text', 'shop/cart.py\n' + BODY, 'applied'),
    ('the fence alone closes', '```python\n### shop/cart.py\n' + BODY.replace('>>>>>>> REPLACE\n', '') + '```\n', 'applied'),
    ('two dividers', '```python\n### shop/cart.py\n' + BODY.replace('=======\n', '=======\n=======\n') + '```\n', 'applied'),
    ('the end in place of the divider', '```python\n### shop/cart.py\n' + BODY.replace('=======\n', '>>>>>>> REPLACE\n') + '```\n', 'applied'),
    ('both halves framed', '```python\n### shop/cart.py\n<<<<<<< SEARCH\n' + OLD + '>>>>>>> SEARCH\n<<<<<<< REPLACE\n' + NEW + '>>>>>>> REPLACE\n```\n', 'applied'),
    ('numbers as in an editor', '```python\n### shop/cart.py\n<<<<<<< SEARCH\n' + numbered(OLD, 19, '%4d | %s') + '=======\n' + numbered(NEW, 19, '%4d | %s') + '>>>>>>> REPLACE\n```\n',
     'line_numbers'),
    ('numbers as of cat -n', '### shop/cart.py\n<<<<<<< SEARCH\n' + numbered(OLD, 19, '%6d\t%s') + '=======\n' + NEW + '>>>>>>> REPLACE\n', 'line_numbers'),
    ('tabs', '### shop/cart.py\n' + BODY.replace('    ', '\t'), 'indentation'),
    ('dedented', '### shop/cart.py\n' + BODY.replace('\n        ', '\n'), 'indentation'),
    ('the whole class indented less', '### shop/cart.py\n' + BODY.replace('\n    ', '\n'), 'indentation'),
    ('escaped for a web page', '### shop/cart.py\n&lt;&lt;&lt;&lt;&lt;&lt;&lt; SEARCH\n' + OLD + '=======\n' + NEW + '&gt;&gt;&gt;&gt;&gt;&gt;&gt; REPLACE\n', 'applied'),
    ('blanks that are none', '### shop/cart.py\n<<<<<<< SEARCH\n' + OLD.replace(' ', '\u00a0') + '=======\n' + NEW.replace(' ', '\u00a0') + '>>>>>>> REPLACE\n', 'characters'),
    ('the middle left out', '### shop/cart.py\n<<<<<<< SEARCH\n    def total(self):\n        ...\n            result += price\n=======\n    def total(self):\n        ...\n            result += price * count\n>>>>>>> REPLACE\n',
     'elided'),
    ('the end left out of REPLACE', '### shop/cart.py\n<<<<<<< SEARCH\n' + OLD + '\n        return math.floor(result)\n\n    def names(self):\n=======\n' + NEW + '\n        return math.floor(result)\n\n    # ... rest of the class unchanged ...\n>>>>>>> REPLACE\n',
     'elided'),
    ('a draft and its correction', '```python\n### shop/cart.py\n<<<<<<< SEARCH\n' + OLD + '=======\n        result = len(self.items)\n>>>>>>> REPLACE\n```\n\nWait, that\'s wrong: it counts items. Here is the corrected version:\n\n```python\n### shop/cart.py\n' + BODY + '```\n',
     'superseded,applied'),
    ('the same block again at the end', '```python\n### shop/cart.py\n' + BODY + '```\n\nAll edits together:\n\n```python\n### shop/cart.py\n' + BODY + '```\n', 'applied,repeated'),
    ('before and after', WHY + '**shop/cart.py**\n\nBefore:\n```python\n' + OLD + '```\n\nAfter:\n```python\n' + NEW + '```\n', 'applied'),
    ('replace this with that', 'In `shop/cart.py`, replace\n\nReplace this code:\n```python\n' + OLD + '```\nwith:\n```python\n' + NEW + '```\n', 'applied'),
    ('a list of edits as JSON', '```json\n' + json.dumps([{'file': 'shop/cart.py', 'search': OLD, 'replace': NEW}], indent=2) + '\n```\n', 'applied'),
    ('a tool call', '<tool_call>\n' + json.dumps({'name': 'str_replace_editor', 'arguments': {'command': 'str_replace', 'path': '/testbed/shop/cart.py',
     'old_str': 'result += price', 'new_str': 'result += price * count'}}) + '\n</tool_call>\n', 'indentation'),
    ('part of a line', json.dumps({'path': 'shop/cart.py', 'old_string': '+= price', 'new_string': '+= price * count'}), 'part_of_line'),
    ('tags', '<code_change>\n<file>shop/cart.py</file>\n<original>\n' + OLD + '</original>\n<patched>\n' + NEW + '</patched>\n</code_change>\n', 'applied'),
    ("a program's parameters", '<function=edit>\n<parameter=path>shop/cart.py</parameter>\n<parameter=old_str>\n' + OLD + '</parameter>\n<parameter=new_str>\n' + NEW + '</parameter>\n</function>\n', 'applied'),
    ("git's diff", WHY + '```diff\n' + diff('diff --git a/shop/cart.py b/shop/cart.py', '--- a/shop/cart.py', '+++ b/shop/cart.py', '@@ -17,7 +17,7 @@ class Cart:', *HUNK) + '```\n', 'applied'),
    ('a diff with invented numbers', '```diff\n' + diff('--- shop/cart.py', '+++ shop/cart.py', '@@ -1,99 +2,3 @@', *HUNK) + '```\n', 'applied'),
    ('a diff without numbers, without a fence', diff('--- a/shop/cart.py', '+++ b/shop/cart.py', '@@ @@', *HUNK), 'applied'),
    ('a diff of lines alone', '### shop/cart.py\n```diff\n' + diff(*HUNK) + '```\n', 'applied'),
    ('a diff, its blanks lost', '```diff\n' + diff('--- a/shop/cart.py', '+++ b/shop/cart.py', '@@ -17,7 +17,7 @@', '        for name, price, count in self.items:', *HUNK[2:4], '', '        return math.floor(result)') + '```\n', 'applied'),
    ('a patch in stars', '*** Begin Patch\n*** Update File: shop/cart.py\n@@ class Cart:\n' + diff(*HUNK) + '*** End Patch\n', 'applied'),
    ('the whole file', 'Here is the updated `shop/cart.py`:\n\n```python\n' + FIXED + '```\n', 'whole_file'),
    ('the whole file, named inside', '```python\n# shop/cart.py\n' + FIXED + '```\n', 'whole_file'),
    ('a wrong directory', '### src/cart.py\n```python\n' + BODY + '```\n', 'applied'),
    ('no name at all', WHY + '```python\n' + BODY + '```\n', 'applied'),
    ('CRLF throughout', ('```python\n### shop/cart.py\n' + BODY + '```\n').replace('\n', '\r\n'), 'applied'),
    ('bold markers', '### shop/cart.py\n**<<<<<<< SEARCH**\n' + OLD + '**=======**\n' + NEW + '**>>>>>>> REPLACE**\n', 'applied'),
    ("git's conflict", '```python\n# shop/cart.py\n<<<<<<< HEAD\n' + OLD + '=======\n' + NEW + '>>>>>>> fix-total\n```\n', 'applied'),
]

# name, answer, reason, a piece of the details
BAD = [
    ('words alone', 'Multiply the price by the count in `total()`.', 'no_edit', 'no SEARCH/REPLACE block'),
    ('a refusal in words', "I'm sorry, but I can't help with that.", 'no_edit', ''),
    ('a function without a word on where it goes', '### shop/cart.py\n```python\n    def total(self):\n        return sum(p * c for _, p, c in self.items)\n```\n', 'no_edit_fits', 'snippet'),
    ('most of the file left out', '### shop/cart.py\n```python\nclass Cart:\n    # ... existing code ...\n\n' + NEW + '```\n', 'no_edit_fits', 'snippet'),
    ('cut in the middle', '```python\n### shop/cart.py\n<<<<<<< SEARCH\n' + OLD + '=======\n        for name', 'no_edit_fits', 'unclosed'),
    ('invented code', '### shop/cart.py\n<<<<<<< SEARCH\n        return sum(self.items)\n=======\n        return 0\n>>>>>>> REPLACE\n', 'no_edit_fits', 'not_found'),
    ('too little to tell', '### shop/cart.py\n<<<<<<< SEARCH\n\n=======\n# here\n>>>>>>> REPLACE\n', 'no_edit_fits', 'found 7 times'),
    ('an invented file', '### shop/basket.py\n' + BODY, 'no_edit_fits', 'unknown_file'),
    ('nothing changed', '### shop/cart.py\n<<<<<<< SEARCH\n' + OLD + '=======\n' + OLD + '>>>>>>> REPLACE\n', 'no_change', ''),
    ('lines left out, unknown which', '### shop/cart.py\n<<<<<<< SEARCH\n' + OLD + '\n        return math.floor(result)\n=======\n        total = 0\n        # ... existing code ...\n        return total\n>>>>>>> REPLACE\n',
     'no_edit_fits', 'unclear'),
    ('one of two', '### shop/cart.py\n' + BODY + '### shop/tax.py\n<<<<<<< SEARCH\nRATE = 7\n=======\nRATE = 8\n>>>>>>> REPLACE\n', 'partial', 'shop/tax.py: not_found'),
]

ADDED = 'def test_total_counts_every_piece():\n    cart = Cart()\n    cart.add("tea", PRICES["tea"], count=3)\n    assert cart.total() == 6\n'
LAST = 'class TestCart(unittest.TestCase):\n'
METHOD = '    def test_pieces(self):\n        cart = Cart()\n        cart.add("tea", PRICES["tea"], count=3)\n        self.assertEqual(cart.total(), 6)\n'


def put_in(new, fence=True):
    text = '### tests/test_cart.py\n<<<<<<< SEARCH\n' + LAST + '=======\n' + new + '\n\n' + LAST + '>>>>>>> REPLACE\n'
    return '```python\n' + text + '```\n' if fence else text


# name, answer, the names of the tests that the script runs
TESTS = [
    ('as asked for', put_in(ADDED), 'test_total_counts_every_piece'),
    ('a method', '```python\n### tests/test_cart.py\n<<<<<<< SEARCH\n        self.assertEqual(Cart().total(), 0)\n=======\n        self.assertEqual(Cart().total(), 0)\n\n' + METHOD + '>>>>>>> REPLACE\n```\n', 'test_pieces'),
    ('two dividers', put_in(ADDED).replace('=======\n', '=======\n=======\n'), 'test_total_counts_every_piece'),
    ('thinking first', '<think>' + put_in('def test_draft():\n    pass\n') + '</think>\n' + put_in(ADDED), 'test_total_counts_every_piece'),
    ('only the name', put_in(ADDED).replace('tests/test_cart.py', 'test_cart.py'), 'test_total_counts_every_piece'),
    ('no name', put_in(ADDED).replace('### tests/test_cart.py\n', ''), 'test_total_counts_every_piece'),
    ('JSON', json.dumps({'edits': [{'file': 'tests/test_cart.py', 'search': LAST, 'replace': ADDED + '\n\n' + LAST}]}), 'test_total_counts_every_piece'),
    ('a diff', '```diff\n' + diff('--- a/tests/test_cart.py', '+++ b/tests/test_cart.py', '@@ -12,3 +12,9 @@', *['+' + l for l in (ADDED + '\n\n').splitlines()], ' ' + LAST.strip()) + '```\n', 'test_total_counts_every_piece'),
    ('the whole file', '### tests/test_cart.py\n```python\n' + TEST.replace(LAST, ADDED + '\n\n' + LAST) + '```\n', 'test_total_counts_every_piece'),
    ('numbers', put_in(ADDED, False).replace(LAST + '=', '14: ' + LAST + '=').replace('REPLACE', 'REPLACE'), 'test_total_counts_every_piece'),
    ('before and after', '`tests/test_cart.py`\n\nBefore:\n```python\n' + LAST + '```\nAfter:\n```python\n' + ADDED + '\n\n' + LAST + '```\n', 'test_total_counts_every_piece'),
    ('a class of its own', put_in('class TestTotal:\n' + METHOD.replace('self.assertEqual(cart.total(), 6)', 'assert cart.total() == 6')), 'test_pieces'),
]
NO_TESTS = [
    ('a helper alone', put_in('def helper():\n    return 1\n'), 'no_test'),
    ('no Python', put_in('def test_x(:\n    pass\n'), 'bad_python'),
    ('another file', '### shop/cart.py\n' + BODY, 'no_test'),
    ('a test that stands alone', '### tests/test_cart.py\n```python\n' + ADDED + '```\n', 'no_edit_fits'),
]


def leaf(path, text):
    return {'classes': [], 'functions': [], 'text': text.splitlines()} if path.endswith('.py') else {}


def make_structure():
    root = {}
    for path, text in FILES.items():
        parts = (path if '/' in path else 'r/' + path).split('/')
        at = root
        for part in parts[:-1]:
            at = at.setdefault(part, {})
        at[parts[-1]] = leaf(path, text)
    return root


def stage(workflow, shown, answers):
    """{name: its record} of the answers, one instance each."""
    home = tempfile.mkdtemp(dir=HOME)
    at = lambda *names: os.path.join(home, *names)
    os.mkdir(at('structures'))
    line = lambda i, text: json.dumps({'custom_id': i, 'response': {'status_code': 200, 'body': {'choices': [
        {'finish_reason': 'stop', 'message': {'role': 'assistant', 'content': text}}]}}}) + '\n'
    ids = {f'o__r-{n}': name for n, name in enumerate(answers)}
    with open(at('data.jsonl'), 'w') as data, open(at('one'), 'w') as one, open(at('two'), 'w') as two:
        for i, name in ids.items():
            data.write(json.dumps({'instance_id': i, 'repo': 'o/r', 'base_commit': 'c', 'problem_statement': 'p'}) + '\n')
            one.write(line(i, f'```\n{shown}\n```'))
            two.write(line(i, answers[name]))
            with open(at('structures', i + '.json'), 'w') as f:
                json.dump({'repo': 'o/r', 'base_commit': 'c', 'structure': make_structure(), 'instance_id': i}, f)
    p = subprocess.run([BATCHCTL, 'stage', workflow, 'proc_step2', '--dataset', at('data.jsonl'), '--repostructure_dir', at('structures'), '--model_name', 'm',
                        '--step1_file', at('one'), '--input_file', at('two'), '--save_dir', at('out')], capture_output=True, text=True, timeout=120)
    assert p.returncode in (0, 1), p.stderr
    return {name: json.load(open(at('out', 'samples', i + '.jsonl'))) for i, name in ids.items()}


def checkout():
    d = tempfile.mkdtemp(dir=HOME)
    for path, text in FILES.items():
        os.makedirs(os.path.dirname(os.path.join(d, path)), exist_ok=True)
        with open(os.path.join(d, path), 'w') as f:
            f.write(text)
    return d


def fates(record):
    return ','.join(e['fate'] for e in record['edits'])


def test_what_a_person_can_read_comes_to_the_fixed_file():
    records = stage('bugfixer', 'shop/cart.py', {name: text for name, text, _ in GOOD})
    for name, _, want in GOOD:
        r = records[name]
        assert (r['state'], r['reason'], fates(r)) == ('done', '', want), (name, r['reason'], r['details'], fates(r))
        d = checkout()
        p = subprocess.run(['git', 'apply', '-'], input=r['patch'], text=True, cwd=d, capture_output=True)
        assert p.returncode == 0, (name, p.stderr, r['patch'])
        assert open(os.path.join(d, 'shop/cart.py')).read() == FIXED, (name, r['patch'])
        shutil.rmtree(d)


def test_what_nobody_can_read_has_its_reason():
    records = stage('bugfixer', 'shop/cart.py', {name: text for name, text, _, _ in BAD})
    for name, _, reason, details in BAD:
        assert (records[name]['reason'], details in records[name]['details']) == (reason, True), (name, records[name]['reason'], records[name]['details'])


def test_tests_in_every_form_come_to_a_script_that_tells():
    records = stage('testwriter', 'tests/test_cart.py', {name: text for name, text, _ in TESTS})
    for name, _, functions in TESTS:
        r = records[name]
        assert r['state'] == 'done', (name, r['reason'], r['details'])
        assert ','.join(f.split('.')[-1] for f in r['test_functions']) == functions, (name, r['test_functions'])
        for cart, verdict in ((CART, 'Issue reproduced\n'), (FIXED, 'Issue resolved\n')):
            d = checkout()
            for path, text in (('shop/cart.py', cart), ('reproduce_bug.py', r['script']), ('pytest.py', 'raise ImportError\n')):
                with open(os.path.join(d, path), 'w') as f:
                    f.write(text)
            p = subprocess.run([sys.executable, 'reproduce_bug.py'], cwd=d, capture_output=True, text=True, timeout=60)
            assert p.stdout == verdict, (name, p.stdout, p.stderr)
            shutil.rmtree(d)


def test_what_makes_no_script_has_its_reason():
    records = stage('testwriter', 'tests/test_cart.py', {name: text for name, text, _ in NO_TESTS})
    for name, _, reason in NO_TESTS:
        assert records[name]['reason'] == reason, (name, records[name]['reason'], records[name]['details'])


def main():
    failed = 0
    for name, test in list(globals().items()):
        if not name.startswith('test_'):
            continue
        try:
            test()
            print('ok', name)
        except Exception as error:
            failed += 1
            print(f'FAIL {name}: {error!r}')
            traceback.print_exc()
    shutil.rmtree(HOME, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
