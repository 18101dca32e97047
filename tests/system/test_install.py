# SPDX-License-Identifier: MIT
"""`make install` and the package: what lies where, the units, and a package's life under dpkg.

Nothing of the machine is touched: installations go to a DESTDIR, dpkg works on a root of its own, and what the
maintainer scripts call (systemctl and its kind) are stand-ins that write down how they were called.
"""
import glob
import gzip
import os
import re
import shutil
import subprocess
import sys
import threading

from harness import BUILD, TOP, check, equal, has, main, test

one_at_a_time = threading.Lock()        # an installation writes to the build directory too

PROGRAMS = ["bin/batchd", "bin/batchctl"]
SHARED = ["share/man/man1/batchctl.1.gz", "share/man/man5/batchd.conf.5.gz", "share/man/man8/batchd.8.gz",
          "share/bash-completion/completions/batchctl", "share/fish/vendor_completions.d/batchctl.fish",
          "share/batchd/prompts/bugfixer/stage1.txt", "share/batchd/prompts/bugfixer/stage2.txt",
          "share/batchd/prompts/testwriter/stage1.txt", "share/batchd/prompts/testwriter/stage2.txt",
          "share/doc/batchd/README.md", "share/doc/batchd/NEWS.md", "share/doc/batchd/copyright",
          "share/doc/batchd/changelog.gz", "share/doc/batchd/examples/batchd.conf",
          "share/doc/batchd/examples/batchd-minimal.conf", "share/doc/batchd/examples/batchd-metrics.service",
          "share/doc/batchd/examples/batchd-metrics.timer"]
MACHINE = ["lib/systemd/system/batchd.service", "lib/systemd/user/batchd.service",
           "lib/sysusers.d/batchd.conf", "lib/tmpfiles.d/batchd.conf"]
ZSH = ["share/zsh/site-functions/_batchctl"]


def run(*words, status=0, cwd=None, **env):
    p = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, cwd=cwd, env=dict(os.environ, **env))
    text = p.stdout.decode("utf-8", "replace")
    if status is not None:
        equal(p.returncode, status, "%s: %s: exit status" % (" ".join(str(w) for w in words), text[-1500:]))
    return text


def missing(*tools):
    """A test that needs a tool which is not there says so and ends."""
    lacks = [tool for tool in tools if shutil.which(tool) is None]
    if lacks:
        print("# left out: no %s here" % ", ".join(lacks), flush=True)
    return bool(lacks)


def install(site, prefix, dest="dest"):
    with one_at_a_time:
        run("cmake", "--install", BUILD, "--prefix", prefix, DESTDIR=site.path(dest))
    return site.path(dest)


def files_of(top):
    found = [os.path.relpath(os.path.join(d, name), top) for d, _, names in os.walk(top) for name in names]
    return sorted(found)


def read(*path):
    opened = gzip.open if path[-1].endswith(".gz") else open
    with opened(os.path.join(*path), "rt", encoding="utf-8") as file:
        return file.read()


# --- make install ----------------------------------------------------------------------------------

def lies_there(site, prefix, names):
    root = install(site, prefix)
    want = sorted([os.path.join(prefix[1:], name) for name in PROGRAMS + SHARED + names[0]] + names[1])
    equal(files_of(root), want, "the files of " + prefix)
    for name in want:
        mode = os.stat(os.path.join(root, name)).st_mode & 0o7777
        equal(oct(mode), oct(0o755 if "/bin/" in name else 0o644), "the mode of " + name)
    return root


@test
def for_the_machine_in_usr(site):
    zsh = ["share/zsh/vendor-completions/_batchctl"] if os.path.exists("/etc/debian_version") else ZSH
    root = lies_there(site, "/usr", (MACHINE + zsh, ["etc/batchd/batchd.conf"]))
    for unit in ("system", "user"):
        has(read(root, "usr/lib/systemd", unit, "batchd.service"), "\nExecStart=/usr/bin/batchd", "the unit")


@test
def for_the_machine_in_usr_local(site):
    root = lies_there(site, "/usr/local", (MACHINE + ZSH, ["etc/batchd/batchd.conf"]))
    for unit in ("system", "user"):
        has(read(root, "usr/local/lib/systemd", unit, "batchd.service"), "\nExecStart=/usr/local/bin/batchd", "the unit")


