#!/usr/bin/env python3
# Debian's netboot installer, kernel and initrd as Debian ships them: its first screen must appear on the serial console and react
# to a key.
"""usage: installer.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and initrd. Prints one line a step."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, guest_command   # noqa: E402
from console import Console, GuestError     # noqa: E402
from steps import Steps, options            # noqa: E402


def steps(args):
    log = open(args.log, "w") if args.log else None
    kernel = get_guest("installer")
    initrd = os.path.join(os.path.dirname(kernel), "initrd.gz")
    with Console(guest_command(args.emulator, kernel, initrd, "console=ttyAMA0"), log) as con:
        con.expect(r"Select a language", args.timeout)
        con.expect(r"English", args.timeout)
        yield "the first screen asks for a language"
        con.send("\r")
        con.expect(r"Select your location", args.timeout)
        yield "a key leads to the next"
        con.send("\x01x")
        status = con.wait(args.timeout)
        if status:
            raise GuestError("Ctrl-A x: exit status %d" % status)
        yield "Ctrl-A x ends it"


def main():
    args = options(__doc__, "installer", 300).parse_args()
    return Steps(args.name).run(steps(args))


if __name__ == "__main__":
    sys.exit(main())
