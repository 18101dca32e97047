# SPDX-License-Identifier: MIT
"""Whole jobs through the real programs, with the daemon's memory and its answers to ping meanwhile."""
import glob, json, os, shutil, subprocess, time

from bench import Daemon, Pings, fresh, mb, need, path, program, rounds, run, seconds, size, spread

ASK = ('{"custom_id":"row-%07d","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":'
       '[{"role":"user","content":"What does the function number %d of the module do, and what does it return?"}]}}\n')


def requests_file(rows):
    name = path('requests-%d.jsonl' % rows)
    if not os.path.exists(name):
        with open(name + '.tmp', 'w', buffering=1 << 20) as f:
            for n in range(rows):
                f.write(ASK % (n, n))
        os.rename(name + '.tmp', name)
    return name


def raw_once(rows, settings=''):
    """One raw job; figures of it, and the baseline's seconds for the same bytes."""
    requests = requests_file(rows)
    with Daemon('raw', settings=settings) as d:
        save = os.path.join(d.dir, 'save')
        ep_cpu = d.cpu(d.endpoint.pid)
        with Pings(d) as pings:
            began = time.perf_counter()
            job = d.submit('raw', '--requests', requests, '--save_dir', save)
            submitted = time.perf_counter() - began
            status = d.wait(job)
            wall = time.perf_counter() - began
        if status != 0:
            raise RuntimeError('the raw job ended with %d; logs are in %s' % (status, d.dir))
        peak, anon = d.memory()
        got = {'wall': wall, 'submit': submitted, 'peak': peak, 'anon': anon, 'pings': pings, 'cpu': d.cpu(),
               'endpoint_cpu': d.cpu(d.endpoint.pid) - ep_cpu,
               'db': os.path.getsize(os.path.join(d.dir, 'state', 'batchd.db')) if os.path.exists(
                   os.path.join(d.dir, 'state', 'batchd.db')) else 0}
        with open(os.path.join(save, 'batch_output_step1.jsonl')) as f:
            lines = sum(1 for _ in f)
        if lines != rows:
            raise RuntimeError('%d of %d answers are in %s' % (lines, rows, save))
        got['baseline'] = raw_baseline(d, requests)
    return got


def raw_baseline(d, requests):
    """wc -l, then curl: the parts that were uploaded up, the result files down, synced."""
    parts = sorted(glob.glob(os.path.join(d.dir, 'state', 'jobs', '*', 'batch-*.requests.jsonl')))
    results = [b['output_file_id'] for b in curl_list(d)]
    down = fresh('raw-down')
    split = fresh('raw-up')
    if not parts:           # they are deleted once they are up: cut again
        subprocess.run(['split', '-l', '50000', requests, os.path.join(split, 'part')], check=True)
        parts = sorted(glob.glob(os.path.join(split, '*')))
    key = 'Authorization: Bearer k'
    began = time.perf_counter()
    run(['wc', '-l', requests])
    for p in parts:
        run(['curl', '-sS', '-f', '-H', key, '-F', 'purpose=batch', '-F', 'file=@' + p, d.url + '/files'])
    for n, r in enumerate(results):
        run(['curl', '-sS', '-f', '-H', key, '-o', os.path.join(down, str(n)), '%s/files/%s/content' % (d.url, r)])
    run(['sync', '-f', down])
    took = time.perf_counter() - began
    shutil.rmtree(down)
    shutil.rmtree(split)
    return took


def curl_list(d):
    out = subprocess.run(['curl', '-sS', '-f', '-H', 'Authorization: Bearer k', d.url + '/batches?limit=100'],
                         stdout=subprocess.PIPE, check=True).stdout
    return [b for b in json.loads(out)['data'] if b.get('output_file_id')]


def raw(t):
    need('curl', 'wc', 'sync')
    rows = size('ROWS', 1000000)
    got = [raw_once(rows) for _ in range(rounds(1))]
    best = got[0]
    t.add('whole job: %d raw rows' % rows,
          '%s (submit %s; CPU %s, the endpoint %s)' % (seconds(best['wall']), seconds(best['submit']),
                                                     seconds(best['cpu']), seconds(best['endpoint_cpu'])),
          seconds(best['baseline']), spread([g['wall'] / g['baseline'] for g in got]), '<= 3x')
    t.add('its memory', mb(best['peak']) + ' (at the end %s anonymous)' % mb(best['anon']), '', '', '<= 64 MB')
    t.add('ping meanwhile', best['pings'].text(), '', '', 'p99 <= 20 ms')
    return got


ROWS = {'raw': raw}
