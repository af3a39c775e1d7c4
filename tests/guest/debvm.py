#!/usr/bin/env python3
# Debian's debvm-run with gnomon in qemu's place on PATH: it must find the architecture, and its command line must be taken as it is.
"""usage: debvm.py [options] -- EMULATOR

Of the emulator only the program is used. Prints one line a step. --disk: the full Debian of `tools/get-guest disk`, reached by ssh,
instead of a small image with the test guest's kernel and initramfs."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest      # noqa: E402
from console import Console, GuestError # noqa: E402
from net import free_port               # noqa: E402
from steps import Steps, options        # noqa: E402


def small_image(top):
    """What debvm-run asks of an image: ext4 with a label, links to kernel and initrd, a /bin/true."""
    tree, image = os.path.join(top, "tree"), os.path.join(top, "rootfs.ext4")
    for d in ("bin", "boot"):
        os.makedirs(os.path.join(tree, d))
    shutil.copy(get_guest("kernel", "bookworm"), os.path.join(tree, "boot", "vmlinuz-1"))
    shutil.copy(get_guest("initramfs", "--modules", "bookworm:virtio_pci,virtio_blk,virtio_net,virtio_rng,crc32c_generic,ext4"),
                os.path.join(tree, "boot", "initrd-1"))
    shutil.copy(os.path.join(get_guest("debs", "busybox-static"), "bin", "busybox"), os.path.join(tree, "bin", "true"))
    os.symlink("boot/vmlinuz-1", os.path.join(tree, "vmlinuz"))
    os.symlink("boot/initrd-1", os.path.join(tree, "initrd.img"))
    if subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "debvm", "-d", tree, image, "200M"]).returncode:
        raise GuestError("mke2fs failed")
    return image


def small(args, top, run):
    with Console(run + ["-i", small_image(top), "-s", str(free_port())], args.out) as con:
        con.expect(PROMPT, args.timeout)
        yield "debvm-run boots"
        con.send("mount -t ext4 /dev/vda /mnt && ls /mnt && nproc && ls /sys/class/net && cat /sys/class/misc/hw_random/rng_current\n")
        con.expect(r"^bin +boot[^$]*^%d\n[^$]*eth0[^$]*^virtio_rng" % min(8, len(os.sched_getaffinity(0))), args.timeout)
        yield "disk, CPUs, network, entropy"
        con.expect(PROMPT, args.timeout)
        con.send("umount /mnt; poweroff\n")
        ends(con, args)
        yield "power off"


def disk(args, top, run):
    at, image, port = os.path.dirname(get_guest("disk")), os.path.join(top, "rootfs.ext4"), free_port()
    subprocess.run(["cp", "--sparse=always", "--no-preserve=mode", os.path.join(at, "disk.img"), image], check=True)
    with Console(run + ["-i", image, "-s", str(port)], args.out) as con:
        con.expect(r"^gnomon login: ", args.timeout)
        con.send("root\n")
        con.expect(r"root@gnomon:~# ", args.timeout)
        yield "debvm-run boots Debian"
        con.send("/lib/systemd/systemd-networkd-wait-online; systemctl is-system-running --wait\n")
        con.expect(r"running\n", args.timeout)
        p = subprocess.run(["ssh", "-F", "none", "-i", os.path.join(at, "ssh-key"), "-p", str(port), "-o", "UserKnownHostsFile=%s/known" % top,
                            "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "root@127.0.0.1", "uname -m"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=args.timeout)
        if p.returncode or not p.stdout.endswith("aarch64\n"):
            raise GuestError("ssh: exit status %d" % p.returncode, p.stdout)
        yield "ssh"
        con.send("poweroff\n")
        ends(con, args)
        yield "power off"


def ends(con, args):
    status = con.wait(args.timeout)
    if status:
        raise GuestError("exit status %d" % status, con.tail())


def main():
    ap = options(__doc__, "debvm")
    ap.add_argument("--disk", action="store_true")
    args = ap.parse_args()
    args.out = open(args.log, "w") if args.log else None
    top = tempfile.mkdtemp(prefix="gnomon-debvm-")
    os.mkdir(os.path.join(top, "bin"))
    os.symlink(os.path.realpath(args.emulator[0]), os.path.join(top, "bin", "qemu-system-aarch64"))
    os.environ["PATH"] = os.path.join(top, "bin") + ":" + os.environ["PATH"] + ":/usr/sbin:/sbin"
    try:
        return Steps(args.name).run((disk if args.disk else small)(args, top, ["debvm-run"]))
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
