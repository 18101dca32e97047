# SPDX-License-Identifier: MIT
"""What must not depend on how much there is: a full database, a start in the middle of a million passes."""
import json, os, random, sqlite3, statistics, time

import finished
from bench import Daemon, path, program, rounds, run, seconds, size, timed
from rows_job import requests_file


def forget(name):
    """Its pages leave the system's cache, as after a boot."""
    fd = os.open(name, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def many(values):
    return '%s [%s, %s]' % (seconds(statistics.median(values)), seconds(min(values)), seconds(max(values)))


def ended(t):
    """Jobs that have ended cost nothing: neither a start nor a look at the others."""
    jobs, passes = size('JOBS', 1000), size('JOB_PASSES', 10000)
    state = finished.make(jobs, passes)
    db = os.path.join(state, 'batchd.db')
    took = {what: [] for what in ('cold', 'warm', 'status', 'status JOB', 'status NAME', 'metrics')}
    with Daemon('finished', state=state) as d:
        ctl = [program('batchctl'), '--socket', d.socket]
        for _ in range(rounds()):
            for start in ('cold', 'warm'):
                d.stop()
                if start == 'cold':
                    forget(db)
                took[start].append(d.start())
            job = jobs // 2
            for what, words in (('status', ['status']), ('status JOB', ['status', str(job)]),
                                ('status NAME', ['status', 'run-%d' % job]), ('metrics', ['metrics'])):
                took[what].append(run(ctl + words)[0])
        done = d.call('status', job=str(job))['passes']
        if done['done'] + done['failed'] != passes:
            raise RuntimeError('job %d has %s' % (job, done))
    of = '%d jobs, %d finished passes' % (jobs, jobs * passes)
    t.add('start with %s' % of, many(took['warm']), '', '', '<= 2 s')
    t.add('the same, nothing cached', many(took['cold']), '', '', '<= 2 s')
    for what in ('status', 'status JOB', 'status NAME', 'metrics'):
        t.add('batchctl %s there' % what, many(took[what]), '', '', '<= 100 ms')


def asked(log, since):
    """Of how many batches the endpoint was asked since then."""
    with open(log) as f:
        f.seek(since)
        return len({c.get('batch') for c in map(json.loads, f.read().splitlines()) if c.get('call') == 'batch_get'})


def scan(db):
    """One full scan of the table of passes, by SQLite alone."""
    c = sqlite3.connect('file:%s?mode=ro' % db, uri=True)
    c.execute('SELECT count(*), sum(n), count(state) FROM pass NOT INDEXED').fetchall()
    c.close()


def restart(t):
    """kill -9 with every pass at the endpoint; then until it is ready, and until each batch was asked about again."""
    rows = size('ROWS', 1000000)
    log = path('restart.log')
    if os.path.exists(log):
        os.unlink(log)
    with Daemon('restart', endpoint_args=['--delay_ms', '100000000', '--log', log]) as d:
        job = d.submit('raw', '--requests', requests_file(rows), '--save_dir', os.path.join(d.dir, 'save'))
        at_work = lambda s: s['passes']['batched'] == rows and all(b['state'] == 'running' for b in s['batches'])
        d.until(lambda: at_work(d.call('status', job=job)), d.daemon, 600)
        batches = len(d.call('status', job=job)['batches'])
        ours, scans, works = [], [], []
        db = os.path.join(d.state, 'batchd.db')
        for _ in range(rounds()):
            d.daemon.kill()
            d.daemon.wait()
            since = os.path.getsize(log)
            ready, began = d.start(), time.perf_counter()
            d.call('status', job=job)
            ours.append(ready + time.perf_counter() - began)
            d.until(lambda: asked(log, since) == batches, d.daemon, 60)
            works.append(ready + time.perf_counter() - began)
            scans.append(timed(scan, db))
    t.ratio('start after kill -9, %d passes in flight: ready, and their status told' % rows, ours, scans, seconds,
            '<= 2x one scan of the table')
    t.add('the same, until all its %d batches were asked about' % batches, many(works), '', '', '')


def kills(t):
    """kill -9 again and again in the midst of the work: files half made, uploads and results half read."""
    rows, most, at = size('ROWS', 1000000), rounds(), random.Random(5)
    with Daemon('kills') as d:
        job = d.submit('raw', '--requests', requests_file(rows), '--save_dir', os.path.join(d.dir, 'save'))
        ours, scans = [], []
        while len(ours) < most:
            time.sleep(at.uniform(0.2, 1.5))
            s = d.call('status', job=job)
            if s['passes']['done'] == rows:
                break
            d.daemon.kill()
            d.daemon.wait()
            ready, began = d.start(), time.perf_counter()
            d.call('status', job=job)
            ours.append(ready + time.perf_counter() - began)
            scans.append(timed(scan, os.path.join(d.state, 'batchd.db')))
        if d.wait(job) != 0 or d.call('status', job=job)['passes']['done'] != rows:
            raise RuntimeError('the job did not come to its end; logs are in %s' % d.dir)
        run([program('batchctl'), '--socket', d.socket, 'audit', job])
    t.ratio('start after kill -9 in the midst of a job of %d, %d times; its audit adds up' % (rows, len(ours)), ours, scans, seconds,
            '<= 2x one scan of the table')


ROWS = {'finished': ended, 'restart': restart, 'kills': kills}
