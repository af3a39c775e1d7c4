# What every benchmark of this folder is run with: emulators and their command lines, guest images, runs of a guest with the
# host's clocks read at the guest's marks, native runs, rounds. Must not know which benchmarks exist (suite.py) nor print
# tables (report.py); nothing here decides what is fast.
"""Machinery of bench/run and of other measuring programs in this folder. Import it; it does nothing by itself."""

import collections
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOP, "tests", "guest"))
from boot import get_guest, guest_command      # noqa: E402
from console import Console, GuestError        # noqa: E402

CACHE = os.path.abspath(os.environ.get("GNOMON_CACHE") or os.path.join(TOP, ".cache", "guest"))
# Programs are made per source tree, images are shared: their names say what is in them.
WORK = os.path.join(TOP, ".cache", "bench")
IMAGES = os.path.join(CACHE, "bench")
UP = r"gnomon-guest: user space is up"
TICK = os.sysconf("SC_CLK_TCK")

# One benchmark: `run` is a shell script that works in the guest and on the host, with $BENCH naming the directory that holds
# bin/ and data/ and the current directory empty and writable. `prep` runs before it, untimed. `deb` names Debian's packages
# that it needs: those are not asked for on the host, but used when they are there. `native` is False where the host's
# answer would mean something else.
Bench = collections.namedtuple("Bench", "name group run prep deb native")
# Seconds by the wall clock, in user mode and in the kernel of the emulator's process. The latter two together are exact to less
# than a microsecond; how they divide is known in steps of 10 ms.
Sample = collections.namedtuple("Sample", "wall user system")
Emulator = collections.namedtuple("Emulator", "name kind command")


class BenchError(Exception):
    pass


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


# ---- emulators ----------------------------------------------------------------------------------------------------

def qemu_cpu(cpu):
    """qemu's own pointer authentication is a software cipher; `max` gets the fast algorithm that it offers instead."""
    return "max,pauth-impdef=on" if cpu == "max" else cpu


def emulators(cpu, memory, binaries, props, backports=True, qemu=True, extra=()):
    """The emulators to measure for one processor model. `binaries`: [(name, path)] of gnomon; `props`: -accel gnomon
    properties, "" or "-" for none; every binary is measured with each. `extra`: NAME=COMMAND."""
    def machine(model):
        return ["-M", "virt", "-cpu", model, "-m", str(memory), "-nographic"]
    out = []
    for name, path in binaries:
        for p in props:
            p = "" if p == "-" else p
            out.append(Emulator(name + (":" + p if p else ""), "gnomon",
                                [path] + machine(cpu) + (["-accel", "gnomon," + p] if p else [])))
    found = []
    if qemu and shutil.which("qemu-system-aarch64"):
        found.append(shutil.which("qemu-system-aarch64"))
    if qemu and backports:
        try:
            found.append(get_guest("qemu"))
        except GuestError:
            say("no qemu from backports: the system's is the only reference")
    for q in found:
        p = subprocess.run([q, "--version"], stdout=subprocess.PIPE, text=True)
        v = re.search(r"version (\d+\.\d+)", p.stdout)
        out.append(Emulator("qemu-" + (v.group(1) if v else "?"), "qemu",
                            [q] + machine(qemu_cpu(cpu)) + ["-net", "none", "-accel", "tcg"]))
    for e in extra:
        name, sep, path = e.partition("=")
        if not sep:
            raise BenchError("--emulator %s: want NAME=COMMAND" % e)
        out.append(Emulator(name, "other", path.split() + machine(cpu)))
    return out


def binaries(args):
    """[(name, path)] of the gnomons that --gnomon-binary or --build name."""
    out = []
    for i, text in enumerate(args.gnomon_binary or [os.path.join(args.build, "gnomon-system-aarch64")]):
        name, sep, path = text.rpartition("=")
        path = os.path.abspath(path)
        if not os.access(path, os.X_OK):
            raise BenchError("%s is not a program (build it first)" % path)
        out.append((name or "gnomon" + (chr(ord("A") + i) if len(args.gnomon_binary or []) > 1 else ""), path))
    return out


# ---- programs and images --------------------------------------------------------------------------------------------

