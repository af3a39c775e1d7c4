#!/usr/bin/env python3
# Runs a few rows of bench/io from end to end under one emulator: fio on disks (one job verifies what it wrote), iperf3 in both
# directions. Says nothing about times.
"""usage: io.py [options] -- EMULATOR    Exit status 0 if every row passed. Prints one line a row."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
ROWS = ["raw-mmio:randwrite-4k-q32", "qcow2-new:write-once", "qcow2-new:verify", "net:to-host", "net:to-guest-p4", "raw-smp2:read-128k-q32"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--name", default="io", help="prefix of the printed lines")
    ap.add_argument("--log", help="write the output there")
    ap.add_argument("emulator", nargs="+", help="only the program's path is used: bench/io has a machine of its own")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.json")
        p = subprocess.run([os.path.join(TOP, "bench", "io"), "--gnomon-binary", args.emulator[0], "--no-qemu", "--rounds", "1",
                            "-o", out, "--markdown", os.path.join(tmp, "out.md")] + ROWS,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if args.log:
            with open(args.log, "w") as f:
                f.write(p.stdout)
        data = json.load(open(out)) if os.path.exists(out) else {"cpus": {}, "failures": []}
    done = data["cpus"].get("cortex-a57", {}).get("gnomon", {})
    for row in ROWS:
        print("%s: %s: %s" % (args.name, "ok" if row in done else "FAILED", row), flush=True)
    failed = p.returncode or data["failures"] or set(ROWS) - set(done)
    if failed:
        print("%s: FAILED: bench/io, exit status %d" % (args.name, p.returncode))
        print("".join("    | %s\n" % line for line in p.stdout.rstrip().split("\n")[-25:]), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
