# SPDX-License-Identifier: MIT
"""What the rows of the bench share: places, rounds, processes, the table."""
import json, os, shutil, signal, socket, statistics, subprocess, sys, time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('BENCH_BUILD', os.path.join(TOP, 'build-bench'))
DATA = os.environ.get('BENCH_DIR', os.path.join(BUILD, 'bench-data'))


def size(name, default):
    """A size that the environment may change."""
    return int(os.environ.get('BENCH_' + name, default))


def rounds(default=9):
    return max(1, size('ROUNDS', default))


def path(*names):
    return os.path.join(DATA, *names)


def program(name):
    return os.path.join(BUILD, name)


def micro(name, *args):
    """Run a program of tests/bench/*.c; its lines `name value`, a list of values for each name."""
    out = subprocess.run([os.path.join(BUILD, 'tests', 'bench', name), *map(str, args)],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    got = {}
    for line in out.splitlines():
        key, value = line.split()
        got.setdefault(key, []).append(float(value))
    return got


def fresh(*names):
    d = path(*names)
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    return d


def need(*programs):
    """Say which baseline programs are missing; the row is then left out."""
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        raise Missing('%s not installed' % ', '.join(missing))


class Missing(Exception):
    pass


# --- figures ---------------------------------------------------------------------------------

class Table:
    def __init__(self):
        self.rows = []

    def add(self, row, figure, baseline='', ratio='', goal=''):
        self.rows.append((row, figure, baseline, ratio, goal))
        print('  %s: %s; %s; %s; goal %s' % (row, figure, baseline or 'no baseline', ratio or '-', goal or '-'),
              file=sys.stderr, flush=True)

    def ratio(self, row, ours, theirs, unit, goal, faster=False, swap=False):
        """
        Lists of one figure a round; faster: the ratio tells how many times as fast we are; swap: they are speeds, and
        the baseline comes first.
        """
        if swap:
            ours, theirs, faster = theirs, ours, False
        both = [(t / o if faster else o / t) for o, t in zip(ours, theirs) if o > 0 and t > 0]
        self.add(row, unit(statistics.median(ours)), unit(statistics.median(theirs)),
                 spread(both), goal)

    def text(self):
        lines = ['| row | figure | baseline | ratio | goal |', '|---|---|---|---|---|']
        return '\n'.join(lines + ['| %s |' % ' | '.join(r) for r in self.rows])


def spread(values):
    fmt = lambda v: '%.0f' % v if v >= 100 else '%.1f' % v if v >= 10 else '%.2f' % v
    return '%sx [%s, %s]' % (fmt(statistics.median(values)), fmt(min(values)), fmt(max(values)))


def seconds(v):
    return '%.1f s' % v if v >= 10 else '%.2f s' % v if v >= 1 else '%.1f ms' % (v * 1e3) if v >= 1e-3 else '%.1f us' % (v * 1e6)


def mb_s(v):
    return '%.0f MB/s' % (v / 1e6)


def mb(v):
    return '%.1f MB' % (v / 1e6)


def timed(fn, *args):
    began = time.perf_counter()
    fn(*args)
    return time.perf_counter() - began


def run(cmd, **kw):
    """Wall seconds, CPU seconds and peak memory of a command that must succeed."""
    began = time.perf_counter()
    p = subprocess.Popen(cmd, stdout=kw.pop('stdout', subprocess.DEVNULL), **kw)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if p.returncode != 0:
        raise RuntimeError('%s ended with %d' % (' '.join(cmd), p.returncode))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def machine():
    model = 'unknown CPU'
    for line in open('/proc/cpuinfo'):
        if line.startswith('model name'):
            model = line.split(':', 1)[1].strip()
            break
    memory = int(open('/proc/meminfo').readline().split()[1]) / 1e6
    release = os.uname().release
    load = os.getloadavg()[0]
    stat = os.statvfs(DATA)
    return '%s, %d cores, %.0f GB, Linux %s, disk %.0f GB free, load %.1f at the end, %s' % (
        model, os.cpu_count(), memory, release, stat.f_bavail * stat.f_frsize / 1e9, load, time.strftime('%Y-%m-%d'))


# --- batchd and its endpoint ----------------------------------------------------------------------

class Daemon:
    """batchd and batch-endpoint in a new directory (but for a state that there may be already); with-blocks end both."""

    def __init__(self, name, endpoint_args=(), settings='', state=None, polls=(100, 500), batch=50000):
        self.dir = fresh(name)
        self.state = state or os.path.join(self.dir, 'state')
        self.endpoint_args, self.settings, self.limits = list(endpoint_args), settings, (*polls, batch)
        self.socket = os.path.join(self.dir, 's')
        self.procs = []

    def start_endpoint(self):
        port = os.path.join(self.dir, 'port')
        self.endpoint = subprocess.Popen(
            [program('batch-endpoint'), '--port', '0', '--port_file', port, '--state_dir', os.path.join(self.dir, 'ep'),
             '--key', 'k', *self.endpoint_args], stdout=open(os.path.join(self.dir, 'endpoint.log'), 'w'),
            stderr=subprocess.STDOUT)
        self.procs.append(self.endpoint)
        self.until(lambda: os.path.exists(port) and os.path.getsize(port) > 0, self.endpoint)
        self.url = 'http://127.0.0.1:%s/v1' % open(port).read().strip()

    def start(self):
        """Seconds from its start until it says READY, as systemd is told."""
        name = os.path.join(self.dir, 'notify')
        if os.path.exists(name):
            os.unlink(name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, \
                open(os.path.join(self.dir, 'batchd.log'), 'a') as log:
            s.bind(name)
            s.settimeout(0.1)
            began = time.perf_counter()
            self.daemon = subprocess.Popen(
                [program('batchd'), '-c', os.path.join(self.dir, 'conf'), '--socket', self.socket],
                stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ, NOTIFY_SOCKET=name))
            self.procs.append(self.daemon)
            while time.perf_counter() - began < 60 and self.daemon.poll() is None:
                try:
                    if b'READY=1' in s.recv(4096).split(b'\n'):
                        return time.perf_counter() - began
                except socket.timeout:
                    pass
        raise RuntimeError('did not come up; logs are in %s' % self.dir)

    def __enter__(self):
        key = os.path.join(self.dir, 'key')
        os.close(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600))
        open(key, 'w').write('k\n')
        try:
            self.start_endpoint()
            with open(os.path.join(self.dir, 'conf'), 'w') as f:
                f.write('state_dir = "%s";\n%s\nendpoints = ({ name = "e"; base_url = "%s"; api_key_file = "%s";\n'
                        '  poll_min_ms = %d; poll_max_ms = %d; grace_ms = 100; max_requests = %d; });\n'
                        % (self.state, self.settings, self.url, key, *self.limits))
            self.start()
        except BaseException as e:
            self.__exit__(e)
            raise
        return self

    def until(self, true, proc, most=20):
        began = time.perf_counter()
        while proc.poll() is None and time.perf_counter() - began < most:
            if true():
                return
            time.sleep(0.01)
        raise RuntimeError('%s for too long; logs are in %s' % (proc.args[0], self.dir))

    def call(self, command, **args):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.socket)
            s.sendall(json.dumps({'batchd': 1, 'command': command, 'args': args}).encode() + b'\n')
            reply = b''
            while True:
                part = s.recv(1 << 16)
                if not part:
                    break
                reply += part
        reply = json.loads(reply)
        if 'error' in reply:
            raise RuntimeError(reply['error']['message'])
        return reply['ok']

    def submit(self, *args):
        out = subprocess.run([program('batchctl'), '--socket', self.socket, 'submit', *args], stdout=subprocess.PIPE)
        if out.returncode != 0:
            raise RuntimeError('submit ended with %d' % out.returncode)
        return out.stdout.decode().split('\n')[0]

    def wait(self, job):
        return subprocess.run([program('batchctl'), '--socket', self.socket, 'wait', job],
                              stdout=subprocess.DEVNULL).returncode

    def memory(self, pid=None):
        """Its peak: (resident, of it not files)."""
        peak, anon = 0, 0
        for line in open('/proc/%d/status' % (pid or self.daemon.pid)):
            if line.startswith('VmHWM'):
                peak = int(line.split()[1]) * 1024
            if line.startswith('RssAnon'):
                anon = int(line.split()[1]) * 1024
        return peak, anon

    def cpu(self, pid=None):
        f = open('/proc/%d/stat' % (pid or self.daemon.pid)).read().rsplit(')', 1)[1].split()
        return (int(f[11]) + int(f[12])) / os.sysconf('SC_CLK_TCK')

    def stop(self, proc=None):
        p = proc or self.daemon
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()

    def __exit__(self, failure=None, *_):
        for p in reversed(self.procs):
            self.stop(p)
        if failure is None:             # else its logs may tell why
            shutil.rmtree(self.dir, ignore_errors=True)


class Pings:
    """The daemon's answers to ping while the block runs, one every few milliseconds (bench_ping.c)."""

    def __init__(self, daemon, every_ms=5):
        self.cmd = [program(os.path.join('tests', 'bench', 'bench_ping')), daemon.socket, str(every_ms)]

    def __enter__(self):
        self.prog = subprocess.Popen(self.cmd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        out, _ = self.prog.communicate()        # its stdin ends, and so does it
        self.got = {k: float(v) for k, v in (line.split() for line in out.decode().splitlines())}

    def text(self):
        g = self.got
        return 'p50 %s, p99 %s, most %s (behind %s); %d asked, every 5 ms%s' % (
            seconds(g['p50']), seconds(g['p99']), seconds(g['most']), seconds(g['at']), g['n'],
            ', %d unanswered' % g['failed'] if g['failed'] else '')


def worst(pings):
    return max(pings, key=lambda p: p.got['p99'])
