#!/usr/bin/env python3
# Boots Linux with a program that uses up what windows cost the host (cprogs/adversary.c) and looks at what it printed, at the
# emulator's mappings and at its memory. A test of the budgets: it must go on, be right, and stay within them.
"""usage: adversary.py [options] -- EMULATOR [OPTION...]

Exit status 0 if every step passed. Prints one line a step."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, guest_command, kernel_path  # noqa: E402
from console import Console, GuestError                 # noqa: E402
from steps import Steps, options                        # noqa: E402


def expected(pages, processes, stripes):
    """The lines that the program prints when every access meets its own page."""
    written = sum(range(1, pages + 1, 100))
    total = faults = 0
    value = list(range(stripes))
    for r in range(3):
        for i in range(stripes):
            if (i + r) % 2 == 0:
                value[i] += 1
            elif i % 97 == 0:
                faults += 1
        total += sum(value)
    return ["scattered: %d pages, sum %d" % (pages, written), "processes: %d of %d" % (processes, processes),
            "stripes: %d pages, %d faults, sum %d" % (stripes, faults, total)]


def own_memory(pid):
    """Bytes that the emulator has for itself: the guest's RAM is a file, and counted once for each of its mappings."""
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon:"))


def steps(args, tmp):
    own, stats = 0, os.path.join(tmp, "stats.json")
    append = "console=ttyAMA0 quiet gnomon.run=/opt/tests/adversary,%d,%d,%d" % (args.pages, args.processes, args.stripes)
    command = guest_command(args.emulator + ["-stats", stats], kernel_path(args.kernel), get_guest("initramfs", "--tests"), append)
    with Console(command) as con:
        con.expect(r"gnomon-guest: user space is up", args.timeout)
        for line in expected(args.pages, args.processes, args.stripes):
            m = con.expect(r"^((?:scattered|processes|stripes|adversary): .*|gnomon-guest: exit status \d+)\n", args.timeout)
            if m.group(1) != line:
                raise GuestError("want '%s', got '%s'" % (line, m.group(1)), con.tail())
            own = max(own, own_memory(con.pid))
            yield line
        con.expect(r"^gnomon-guest: exit status 0\n", args.timeout)
        if con.wait(60):
            raise GuestError("the emulator failed", con.tail())
    with open(stats) as f:
        s = json.load(f)
    vmas, most = s["mmu"]["peak_vmas"], s["mmu"]["max_vmas"]
    if vmas > most:
        raise GuestError("%d mappings, the budget is %d" % (vmas, most))
    # A new page is a SIGSEGV that leads to the guest's fault, and one that leads to the fill: but for sites that do little else.
    sigsegv, faults = s["xlate"]["host_faults"], s["mmu"]["guest_faults"]
    if sigsegv > 2 * faults:
        raise GuestError("%d SIGSEGVs for %d guest faults: the sites that touch new pages were not patched" % (sigsegv, faults))
    if own > args.own << 20:
        raise GuestError("%d MiB beside the guest's RAM, expected at most %d" % (own >> 20, args.own))
    yield "at most %d of %d mappings, %d MiB beside the guest's RAM" % (vmas, most, own >> 20)


def main():
    ap = options(__doc__, "adversary")
    ap.add_argument("--pages", type=int, default=20000, help="scattered pages")
    ap.add_argument("--processes", type=int, default=60, help="processes alive at a time")
    ap.add_argument("--stripes", type=int, default=1500, help="pages whose protections alternate")
    ap.add_argument("--own", type=int, default=600, metavar="MB", help="memory allowed beside the guest's RAM")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        return Steps(args.name).run(steps(args, tmp))


if __name__ == "__main__":
    sys.exit(main())
