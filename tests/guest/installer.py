#!/usr/bin/env python3
# Debian's netboot installer, kernel and initrd as Debian ships them: its first screen must appear on the serial console and react
# to a key.
"""usage: installer.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and initrd. Prints one line a step."""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, guest_command       # noqa: E402
from console import Console, GuestError         # noqa: E402


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--name", default="installer")
    ap.add_argument("--log")
    ap.add_argument("--timeout", type=float, default=300)
    ap.add_argument("emulator", nargs="+")
    args = ap.parse_args()
    log = open(args.log, "w") if args.log else None
    try:
        kernel = get_guest("installer")
        initrd = os.path.join(os.path.dirname(kernel), "initrd.gz")
        with Console(guest_command(args.emulator, kernel, initrd, "console=ttyAMA0"), log) as con:
            con.expect(r"Select a language", args.timeout)
            con.expect(r"English", args.timeout)
            print("%s: ok: the first screen asks for a language" % args.name, flush=True)
            con.send("\r")
            con.expect(r"Select your location", args.timeout)
            print("%s: ok: a key leads to the next" % args.name, flush=True)
            con.send("\x01x")
            status = con.wait(args.timeout)
            if status:
                raise GuestError("Ctrl-A x: exit status %d" % status)
    except GuestError as e:
        print("%s: FAILED: %s" % (args.name, e))
        for line in e.tail.split("\n"):
            print("    | " + line)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
