# SPDX-License-Identifier: MIT
"""What batchd's own calls cost: a request file up, a result file down and into the database."""
import json, os, statistics, subprocess, time

from bench import Daemon, fresh, mb, micro, need, path, rounds, run, seconds, size

LINE = 8000     # bytes of an answer, about
KEY = 'Authorization: Bearer k'


def lines_file(name, megabytes, line):
    """A file of that size, of what line(n, text) makes; texts are escaped code."""
    full = path('%s-%d.jsonl' % (name, megabytes))
    if os.path.exists(full):
        return full
    from data import plain_files
    texts = (text[at:at + LINE] for _ in range(1000) for _, text, _ in plain_files() for at in range(0, len(text), LINE))
    with open(full + '.tmp', 'w', buffering=1 << 20) as f:
        n = 0
        while f.tell() < megabytes * 1000000:
            f.write(json.dumps(line(n, next(texts))) + '\n')
            n += 1
    os.rename(full + '.tmp', full)
    return full


def request(n, text):
    return {'custom_id': 'row-%07d' % n, 'method': 'POST', 'url': '/v1/chat/completions',
            'body': {'model': 'm', 'messages': [{'role': 'user', 'content': text}]}}


def upload(t):
    need('curl')
    big, small = (lines_file('upload', n, request) for n in (size('TRANSFER_MB', 200), size('TRANSFER_MB', 200) // 10))
    mine, curl, peaks, small_peaks = [], [], [], []
    with Daemon('upload') as d:
        for _ in range(rounds()):
            got = micro('bench_transfer', 'upload', d.url, 'k', big)
            mine += got['cpu']
            peaks += got['bytes']
            small_peaks += micro('bench_transfer', 'upload', d.url, 'k', small)['bytes']
            curl.append(run(['curl', '-sS', '-f', '-H', KEY, '-F', 'purpose=batch', '-F', 'file=@' + big, d.url + '/files'])[1])
            for f in files_of(d):
                subprocess.run(['curl', '-sS', '-f', '-H', KEY, '-X', 'DELETE', d.url + '/files/' + f],
                               stdout=subprocess.DEVNULL, check=True)
    t.ratio('upload of %s, CPU' % mb(os.path.getsize(big)), mine, curl, seconds, '<= 1.5x curl -F')
    t.add('memory of it, against that of %s' % mb(os.path.getsize(small)), mb(statistics.median(peaks)),
          mb(statistics.median(small_peaks)), '', 'flat')
    fresh('upload')


def files_of(d):
    out = subprocess.run(['curl', '-sS', '-f', '-H', KEY, d.url + '/files'], stdout=subprocess.PIPE, check=True).stdout
    return [f['id'] for f in json.loads(out)['data']]


class Watch:
    """When a job's only batch was seen running for the last time, and over for the first."""

    def __init__(self, d, job):
        self.running = self.ended = None
        while True:
            s = d.call('status', job=job)
            now = time.perf_counter()
            states = {b['state'] for b in s['batches']}
            if 'running' in states or 'creating' in states:
                self.running = now
            if 'ended' in states and self.ended is None:
                self.ended = now
            if s['state'] != 'running':
                break
            time.sleep(0.002)
        self.state, self.passes = s['state'], s['passes']


def download(t):
    """A raw job of one batch: from the last look that found it running to the passes' answers stored; then curl."""
    need('curl', 'sync')
    megabytes = size('TRANSFER_MB', 200)
    answers = lines_file('answers', megabytes, lambda n, text: {'custom_id': 'row-%07d' % n, 'content': text})
    rows = sum(1 for _ in open(answers))
    requests = path('download-requests-%d.jsonl' % rows)
    with open(requests, 'w') as f:
        for n in range(rows):
            f.write(json.dumps(request(n, 'What is %d?' % n)) + '\n')
    mine, curl, got = [], [], []
    for _ in range(rounds(5)):
        with Daemon('download', endpoint_args=['--answers', answers]) as d:
            job = d.submit('raw', '--requests', requests, '--save_dir', os.path.join(d.dir, 'save'))
            w = Watch(d, job)
            if w.state != 'done' or w.passes['done'] != rows:
                raise RuntimeError('the job is %s; logs are in %s' % (w.state, d.dir))
            mine.append(w.ended - w.running)
            result = subprocess.run(['curl', '-sS', '-f', '-H', KEY, d.url + '/batches'], stdout=subprocess.PIPE, check=True)
            file = json.loads(result.stdout)['data'][0]['output_file_id']
            down = os.path.join(d.dir, 'down')
            began = time.perf_counter()
            run(['curl', '-sS', '-f', '-H', KEY, '-o', down, '%s/files/%s/content' % (d.url, file)])
            run(['sync', down])
            curl.append(time.perf_counter() - began)
            got.append(os.path.getsize(down))
    t.ratio('download of %s, synced, its %d answers stored' % (mb(got[0]), rows), mine, curl, seconds, '<= 2x curl -o + sync')
    fresh('download')


ROWS = {'upload': upload, 'download': download}
