#!/usr/bin/env python3
# Runs tests/guest/transcript.sh or transcript-debian.sh in a guest and compares what it prints with what another emulator's
# guest prints: every step must agree. Keeps the reference transcript in the cache, by kernel, initramfs and emulator version.
"""usage: transcript.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and initrd. The reference is qemu-system-aarch64 unless --reference names
another command. Exit status 0 if all steps agree; prints the first differences."""

import argparse
import difflib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, guest_command   # noqa: E402
from console import Console, GuestError     # noqa: E402

START, END = "== (?:arithmetic|machine)$", "== end:"
# What transcript-debian.sh runs. The kernel and its modules are not part of it: the initramfs has no use for them.
DEBIAN = "perl-base,python3-minimal,libpython3.11-stdlib,openssl,bzip2,xz-utils,gawk,bash," \
    "coreutils,diffutils,findutils,grep,gzip,sed,tar"
# Lines of /proc/cpuinfo that name the processor's model. `-cpu max` is whatever an emulator can do.
MODEL = re.compile(r"^(Features|CPU (implementer|architecture|variant|part|revision))\s*:")


def record(command, timeout, any_model, log=None):
    """The transcript that `command` prints, and how long the run took."""
    with Console(command, log) as con:
        first = con.expect("^" + START, timeout)
        m = con.expect("^" + END + r" (\d+) steps", timeout)
        con.expect(r"gnomon-guest: exit status (\d+)", 60)
        status = con.wait(60)
        if status:
            raise GuestError("exit status %s after the transcript" % status, con.tail())
        text = con.output()
        text = text[text.index(first.group(0)):text.index(m.group(0)) + len(m.group(0))]
        return normalise(text, any_model), con.elapsed()


def normalise(text, any_model=False):
    lines = []
    for line in text.split("\n"):
        # Kernel messages may come between; what user space prints has no such stamp.
        if re.match(r"\[ *\d+\.\d{6}\]", line):
            continue
        line = re.sub(r"\[ *\d+\.\d{6}\] .*$", "", line)
        if any_model and MODEL.match(line):
            continue
        line = re.sub(r"\b(real|user|sys)\t?\s*\d+m[ \d.]+s", r"\1 TIME", line)
        line = re.sub(r"\d+\.\d+ seconds, [\d.]+[KMG]?B/s", "TIME", line)
        lines.append(line.rstrip())
    return lines


def reference(command, kernel, initrd, timeout, any_model):
    """The reference's transcript, from the cache if nothing that it depends on has changed."""
    version = subprocess.run([command[0], "--version"], stdout=subprocess.PIPE, text=True).stdout
    key = hashlib.sha256(repr((command, version)).encode())
    for path in (kernel, initrd):
        with open(path, "rb") as f:
            key.update(hashlib.sha256(f.read()).digest())
    cache = os.path.join(os.path.dirname(os.path.dirname(initrd)), "transcripts")
    os.makedirs(cache, exist_ok=True)
    path = os.path.join(cache, key.hexdigest()[:16] + ".txt")
    lock = open(path + ".lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)        # several tests at once may want the same reference
    if not os.path.exists(path):
        lines, seconds = record(command, timeout, any_model)
        with open(path + ".tmp", "w") as f:
            f.write("\n".join(lines))
        os.rename(path + ".tmp", path)
        print("transcript: reference recorded in %.1f s" % seconds, flush=True)
    with open(path) as f:
        return f.read().split("\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kernel", default="bookworm", help="bookworm, trixie, or a path")
    ap.add_argument("--append", default="console=ttyAMA0 quiet")
    ap.add_argument("--timeout", type=float, default=300)
    ap.add_argument("--name", default="transcript")
    ap.add_argument("--log", help="write the console's output there")
    ap.add_argument("--reference", default="qemu-system-aarch64", help="the reference emulator's program")
    ap.add_argument("--memory", type=int, default=512, metavar="MB", help="the reference's -m")
    ap.add_argument("--cpu", default="cortex-a57", help="the reference's -cpu")
    ap.add_argument("--smp", metavar="N", help="the reference's -smp")
    ap.add_argument("--debian", action="store_true", help="the script for Debian's programs")
    ap.add_argument("--quick", action="store_true", help="of the script for Debian's programs all but the long round trips")
    ap.add_argument("--reference-only", action="store_true", help="record the reference and stop")
    ap.add_argument("emulator", nargs="*")
    args = ap.parse_args()
    script = "transcript.sh" if not args.debian else "transcript-debian.sh,quick" if args.quick else "transcript-debian.sh"
    any_model = args.cpu.startswith("max")
    append = args.append + " gnomon.run=/opt/tests/" + script
    try:
        kernel = args.kernel if os.path.exists(args.kernel) else get_guest("kernel", args.kernel)
        initrd = get_guest("initramfs", "--tests", *(["--with", DEBIAN] if args.debian else []))
        ref_machine = [args.reference, "-M", "virt", "-cpu", args.cpu, "-m", str(args.memory), "-nographic", "-net", "none"] + \
            (["-smp", args.smp] if args.smp else [])
        want = reference(guest_command(ref_machine, kernel, initrd, append), kernel, initrd, args.timeout, any_model)
        if args.reference_only:
            return 0
        log = open(args.log, "w") if args.log else None
        begun = time.monotonic()
        got, seconds = record(guest_command(args.emulator, kernel, initrd, append), args.timeout, any_model, log)
    except GuestError as e:
        print("%s: FAILED: %s" % (args.name, e))
        if e.tail:
            print("".join("    | %s\n" % l for l in e.tail.split("\n")), end="")
        return 1
    if got == want:
        print("%s: ok: %s in %.1f s" % (args.name, got[-1].strip("= "), time.monotonic() - begun))
        return 0
    print("%s: FAILED: differs from %s (- reference, + this)" % (args.name, args.reference))
    diff = [l for l in difflib.unified_diff(want, got, "reference", "this", n=1, lineterm="")]
    print("".join("    | %s\n" % l for l in diff[:60]), end="")
    return 1


if __name__ == "__main__":
    sys.exit(main())
