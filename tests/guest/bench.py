#!/usr/bin/env python3
# Runs a few benchmarks of bench/ from end to end under one emulator: image, marks, clocks, and outputs compared with the same
# programs built for the host. Says nothing about times.
"""usage: bench.py [options] -- EMULATOR    Exit status 0 if every step passed. Prints one line a step."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
NAMES = ["codegen", "string", "queens", "signal", "thread", "stat"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--name", default="bench", help="prefix of the printed lines")
    ap.add_argument("--log", help="write the output there")
    ap.add_argument("emulator", nargs="+", help="only the program's path is used: bench/run has a machine of its own")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        out = os.path.join(tmp, "out.json")
        p = subprocess.run([os.path.join(TOP, "bench", "run"), "--gnomon-binary", args.emulator[0], "--no-qemu", "--rounds", "1",
                            "--cpu", "cortex-a57", "-o", out, "--chart", os.path.join(tmp, "out.svg")] + NAMES,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if args.log:
            with open(args.log, "w") as f:
                f.write(p.stdout)
        data = json.load(open(out)) if os.path.exists(out) else {"cpus": {}}
    done = data["cpus"].get("cortex-a57", {}).get("gnomon", {})
    failed = False
    for n in NAMES:
        wrong = [f for f in data.get("failures", []) if n in f]
        good = n in done and not wrong
        failed |= not good
        print("%s: %s: %s%s" % (args.name, "ok" if good else "FAILED", n, ": " + wrong[0] if wrong else ""), flush=True)
    if failed or p.returncode:
        print("".join("    | %s\n" % line for line in p.stdout.rstrip().split("\n")[-25:]), end="")
    return 1 if failed or p.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
