#!/usr/bin/env python3
# Boots Linux to the test guest's shell under one emulator, types at it and powers it off. A test of the whole machine:
# console both ways, timer, signals from the keyboard, power control.
"""usage: boot.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and initrd. Exit status 0 if every step passed. Prints one line a step."""

import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from console import Console, GuestError # noqa: E402
from steps import Steps, options        # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PROMPT = r"gnomon:[^\n#]*# "


def get_guest(*args):
    p = subprocess.run([os.path.join(TOP, "tools", "get-guest")] + list(args), stdout=subprocess.PIPE, text=True)
    if p.returncode:
        raise GuestError("tools/get-guest %s failed" % " ".join(args))
    return p.stdout.strip()


def kernel_path(kernel):
    """Of a release of Debian, or the path itself."""
    return kernel if os.path.exists(kernel) else get_guest("kernel", kernel)


def guest_command(emulator, kernel, initrd, append):
    return emulator + ["-kernel", kernel, "-initrd", initrd, "-append", append]


def run_to_end(command, timeout, log=None):
    """Runs an emulator without a terminal; returns its exit status, or "timeout", and its output, which also goes to the file LOG."""
    try:
        p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        out, status = p.stdout, p.returncode
    except subprocess.TimeoutExpired as e:
        out, status = e.stdout or b"", "timeout"
    out = out.decode("utf-8", "replace").replace("\r", "")
    if log:
        with open(log, "w") as f:
            f.write(out)
    return status, out


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


def steps(args):
    log = open(args.log, "w") if args.log else None
    with Console(guest_command(args.emulator, kernel_path(args.kernel), args.initrd or get_guest("initramfs"), args.append), log) as con:
        yield from shell_steps(con, args)


def main():
    ap = options(__doc__, "boot", 60)
    ap.add_argument("--initrd", help="path of an initramfs (default: the plain one of tools/get-guest)")
    ap.add_argument("--append", default="console=ttyAMA0", help="kernel command line")
    ap.add_argument("--cpus", type=int, default=1, help="how many the guest must see")
    args = ap.parse_args()
    args.seq_sum = host_seq_sum()
    return Steps(args.name).run(steps(args))


if __name__ == "__main__":
    sys.exit(main())
