#!/usr/bin/env python3
# Debian's gdb-multiarch against the emulator's GDB server: breakpoints in a system call of the kernel and in a process, single
# step, watchpoints on a kernel and on a user variable, registers, memory by virtual and physical address, threads, Ctrl-C.
"""usage: gdb.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, initrd and -gdb. Exit status 0 if every step passed. Prints one line a step."""

import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest, guest_command, kernel_path  # noqa: E402
from console import Console, GuestError                         # noqa: E402
from steps import Steps, options                                # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))


class Session:
    def __init__(self, args, socket, exe):
        self.args, self.socket, self.exe = args, socket, exe

    def gdb(self, *commands, file=True):
        """Runs a batch of commands, connected; returns gdb's output."""
        line = ["gdb-multiarch", "-q", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off",
                "-ex", "set tcp auto-retry off", "-ex", "set remotetimeout 30"]
        if file:
            line += ["-ex", "file " + self.exe]
        else:
            line += ["-ex", "set architecture aarch64"]
        line += ["-ex", "target remote " + self.socket]
        for c in commands:
            line += ["-ex", c]
        p = subprocess.run(line + ["-ex", "detach"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=self.args.timeout)
        return p.stdout

    def want(self, text, *patterns):
        for p in patterns:
            m = re.search(p, text, re.M)
            if not m:
                raise GuestError("gdb did not print %r" % p, text)
        return m


def symbol(con, name, t):
    con.send("grep -w %s /proc/kallsyms\n" % name)
    address = con.expect(r"^([0-9a-f]{16}) \w %s\n" % name, t).group(1)
    con.expect(PROMPT, t)
    return int(address, 16)


def steps(con, s, args):
    t = args.timeout
    con.expect(r"gnomon-guest: user space is up", t)
    con.expect(PROMPT, t)
    sys_getppid = symbol(con, "__arm64_sys_getppid", t)
    con.send("/opt/debuggee &\n")
    con.expect(r"debuggee: \d+\n", t)

    out = s.gdb("info threads", "p $pc", "p $cpsr", "p/x $TTBR1_EL1", "monitor info status", file=False)
    s.want(out, r"Thread 1 .*CPU#0", r"TTBR1|\$3 = 0x[0-9a-f]+", r"VM status: paused")
    yield "attach, threads, registers, monitor command"

    out = s.gdb("break *%#x" % sys_getppid, "continue", "p/x $pc", "stepi", "stepi", "stepi", "p/x $pc", "x/2i $pc", file=False)
    s.want(out, r"Breakpoint 1", r"\$1 = %#x" % sys_getppid)
    after = int(re.search(r"\$2 = (0x[0-9a-f]+)", out).group(1), 16)
    if not 0 < after - sys_getppid <= 64 and after >> 48 != 0xffff:
        raise GuestError("three steps from %#x led to %#x" % (sys_getppid, after), out)
    yield "a breakpoint in a system call, single step"

    # The frame record that the function's first store writes.
    out = s.gdb("x/12i %#x" % sys_getppid, file=False)
    frame = s.want(out, r"stp\s+x29, x30, \[sp, #-(\d+)\]!").group(1)
    out = s.gdb("break *%#x" % sys_getppid, "continue", "delete", "awatch -l *(unsigned long *)($sp - %s)" % frame, "continue", "p/x $pc",
                file=False)
    s.want(out, r"Hardware access \(read/write\) watchpoint 2", r"[Vv]alue = ")
    pc = int(re.search(r"\$1 = (0x[0-9a-f]+)", out).group(1), 16)
    if pc >> 48 != 0xffff:
        raise GuestError("the watchpoint hit at %#x" % pc, out)
    yield "a watchpoint on kernel data"

    out = s.gdb("break tick", "continue", "info registers pc", "p by", "p ratio", "backtrace 2", "finish")
    s.want(out, r"Breakpoint 1, tick \(by=", r"pc +0x[0-9a-f]+ +0x[0-9a-f]+ <tick", r"#1 .*main \(\)", r"Value returned is \$\d+ = \d+")
    yield "a breakpoint in a process, arguments, backtrace, finish"

    out = s.gdb("watch counter", "continue", "continue", "info watchpoints", "p counter")
    s.want(out, r"Hardware watchpoint 1: counter", r"Old value = \d+\nNew value = \d+", r"tick \(by=", r"hw watchpoint")
    yield "a watchpoint on a variable of a process"

    out = s.gdb("rwatch ratio", "continue", "p ratio", "delete", "break tick", "continue", "set var ratio = 3.0", "p ratio", "p $v0.d.f[0]")
    s.want(out, r"Hardware read watchpoint 1: ratio", r"^\$2 = 3$")
    yield "a read watchpoint, writing a variable, a vector register"

    out = s.gdb("break tick", "continue", "tbreak *($x30)", "continue", "x/1i $pc", "stepi", "nexti")
    s.want(out, r"Temporary breakpoint 2|Breakpoint 2", r"main")
    yield "a temporary breakpoint on the return"

    out = s.gdb("maintenance packet Qqemu.PhyMemMode:1", "x/4wx 0x40080000", "x/1wx 0x123450000000", "maintenance packet Qqemu.PhyMemMode:0",
                file=False)
    s.want(out, r'received: "OK"', r"^0x40080000:\s+0x", r"Cannot access memory")
    yield "memory by physical address"

    out = s.gdb("x/1wx 0x10", "info registers nosuch", "p 1", file=False)
    s.want(out, r"Cannot access memory at address 0x10|0x10:\s+0x", r"Invalid register", r"\$1 = 1")
    yield "mistakes are answered"

    con.send("echo still $((40+2))\n")
    con.expect(r"^still 42", t)
    con.send("kill %1; poweroff\n")
    status = con.wait(t)
    if status:
        raise GuestError("exit status %s after poweroff" % status, con.tail())
    yield "the guest goes on, and powers off"


def session(args, tmp):
    exe, socket = os.path.join(tmp, "debuggee"), os.path.join(tmp, "gdb.sock")
    log = open(args.log, "w") if args.log else None
    p = subprocess.run(["aarch64-linux-gnu-gcc", "-O1", "-g", "-static", "-no-pie", "-o", exe, os.path.join(HERE, "debuggee.c")])
    if p.returncode:
        raise GuestError("cannot compile debuggee.c")
    command = guest_command(args.emulator, kernel_path(args.kernel), get_guest("initramfs", "--add", exe + ":/opt/debuggee"), "console=ttyAMA0 quiet nokaslr")
    with Console(command + ["-gdb", "unix:%s,server=on,wait=off" % socket], log) as con:
        yield from steps(con, Session(args, socket, exe), args)


def main():
    args = options(__doc__, "gdb", 60).parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        return Steps(args.name).run(session(args, tmp))


if __name__ == "__main__":
    sys.exit(main())
