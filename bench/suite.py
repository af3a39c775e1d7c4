# The benchmarks: name, group, what runs. Work is fixed, never a time, so that every emulator does the same. Knows no emulator.
"""BENCHES in the order in which they run, GOALS by group, and what the programs are compiled from and with."""

import os
import re

from harness import HERE, Bench

PROGS = os.path.join(HERE, "progs")
# How many times as fast as the better qemu each group is to be (a geometric mean).
GOALS = {"code": 1.5, "integer": 2.0, "fp": 5.0, "memory": 1.5, "system": 2.0}
# Compiler flags by program; -O2 otherwise. The C library's string functions stay calls.
FLAGS = {}

BENCHES = []


def add(group, name, run=None, prep="", deb="", native=True):
    """Without `run` it is the C program of that name. Programs are called by path: a shell has a `sort` of its own."""
    BENCHES.append(Bench(name, group, run or '"$BENCH/bin/%s"' % name, prep, tuple(deb.split()), native))


for n in ("hash", "sort", "sieve", "interp", "string"):
    add("integer", n)
add("fp", "float")

# Booted by itself, with the plain initramfs: see bench/run.
add("system", "boot", native=False)
for n in ("syscall", "signal", "switch", "fork", "exec", "fault", "mmap", "file"):
    add("system", n, '"$BENCH/bin/kernel" ' + n)
add("system", "shell", "i=0; while [ $i -lt 150 ]; do x=$(echo $i | sed 's/1/2/' | cat); i=$((i + 1)); done; echo $x")


def sources():
    return [os.path.join(PROGS, n) for n in sorted(os.listdir(PROGS)) if n.endswith(".c")]


def flags(program):
    return FLAGS.get(program, "-O2")


def select(words):
    """The benchmarks named by `words`: names, groups, or -NAME to leave one out; all without words. ValueError names the
    word that is neither."""
    names, groups = {b.name for b in BENCHES}, {b.group for b in BENCHES}
    wanted = [w for w in words if not w.startswith("-")]
    without = [w[1:] for w in words if w.startswith("-")]
    for w in wanted + without:
        if w not in names | groups:
            raise ValueError(w)
    return [b for b in BENCHES if (not wanted or b.name in wanted or b.group in wanted)
            and b.name not in without and b.group not in without]


def data_files():
    return []


def own_programs(bench):
    """Names of the C programs that a benchmark's scripts call."""
    return re.findall(r"\$BENCH/bin/([a-z0-9]+)", bench.run + "\n" + bench.prep) if bench.name != "boot" else []
