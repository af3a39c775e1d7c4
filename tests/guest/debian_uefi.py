#!/usr/bin/env python3
# A Debian that is installed on a disk with its boot loader: Debian's UEFI starts GRUB from the EFI system partition, GRUB the disk's own
# kernel, and that twice. The first boot finds GRUB by the removable media's path, because the variables are new; the system then
# registers itself as installers do, and the second boot follows the entry that it finds in the flash.
"""usage: debian_uefi.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without firmware, disks and network. Prints one line a step."""

import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest                          # noqa: E402
from debian import Guest, make_overlay, run_test    # noqa: E402
from disk import host                               # noqa: E402
from monitor import Qmp                             # noqa: E402
from uefi import FIRMWARE                           # noqa: E402


def run(steps, args, top, log):
    disk, overlay, variables = get_guest("disk", "--uefi"), os.path.join(top, "overlay.qcow2"), os.path.join(top, "vars")
    make_overlay(disk, overlay)
    shutil.copyfile(FIRMWARE[1], variables)
    firmware = ["-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + FIRMWARE[0],
                "-drive", "if=pflash,format=raw,unit=1,file=" + variables]
    for number in (1, 2):
        guest = Guest(args, top, disk, log, firmware)
        with guest.con:
            guest.con.expect("UEFI firmware", args.timeout)
            guest.con.expect("GNU GRUB|Loading Linux|Booting `Debian", args.timeout)
            state = guest.login()
            steps.check("run %d: firmware, GRUB and Debian to login (%.1f s)" % (number, guest.con.elapsed()), state == "running", state)
            status, out = guest.ssh("cat /proc/cmdline; findmnt -n -r -o SOURCE,FSTYPE /; findmnt -n -r -o SOURCE,FSTYPE /boot/efi")
            ok = re.search(r"BOOT_IMAGE=/boot/vmlinuz-\S+ root=UUID=.*\n/dev/vda2 ext4\n/dev/vda1 vfat\n$", out)
            steps.check("run %d: GRUB started the disk's kernel" % number, status == 0 and ok, out)
            status, out = guest.ssh("efibootmgr")
            entry = re.search(r"^Boot(\w{4})\* debian", out, re.M)
            current = re.search(r"^BootCurrent: (\w{4})", out, re.M)
            if number == 1:
                steps.check("run 1: there is no entry of Debian's yet", status == 0 and current and not entry, out)
                status, out = guest.ssh("grub-install")
                steps.check("run 1: grub-install registers one", status == 0 and "No error reported" in out, out)
            else:
                steps.check("run 2: it was booted by that entry", status == 0 and entry and current and entry.group(1) == current.group(1), out)
            qmp = Qmp(top + "/qmp", args.timeout)
            qmp.ok("system_powerdown")
            steps.check("run %d: power off" % number, guest.con.wait(args.timeout) == 0)
    status, out = host("qemu-img", "check", overlay)
    steps.check("qemu-img check", status == 0, out)


if __name__ == "__main__":
    sys.exit(run_test("debian-uefi", __doc__, run, 2))
