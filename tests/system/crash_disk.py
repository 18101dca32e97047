# SPDX-License-Identifier: MIT
"""Disks that are full, gone or read-only, and databases that are damaged or from tomorrow."""
import hashlib
import os
import subprocess
import time

from crash_site import Failed, Site, check, until
from crash_stop import finish, in_site


FULL = ("database or disk is full", "No space left", "disk I/O error")


class Mount:
    """A tiny file system of its own, where this user may make one."""

    def __init__(self, parent, name, size):
        self.path = os.path.join(parent, name)
        os.mkdir(self.path)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "batchd-test", self.path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise PermissionError("no file system can be mounted here")

    def remount(self, options):
        end = time.monotonic() + 30
        while True:     # busy as long as a file is open for writing just now
            done = subprocess.run(["mount", "-o", "remount," + options, self.path], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            if done.returncode == 0 or time.monotonic() > end:
                break
            time.sleep(0.002)
        check(done.returncode == 0, "remount: %s", done.stdout)

    def end(self):
        subprocess.run(["umount", "-l", self.path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def held(site, words):
    """The job says that it is held, and why."""
    job = site.job()
    text = job and (job.get("reason", "") + " " + job.get("waiting", ""))
    return text if text and any(w in text for w in words) else None


def fill(path):
    """A file that leaves no room."""
    with open(path, "wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
    return path


def full_save_dir(data, wanted, folder):
    mount = Mount(folder, "full", "16k")
    try:
        def body(site):
            check("ok" in (site.submit() or {}), "submit")
            reason = until("the job to say that there is no room", lambda: held(site, ["No space left"]))
            passes = site.job()["passes"]
            on_disk = len([n for n in os.listdir(os.path.join(site.save, "samples"))
                           if n.endswith(".jsonl") and not n.startswith(".")])
            check(passes["done"] <= on_disk, "%s done, %d samples on disk", passes["done"], on_disk)
            check(site.ping(), "ping")
            mount.remount("size=4m")
            finish(site, wanted)
            return reason
        in_site(data, body, save_dir=os.path.join(mount.path, "out"))
    finally:
        mount.end()


def full_state_dir(data, wanted, folder):
    mount = Mount(folder, "state", "8m")
    try:
        def body(site):
            check("ok" in (site.submit() or {}), "submit")
            until("the job to be at the endpoint", lambda: (site.job() or {}).get("batches"))
            ballast = fill(os.path.join(mount.path, "ballast"))
            until("the job to say why it waits", lambda: held(site, FULL))
            check(site.ping(), "ping")
            os.unlink(ballast)
            finish(site, wanted)
        in_site(data, body, state_dir=os.path.join(mount.path, "state"), delay_ms=300)
    finally:
        mount.end()


def read_only(data, wanted, folder):
    mount = Mount(folder, "ro", "4m")
    try:
        def body(site):
            check("ok" in (site.submit() or {}), "submit")
            until("the job to be at the endpoint", lambda: (site.job() or {}).get("batches"))
            mount.remount("ro")
            until("the job to say why it waits", lambda: held(site, ["Read-only file system"]))
            mount.remount("rw")
            finish(site, wanted)
        in_site(data, body, save_dir=os.path.join(mount.path, "out"), delay_ms=300)
    finally:
        mount.end()


def gone(data, wanted):
    def body(site):
        check("ok" in (site.submit() or {}), "submit")
        until("the job to be at the endpoint", lambda: (site.job() or {}).get("batches"))
        os.rename(site.save, site.save + ".away")
        until("the job to say why it waits", lambda: held(site, ["No such file"]))
        check(not os.path.exists(site.save), "a save_dir that vanished was made anew")
        os.rename(site.save + ".away", site.save)
        finish(site, wanted)
    in_site(data, body, delay_ms=300)


# --- the database ----------------------------------------------------------------------------------------

def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def garbage_header(path):
    with open(path, "r+b") as file:
        file.write(b"this is no database, really not.")


def truncated(path):
    os.truncate(path, os.path.getsize(path) // 2)


def holes(path):
    """Pages of zeros behind the first."""
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(bytes(os.path.getsize(path) - 4096))


def newer(path):
    with open(path, "r+b") as file:             # user_version: four bytes at 60, big end first
        file.seek(60)
        file.write((9999).to_bytes(4, "big"))


def bad_database(data, damage, words):
    site, keep = Site(data), True
    try:
        site.start()
        check(site.go_on(), "the first run")
        check(site.stop()[0] == 0, "the first run's end")
        path = os.path.join(site.state, "batchd.db")
        damage(path)
        before, files = digest(path), sorted(os.listdir(site.state))
        site.start(wait=False)
        try:
            status = site.batchd.wait(20)
        except subprocess.TimeoutExpired:
            raise Failed("batchd runs on a database with %s" % damage.__name__) from None
        text = open(os.path.join(site.dir, "batchd.log"), errors="replace").read().split("--- start")[-1]
        check(status not in (0, 2, 99) and status > 0, "%s: exit status %s\n%s", damage.__name__, status, text)
        for word in words:
            check(word in text, "%s: it does not say %r: %s", damage.__name__, word, text)
        check(digest(path) == before, "%s: the file was changed", damage.__name__)
        now = sorted(os.listdir(site.state))
        check(now == files, "%s: the files beside it: %s, were %s", damage.__name__, now, files)
        keep = False
    except Failed as why:
        raise Failed("%s\n%s" % (why, site.tail())) from None
    finally:
        site.end(keep)


DAMAGES = [(garbage_header, ["batchd.db"]), (truncated, ["batchd.db", "move it away", "bring back a copy"]),
           (holes, ["batchd.db", "bring back a copy"]), (newer, ["9999", "newer"])]
