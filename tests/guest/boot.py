#!/usr/bin/env python3
# Boots Linux to the test guest's shell under one emulator, types at it and powers it off. A test of the whole machine:
# console both ways, timer, signals from the keyboard, power control.
"""usage: boot.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and initrd. Exit status 0 if every step passed. Prints one line a step."""

import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from console import Console, GuestError     # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PROMPT = r"gnomon:[^\n#]*# "


def get_guest(*args):
    p = subprocess.run([os.path.join(TOP, "tools", "get-guest")] + list(args), stdout=subprocess.PIPE, text=True)
    if p.returncode:
        raise GuestError("tools/get-guest %s failed" % " ".join(args))
    return p.stdout.strip()


def guest_command(emulator, kernel, initrd, append):
    return emulator + ["-kernel", kernel, "-initrd", initrd, "-append", append]


def shell_steps(con, args):
    """Generator of step names; each is a check that passed."""
    t = args.timeout
    con.expect(r"gnomon-guest: user space is up", t)
    if "(qemu)" in con.tail(100):
        raise GuestError("the monitor writes to the console unasked", con.tail())
    yield "user space up after %.2f s" % con.elapsed()
    con.expect(PROMPT, t)
    yield "shell"
    con.send("echo $((6*7)) is the answer\n")
    con.expect(r"^42 is the answer", t)
    con.expect(PROMPT, t)
    yield "typing"
    con.send("uname -m; nproc\n")
    con.expect(r"^aarch64\n%d\n" % args.cpus, t)
    con.expect(PROMPT, t)
    yield "uname"
    con.send("sh -c 'echo started; exec sleep 1000'\n")
    con.expect(r"^started", t)
    time.sleep(0.2)
    con.send("\x03")
    con.expect(PROMPT, t)
    con.send("echo status $?\n")
    con.expect(r"^status 130", t)
    con.expect(PROMPT, t)
    yield "^C interrupts"
    con.send("sh -c 'echo started; exec sleep 1000'\n")
    con.expect(r"^started", t)
    time.sleep(0.2)
    con.send("\x1a")
    con.expect(r"Stopped", t)
    con.expect(PROMPT, t)
    con.send("kill %1; wait; echo jobs $(jobs | wc -l)\n")
    con.expect(r"^jobs \d", t)
    con.expect(PROMPT, t)
    yield "^Z and job control"
    con.send("seq 1 20000 | sort -r -n | sha256sum\n")
    con.expect(args.seq_sum, t)
    con.expect(PROMPT, t)
    yield "a pipe of processes"
    con.send("poweroff\n")
    status = con.wait(t)
    if status != 0:
        raise GuestError("exit status %s after poweroff" % status, con.tail())
    yield "poweroff, status 0, %.2f s in all" % con.elapsed()


def host_seq_sum():
    import hashlib
    return hashlib.sha256("".join("%d\n" % i for i in range(20000, 0, -1)).encode()).hexdigest()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kernel", default="bookworm", help="bookworm, trixie, or a path")
    ap.add_argument("--initrd", help="path of an initramfs (default: the plain one of tools/get-guest)")
    ap.add_argument("--append", default="console=ttyAMA0", help="kernel command line")
    ap.add_argument("--cpus", type=int, default=1, help="how many the guest must see")
    ap.add_argument("--timeout", type=float, default=60, help="seconds for each step")
    ap.add_argument("--log", help="write the console's output there")
    ap.add_argument("--name", default="boot", help="prefix of the printed lines")
    ap.add_argument("emulator", nargs="+")
    args = ap.parse_args()
    args.seq_sum = host_seq_sum()
    log = open(args.log, "w") if args.log else None
    try:
        kernel = args.kernel if os.path.exists(args.kernel) else get_guest("kernel", args.kernel)
        initrd = args.initrd or get_guest("initramfs")
        with Console(guest_command(args.emulator, kernel, initrd, args.append), log) as con:
            for step in shell_steps(con, args):
                print("%s: ok: %s" % (args.name, step), flush=True)
    except GuestError as e:
        print("%s: FAILED: %s" % (args.name, e))
        if e.tail:
            print("".join("    | %s\n" % l for l in e.tail.split("\n")), end="")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
