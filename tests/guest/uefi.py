#!/usr/bin/env python3
# UEFI: Debian's firmware starts GRUB from a disk's EFI system partition, GRUB starts Linux, and all that twice: a variable that the
# guest wrote in the first run is there in the second; of two such disks the one with the lower bootindex= is booted. With --direct:
# the firmware starts the kernel of -kernel. Makes the disks from Debian packages, without mounting or installing anything.
"""usage: uefi.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without firmware and disks. Prints one line a step."""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest, kernel_path # noqa: E402
from console import Console, GuestError         # noqa: E402
from disk import host                           # noqa: E402
from steps import Steps, options                # noqa: E402

FIRMWARE = "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"      # of package qemu-efi-aarch64
GRUB = "usr/lib/grub/arm64-efi/monolithic/grubaa64.efi"                            # looks for EFI/debian/grub.cfg
GRUB_CFG = """
search --no-floppy --file --set=root /vmlinuz
linux /vmlinuz console=ttyAMA0 quiet disk=%s
initrd /initrd.gz
boot
"""
START, SIZE = 2048, 128 << 11                   # of the partition, in sectors
VARIABLE = "/sys/firmware/efi/efivars/GnomonTest-605dab50-e046-4300-abb6-3dd810dd8b23"


def tool(*command):
    status, out = host(*command)
    if status:
        raise GuestError(os.path.basename(command[0]) + " failed", out)


def make_disk(path, files):
    """A GPT disk with one partition, FILES (name in it: name here) on it."""
    with open(path, "wb") as f:
        f.truncate((START + SIZE + 2048) * 512)
    tool("sgdisk", "-n", "1:%d:%d" % (START, START + SIZE - 1), "-t", "1:ef00", path)
    tool("mkfs.vfat", "-F", "32", "--offset", str(START), path, str(SIZE // 2))
    part = "%s@@%d" % (path, START * 512)
    for name in ("EFI", "EFI/BOOT", "EFI/debian"):
        tool("mmd", "-i", part, "::" + name)
    for name, source in files.items():
        tool("mcopy", "-i", part, source, "::" + name)


def boot(steps, command, args, number, log):
    with Console(command, log=log) as con:
        con.expect("UEFI firmware", args.timeout)
        con.expect(PROMPT, args.timeout)
        steps.ok("run %d: firmware, GRUB and Linux reach a shell (%.1f s)" % (number, con.elapsed()))
        con.send("mount -t efivarfs efivarfs /sys/firmware/efi/efivars && echo vars=$?; ls /sys/firmware/efi/efivars | wc -l\n")
        con.expect(r"^vars=0$", 30)
        if number == 1:
            con.send("printf '\\007\\000\\000\\000gnomon' >%s; echo status=$?\n" % VARIABLE)
            steps.check("run 1: a variable is written", con.expect(r"^status=(\d+)$", 30).group(1) == "0")
        con.expect(PROMPT, 30)
        con.send("tail -c +5 %s; echo; ls -d /sys/firmware/devicetree/base/flash*; sync\n" % VARIABLE)
        con.expect(r"^gnomon$", 30)
        con.expect(r"flash@0$", 30)
        steps.ok("run %d: the variable is there" % number)
        con.expect(PROMPT, 30)
        con.send("poweroff\n")
        steps.check("run %d: power off" % number, con.wait(30) == 0)


def direct(steps, command, args, initrd, log):
    """-bios with -kernel, -initrd and -append, which the firmware has from the fw_cfg device."""
    with Console(command + ["-net", "none", "-bios", FIRMWARE[0], "-kernel", kernel_path(args.kernel), "-initrd", initrd,
                            "-append", "console=ttyAMA0 quiet by=fw_cfg"], log=log) as con:
        con.expect("UEFI firmware", args.timeout)
        con.expect(PROMPT, args.timeout)
        steps.ok("firmware starts -kernel (%.1f s to a shell)" % con.elapsed())
        con.send("cat /proc/cmdline; mount -t efivarfs efivarfs /sys/firmware/efi/efivars && echo vars=$?\n")
        con.expect(r"console=ttyAMA0 quiet by=fw_cfg", 30)
        con.expect(r"^vars=0$", 30)
        steps.ok("its command line, and EFI's variables")
        con.expect(PROMPT, 30)
        con.send("poweroff\n")
        steps.check("power off", con.wait(30) == 0)


def by_bootindex(steps, command, args, disks, log):
    """The second disk comes first."""
    for n, disk in enumerate(disks):
        command = command + ["-drive", "if=none,format=raw,id=d%d,file=%s" % (n, disk), "-device", "virtio-blk-pci,drive=d%d,bootindex=%d" % (n, 2 - n)]
    with Console(command, log=log) as con:
        con.expect(PROMPT, args.timeout)
        con.send("cat /proc/cmdline\n")
        steps.check("bootindex= chooses the disk", con.expect(r"^BOOT_IMAGE=.* disk=(\w+)", 30).group(1) == "second")
        con.expect(PROMPT, 30)
        con.send("poweroff\n")
        steps.check("power off", con.wait(30) == 0)


def run(steps, args, top):
    log = open(args.log, "w") if args.log else None
    initrd = get_guest("initramfs", "--modules", "%s:efivarfs" % args.kernel)
    if args.direct:
        direct(steps, args.emulator, args, initrd, log)
        return
    variables, disks = os.path.join(top, "vars"), []
    for name in ("first", "second"):
        disks.append(os.path.join(top, name))
        with open(disks[-1] + ".cfg", "w") as f:
            f.write(GRUB_CFG % name)
        make_disk(disks[-1], {
            "EFI/BOOT/BOOTAA64.EFI": os.path.join(get_guest("debs", "grub-efi-arm64-bin"), GRUB), "EFI/debian/grub.cfg": disks[-1] + ".cfg",
            "vmlinuz": kernel_path(args.kernel), "initrd.gz": initrd,
        })
    command = args.emulator + ["-net", "none", "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + FIRMWARE[0],
                               "-drive", "if=pflash,format=raw,unit=1,file=" + variables]
    shutil.copyfile(FIRMWARE[1], variables)
    for number in (1, 2):
        boot(steps, command + ["-drive", "if=virtio,format=raw,file=" + disks[0]], args, number, log)
    shutil.copyfile(FIRMWARE[1], variables)
    by_bootindex(steps, command, args, disks, log)


def main():
    ap = options(__doc__, "uefi", 300)
    ap.add_argument("--direct", action="store_true", help="without a disk")
    args = ap.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"     # sgdisk, mkfs.vfat
    with tempfile.TemporaryDirectory(prefix="gnomon-uefi-") as top:
        return Steps(args.name).checks(run, args, top)


if __name__ == "__main__":
    sys.exit(main())