def compile_one(command):
    try:
        p = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise BenchError("%s is not installed (make deps)" % command[0]) from None
    if p.returncode:
        raise BenchError("%s: %s" % (" ".join(command), p.stderr.strip().split("\n")[0]))


def compile_all(sources, flags, compiler, out):
    """Compiles each C file (path) with its flags into the directory `out`; returns the programs' paths."""
    os.makedirs(out, exist_ok=True)
    made = []
    for src in sources:
        name = os.path.basename(src)[:-2]
        exe = os.path.join(out, name)
        made_as = "%s.%d" % (exe, os.getpid())
        command = [compiler, "-std=gnu17", "-Wall", "-static", "-pthread"] + flags(name).split() + [src, "-lm"]
        stamp = exe + ".cmd"
        said = open(stamp).read() if os.path.exists(stamp) else ""
        if not os.path.exists(exe) or os.path.getmtime(exe) < os.path.getmtime(src) or said != " ".join(command):
            compile_one(command + ["-o", made_as])
            os.rename(made_as, exe)
            with open(stamp, "w") as f:
                f.write(" ".join(command))
        made.append(exe)
    return made


def lay_out(directory, benches, programs, data):
    """The tree that a benchmark finds as $BENCH: bin/, data/ and cmd/ with its scripts. The directory is empty before."""
    for d in ("bin", "data", "cmd"):
        os.makedirs(os.path.join(directory, d))
    for exe in programs:
        shutil.copy2(exe, os.path.join(directory, "bin"))
    for path in data:
        shutil.copy2(path, os.path.join(directory, "data"))
    for b in benches:
        for suffix, text in (("", b.run), (".prep", b.prep)):
            if text:
                with open(os.path.join(directory, "cmd", b.name + suffix), "w") as f:
                    f.write(text.strip() + "\n")
    shutil.copy2(os.path.join(HERE, "guest.sh"), directory)


def _digest(paths):
    h = hashlib.sha256()
    for top in paths:
        for d, dirs, files in os.walk(top) if os.path.isdir(top) else [(os.path.dirname(top), [], [os.path.basename(top)])]:
            dirs.sort()
            for n in sorted(files):
                h.update(os.path.relpath(os.path.join(d, n), top).encode() + b"\0")
                with open(os.path.join(d, n), "rb") as f:
                    h.update(f.read())
    return h


def image(tree, packages, modules=""):
    """An initramfs with `tree` as /opt/bench, Debian's arm64 `packages` and the kernel modules `modules` (SUITE:NAME,...); made
    once for the same input. It is not compressed: a guest's boot would be spent on it."""
    h = _digest([tree, os.path.join(TOP, "tools", "get-guest"), os.path.join(TOP, "tests", "guest", "rootfs")])
    h.update(" ".join(sorted(packages) + [modules][:bool(modules)]).encode())
    out = os.path.join(IMAGES, "image-%s.cpio" % h.hexdigest()[:12])
    os.makedirs(IMAGES, exist_ok=True)
    if not os.path.exists(out):
        # Images are large: those that nobody has used for a day go.
        for path in (os.path.join(IMAGES, n) for n in os.listdir(IMAGES) if n.startswith("image-")):
            if os.path.getmtime(path) < time.time() - 86400:
                os.unlink(path)
        options = (["--with", ",".join(sorted(packages))] if packages else []) + (["--modules", modules] if modules else [])
        get_guest("initramfs", "--plain", "--add", tree + ":/opt/bench", *options, "-o", out)
    os.utime(out)
    return out


# ---- runs -----------------------------------------------------------------------------------------------------------

def cpu_seconds(pid):
    """(user, system) seconds that a process with all its threads has used: their sum by the process's CPU clock
    (clock_getcpuclockid(3)), the system's part of it by /proc/PID/stat (proc(5))."""
    try:
        total = time.clock_gettime(~pid << 3 | 2)
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    system = int(fields[12]) / TICK
    return total - system, system


class Clock:
    """The host's clocks for one emulator since the clock was made."""

    def __init__(self, con, started=None):
        self.con = con
        self.wall = time.monotonic() if started is None else started
        self.cpu = cpu_seconds(con.pid) if started is None else (0.0, 0.0)

    def sample(self):
        wall = time.monotonic() - self.wall
        user, system = cpu_seconds(self.con.pid)
        return Sample(wall, user - self.cpu[0], system - self.cpu[1])