@test
def for_one_user(site):
    root = lies_there(site, "/home/somebody/.local", (["share/systemd/user/batchd.service"] + ZSH, []))
    has(read(root, "home/somebody/.local/share/systemd/user/batchd.service"),
        "\nExecStart=/home/somebody/.local/bin/batchd\n", "the unit")


@test
def a_changed_config_stays(site):
    root = install(site, "/usr")
    with open(os.path.join(root, "etc/batchd/batchd.conf"), "a", encoding="utf-8") as conf:
        conf.write("# mine\n")
    install(site, "/usr")
    has(read(root, "etc/batchd/batchd.conf"), "# mine\n", "the config behind a second installation")


@test
def what_is_installed_works(site):
    root = install(site, "/usr")
    has(run(os.path.join(root, "usr/bin/batchd"), "--version"), "batchd ", "version")
    has(run(os.path.join(root, "usr/bin/batchctl"), "--version"), "batchctl ", "version")
    os.mkdir(site.path("cred"))
    with open(site.path("cred", "openai.key"), "w", encoding="utf-8") as key:
        key.write("sk-0\n")
    for conf in ("etc/batchd/batchd.conf", "usr/share/doc/batchd/examples/batchd.conf"):
        has(run(os.path.join(root, "usr/bin/batchd"), "-n", "-c", os.path.join(root, conf),
                CREDENTIALS_DIRECTORY=site.path("cred")), "is good", conf)
    for shell, name in (("bash", "usr/share/bash-completion/completions/batchctl"),
                        ("zsh", glob.glob(root + "/usr/share/zsh/*/_batchctl")[0]),
                        ("fish", "usr/share/fish/vendor_completions.d/batchctl.fish")):
        if not missing(shell):
            run(shell, "-n", os.path.join(root, name))


@test
def the_manuals_tell_every_flag(site):
    root = install(site, "/usr")
    daemon = read(root, "usr/share/man/man8/batchd.8.gz")
    for flag in re.findall(r"--([\w-]+)", run(os.path.join(root, "usr/bin/batchd"), "--help")):
        has(daemon, "Fl -" + flag, "batchd(8)")
    for name in ("man1/batchctl.1.gz", "man5/batchd.conf.5.gz", "man8/batchd.8.gz"):
        page = site.path(os.path.basename(name)[:-3])
        with open(page, "w", encoding="utf-8") as file:
            file.write(read(root, "usr/share/man", name))
        if not missing("mandoc"):
            run("mandoc", "-Tlint", "-W", "error", page)


# --- units ----------------------------------------------------------------------------------------

@test
def the_units_are_sound(site):
    if missing("systemd-analyze"):
        return
    root = install(site, "/usr")
    for unit in ("system", "user"):
        # as if it were installed: the program where it is, manuals by names that need no installation
        text = read(root, "usr/lib/systemd", unit, "batchd.service")
        text = text.replace("/usr/bin/batchd", os.path.join(BUILD, "batchd")).replace("Documentation=man:", "#")
        os.mkdir(site.path(unit))
        with open(site.path(unit, "batchd.service"), "w", encoding="utf-8") as file:
            file.write(text)
        said = run("systemd-analyze", "verify", site.path(unit, "batchd.service"), XDG_RUNTIME_DIR=site.dir)
        check("batchd.service" not in said, "systemd-analyze verify, %s unit: %s", unit, said)
    os.mkdir(site.path("metrics"))
    for unit in ("batchd-metrics.service", "batchd-metrics.timer"):
        text = read(root, "usr/share/doc/batchd/examples", unit)
        with open(site.path("metrics", unit), "w", encoding="utf-8") as file:
            file.write(text.replace("Documentation=man:", "#"))
        said = run("systemd-analyze", "verify", site.path("metrics", unit))
        check("batchd-metrics" not in said, "systemd-analyze verify, %s: %s", unit, said)
    said = run("systemd-analyze", "security", "--offline=true", "--threshold=20", site.path("system", "batchd.service"),
               status=None)
    level = re.search(r"exposure level for batchd.service: ([\d.]+)", said)
    check(level and float(level.group(1)) <= 2.0, "systemd-analyze security: %s", said[-300:])


