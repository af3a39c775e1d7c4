#!/usr/bin/env python3
# A full Debian on a disk, used as people use it: boots to login on two CPUs, is reached by ssh through a forwarded port, installs a
# package from a mirror on the host, is killed (-9) while it writes, replays its journal, and is switched off by QMP.
"""usage: debian.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, disks and network. Prints one line a step."""

import functools
import http.server
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest              # noqa: E402
from console import Console, GuestError # noqa: E402
from disk import host                   # noqa: E402
from monitor import Qmp                 # noqa: E402
from net import free_port               # noqa: E402
from steps import Steps, options        # noqa: E402

PACKAGE = "hello"
SYNCED = """
mkdir /root/w; cd /root/w
for i in $(seq 12); do head -c $((i * 77777)) /dev/urandom >f$i; done
sha256sum f* >sums; sync; echo synced
i=0; while :; do head -c 300000 /dev/urandom >g$((i % 20)); rm -f g$(((i + 7) % 20)); [ $((i % 4)) = 0 ] && sync
i=$((i + 1)); [ $i = 20 ] && echo still-writing; done
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def mirror(top):
    """A Debian archive with one package, served on the host's loopback; returns its port."""
    os.makedirs(top)
    shutil.copy(get_guest("deb", PACKAGE), top)
    with open(os.path.join(top, "Packages"), "w") as f:
        if subprocess.run(["dpkg-scanpackages", "-a", "arm64", "."], cwd=top, stdout=f, stderr=subprocess.PIPE).returncode:
            raise GuestError("dpkg-scanpackages failed")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=top))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def kernel_beside(disk):
    """Options that boot the disk's kernel without firmware."""
    at = os.path.dirname(disk)
    return ["-kernel", os.path.join(at, "vmlinuz"), "-initrd", os.path.join(at, "initrd.img"), "-append", "root=LABEL=root rw console=ttyAMA0"]


def make_overlay(disk, path):
    status, out = host("qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "raw", path)
    if status:
        raise GuestError("qemu-img create: " + out)


class Guest:
    """One run of the emulator over the overlay. BOOT: the options that say what boots."""

    def __init__(self, args, top, disk, log, boot):
        self.t, self.top, self.key = args.timeout, top, os.path.join(os.path.dirname(disk), "ssh-key")
        self.port = free_port()
        self.con = Console(args.emulator + boot + [
            "-drive", "file=%s,if=none,id=disk,discard=unmap" % os.path.join(top, "overlay.qcow2"),
            "-device", "virtio-blk-pci,drive=disk",
            "-netdev", "user,id=net,hostfwd=tcp:127.0.0.1:%d-:22" % self.port, "-device", "virtio-net-pci,netdev=net",
            "-device", "virtio-rng-pci", "-qmp", "unix:%s/qmp,server=on,wait=off" % top], log)

    def login(self):
        """On the console; returns what systemd says about the boot."""
        self.con.expect(r"^gnomon login: ", self.t)
        self.con.send("root\n")
        self.con.expect(r"root@gnomon:~# ", self.t)
        self.con.send("/lib/systemd/systemd-networkd-wait-online; echo boot''ed: $(systemctl is-system-running --wait) $(systemctl --failed "
                      "--plain --no-legend | cut -d' ' -f1)\n")
        state = self.con.expect(r"booted: (.*)\n", self.t).group(1).strip()
        self.con.expect(r"root@gnomon:~# ", self.t)
        return state

    def ssh_command(self, text):
        return ["ssh", "-F", "none", "-i", self.key, "-p", str(self.port), "-o", "UserKnownHostsFile=%s/known" % self.top,
                "-o", "HostKeyAlias=gnomon", "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
                "root@127.0.0.1", text]

    def ssh(self, text):
        p = subprocess.run(self.ssh_command(text), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           timeout=self.t)
        return p.returncode, p.stdout

    def kill_while_writing(self):
        p = subprocess.Popen(self.ssh_command(SYNCED), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        watch = threading.Timer(self.t, p.kill)
        watch.start()
        seen = []
        for line in p.stdout:
            seen.append(line.strip())
            if line == "still-writing\n":
                break
        os.kill(self.con.pid, signal.SIGKILL)
        self.con.wait(self.t)
        p.kill()
        p.wait()
        watch.cancel()
        return seen


def run(steps, args, top, log):
    disk, overlay = get_guest("disk"), os.path.join(top, "overlay.qcow2")
    port = mirror(os.path.join(top, "mirror"))
    make_overlay(disk, overlay)
    guest = Guest(args, top, disk, log, kernel_beside(disk))
    with guest.con:
        state = guest.login()
        steps.check("boots to login", state == "running", state)
        status, out = guest.ssh("uname -m; nproc; cat /etc/debian_version")
        steps.check("ssh through a forwarded port", status == 0 and out.split("\n")[-4:-2] == ["aarch64", str(args.cpus)], out)
        status, out = guest.ssh("echo 'deb [trusted=yes] http://10.0.2.2:%d ./' >/etc/apt/sources.list && apt-get -q update && "
                                "apt-get -q -y install %s && %s" % (port, PACKAGE, PACKAGE))
        steps.check("apt-get install from a mirror on the host", status == 0 and out.endswith("Hello, world!\n"), out[-500:])
        seen = guest.kill_while_writing()
        steps.check("it is killed while it writes", seen[-2:] == ["synced", "still-writing"], " ".join(seen))
    status, out = host("qemu-img", "check", overlay)
    steps.check("qemu-img check: no errors", status in (0, 3), out)
    guest = Guest(args, top, disk, log, kernel_beside(disk))
    with guest.con:
        state = guest.login()
        steps.check("boots again", state == "running", state)
        status, out = guest.ssh("cat /run/initramfs/fsck.log; dmesg | grep EXT4-fs")
        steps.check("the journal is replayed", status == 0 and ("recovering journal" in out or "recovery complete" in out) and
                    "UNEXPECTED" not in out and "error" not in out.lower().replace("errors=remount-ro", ""), out)
        status, out = guest.ssh("cd /root/w && sha256sum --quiet -c sums && %s" % PACKAGE)
        steps.check("what was synced is there", (status, out) == (0, "Hello, world!\n"), out[-500:])
        qmp = Qmp(top + "/qmp", args.timeout)
        qmp.ok("system_powerdown")
        data = qmp.event("SHUTDOWN")
        steps.check("the power key reaches systemd", data == {"guest": True, "reason": "guest-shutdown"}, str(data))
        status = guest.con.wait(args.timeout)
        steps.check("power off", status == 0, "status %s" % status)
    status, out = host("qemu-img", "check", overlay)
    steps.check("qemu-img check: nothing, not even leaks", status == 0, out)
    status, out = host("qemu-img", "convert", "-O", "raw", overlay, overlay + ".raw")
    status, out = host("e2fsck", "-fn", overlay + ".raw")
    steps.check("e2fsck finds nothing", status == 0, out)


def run_test(name, description, test, cpus):
    """Parse the command line and call TEST(steps, args, top, log), TOP being a directory of its own. Returns the exit status."""
    ap = options(description, name, 300)
    ap.add_argument("--cpus", type=int, default=cpus)
    args = ap.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"     # e2fsck
    log = open(args.log, "w") if args.log else None
    with tempfile.TemporaryDirectory(prefix="gnomon-debian-") as top:
        return Steps(args.name).checks(test, args, top, log)


if __name__ == "__main__":
    sys.exit(run_test("debian-disk", __doc__, run, 2))