def boot_once(command, timeout):
    """From the emulator's start to the first line of user space."""
    with Console(command) as con:
        con.expect(UP, timeout)
        return Clock(con, con.started).sample()


def run_marks(command, timeout):
    """Boots and yields (name, Sample, output) at every pair of marks bench-begin NAME, bench-end NAME STATUS that the guest
    prints; the output is what it says after bench-output NAME. GuestError has the benchmark's name in .bench (None:
    outside of any). The generator ends when the guest has powered off."""
    name = None
    try:
        with Console(command) as con:
            con.expect(UP, timeout)
            while True:
                m = con.expect(r"^(?:bench-begin (\S+)|gnomon-guest: exit status (\d+))\n", timeout)
                if m.group(2):
                    break
                clock, name = Clock(con), m.group(1)
                m = con.expect(r"^bench-end %s (\d+)\n" % re.escape(name), timeout)
                sample = clock.sample()
                out = con.expect(r"^bench-output %s (.*)\n" % re.escape(name), timeout).group(1)
                if m.group(1) != "0":
                    out = "exit status %s: %s" % (m.group(1), out)
                yield name, sample, out
                name = None
            status = con.wait(60)
            if status:
                raise GuestError("exit status %s" % status, con.tail())
    except GuestError as e:
        e.bench = name
        raise


def run_benches(emulator, kernel, initrd, names, timeout, on_failure):
    """{name: (Sample, output)} of one boot. A benchmark that hangs or brings the emulator down is reported by
    on_failure(name, error), and the rest is run in another boot."""
    result, names = {}, list(names)
    while names:
        append = "console=ttyAMA0 quiet gnomon.run=/opt/bench/guest.sh," + ",".join(names)
        try:
            for name, sample, out in run_marks(guest_command(emulator.command, kernel, initrd, append), timeout):
                result[name] = (sample, out)
            break
        except GuestError as e:
            on_failure(e.bench or "boot", e)
            if e.bench not in names:
                break
            names = names[names.index(e.bench) + 1:]
    return result


def told(output):
    """What guest.sh says of a program's output: a checksum and the first line."""
    first = "".join(c for c in output.decode("latin-1").split("\n")[0] if " " <= c <= "~")
    return hashlib.md5(output).hexdigest()[:16] + " " + first[:70]


def run_native(tree, bench, timeout):
    """The same script on the host: (Sample, output as in run_marks()). BenchError says why it cannot be measured."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BENCH": tree, "HOME": "/root", "LC_ALL": "C"}
    with tempfile.TemporaryDirectory() as tmp:
        script = os.path.join(tree, "cmd", bench.name)
        try:
            if bench.prep:
                subprocess.run(["sh", script + ".prep"], cwd=tmp, env=env, timeout=timeout, check=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            p = subprocess.run(["sh", script], cwd=tmp, env=env, timeout=timeout, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        except subprocess.TimeoutExpired:
            raise BenchError("no end within %g s" % timeout) from None
        except subprocess.CalledProcessError as e:
            raise BenchError("its preparation fails: exit status %d" % e.returncode) from None
        if p.returncode:
            last = p.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
            raise BenchError("exit status %d: %s" % (p.returncode, last.rpartition(": ")[2]))
        return Sample(wall, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime), told(p.stdout)


# ---- conditions -----------------------------------------------------------------------------------------------------

def host_conditions():
    """What a reader must know about the machine; names no host."""
    model = cpus = ""
    with open("/proc/cpuinfo") as f:
        text = f.read()
    m = re.search(r"^model name\s*: (.*)$", text, re.M)
    model, cpus = (m.group(1) if m else "unknown"), len(re.findall(r"^processor\s*:", text, re.M))
    return {"cpu": model, "cpus": cpus, "kernel": os.uname().release.split("-")[0], "load": round(os.getloadavg()[0], 2)}


def file_conditions(path):
    """The version of a kernel that tools/get-guest fetched, or the file's name."""
    version = os.path.join(os.path.dirname(path), "version")
    if os.path.exists(version):
        with open(version) as f:
            m = re.match(r"linux-image-(\S+?)_", f.read())
            if m:
                return m.group(1)
    return os.path.basename(path)