@test
def the_unit_says_what_the_daemon_relies_on(site):
    root = install(site, "/usr")
    both = ("Type=notify", "ExecReload=/bin/sh -c 'kill -HUP $MAINPID'", "Restart=on-failure", "RestartPreventExitStatus=2",
            "WatchdogSec=60s", "RuntimeDirectory=batchd")
    machine = ("User=batchd", "StateDirectory=batchd", "LoadCredential=openai.key:/etc/batchd/openai.key")
    for unit, wants in (("system", both + machine), ("user", both)):
        lines = read(root, "usr/lib/systemd", unit, "batchd.service").split("\n")
        for want in wants:
            check(want in lines, "%s unit: no %s", unit, want)
    has(read(root, "usr/lib/sysusers.d/batchd.conf"), "\nu     batchd ", "the user")


# --- the package ----------------------------------------------------------------------------------

packages = []


def package():
    """Made once."""
    with one_at_a_time:
        if not packages:
            out = os.path.join(BUILD, "install", "dist")
            shutil.rmtree(out, ignore_errors=True)
            run("cpack", "-G", "DEB", "-B", out, "--config", os.path.join(BUILD, "CPackConfig.cmake"))
            packages.extend(glob.glob(os.path.join(out, "*.deb")))
    return packages[0]


@test
def the_package_is_sound(site):
    if missing("cpack", "dpkg-deb", "dpkg-shlibdeps"):
        return
    deb = package()
    run("dpkg-deb", "-x", deb, site.path("x"))
    run("dpkg-deb", "-e", deb, site.path("control"))
    equal(files_of(site.path("x")), files_of(install(site, "/usr")), "the files of the package")
    control = read(site.path("control"), "control")
    version = re.search(r"batchd (\S+),", run(os.path.join(BUILD, "batchd"), "--version")).group(1)
    has(control, "\nVersion: %s\n" % version, "control")
    has(read(site.path("x"), "usr/share/doc/batchd/changelog.gz"), "batchd (%s) " % version, "the changelog")
    has(read(TOP, "NEWS.md"), "\n## %s " % version, "NEWS.md")
    for library in ("libc6", "libcurl4", "libsqlite3-0", "libuv1", "libgit2-", "libconfig", "libcjson1"):
        has(control, library, "what it depends on")
    for other in ("check", "libmicrohttpd"):
        check(other not in control, "it depends on what only the tests need: %s", control)
    equal(read(site.path("control"), "conffiles"), "/etc/batchd/batchd.conf\n", "conffiles")
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", site.path("control", script))
    if not missing("lintian"):
        said = run("lintian", "--allow-root", "--fail-on", "error", deb, status=None)
        check(not re.search(r"^E: ", said, re.M), "lintian: %s", said)


STAND_IN = r"""#!/bin/sh
name=${0##*/}
echo "$name $*" >>"$CALLS"
case "$name $*" in
"systemctl --quiet is-active "*) test -e "$ROOT/active" ;;
"systemctl --quiet start "*) : >"$ROOT/active" ;;
"deb-systemd-invoke stop "*) rm -f "$ROOT/active" ;;
"deb-systemd-helper debian-installed "*) test -e "$ROOT/seen" ;;
"deb-systemd-helper --quiet was-enabled "*) test -e "$ROOT/enabled" ;;
"deb-systemd-helper update-state "*) : >"$ROOT/seen" ;;
esac
"""
STAND_INS = ("systemctl", "deb-systemd-invoke", "deb-systemd-helper", "systemd-sysusers", "systemd-tmpfiles")


class Debian:
    """A root with a dpkg database of its own."""

    def __init__(self, site, systemd):
        self.root, self.bin, self.calls = site.path("root"), site.path("bin"), site.path("calls")
        os.makedirs(os.path.join(self.root, "var/lib/dpkg/updates"))
        os.makedirs(os.path.join(self.root, "var/lib/dpkg/info"))
        os.makedirs(os.path.join(self.root, "run/systemd/system" if systemd else "run"))
        os.mkdir(self.bin)
        open(os.path.join(self.root, "var/lib/dpkg/status"), "w", encoding="utf-8").close()
        for name in STAND_INS:
            with open(os.path.join(self.bin, name), "w", encoding="utf-8") as file:
                file.write(STAND_IN)
            os.chmod(os.path.join(self.bin, name), 0o755)

    def dpkg(self, *words):
        """What the scripts called."""
        open(self.calls, "w", encoding="utf-8").close()
        run("dpkg", "--root=" + self.root, "--force-script-chrootless", "--force-not-root", "--force-depends",
            "--force-confold", *words, PATH="%s:/usr/sbin:/usr/bin:/sbin:/bin" % self.bin, CALLS=self.calls,
            ROOT=self.root, DPKG_MAINTSCRIPT_DEBUG="")
        return read(self.calls).splitlines()

    def path(self, *names):
        return os.path.join(self.root, *names)


