# SPDX-License-Identifier: MIT
"""What must not depend on how much there is: a full database, a start in the middle of a million passes."""
import os, statistics, time

import finished
from bench import Daemon, fresh, program, rounds, run, seconds, size


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


ROWS = {'finished': ended}
