#!/usr/bin/env python3
# Runs a few benchmarks of bench/ from end to end under one emulator: image, marks, clocks, and outputs compared with the same
# programs built for the host; or, with --io, rows of bench/io: fio on disks (one job verifies what it wrote), iperf3 in both
# directions. Says nothing about times.
"""usage: bench.py [options] -- EMULATOR    Exit status 0 if every step passed. Prints one line a step.

Of the emulator's command only the program's path is used: bench/run and bench/io have machines of their own."""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import TOP                    # noqa: E402
from steps import Steps, options        # noqa: E402

PROGRAMS = ["codegen", "string", "queens", "signal", "thread", "stat"]
ROWS = ["raw-mmio:randwrite-4k-q32", "qcow2-new:write-once", "qcow2-new:verify", "net:to-host", "net:to-guest-p4", "raw-smp2:read-128k-q32"]


def run(steps, args, tmp):
    out, names = os.path.join(tmp, "out.json"), ROWS if args.io else PROGRAMS
    command = ["io", "--markdown", os.path.join(tmp, "out.md")] if args.io else ["run", "--cpu", "cortex-a57", "--chart", os.path.join(tmp, "out.svg")]
    p = subprocess.run([os.path.join(TOP, "bench", command[0])] + command[1:] +
                       ["--gnomon-binary", args.emulator[0], "--no-qemu", "--rounds", "1", "-o", out] + names,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if args.log:
        with open(args.log, "w") as f:
            f.write(p.stdout)
    data = {"cpus": {}}
    if os.path.exists(out):
        with open(out) as f:
            data = json.load(f)
    done = data["cpus"].get("cortex-a57", {}).get("gnomon", {})
    for name in names:
        wrong = [f for f in data.get("failures", []) if name in f]
        steps.check(name, name in done and not wrong, "; ".join(wrong))
    if steps.failed or p.returncode or data.get("failures"):
        steps.fail("bench/%s: exit status %d" % (command[0], p.returncode), "\n".join(p.stdout.rstrip().split("\n")[-25:]))


def main():
    ap = options(__doc__, "bench")
    ap.add_argument("--io", action="store_true", help="disks and network")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        return Steps(args.name).checks(run, args, tmp)


if __name__ == "__main__":
    sys.exit(main())
