#!/usr/bin/env python3
# Disks: a guest writes to ext4 on a qcow2 overlay, is killed (-9) in the middle of writing, and what it had synced must be there
# in a second run; qemu-img and e2fsck judge the image in between.
"""usage: disk.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, initrd and disks. Prints one line a step."""

import hashlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest  # noqa: E402
from console import Console         # noqa: E402
from steps import Steps, options    # noqa: E402

MODULES = "virtio_pci,virtio_mmio,virtio_blk,crc32c_generic,ext4"
WRITE = r"""
mkdir /mnt/d; cd /mnt/d
i=0; while [ $i -lt 20 ]; do head -c $((i * 9973 + 1)) /dev/urandom >f$i; i=$((i + 1)); done
sha256sum f* >sums; sync; sync
echo all is syn''ced
i=0; while :; do head -c 200000 /dev/urandom >g$((i % 30)); rm -f g$(((i + 7) % 30)); [ $((i % 5)) = 0 ] && sync
i=$((i + 1)); [ $i = 25 ] && echo still wri''ting; done
"""
READ = r"""
cd /mnt/d && sha256sum -c sums | grep -c OK; cd /
dd if=/dev/vdb of=/dev/vdb bs=64k count=4 seek=4 conv=notrunc 2>/dev/null; sync; sha256sum /dev/vdb | cut -c1-16
fstrim /mnt; umount /mnt; cat /sys/block/vda/serial; echo; ls -d /sys/block/vda/mq/* | cat; cat /sys/block/vda/queue/logical_block_size
"""


def host(*command):
    p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.returncode, p.stdout


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def typed(con, text, args):
    for line in text.strip().split("\n"):
        con.send(line + "\n")


def run(steps, args, top, log):
    base, overlay, second = (os.path.join(top, n) for n in ("base", "overlay.qcow2", "second.qcow2"))
    with open(base, "wb") as f:
        f.truncate(96 << 20)
    with open(second + ".raw", "wb") as f:
        f.write(os.urandom(1 << 20))
    for command in (["mkfs.ext4", "-q", base], ["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base", "-F", "raw", overlay],
                    ["qemu-img", "convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", second + ".raw", second]):
        status, out = host(*command)
        steps.check(" ".join(os.path.basename(c) for c in command[:2]), status == 0, out)
    before, before2 = digest(base), digest(second)
    guest = ["-kernel", get_guest("kernel", args.kernel), "-append", "console=ttyAMA0 quiet", "-initrd",
             get_guest("initramfs", "--modules", "%s:%s" % (args.kernel, MODULES))]
    disks = [["-drive", "file=%s,if=virtio,discard=unmap,cache=writeback" % overlay],
             ["-blockdev", "driver=qcow2,node-name=n,file.driver=file,file.filename=%s,discard=unmap" % overlay,
              "-device", "virtio-blk-device,drive=n,serial=GNOMON-1,num-queues=2",
              "-drive", "file=%s,if=none,id=second,snapshot=on,format=qcow2" % second, "-device", "virtio-blk-device,drive=second"]]
    with Console(args.emulator + guest + disks[0], log) as con:
        con.expect(PROMPT, args.timeout)
        con.send("mount -t ext4 /dev/vda /mnt && echo moun''ted\n")
        con.expect(r"^mounted", args.timeout)
        con.expect(PROMPT, args.timeout)
        typed(con, WRITE, args)
        con.expect(r"all is synced", args.timeout)
        status, out = host("qemu-img", "check", overlay)
        steps.check("another program is refused the image", status not in (0, 3), out)
        con.expect(r"still writing", args.timeout)
    # Leaving the block has killed it.
    status, out = host("qemu-img", "check", overlay)
    steps.check("killed while writing: qemu-img check", status in (0, 3), out)
    status, out = host("qemu-img", "convert", "-O", "raw", overlay, overlay + ".raw")
    status, out = host("e2fsck", "-p", overlay + ".raw")
    steps.check("e2fsck replays the journal", status in (0, 1), out)
    status, out = host("e2fsck", "-fn", overlay + ".raw")
    steps.check("e2fsck finds nothing", status == 0, out)
    os.unlink(overlay + ".raw")
    with Console(args.emulator + guest + disks[1], log) as con:
        con.expect(PROMPT, args.timeout)
        # The last virtio-mmio slot, which Linux finds last, is the first disk's.
        con.send("cat /sys/block/vda/serial | grep -q GNOMON && echo first || echo second\n")
        swapped = con.expect(r"^(first|second)", args.timeout).group(1) == "second"
        con.expect(PROMPT, args.timeout)
        names = (lambda s: s.replace("vda", "vdX").replace("vdb", "vda").replace("vdX", "vdb")) if swapped else (lambda s: s)
        con.send(names("mount -t ext4 /dev/vda /mnt && echo moun''ted\n"))
        con.expect(r"^mounted", args.timeout)
        con.expect(PROMPT, args.timeout)
        typed(con, names(READ), args)
        con.expect(r"^20$", args.timeout)
        steps.check("what was synced is there", True)
        with open(second + ".raw", "rb") as f:
            data = bytearray(f.read())
        data[4 << 16:8 << 16] = data[:4 << 16]
        con.expect("^" + hashlib.sha256(data).hexdigest()[:16], args.timeout)
        steps.check("a compressed image, with snapshot=on", True)
        con.expect(r"^GNOMON-1$", args.timeout)
        con.expect(r"mq/0\n(.*mq/1\n)?512$", args.timeout)
        steps.check("trim, serial number, queues", True)
        con.expect(PROMPT, args.timeout)
        con.send("poweroff\n")
        status = con.wait(args.timeout)
        steps.check("power off", status == 0, "status %s" % status)
    status, out = host("qemu-img", "check", overlay)
    steps.check("qemu-img check", status in (0, 3) and "ERROR" not in out, out)
    steps.check("what lies behind is unchanged", (before, before2) == (digest(base), digest(second)))


def main():
    args = options(__doc__, "disk").parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"     # mkfs.ext4, e2fsck
    log = open(args.log, "w") if args.log else None
    with tempfile.TemporaryDirectory(prefix="gnomon-disk-") as top:
        return Steps(args.name).checks(run, args, top, log)


if __name__ == "__main__":
    sys.exit(main())
