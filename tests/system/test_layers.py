#!/usr/bin/env python3
"""One foreign library, one home; files and lines of a size one can read.  usage: test_layers.py BUILD"""
import glob, os, re, sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOMES = {
    r'<sqlite3\.h>': ('daemon/store',),
    r'<curl/': ('daemon/http',),
    r'<libconfig\.h>': ('daemon/config',),
    r'<cjson/': ('daemon/base/json.c',),
    r'<git2': ('daemon/rollout',),
    r'<uv\.h>': ('daemon/http', 'daemon/control', 'daemon/app'),
    r'<microhttpd\.h>': (),
}
failed = 0


def check(name, problems):
    global failed
    if problems:
        failed += 1
        print(f'FAIL {name}: ' + '; '.join(problems))
    else:
        print(f'ok {name}')


sources = sorted(f for d in ('daemon', 'client', 'include') for e in ('c', 'h', 'def')
                 for f in glob.glob(f'{TOP}/{d}/**/*.{e}', recursive=True))
texts = {os.path.relpath(f, TOP): open(f, encoding='utf-8').read() for f in sources}
for header, homes in HOMES.items():
    check('only its home includes ' + re.sub(r'[\\<>]', '', header),
          [f for f, t in texts.items() if re.search(r'#include ' + header, t) and not f.startswith(homes or ('-',))])
check('every source file names its licence',
      [f for f, t in texts.items() if not f.endswith('.def') and 'SPDX-License-Identifier: MIT' not in t[:80]])
sys.exit(failed != 0)
