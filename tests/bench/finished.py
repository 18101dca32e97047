# SPDX-License-Identifier: MIT
"""The database of a daemon that has been at work for long: many jobs, all of them ended."""
import glob, os, shutil, sqlite3, sys, zlib

from bench import TOP, fresh, path

PASSK, STAGES, PER_BATCH, PER_SPOOL, THEN = 8, 2, 1000, 256, 1700000000000


def migrations():
    return sorted(glob.glob(os.path.join(TOP, 'sql', 'migrations', '*.sql')))


def parts(n, of):
    return (n + of - 1) // of


def put(db, table, rows, **values):
    """So many rows, n from 0 on, as expressions of n; of the columns, those that the schema has."""
    have = {row[1] for row in db.execute('PRAGMA table_info(%s)' % table)}
    kept = [k for k in values if k in have]
    db.execute('INSERT INTO %s (%s) WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < %d) '
               'SELECT %s FROM c' % (table, ', '.join(kept), rows, ', '.join(str(values[k]) for k in kept)))


def add_stage(db, job, stage, passes):
    """The passes of a stage, their sums and batches; of every other job a hundredth failed at the last stage."""
    last, n_batches = stage == STAGES, parts(passes, PER_BATCH)
    bad = 'n % 100 = 7' if last and job % 2 else '0'
    batch = f'{((job - 1) * STAGES + stage - 1) * n_batches + 1} + n / {PER_BATCH}'
    sample = lambda what: f'iif({bad}, NULL, {what})' if last else 'NULL'
    put(db, 'pass', passes, job=job, stage=stage, n='n', state=f"iif({bad}, 'FAILED', 'DONE')",
        attempt=f'iif({bad}, 3, 1)', batch=batch, req_off=f'n % {PER_BATCH} * 52000', req_len=52000, ans_batch=batch,
        ans_kind=0, ans_off=f'n % {PER_BATCH} * 4000', ans_len=4000, spool=sample(f'n / {PER_SPOOL} + 1'),
        spool_off=sample(f'n % {PER_SPOOL} * 9000'), out_len=sample('1500'), proc_len=sample('7500'),
        reason=f"iif({bad}, 'no_edit_fits', NULL)", details=f"iif({bad}, 'edit 1 of 1, src/module.py: found 2 times', NULL)")
    sums = dict(db.execute('SELECT state, count(*) FROM pass WHERE job = ? AND stage = ? GROUP BY state', (job, stage)))
    failed = sums.get('FAILED', 0)
    for state, n in sums.items():
        db.execute('INSERT INTO pass_count (job, stage, state, n) VALUES (?, ?, ?, ?)', (job, stage, state, n))
    if failed:
        db.execute("INSERT INTO reason_count (job, kind, reason, n) VALUES (?, 'failed', 'no_edit_fits', ?)", (job, failed))
    put(db, 'batch', n_batches, job=job, stage=stage, endpoint="'e'", state="'ENDED'", reason="'completed'",
        first_n=f'n * {PER_BATCH}', last_n=f'min((n + 1) * {PER_BATCH}, {passes}) - 1',
        requests=f'min({PER_BATCH}, {passes} - n * {PER_BATCH})', bytes=52000 * PER_BATCH, uploads=1, creates=1,
        file_id="'file-' || n", remote_id="'batch_' || n", remote_word="'completed'", output_file_id="'file-o' || n",
        completed=PER_BATCH, failed=0, created_ms=THEN, ended_ms=THEN)
    return failed


def add_job(db, state, home, job, passes):
    instances = parts(passes, PASSK)
    put(db, 'instance', instances, job=job, n='n', instance_id="'bench__tree-' || n", off='n * 3000', len=3000)
    failed = sum(add_stage(db, job, stage, passes) for stage in range(1, STAGES + 1))
    put(db, 'job', 1, id=job, name=f"'run-{job}'", workflow="'bugfixer'", state="'FAILED'" if failed else "'DONE'",
        reason=f"'{failed} of {passes} passes failed'" if failed else "''", endpoint="'e'", params="'{}'", model="'m'",
        dataset="'dataset.jsonl'", save_dir=f"'{home}/save-{job}'", owner_uid=os.getuid(), stages=STAGES, passk=PASSK,
        instances=instances, passes=passes, created_ms=THEN, ended_ms=THEN, spools=parts(passes, PER_SPOOL),
        prompt=passes * 9000, completion=passes * 800, parses=instances, bytes_read=instances * 60000000)
    put(db, 'event', 4 * STAGES * parts(passes, PER_BATCH), time_ms=f'{THEN} + n', job=job, batch='n', level="'info'",
        text="'uploaded, 1000 requests in 52.0 MB'")
    os.makedirs(os.path.join(state, 'jobs', str(job)))


def make(jobs, passes):
    """The state_dir of so many jobs of two stages with so many passes each; made once for each schema."""
    schema = zlib.crc32(b''.join(open(m, 'rb').read() for m in migrations()))
    name = 'finished-%d-%d-%08x' % (jobs, passes, schema)
    if os.path.isdir(path(name)):
        return path(name)
    for old in glob.glob(path('finished-*')):       # of another schema or size
        shutil.rmtree(old)
    state = fresh('finished.tmp')
    os.chmod(state, 0o700)
    db = sqlite3.connect(os.path.join(state, 'batchd.db'), isolation_level=None)
    db.executescript('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -64000;')
    for i, m in enumerate(migrations()):
        db.executescript(open(m).read())
        db.execute('PRAGMA user_version = %d' % (i + 1))
    for job in range(1, jobs + 1):
        db.execute('BEGIN')
        add_job(db, state, path(name), job, passes)
        db.execute('COMMIT')
        if job % 100 == 0:
            print('  %d of %d finished jobs are made' % (job, jobs), file=sys.stderr, flush=True)
    db.close()
    os.sync()
    os.rename(state, path(name))
    return path(name)
