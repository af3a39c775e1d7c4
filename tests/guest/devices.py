#!/usr/bin/env python3
# Devices that the host talks to while the guest runs: named virtio-serial ports, the balloon, what a paused machine does with what
# comes from outside, what the monitors say of disks. One boot.
"""usage: devices.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, serial port and devices; -m 256. Prints one line a step."""

import hashlib
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, kernel_path         # noqa: E402
from clients import MODULES                     # noqa: E402
from console import GuestError                  # noqa: E402
from monitor import Machine, Qmp, Stream, need  # noqa: E402
from net import free_port                       # noqa: E402
from steps import Steps, options                # noqa: E402

RAM = 256 << 20


class Shell(Stream):
    """The guest's shell on the serial socket."""

    def run(self, command):
        """What COMMAND prints."""
        self.n = getattr(self, "n", 0) + 1
        self.send("%s; echo do''ne-%d\n" % (command, self.n))
        text = self.until(r"(^|\n)done-%d\r?\n" % self.n).replace("\r", "")
        return text[:text.rindex("done-")]


def connect(path, timeout):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(path)
    return s


def read_all(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        need(part, "the port's socket ended after %d bytes of %d" % (len(data), n))
        data += part
    return data


def ports(sh, tmp, t):
    names = sh.run("cd /sys/class/virtio-ports; for p in *; do echo $p $(cat $p/name); done; cd")
    dev = dict(reversed(line.split(" ", 1)) for line in names.strip().split("\n") if " " in line)
    need(sorted(dev) == ["org.test.one", "org.test.two"], "names of the ports", names)
    one = "/dev/" + dev["org.test.one"]
    # Nobody is there: the writer waits, and the one who comes late gets it all.
    sh.run("( (echo early >%s; echo sent >/tmp/sent) & ); sleep 1" % one)
    need("sent" not in sh.run("cat /tmp/sent 2>/dev/null"), "a write to a port that nobody is connected to has ended")
    s = connect(tmp + "/one", t)
    need(read_all(s, 6) == b"early\n", "what was written early")
    wait_for("the end of the early writer", t, lambda: sh.run("cat /tmp/sent 2>/dev/null") == "sent\n")
    yield "a port's name, a host that connects late"
    data = random.Random(7).randbytes(300001)
    sum_ = hashlib.sha256(data).hexdigest()
    threading.Thread(target=s.sendall, args=(data,), daemon=True).start()
    need(sum_ in sh.run("head -c 300001 %s >/tmp/down; sha256sum </tmp/down" % one), "300 KB to the guest")
    sh.send("cat /tmp/down >%s\n" % one)
    need(hashlib.sha256(read_all(s, 300001)).hexdigest() == sum_, "300 KB to the host")
    yield "data both ways"
    # A reader hears that the host went; the next one finds a working port.
    sh.send("cat %s; echo reader en''ded\n" % one)
    time.sleep(0.5)
    s.close()
    sh.until(r"reader ended\r?\n")
    s = connect(tmp + "/one", t)
    s.sendall(b"again\n")
    # The guest may look before it has heard that somebody is there, and reads an end then.
    need(sh.run("rm -f /tmp/again; until [ -s /tmp/again ]; do head -n 1 %s >/tmp/again; done; cat /tmp/again" % one) == "again\n", "data after a disconnection")
    sh.run("echo still here >%s" % one)
    need(read_all(s, 11) == b"still here\n", "data to the host after a disconnection")
    s.close()
    yield "a host that goes and comes again"


def memory_file(pid):
    """The path of the RAM object of process PID."""
    for fd in os.listdir("/proc/%d/fd" % pid):
        path = "/proc/%d/fd/%s" % (pid, fd)
        try:
            if "memfd:" in os.readlink(path) and os.stat(path).st_size == RAM:
                return path
        except OSError:
            pass
    raise GuestError("process %d has no RAM object" % pid)


def wait_for(what, t, condition):
    end = time.monotonic() + t
    while not condition():
        need(time.monotonic() < end, "never came: " + what)
        time.sleep(0.1)


def balloon(sh, q, pid, t):
    need(q.ok("query-balloon") == {"actual": RAM}, "query-balloon", q.ok("query-balloon"))
    need(q.hmp("info balloon").startswith("balloon: actual=256\r\n"), "info balloon", q.hmp("info balloon"))
    error = q.raw('{"execute":"balloon","arguments":{"value":0}}')["error"]
    need("value" in error["desc"] and "invalid" in q.hmp("balloon x") and "invalid" in q.hmp("balloon 0"), "a size of 0", error)
    path = memory_file(pid)
    used = lambda: os.stat(path).st_blocks * 512        # noqa: E731
    # Free page reporting: what the guest used and freed goes back by itself.
    sh.run("dd if=/dev/urandom of=/tmp/big bs=1M count=64 2>/dev/null; sync")
    high = used()
    sh.run("rm /tmp/big")
    wait_for("freed pages at the host", t, lambda: used() < high - (40 << 20))
    yield "free page reporting: the host's memory falls from %d to %d MiB" % (high >> 20, used() >> 20)
    free = int(sh.run("sed -n 's/^MemFree: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
    q.ok("balloon", value=RAM - (48 << 20))
    wait_for("the balloon's size", t, lambda: q.ok("query-balloon")["actual"] == RAM - (48 << 20))
    while q.event("BALLOON_CHANGE") != {"actual": RAM - (48 << 20)}:
        pass                                     # at most one a second on the way there
    less = int(sh.run("sed -n 's/^MemFree: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
    need(less < free - (30 << 10), "the guest's free memory was %d kB and is %d kB" % (free, less))
    need("actual=208" in q.hmp("info balloon") and q.hmp("balloon 256") == "", "the balloon by the human monitor")
    wait_for("the balloon's end", t, lambda: q.ok("query-balloon")["actual"] == RAM)
    need("free-memory=" in q.hmp("info balloon"), "statistics", q.hmp("info balloon"))
    yield "inflate and deflate"


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while part := f.read(1 << 20):
            h.update(part)
    return h.hexdigest()


def pause(sh, q, tmp, pid, port, t):
    """A paused machine: what comes from the host waits, guest memory does not change."""
    sh.run(r"""printf '#!/bin/sh\n[ "$1" = bound ] && ip addr add $ip/$mask dev $interface; exit 0\n' >/tmp/dhcp; chmod +x /tmp/dhcp""")
    sh.run("ip link set eth0 up; udhcpc -i eth0 -n -q -s /tmp/dhcp >/dev/null 2>&1")
    two = "/dev/" + re.search(r"vport\w+", sh.run("grep -l two /sys/class/virtio-ports/*/name")).group(0)
    sh.run("( (nc -l -p 7000 >/tmp/net; echo got >/tmp/net.end) & ); ( (until [ -s /tmp/two ]; do head -n 1 %s >/tmp/two; sleep 1; done; echo got >>/tmp/two) & ); sleep 1; mount -t 9p -o trans=virtio,version=9p2000.L s /mnt" % two)
    # A forwarded port takes connections before the guest listens, and closes them then.
    net = socket.create_connection(("127.0.0.1", port), t)
    net.sendall(b"before\n")
    wait_for("data by TCP", t, lambda: "before" in sh.run("cat /tmp/net"))
    port_two = connect(tmp + "/two", t)
    sh.run("( (while [ ! -e /tmp/net.end ]; do cat /mnt/marker; done >/dev/null) & )")
    path = memory_file(pid)
    q.ok("stop")
    first = digest(path)
    net.sendall(b"while it was paused\n")
    net.shutdown(socket.SHUT_WR)
    port_two.sendall(b"to the port\n")
    q.ok("balloon", value=RAM)
    q.ok("query-balloon")
    q.hmp("info registers")
    with socket.create_connection(("127.0.0.1", port), t):
        time.sleep(1)
        need(digest(path) == first, "guest memory changed while the machine was paused")
    q.ok("cont")
    wait_for("what was sent meanwhile", t, lambda: "got" in sh.run("cat /tmp/net.end 2>/dev/null"))
    need(sh.run("cat /tmp/net") == "before\nwhile it was paused\n", "what was sent meanwhile", sh.run("cat /tmp/net"))
    wait_for("the port's data", t, lambda: "to the port\ngot\n" in sh.run("cat /tmp/two"))
    yield "paused: network, port, shared folder and balloon wait"


def disks(q, tmp):
    text = q.hmp("info block").replace("\r", "")
    entries = {e["device"] or e["inserted"]["node-name"]: e for e in q.ok("query-block")}
    one, two, node = entries["one"]["inserted"], entries["two"]["inserted"], entries["node"]["inserted"]
    need(one["file"] == tmp + "/one.qcow2" and one["drv"] == "qcow2" and one["backing_file"] == tmp + "/base" and one["backing_file_depth"] == 1 and not one["ro"] and
         one["image"]["virtual-size"] == 1 << 20 and one["image"]["backing-image"]["filename"] == tmp + "/base", "query-block: a chain", one)
    need(two["drv"] == "qcow2" and two["backing_file"] == tmp + "/base2" and two["file"] != two["backing_file"], "query-block: snapshot=on", two)
    need(node["drv"] == "raw" and node["ro"] and node["file"] == tmp + "/base3" and node["cache"]["direct"] is False, "query-block: -blockdev", node)
    need("inserted" not in entries["unused"], "query-block: a drive that no device uses", entries["unused"])
    need("one: %s/one.qcow2 (qcow2)\n    Cache mode:       writeback, ignore flushes\n    Backing file:     %s/base (chain depth: 1)\n" % (tmp, tmp) in text and
         "node: %s/base3 (raw, read-only)\n" % tmp in text and "unused: %s/base4 (no device uses it)" % tmp in text, "info block", text)
    yield "query-block, info block"


BOOT_ORDER = ("/virtio-mmio@000000000a003e00/disk@0,0\n/pci@ffffffffffffffff/ethernet@1b/ethernet-phy@0\n"
              "/pci@ffffffffffffffff/scsi@1a/disk@0,0\0")                 # what QEMU gives for these options


def boot_order(sh):
    text = sh.run("cat /sys/firmware/qemu_fw_cfg/by_name/bootorder/raw; echo").rstrip("\n")
    need(text == BOOT_ORDER, "the order in which firmware is to try devices", text)
    yield "bootindex="


def steps(args, tmp, share):
    args.initrd = get_guest("initramfs", "--modules", args.kernel + ":" + MODULES + ",qemu_fw_cfg")
    args.kernel = kernel_path(args.kernel)
    for name in ("base", "base2", "base3", "base4"):
        with open(os.path.join(tmp, name), "wb") as f:
            f.truncate(1 << 20)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", tmp + "/base", tmp + "/one.qcow2"], check=True)
    with open(os.path.join(share, "marker"), "w") as f:
        f.write("x" * 100000)
    port = free_port()
    line = ["-m", "256", "-nodefaults", "-qmp", "unix:%s/qmp,server=on,wait=off" % tmp, "-device", "virtio-serial-pci",
            "-device", "virtio-balloon-pci,free-page-reporting=on", "-netdev", "user,id=n,hostfwd=tcp:127.0.0.1:%d-:7000" % port, "-device", "virtio-net-pci,netdev=n,bootindex=2,addr=1b",
               "-virtfs", "local,path=%s,mount_tag=s,security_model=none" % share,
               "-drive", "file=%s/one.qcow2,if=none,id=one,cache=unsafe" % tmp, "-device", "virtio-blk-pci,drive=one,bootindex=3,addr=1a",
               "-drive", "file=%s/base2,if=none,id=two,snapshot=on,format=raw" % tmp, "-device", "virtio-blk-device,drive=two,bootindex=1",
               "-blockdev", "raw,node-name=node,read-only=on,file.driver=file,file.filename=%s/base3" % tmp, "-device", "virtio-blk-pci,drive=node",
               "-drive", "file=%s/base4,if=none,id=unused,format=raw" % tmp]
    for name in ("one", "two"):
        line += ["-chardev", "socket,id=c-%s,path=%s/%s,server=on,wait=off" % (name, tmp, name), "-device", "virtserialport,chardev=c-%s,name=org.test.%s" % (name, name)]
    with Machine(args, tmp, line, "console=ttyAMA0 quiet") as m:
        q, sh = Qmp(tmp + "/qmp", args.timeout), Shell(tmp + "/serial", args.timeout)
        try:
            sh.until(r"shell ready.*# ")
            sh.run("stty -echo; PS1=")
            yield from disks(q, tmp)
            yield from boot_order(sh)
            yield from ports(sh, tmp, args.timeout)
            yield from balloon(sh, q, m.p.pid, args.timeout)
            yield from pause(sh, q, tmp, m.p.pid, port, args.timeout)
            sh.send("poweroff -f\n")
            m.end(0)
            yield "power off"
        except (GuestError, EOFError, OSError) as e:
            e.tail = getattr(e, "tail", "") + "\nconsole: " + sh.data.decode("utf-8", "replace")[-1500:]
            raise


def main():
    args = options(__doc__, "devices").parse_args()
    with tempfile.TemporaryDirectory(prefix="gnomon-dev") as tmp, tempfile.TemporaryDirectory(prefix="gnomon-share") as share:
        return Steps(args.name).run(steps(args, tmp, share))


if __name__ == "__main__":
    sys.exit(main())
