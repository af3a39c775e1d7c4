#!/usr/bin/env python3
# Shared folders (9p): boots a guest with one of each security model, has share.sh work in them, and looks at what is there
# afterwards from the host.
"""usage: share.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, initrd and shares. Prints one line a step."""

import hashlib
import os
import stat
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, kernel_path, run_to_end # noqa: E402
from steps import Steps, options                    # noqa: E402

MODELS = ["passthrough", "none", "mapped-xattr", "mapped-file"]
MODULES = "virtio_pci,9p,9pnet_virtio"


def sums_hold(top):
    with open(os.path.join(top, "sums")) as f:
        for line in f:
            want, name = line.split()
            with open(os.path.join(top, name), "rb") as g:
                if hashlib.sha256(g.read()).hexdigest() != want:
                    return name
    return None


def look(steps, model, top):
    try:
        bad = sums_hold(top)
        steps.check("%s: contents" % model, bad is None, str(bad))
        st = os.lstat(os.path.join(top, "data", "f4"))
        link = os.lstat(os.path.join(top, "d", "link"))
        fifo = os.lstat(os.path.join(top, "d", "fifo"))
        if model.startswith("mapped"):
            steps.check("%s: the host's owners and modes are untouched" % model,
                        st.st_uid == os.getuid() and stat.S_IMODE(st.st_mode) == 0o600 and stat.S_ISREG(link.st_mode) and
                        stat.S_ISREG(fifo.st_mode))
        else:
            steps.check("%s: modes and types" % model,
                        stat.S_IMODE(st.st_mode) in (0o4751, 0o751) and stat.S_ISLNK(link.st_mode) and stat.S_ISFIFO(fifo.st_mode))
        with open(os.path.join(top, "result")) as f:
            steps.check("%s: the end" % model, f.read() == "done\n")
        steps.check("%s: sparse" % model, os.stat(os.path.join(top, "data", "hole")).st_blocks * 512 < 1 << 20)
    except OSError as e:
        steps.check("%s: files on the host" % model, False, str(e))


def run(steps, args, top):
    script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "share.sh")
    initrd = get_guest("initramfs", "--modules", "%s:%s" % (args.kernel, MODULES), "--add", script + ":/opt/tests/share.sh")
    # Making devices and giving files away needs root: without it the host's models cannot be looked at.
    models = MODELS if os.getuid() == 0 else MODELS[2:]
    command = args.emulator + ["-kernel", kernel_path(args.kernel), "-initrd", initrd, "-no-reboot"]
    groups = []
    for model in models:
        d = os.path.join(top, model)
        os.mkdir(d)
        with open(os.path.join(d, "from-host"), "w") as f:
            f.write("written by the host\n")
        os.symlink("/../../../" + os.path.abspath(__file__), os.path.join(d, "outside"))
        groups.append("%s,msize=%d" % (model, 524288 if len(groups) % 2 else 65536))
        command += ["-virtfs", "local,path=%s,mount_tag=%s,security_model=%s" % (d, model, model)]
    command += ["-append", "console=ttyAMA0 quiet gnomon.run=/bin/sh,/opt/tests/share.sh," + ",--,".join(groups)]
    status, out = run_to_end(command, args.timeout, args.log)
    steps.check("power off", status == 0, "status %s" % status)
    for model in models:
        steps.check("%s: in the guest" % model, "share: %s: fail=0" % model in out,
                    "; ".join(line for line in out.splitlines() if line.startswith("share: ")))
        look(steps, model, os.path.join(top, model))


def main():
    args = options(__doc__, "share").parse_args()
    with tempfile.TemporaryDirectory(prefix="gnomon-share-") as top:
        return Steps(args.name).checks(run, args, top)


if __name__ == "__main__":
    sys.exit(main())
