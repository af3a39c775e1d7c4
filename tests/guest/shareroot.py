#!/usr/bin/env python3
# A shared folder (9p) as a root file system: Debian's git and make run from it and work in another one; the host's git looks at the
# result.
"""usage: shareroot.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, initrd and shares. Prints one line a step."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, kernel_path, run_to_end # noqa: E402
from steps import Steps, options                    # noqa: E402


def git(top, *args):
    p = subprocess.run(["git", "-c", "safe.directory=*", "-C", top] + list(args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.returncode, p.stdout.strip()


def run(steps, args, work):
    script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "shareroot.sh")
    root = get_guest("debs", "git", "make", "dash", "coreutils", "perl-base", "base-files")
    initrd = get_guest("initramfs", "--modules", args.kernel + ":virtio_pci,9p,9pnet_virtio", "--add", script + ":/opt/tests/shareroot.sh")
    status, out = run_to_end(args.emulator + [
        "-kernel", kernel_path(args.kernel), "-initrd", initrd, "-no-reboot",
        "-virtfs", "local,path=%s,mount_tag=root,security_model=none,readonly=on,multidevs=remap" % root,
        "-fsdev", "local,id=w,path=%s,security_model=none" % work, "-device", "virtio-9p-pci,fsdev=w,mount_tag=work",
        "-append", "console=ttyAMA0 quiet gnomon.run=/bin/sh,/opt/tests/shareroot.sh"], args.timeout, args.log)
    steps.check("power off", status == 0, "status %s" % status)
    steps.check("in the guest", "root: ok" in out and "written to" not in out, out[-400:])
    steps.check("git sees what changed", "changed:  M d1/f1; D d2/f2;" in out)
    want = "".join("content %d %d\n%s" % (i, j, "x\n" if i == j == 1 else "") for i in range(1, 7) for j in range(1, 6) if (i, j) != (2, 2))
    steps.check("make", "made: " + hashlib.sha256(want.encode()).hexdigest() in out)
    proj = os.path.join(work, "proj")
    m = re.search(r"head: ([0-9a-f]{40})", out)
    if shutil.which("git"):
        steps.check("the host's git agrees", m is not None and git(proj, "rev-parse", "HEAD") == (0, m.group(1)) and
                    git(proj, "fsck", "--no-dangling")[0] == 0 and
                    git(proj, "status", "--porcelain", "-uno") == (0, "M d1/f1\n D d2/f2"), git(proj, "status", "--porcelain")[1])


def main():
    args = options(__doc__, "shareroot").parse_args()
    with tempfile.TemporaryDirectory(prefix="gnomon-root-") as work:
        return Steps(args.name).checks(run, args, work)


if __name__ == "__main__":
    sys.exit(main())
