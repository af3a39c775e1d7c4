#!/usr/bin/env python3
# Several CPUs under Linux: memory order between them, threads, and CPUs that go and come back. Runs in the test guest.
"""usage: smp.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and initrd. Exit status 0 if every step passed. Prints one line a step."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest, guest_command, kernel_path  # noqa: E402
from console import Console, GuestError                         # noqa: E402
from steps import Steps, options                                # noqa: E402


def run(con, args, command, pattern):
    con.send(command + "; echo status $?\n")
    m = con.expect(pattern, args.timeout)
    con.expect(r"^status 0\n", args.timeout)
    con.expect(PROMPT, args.timeout)
    return m


def steps(con, args):
    con.expect(PROMPT, args.timeout)
    run(con, args, "grep -c ^processor /proc/cpuinfo", r"^%d\n" % args.cpus)
    yield "%d CPUs" % args.cpus
    m = run(con, args, "/opt/tests/litmus -v %d" % args.rounds, r"^litmus: (\d+) tests, (\d+) failed")
    sb = re.search(r"litmus: SB +allowed +(\d+) of (\d+)", con.output())
    yield "litmus, %s tests of %d rounds; store buffering seen %s times in %s" % (m.group(1), args.rounds, sb.group(1), sb.group(2))
    run(con, args, "/opt/tests/threads >/tmp/a; for i in 1 2 3; do /opt/tests/threads | cmp - /tmp/a || break; done", r"^")
    yield "threads, four times the same"
    run(con, args, "for i in 1 2 3 4 5 6; do /opt/tests/processes >/tmp/p$i & done; wait; cat /tmp/p? | sort -u | wc -l; "
        "sort -u /tmp/p1 | wc -l", r"^(\d+)\n\1\n")
    yield "processes, six at once"
    last = "/sys/devices/system/cpu/cpu%d/online" % (args.cpus - 1)
    for i in range(3):
        run(con, args, "echo 0 >%s && cat %s /sys/devices/system/cpu/online" % (last, last), r"^0\n0(-%d)?\n" % (args.cpus - 2))
        run(con, args, "echo 1 >%s && cat %s /sys/devices/system/cpu/online" % (last, last), r"^1\n0-%d\n" % (args.cpus - 1))
    yield "a CPU off and on, three times"
    run(con, args, "for c in $(seq 0 %d); do (taskset $((1 << c)) sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; "
        "echo done $i') & done; wait" % (args.cpus - 1), r"(?:^done 20000\n.*?){%d}" % args.cpus)
    yield "work on each CPU"
    con.send("poweroff\n")
    status = con.wait(args.timeout)
    if status != 0:
        raise GuestError("exit status %s after poweroff" % status, con.tail())
    yield "poweroff"


def main():
    ap = options(__doc__, "smp")
    ap.add_argument("--cpus", type=int, default=4, help="how many the machine has")
    ap.add_argument("--rounds", type=int, default=60, help="of litmus")
    args = ap.parse_args()
    log = open(args.log, "w") if args.log else None
    command = guest_command(args.emulator, kernel_path(args.kernel), get_guest("initramfs", "--tests"), "console=ttyAMA0 quiet")
    with Console(command, log) as con:
        return Steps(args.name).run(steps(con, args))


if __name__ == "__main__":
    sys.exit(main())