@test
def the_package_lives_and_goes(site):
    if missing("cpack", "dpkg", "dpkg-shlibdeps"):
        return
    deb, debian = package(), Debian(site, systemd=True)
    unit = "batchd.service"

    calls = debian.dpkg("-i", deb)
    has(calls, "systemd-sysusers --root=%s batchd.conf" % debian.root, "the installation makes the user")
    has(calls, "systemd-tmpfiles --root=%s --create batchd.conf" % debian.root, "the installation")
    has(calls, "systemctl --system daemon-reload", "the installation")
    check(not any(re.search(r"\b(start|enable|stop) ", call) for call in calls),
          "the installation starts or enables without a key: %s", calls)

    # the administrator enables and starts it, with a key and a setting
    for name in ("active", "enabled"):
        open(debian.path(name), "w", encoding="utf-8").close()
    for name in ("etc/batchd/openai.key", "var/lib/batchd/batchd.db"):
        os.makedirs(os.path.dirname(debian.path(name)), exist_ok=True)
        with open(debian.path(name), "w", encoding="utf-8") as file:
            file.write("mine\n")
    with open(debian.path("etc/batchd/batchd.conf"), "a", encoding="utf-8") as conf:
        conf.write("# mine\n")

    def all_kept(when):
        has(read(debian.path("etc/batchd/batchd.conf")), "# mine\n", "the config " + when)
        for name in ("etc/batchd/openai.key", "var/lib/batchd/batchd.db"):
            equal(read(debian.path(name)), "mine\n", name + " " + when)

    calls = debian.dpkg("-i", deb)
    order = [calls.index(c) for c in ("deb-systemd-invoke stop " + unit, "deb-systemd-helper enable " + unit,
                                      "systemctl --system daemon-reload", "systemctl --quiet start " + unit)]
    equal(order, sorted(order), "the order of an upgrade's calls %s" % calls)
    check(os.path.exists(debian.path("active")), "it does not run behind the upgrade")
    all_kept("behind an upgrade")

    os.unlink(debian.path("active"))
    calls = debian.dpkg("-i", deb)
    check(not any(" start " in call for call in calls), "an upgrade starts what did not run: %s", calls)

    open(debian.path("active"), "w", encoding="utf-8").close()
    calls = debian.dpkg("-r", "batchd")
    has(calls, "deb-systemd-invoke stop " + unit, "the removal")
    check(not os.path.exists(debian.path("active")), "it runs behind its removal")
    check(not os.path.exists(debian.path("usr/bin/batchd")), "the program is left")
    all_kept("behind the removal")

    calls = debian.dpkg("-P", "batchd")
    has(calls, "deb-systemd-helper purge " + unit, "the purge")
    left = [name for name in files_of(debian.root) if "batchd" in name and not name.startswith("var/lib/dpkg/")]
    equal(left, [], "what a purge leaves")
    check(not os.path.exists(debian.path("etc/batchd")), "the directory of the config is left")


@test
def the_package_without_systemd(site):
    """In a container: installed, removed and purged without a word to a manager."""
    if missing("cpack", "dpkg", "dpkg-shlibdeps"):
        return
    deb, debian = package(), Debian(site, systemd=False)
    calls = debian.dpkg("-i", deb) + debian.dpkg("-i", deb) + debian.dpkg("-r", "batchd") + debian.dpkg("-P", "batchd")
    check(not any(call.startswith(("systemctl", "deb-systemd-invoke")) for call in calls), "it called %s", calls)
    has("\n".join(calls), "systemd-sysusers", "the installation")


if __name__ == "__main__":
    sys.exit(main())
