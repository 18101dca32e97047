# SPDX-License-Identifier: MIT
"""Whole jobs through the real programs, with the daemon's memory and its answers to ping meanwhile."""
import glob, json, os, shutil, statistics, subprocess, time

from bench import Daemon, Pings, fresh, mb, need, path, rounds, run, seconds, size, spread, worst

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


def raw_once(d, rows):
    """One raw job; what it took."""
    save = os.path.join(d.dir, 'save')
    before, ep_before = d.cpu(), d.cpu(d.endpoint.pid)
    began = time.perf_counter()
    job = d.submit('raw', '--requests', requests_file(rows), '--save_dir', save)
    submitted = time.perf_counter() - began
    status = d.wait(job)
    wall = time.perf_counter() - began
    if status != 0:
        raise RuntimeError('the raw job ended with %d; logs are in %s' % (status, d.dir))
    peak, anon = d.memory()
    with open(os.path.join(save, 'batch_output_step1.jsonl'), 'rb') as f:
        lines = sum(1 for _ in f)
    if lines != rows:
        raise RuntimeError('%d of %d answers are in %s' % (lines, rows, save))
    return {'wall': wall, 'submit': submitted, 'peak': peak, 'anon': anon, 'cpu': d.cpu() - before,
            'endpoint_cpu': d.cpu(d.endpoint.pid) - ep_before}


def raw_baseline(d, requests):
    """wc -l, then curl: the parts that were uploaded up, the result files down, synced."""
    parts = sorted(glob.glob(os.path.join(d.state, 'jobs', '*', 'batch-*.requests.jsonl')))
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
    need('curl', 'wc', 'sync', 'split')
    rows = size('ROWS', 1000000)
    got, pings = [], []
    for _ in range(rounds()):
        with Daemon('raw') as d:
            with Pings(d) as p:
                g = raw_once(d, rows)
            pings.append(p)
            g['baseline'] = raw_baseline(d, requests_file(rows))
            got.append(g)
    mid = lambda what: statistics.median(g[what] for g in got)
    t.add('whole job: %d raw rows' % rows,
          '%s (submit %s; CPU %s, the endpoint %s)' % (seconds(mid('wall')), seconds(mid('submit')), seconds(mid('cpu')),
                                                     seconds(mid('endpoint_cpu'))),
          seconds(mid('baseline')), spread([g['wall'] / g['baseline'] for g in got]), '<= 3x')
    t.add('its memory', '%s (at the end %s anonymous)' % (mb(max(g['peak'] for g in got)), mb(mid('anon'))), '', '',
          '<= 64 MB')
    t.add('ping meanwhile, the worst round', worst(pings).text(), '', '', 'p99 <= 20 ms')


def growth(t):
    """
    Time and memory per pass must not depend on how many there are.  Batches are of one size in all of these jobs, and
    polls near, so that neither a job smaller than a batch nor the wait for one's end is what is seen.
    """
    most, of = size('ROWS', 1000000), {}
    for rows, n in ((10000, 9), (100000, 9), (1000000, 3)):
        if rows <= most:
            of[rows] = got = []
            for _ in range(rounds(n)):
                with Daemon('growth', polls=(10, 50), batch=5000) as d:
                    got.append(raw_once(d, rows))
    mid = lambda what: [statistics.median(g[what] for g in of[rows]) for rows in of]
    show = lambda values, unit, to: ', '.join('%d: %s' % (rows, unit(v)) for rows, v in zip(to, values))
    ratios = lambda values: ', '.join('%.2f' % (v / values[0]) for v in values)
    for name, what, unit in (('CPU of batchd a pass', 'cpu', seconds), ('time a pass', 'wall', seconds)):
        each = [v / rows for v, rows in zip(mid(what), of)]
        t.add('growth: ' + name, show(each, unit, of), '', ratios(each), 'within 20 %')
        steps = list(zip(of, mid(what)))
        further = [(v - u) / (m - n) for (n, u), (m, v) in zip(steps, steps[1:])]
        if further:                     # what a job costs however small it is cancels out
            t.add('the same, of each further one', show(further, unit, list(of)[1:]), '', ratios(further), 'within 20 %')
    t.add('growth: memory', show(mid('peak'), mb, of), '', ratios(mid('peak')), 'within 20 %')


ROWS = {'raw': raw, 'growth': growth}
