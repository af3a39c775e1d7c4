# The benchmarks: name, group, what runs. Work is fixed, never a time, so that every emulator does the same. Knows no emulator.
"""BENCHES in the order in which they run, GOALS by group, and what the programs are compiled from and with."""

import os
import re

from harness import HERE, Bench, compile_one

PROGS = os.path.join(HERE, "progs")
DATA_FILES = os.path.join(HERE, "data")
# How many times as fast as the better qemu each group is to be (a geometric mean).
GOALS = {"code": 1.5, "integer": 2.0, "fp": 5.0, "memory": 1.5, "system": 2.0}
# Compiler flags by program; -O2 otherwise. -O3 is where gcc 12 vectorises freely.
FLAGS = {"matmul": "-O3", "image": "-O3", "video": "-O3"}
# Debian's own compiler proper; it is in the package of the preprocessor.
CC1 = "/usr/lib/gcc/$(uname -m)-linux-gnu/12/cc1 -quiet -fpreprocessed"

BENCHES = []


def add(group, name, run=None, prep="", deb="", native=True):
    """Without `run` it is the C program of that name. Programs are called by path: a shell has a `sort` of its own."""
    BENCHES.append(Bench(name, group, run or '"$BENCH/bin/%s"' % name, prep, tuple(deb.split()), native))


# What a big program costs the first time in a boot. These come first, and each program only once.
add("code", "python-first", "python3 -S -c 'import re, collections, functools; print(collections.Counter(\"abracadabra\"))'",
    deb="python3-minimal")
add("code", "perl-first", "perl -e 'use strict; my %h = map { $_ => length } qw(a bb ccc); print join(\",\", sort %h), \"\\n\"'",
    deb="perl-base")
add("code", "openssl-first", "openssl version; openssl list -digest-algorithms; echo text | openssl dgst -sha3-256", deb="openssl")
add("code", "sqlite-first", "sqlite3 :memory: 'create table t(a); insert into t values (6), (7); select sum(a) from t;'", deb="sqlite3")
add("code", "compile-first", CC1 + ' -O2 "$BENCH/data/fib.i" -o -', deb="cpp-12")
add("code", "node-first", "node -e 'console.log([3, 1, 2].sort().join())'", deb="nodejs")
# Programs that write their own code.
add("code", "codegen")
add("code", "luajit", 'luajit "$BENCH/data/program.lua"', deb="luajit")
add("code", "node", 'node "$BENCH/data/program.js"', deb="nodejs")

for n in ("hash", "sort", "sieve", "interp", "string", "fib", "queens"):
    add("integer", n)
add("integer", "sad-plain", '"$BENCH/bin/video" sadplain')
DATA = '"$BENCH/bin/data" %d >data'
# Full paths where busybox has a program of the same name.
add("integer", "7z", "7zz a -mx=3 -mmt=1 -bso0 -bsp0 out.7z data && 7zz x -so -bsp0 out.7z | md5sum", DATA % 3000000, "7zip")
add("integer", "bzip2", "/bin/bzip2 -k data && /bin/bzip2 -dc data.bz2 | md5sum", DATA % 3000000, "bzip2")
add("integer", "xz", "/usr/bin/xz -k -3 -T1 data && /usr/bin/xz -dc data.xz | md5sum", DATA % 2500000, "xz-utils")
add("integer", "sqlite", 'sqlite3 :memory: <"$BENCH/data/program.sql"', deb="sqlite3")
add("integer", "sha256", "for i in 1 2 3 4 5 6 7 8; do openssl dgst -sha256 data; done", DATA % 12000000, "openssl")
# Primality of 2^2203 - 1: the modular powers that RSA consists of.
add("integer", "modexp", "openssl prime -hex 7$(printf '%0550d' 0 | tr 0 F)", deb="openssl")
add("integer", "python", 'python3 -S "$BENCH/data/program.py"', deb="python3-minimal")
add("integer", "perl", 'perl "$BENCH/data/program.pl"', deb="perl-base")
add("integer", "compile", "for f in sort kernel video; do " + CC1 + ' -O2 "$BENCH/data/$f.i" -o - | wc; done', deb="cpp-12")
add("integer", "tcc", 'for f in "$BENCH"/data/*.i; do tcc -c -o out.o $f && md5sum <out.o; done', deb="tcc", native=False)

for n in ("nbody", "spectral", "fft", "linpack", "mandel", "libm", "image"):
    add("fp", n)
for n in ("scalar", "vector", "int"):
    add("fp", "matmul-" + n, '"$BENCH/bin/matmul" ' + n)
for n in ("sad", "dct", "yuv", "interp"):
    add("fp", "video-" + n, '"$BENCH/bin/video" ' + n)

for n in (1, 4, 16, 64):
    add("memory", "chase%d" % n, '"$BENCH/bin/memory" chase %d' % n)
for n in ("stream", "random", "copy", "pages"):
    add("memory", n, '"$BENCH/bin/memory" ' + n)

# Booted by itself, with the plain initramfs: see bench/run.
add("system", "boot", native=False)
for n in ("syscall", "signal", "switch", "fork", "exec", "fault", "mmap", "file", "pipe", "thread", "stat"):
    add("system", n, '"$BENCH/bin/kernel" ' + n)
add("system", "shell", "i=0; while [ $i -lt 100 ]; do x=$(echo $i | sed 's/1/2/' | cat); i=$((i + 1)); done; echo $x")
add("system", "script", """
for d in 1 2 3 4 5 6; do
    mkdir -p tree/$d
    for f in a b c d e f; do echo "$d $f some words here" >tree/$d/$f; done
done
find tree -type f | sort | xargs cat | awk '{ n[$2]++; s += $1 } END { print s, n["a"] }'
for f in tree/*/*; do case $f in *a | *c) rm $f ;; *) mv $f $f.txt; grep -c words $f.txt; esac; done | sort | uniq -c
tar -cf - tree | tar -tf - | wc -l
""")


def sources():
    return [os.path.join(PROGS, n) for n in sorted(os.listdir(PROGS)) if n.endswith(".c")]


def flags(program):
    return FLAGS.get(program, "-O2")


def data_files(directory):
    """Files of $BENCH/data: programs in scripting languages, and own C files preprocessed for arm64."""
    out = [os.path.join(DATA_FILES, n) for n in sorted(os.listdir(DATA_FILES))]
    os.makedirs(directory, exist_ok=True)
    for name in ("fib", "sort", "kernel", "video"):
        made = os.path.join(directory, name + ".i")
        compile_one(["aarch64-linux-gnu-gcc", "-E", "-P", "-std=gnu17", "-U_FORTIFY_SOURCE", os.path.join(PROGS, name + ".c"), "-o", made])
        out.append(made)
    return out


def own_programs(bench):
    """Names of the C programs that a benchmark's scripts call."""
    return re.findall(r"\$BENCH/bin/([a-z0-9]+)", bench.run + "\n" + bench.prep) if bench.name != "boot" else []


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
