# SPDX-License-Identifier: MIT
"""The steps of a workflow by themselves, through batchctl stage, and the whole job of the same."""
import os, statistics, sys, time

import data
from bench import Daemon, Pings, TOP, fresh, mb, program, rounds, run, seconds, size, spread, worst

PLAIN = os.path.join(TOP, 'tests', 'bench', 'plain.py')


def subset(top, n):
    """The first n rows of the dataset, in a file."""
    name = os.path.join(top, 'dataset-%d.jsonl' % n)
    with open(os.path.join(top, 'dataset.jsonl')) as f, open(name, 'w') as out:
        for _, line in zip(range(n), f):
            out.write(line)
    return name


def stage(top, step, out, passk, workers=1, dataset=None, mirrors=None):
    cmd = [program('batchctl'), 'stage', 'bugfixer', step, '--dataset', dataset or os.path.join(top, 'dataset.jsonl'),
           '--model_name', 'm', '--passk', str(passk), '--num_workers', str(workers)]
    cmd += ['--repo_mirrors', mirrors] if mirrors else ['--repostructure_dir', os.path.join(top, 'structures')]
    if step != 'gen_step1':
        cmd += ['--input_file', os.path.join(top, 'output%d.jsonl' % (1 if step == 'proc_step1_gen_step2' else 2))]
    if step == 'proc_step2':
        cmd += ['--step1_file', os.path.join(top, 'output1.jsonl'), '--save_dir', os.path.join(out, 'save')]
    else:
        cmd += ['--output_file', os.path.join(out, step)]
    return run(cmd)


def plain(top, step, out, passk, dataset):
    return run([sys.executable, PLAIN, step, dataset, os.path.join(top, 'structures'), top, os.path.join(out, 'plain'),
                str(passk)])


def step1(t):
    instances, passk, megabytes = data.sizes()
    top = data.bugfixer(instances, passk, megabytes)
    few, many = min(instances, size('SOME', 10)), min(instances, 4 * size('SOME', 10))
    some, more = subset(top, few), subset(top, many)
    mirrors, _ = data.mirror(megabytes)
    one, python, files, two, git = [], [], [], [], []
    for _ in range(rounds()):
        out = fresh('steps')
        one.append(stage(top, 'gen_step1', out, passk, 1, some)[0])
        python.append(plain(top, 'gen_step1', out, passk, some)[0])
        files.append(stage(top, 'gen_step1', out, passk, 1, more)[0])
        two.append(stage(top, 'gen_step1', out, passk, 2, more)[0])
        git.append(stage(top, 'gen_step1', out, passk, 1, more, mirrors)[0])
    t.ratio('stage 1, one thread, %d structures of %d MB' % (few, megabytes), one, python, seconds, '>= 12x', faster=True)
    t.ratio('stage 1 of %d from a mirror, against structures' % many, git, files, seconds, '>= 5x', faster=True)
    t.ratio('stage 1 of %d, 2 threads against 1' % many, two, files, seconds, '>= 1.7x', faster=True)


def step3(t):
    instances, passk, megabytes = data.sizes()
    top = data.bugfixer(instances, passk, megabytes)
    n = min(instances, size('SOME', 10))
    some, few = subset(top, n), subset(top, 1)
    ours, python = [], []
    for _ in range(rounds()):
        out = fresh('steps')
        base = stage(top, 'gen_step1', out, passk, 1, some)[1]     # the scan, which a job has behind it by then
        ours.append(max(0.001, stage(top, 'proc_step2', out, passk, 1, some)[1] - base) / (n * passk))
        python.append(plain(top, 'proc_step2', fresh('steps'), passk, few)[1] / passk)
    t.ratio('stage 3: one answer to a patch, CPU', ours, python, seconds, '>= 50x', faster=True)


def job_once(top, passk):
    """(wall seconds, status, what the daemon took) of the whole job."""
    with Daemon('bugfixer', endpoint_args=['--answers', os.path.join(top, 'answers')]) as d:
        with Pings(d) as pings:
            began = time.perf_counter()
            job = d.submit('bugfixer', '--dataset', os.path.join(top, 'dataset.jsonl'), '--repostructure_dir',
                           os.path.join(top, 'structures'), '--save_dir', os.path.join(d.dir, 'save'), '--model_name', 'm',
                           '--passk', str(passk))
            code = d.wait(job)
            wall = time.perf_counter() - began
        if code not in (0, 1):
            raise RuntimeError('the job ended with %d; logs are in %s' % (code, d.dir))
        peak, anon = d.memory()
        return wall, d.call('status', job=job), {'peak': peak, 'anon': anon, 'cpu': d.cpu(), 'pings': pings,
                                                 'endpoint': d.cpu(d.endpoint.pid)}


def job(t):
    instances, passk, megabytes = data.sizes()
    top = data.bugfixer(instances, passk, megabytes)
    walls, alone, lean, steps, took = [], [], [], [], []
    for _ in range(rounds()):
        out = fresh('steps')
        steps.append([stage(top, step, out, passk, 2)[0] for step in ('gen_step1', 'proc_step1_gen_step2', 'proc_step2')])
        alone.append(sum(steps[-1]))
        lean.append(alone[-1] - 2 * stage(top, 'gen_step1', out, 1, 2)[0])     # hardly more than a scan
        wall, s, of = job_once(top, passk)
        walls.append(wall)
        took.append(of)
    mid = lambda values: statistics.median(values)
    passes, of, total = s['passes'], s['structures'], instances * os.path.getsize(data.structure(megabytes)[0])
    t.add('whole job: %d instances x %d, %d MB each' % (instances, passk, megabytes),
          '%s (CPU %s, the endpoint %s; %d of %d done)' % (
              seconds(mid(walls)), seconds(mid(g['cpu'] for g in took)), seconds(mid(g['endpoint'] for g in took)),
              passes['done'], passes['total']),
          '%s (%s)' % (seconds(mid(alone)), ' + '.join(seconds(mid(p)) for p in zip(*steps))),
          spread([w / a for w, a in zip(walls, alone)]), '<= 1.25x')
    t.add('the same, against stages of which only the first scans', seconds(mid(walls)), seconds(mid(lean)),
          spread([w / a for w, a in zip(walls, lean)]), '')
    t.add('its memory', '%s (at the end %s anonymous)' % (mb(max(g['peak'] for g in took)), mb(mid(g['anon'] for g in took))),
          '', '', '<= 128 MB')
    t.add('ping meanwhile, the worst round', worst([g['pings'] for g in took]).text(), '', '', 'p99 <= 20 ms')
    t.add('structures: parses per instance', '%.2f' % (of['parses'] / instances), '1', '', '1')
    t.add('bytes of them read beyond one pass', '%.2f %%' % (100.0 * (of['bytes_read'] - total) / total), '', '', '<= 2 %')


ROWS = {'step1': step1, 'step3': step3, 'bugfixer': job}
