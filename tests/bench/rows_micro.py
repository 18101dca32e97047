# SPDX-License-Identifier: MIT
"""Parts by themselves: the scanner, the escaper, the database, one transfer."""
import os, statistics, subprocess, sys, time

import data
from bench import fresh, mb, mb_s, micro, need, path, rounds, run, seconds, size


def scan(t):
    made, _ = data.structure(size('MB', 60))
    got = {'scan': [], 'memchr': [], 'cjson': [], 'open': [], 'read': []}
    loads = []
    for _ in range(rounds()):
        for what in got:
            got[what] += micro('bench_scan', made, data.REPO, what)[what]
        loads.append(float(subprocess.run([sys.executable, '-c', JSON_LOAD, made], stdout=subprocess.PIPE, check=True).stdout))
    length = os.path.getsize(made)
    t.ratio('scan a structure of %s, mapped, into its index' % mb(length), got['scan'], got['memchr'], seconds, '<= 5x memchr')
    t.ratio('the same', got['scan'], got['cjson'], seconds, '>= 10x cJSON', faster=True)
    t.ratio('the same with reading the file', got['open'], got['read'], seconds, '(reading it, and memchr)')
    t.ratio('the same', got['open'], loads, seconds, '>= 8x json.load', faster=True)
    memory = statistics.median(micro('bench_scan', made, data.REPO, 'memory')['bytes'][0] for _ in range(3))
    t.add('memory of it', mb(memory), mb(length), '', '<= 8 MB + 2 %% = %s' % mb(8e6 + length * 0.02))


JSON_LOAD = """
import json, sys, time
began = time.process_time()
with open(sys.argv[1]) as f:
    json.load(f)
print(time.process_time() - began)
"""


def escape(t):
    name = path('text')
    if not os.path.exists(name):
        with open(name, 'w') as f:
            for _, text, _ in data.plain_files():
                f.write(text)
                if f.tell() > 8000000:
                    break
    got = micro('bench_escape', name, rounds(15))
    length = os.path.getsize(name)
    speed = lambda s: mb_s(length / s)
    t.ratio('escaping %s of text into JSON' % mb(length), got['escape'], got['cjson'], speed, '>= 8x cJSON', faster=True)
    t.ratio('the same', got['escape'], got['plain'], speed, '(its definition, byte by byte)', faster=True)


def store(t):
    passes = size('ROWS', 1000000)
    d = fresh('store')
    filled = micro('bench_store', d, passes, 'fill')['fill'][0]
    got = micro('bench_store', d, passes, 'moves', rounds())
    per = lambda v: '%.0f/s' % v
    t.ratio('transitions stored durably', got['single'], got['parts'], per, '>= 50x', swap=True)
    got = micro('bench_store', d, passes, 'status', rounds())
    t.ratio('status at %d passes' % passes, got['sums'], got['group'], seconds, '>= 1000x', faster=True)
    t.add('filling it', seconds(filled), '', '', '')
    fresh('store')


def write(t):
    need('cp', 'sync')
    d, length = fresh('write'), size('WRITE_MB', 200) * 1000000
    ours, copies = [], []
    for _ in range(rounds()):
        ours += micro('bench_write', os.path.join(d, 'ours'), length)['write']
        began = time.perf_counter()
        run(['cp', os.path.join(d, 'ours'), os.path.join(d, 'copy')])
        run(['sync', os.path.join(d, 'copy')])
        copies.append(time.perf_counter() - began)
        os.unlink(os.path.join(d, 'copy'))
    t.ratio('%s of requests written and synced' % mb(length), ours, copies, seconds, '<= 1.3x cp + sync')
    fresh('write')


ROWS = {'scan': scan, 'write': write, 'escape': escape, 'store': store}
