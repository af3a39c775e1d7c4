#!/usr/bin/env python3
# The command lines by which other tools start qemu-system-aarch64, run as they stand with gnomon called by that name: the guest comes
# up, has what the line gives it, and the run ends as the tool expects; or one line names the option that is refused.
"""usage: clients.py [options] -- EMULATOR

Exit status 0 if every client passed. Prints one line a client. --only NAME,... runs some."""

import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest      # noqa: E402
from console import Console, GuestError # noqa: E402
from monitor import Qmp, Stream         # noqa: E402
from net import free_port               # noqa: E402
from steps import Steps, options        # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
MODULES = "virtio_pci,virtio_mmio,virtio_blk,virtio_net,virtio_console,virtio_balloon,virtio_rng,9p,9pnet_virtio,crc32c_generic,ext4"
QEMU = "qemu-system-aarch64"


class Work:
    """A directory with the files that lines name, and a PATH on which gnomon is called qemu-system-aarch64."""

    def __init__(self, args):
        self.args, self.t = args, args.timeout
        self.dir = tempfile.mkdtemp(prefix="gnomon-clients-")
        os.mkdir(self.path("bin"))
        os.symlink(os.path.realpath(args.emulator[0]), self.path("bin", QEMU))
        self.env = dict(os.environ, PATH=self.path("bin") + ":" + os.environ["PATH"])
        self.kernel = get_guest("kernel", args.kernel)
        self.initrd = get_guest("initramfs", "--modules", args.kernel + ":" + MODULES, "--add", os.path.join(HERE, "clients.sh") + ":/opt/tests/clients.sh")
        os.mkdir(self.path("share"))
        with open(self.path("share", "marker"), "w") as f:
            f.write("shared by the host\n")
        self.text = []

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def disk(self, name="disk", size=1 << 20):
        """A raw disk that begins with its name."""
        with open(self.path(name), "wb") as f:
            f.write(name.encode())
            f.truncate(size)
        return self.path(name)

    def qcow2(self, name, back):
        self.tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", back, self.path(name))
        return self.path(name)

    def rootfs(self):
        """An ext4 file system with busybox and a marker, as build systems make one."""
        tree = self.path("tree")
        if not os.path.exists(tree):
            os.makedirs(os.path.join(tree, "bin"))
            os.makedirs(os.path.join(tree, "etc"))
            top = get_guest("debs", "busybox-static")
            found = [os.path.join(top, d, "busybox") for d in ("bin", "usr/bin") if os.path.exists(os.path.join(top, d, "busybox"))]
            shutil.copy(found[0], os.path.join(tree, "bin", "busybox"))
            with open(os.path.join(tree, "etc", "marker"), "w") as f:
                f.write("built for the board\n")
        image = self.path("rootfs.ext4")
        if os.path.exists(image):
            os.unlink(image)
        self.tool("mke2fs", "-q", "-t", "ext4", "-d", tree, image, "8M")
        return image

    def tool(self, *command):
        p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if p.returncode:
            raise GuestError("%s: status %d" % (command[0], p.returncode), p.stdout)
        return p.stdout

    # ---- running a line ----

    def run(self, line, **kw):
        """To its end, without a terminal: (status, output, errors)."""
        p = subprocess.run([QEMU] + line, env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=self.t, **kw)
        out = p.stdout.decode("utf-8", "replace").replace("\r", "")
        self.text.append(out)
        return p.returncode, out, p.stderr.decode("utf-8", "replace")

    def start(self, line, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([QEMU] + line, env=self.env, cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)

    def terminal(self, line):
        """On a terminal of its own: a Console."""
        return Console(["env", "PATH=" + self.env["PATH"], QEMU] + line, self, cwd=self.dir)

    def write(self, text):                   # Console's log
        self.text.append(text)

    def flush(self):
        pass

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Socket(Console):
    """A Console on a local socket of the machine P."""

    def __init__(self, path, p, work, stream=None):
        self.command, self.log, self.buffer, self.everything, self.started = [path], work, "", [], time.monotonic()
        self.p, self.status, self.pid = p, -1, 0
        self.stream = stream or Stream(path, work.t).s
        self.fd = os.dup(self.stream.fileno())

    def wait(self, timeout):
        return self.p.wait(timeout)


def need(condition, what, tail=""):
    if not condition:
        raise GuestError(what, tail)


def ends(con, t, status=0):
    got = con.wait(t)
    need(got == status, "exit status %s, not %s" % (got, status), con.tail())


def probe(con, t, *patterns, up=True):
    """The shell is reached, and what the guest has matches each pattern, a line each; returns the lines. UP: the start is on CON, too."""
    if up:
        con.expect(r"gnomon-guest: user space is up", t)
    con.expect(PROMPT, t)
    con.send("sh /opt/tests/clients.sh\n")
    con.expect(r"^probe: end", t)
    con.expect(PROMPT, t)
    lines = re.findall(r"^probe: (.*)$", con.output(), re.M)
    for p in patterns:
        need(any(re.fullmatch(p, line) for line in lines), "no line '%s' from the guest" % p, "\n".join(lines))
    return lines


def power_off(con, t):
    con.send("poweroff -f\n")
    ends(con, t)


def warnings(text):
    return re.findall(r"^gnomon: warning: (.*)$", text.replace("\r", ""), re.M)


NET = r"net eth0 (52:54:00:[0-9a-f:]{8}) 10\.0\.2\.15"
RNG = r"rng virtio_rng\.0 32"
APPEND = "console=ttyAMA0 quiet"


def refused(w, line, pattern):
    """One line on standard error, which names the option; status 1."""
    status, out, err = w.run(line)
    need(status == 1 and not out and re.fullmatch(r"gnomon: " + pattern + r"[^\n]*\n", err), "status %s, want a refusal like '%s'" % (status, pattern), err + out)


# ---- the clients; the line in each is theirs but for the names of files ----

def kunit(w):
    """A kernel without user space: it runs its tests and reboots. Debian's has none, finds no root and reboots likewise."""
    line = ["-nodefaults", "-m", "1024", "-kernel", w.kernel, "-append", "console=ttyAMA0 kunit_shutdown=reboot panic=-1", "-no-reboot", "-nographic",
            "-serial", "stdio", "-machine", "virt", "-cpu", "max,pauth-impdef=on"]
    p = w.start(line, stdin=subprocess.PIPE)
    out, _ = p.communicate(timeout=w.t)
    out = out.decode("utf-8", "replace")
    w.write(out)
    need(p.returncode == 0 and "Unable to mount root fs" in out and not warnings(out), "status %d" % p.returncode, out[-2000:])


def buildroot(w):
    image = w.rootfs()
    with w.terminal(["-M", "virt", "-cpu", "cortex-a53", "-nographic", "-smp", "1", "-kernel", w.kernel, "-append", "rootwait root=/dev/vda console=ttyAMA0",
                     "-netdev", "user,id=eth0", "-device", "virtio-net-device,netdev=eth0", "-drive", "file=%s,if=none,format=raw,id=hd0" % image,
                     "-device", "virtio-blk-device,drive=hd0", "-initrd", w.initrd]) as con:
        probe(con, w.t, r"disk vda sectors=16384 ro=0 serial= first=.*", "root built for the board", NET, r"cpus 1 memory \d\d")
        need(not warnings(con.output()), "warnings", con.output())
        power_off(con, w.t)
    need("written by the guest" in w.tool("debugfs", "-R", "cat /written", image), "the image holds what the guest wrote")
    w.tool("e2fsck", "-fn", image)


def openwrt(w):
    """scripts/qemustart with a root image, and the README's line for a kernel with its own initramfs."""
    with w.terminal(["-machine", "virt", "-cpu", "cortex-a57", "-nographic", "-kernel", w.kernel, "-drive", "file=%s,format=raw,if=virtio" % w.rootfs(),
                     "-append", "root=/dev/vda rootwait", "-initrd", w.initrd]) as con:
        probe(con, w.t, "root built for the board", NET)
        con.send("\x01c")
        con.expect(r"\(qemu\) ", w.t)
        con.send("quit\n")
        ends(con, w.t)
    with w.terminal(["-nographic", "-M", "virt", "-cpu", "cortex-a53", "-kernel", w.kernel, "-initrd", w.initrd]) as con:
        con.expect(r"gnomon-guest: user space is up", w.t)
        con.expect(PROMPT, w.t)
        con.send("\x01x")
        ends(con, w.t)
    refused(w, ["-machine", "virt", "-cpu", "cortex-a57", "-nographic", "-netdev", "bridge,id=lan,br=br-lan", "-device", "virtio-net-pci,netdev=lan"],
            r"-netdev bridge,")


ABSENT_EL2, ABSENT_MTE = r"-machine virtualization=on: .*EL1.*", r"-machine mte=on: .*"


def warned(con, *patterns):
    got = warnings(con.output())
    need(len(got) == len(patterns) and all(re.fullmatch(p, g) for p, g in zip(patterns, got)), "warnings: %r" % got)


def tuxlava(w):
    """Also LAVA's, LKFT's and KernelCI's."""
    line = ["-cpu", "max,pauth-impdef=on", "-machine", "virt,virtualization=on,gic-version=3,mte=on", "-nographic", "-net",
            "nic,model=virtio,macaddr=52:54:00:12:34:58", "-net", "user", "-m", "4G", "-monitor", "none", "-smp", "2", "-no-reboot", "-kernel", w.kernel,
            "-append", "console=ttyAMA0,115200 rootwait root=/dev/vda debug verbose console_msg_format=syslog earlycon"]
    with w.terminal(line + ["-drive", "file=%s,format=raw,id=hd0,if=virtio" % w.rootfs(), "-initrd", w.initrd]) as con:
        probe(con, w.t, "root built for the board", "net eth0 52:54:00:12:34:58 10.0.2.15", r"cpus 2 memory (39|40)\d\d", "el EL1")
        warned(con, ABSENT_EL2, ABSENT_MTE)
        con.send("reboot -f\n")
        ends(con, w.t)
    # With an initramfs, without a network.
    line = ["-cpu", "max,pauth-impdef=on,lpa2=off", "-machine", "virt,virtualization=on,gic-version=3,mte=on", "-nographic", "-nic", "none", "-m", "4G",
            "-monitor", "none", "-no-reboot", "-kernel", w.kernel, "-append", "console=ttyAMA0,115200 rootwait root=/dev/ram0 debug earlycon", "-smp", "2", "-initrd", w.initrd]
    with w.terminal(line) as con:
        lines = probe(con, w.t, "el EL1")
        need(not any(x.startswith(("net", "disk")) for x in lines), "there is a network or a disk", "\n".join(lines))
        power_off(con, w.t)


def boot_utils(w):
    image = w.path("Image.gz")
    with open(w.kernel, "rb") as f, gzip.open(image, "wb", 1) as g:
        shutil.copyfileobj(f, g)
    for cpu, more, warns in (("max,lpa2=off,pauth-impdef=true", ["-smp", "2"], [ABSENT_EL2]), ("cortex-a72", [], [ABSENT_EL2])):
        line = ["-display", "none", "-nodefaults", "-cpu", cpu, "-machine", "virt,gic-version=max,virtualization=true", "-append",
                "console=ttyAMA0 earlycon", "-kernel", image, "-initrd", w.initrd, "-m", "1G"] + more + ["-serial", "mon:stdio"]
        with w.terminal(line) as con:
            probe(con, w.t, "el EL1", r"cpus %d memory 9\d\d" % (2 if more else 1))
            warned(con, *warns)
            power_off(con, w.t)


def debvm(w):
    """The kernel and the initramfs are descriptors of files that have no name any more."""
    for machine, cpu, more in (("type=virt,gic-version=max", "max,pauth-impdef=on", ["-smp", "2"]), ("type=virt,highmem=off,gic-version=2", "max,pauth-impdef=on", []),
                               ("type=virt", "max", [])):
        disk = w.disk("debvm-disk", 16 << 20)
        line = ["-no-user-config", "-name", "debvm-run disk", "-m", "1G", "-kernel", "/proc/self/fd/7", "-initrd", "/proc/self/fd/8",
                "-machine", machine, "-cpu", cpu] + more + [
                "-device", "virtio-blk-pci,drive=root,serial=root", "-drive", "id=root,if=none,media=disk,format=raw,discard=unmap,file=%s,cache=unsafe" % disk,
                "-object", "rng-random,filename=/dev/urandom,id=rng0", "-device", "virtio-rng-pci,rng=rng0", "-object", "iothread,id=iothread0",
                "-device", "virtio-balloon-pci,id=balloon0,free-page-hint=on,free-page-reporting=on,iothread=iothread0", "-nographic",
                "-append", "console=ttyAMA0 quiet", "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:0-:22", "-device", "virtio-net-pci,netdev=net0"]
        # The kernel is a file, the initramfs comes through a pipe: what debvm takes out of an image has no name.
        with Console(["sh", "-c", 'cat "$2" | { exec 8<&0 7<"$1" </dev/tty; shift 2; exec "$@"; }', "sh", w.kernel, w.initrd, "env", "PATH=" + w.env["PATH"], QEMU] +
                     line, w, cwd=w.dir) as con:
            probe(con, w.t, "disk vda sectors=32768 ro=0 serial=root first=debvm-disk", NET, RNG, "balloon [01]{5}1", r"cpus %d memory 9\d\d" % (2 if more else 1))
            need(not warnings(con.output()), "warnings", con.output())
            power_off(con, w.t)


def virtme_ng(w):
    """With the fallback for its root (9p), in script mode: six ports on serial devices of their own."""
    names = ["stdin", "stdout", "stderr", "dev_stdin", "dev_stdout", "dev_stderr"]
    line = ["-M", "virt", "-cpu", "cortex-a57", "-fsdev", "local,id=virtfs0,path=%s,security_model=none,readonly=on,multidevs=remap" % w.path("share"),
            "-device", "virtio-9p-pci,fsdev=virtfs0,mount_tag=ROOTFS", "-parallel", "none", "-net", "none", "-echr", "1",
            "-chardev", "file,path=%s,id=dmesg" % w.path("dmesg"), "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=dmesg",
            "-chardev", "stdio,id=console,signal=off,mux=on", "-serial", "chardev:console", "-mon", "chardev=console", "-vga", "none", "-display", "none",
            "-smp", "2", "-m", "1G"]
    for n in names:
        line += ["-chardev", "file,id=%s,path=%s" % (n, w.path("out." + n)), "-device", "virtio-serial-pci", "-device", "virtserialport,name=virtme.%s,chardev=%s" % (n, n)]
    with w.terminal(line + ["-no-reboot", "-kernel", w.kernel, "-initrd", w.initrd, "-append", APPEND]) as con:
        probe(con, w.t, "share ROOTFS shared by the host", r"cpus 2 memory 9\d\d", *(r"port vport\w+ virtme\." + n for n in names))
        con.send("reboot -f\n")
        ends(con, w.t)
    for n in names + ["dmesg"]:
        want = "guest of hvc0\n" if n == "dmesg" else "guest of virtme.%s\n" % n
        with open(w.path("dmesg" if n == "dmesg" else "out." + n)) as f:
            text = f.read().replace("\r", "")
        need(text == want, "what came through %s" % n, text)
    refused(w, ["-M", "virt", "-device", "vhost-user-fs-pci,chardev=c,tag=ROOTFS"], "-device vhost-user-fs-pci")


def vmtest(w):
    line = ["-nodefaults", "-display", "none", "-serial", "mon:stdio", "-cpu", "max", "-machine", "virt,gic-version=3", "-qmp",
            "unix:%s,server=on,wait=off" % w.path("qmp"), "-device", "virtio-serial", "-chardev", "socket,path=%s,server=on,wait=off,id=qga0" % w.path("qga"),
            "-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0", "-chardev", "socket,path=%s,server=on,wait=off,id=cmdout" % w.path("out"),
            "-device", "virtserialport,chardev=cmdout,name=org.qemu.virtio_serial.0",
            "-virtfs", "local,id=root,path=%s,mount_tag=/dev/root,security_model=none,multidevs=remap" % w.path("share"),
            "-kernel", w.kernel, "-no-reboot", "-append", APPEND, "-initrd", w.initrd, "-smp", "2", "-m", "1G"]
    with w.terminal(line) as con:
        qmp = Qmp(w.path("qmp"), w.t)
        agent, out = Stream(w.path("qga"), w.t), Stream(w.path("out"), w.t)
        probe(con, w.t, r"port vport\w+ org\.qemu\.guest_agent\.0", "share /dev/root shared by the host")
        agent.until("guest of org.qemu.guest_agent.0\n")
        out.until("guest of org.qemu.virtio_serial.0\n")
        qmp.ok("quit")
        ends(con, w.t)


def autopkgtest(w):
    overlay = w.qcow2("overlay.qcow2", w.disk("base"))
    line = ["-machine", "virt", "-cpu", "cortex-a53", "-m", "1024", "-smp", "1", "-nographic", "-device", "virtio-net-pci,netdev=net0",
            "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:0-:22", "-object", "rng-random,filename=/dev/urandom,id=rng0",
            "-device", "virtio-rng-pci,rng=rng0,id=rng-device0", "-monitor", "unix:%s,server=on,wait=off" % w.path("monitor"),
            "-virtfs", "local,id=autopkgtest,path=%s,security_model=none,mount_tag=autopkgtest" % w.path("share"), "-device", "virtio-serial",
            "-chardev", "socket,path=%s,server=on,wait=off,id=hvc0" % w.path("hvc0"), "-device", "virtconsole,chardev=hvc0",
            "-chardev", "socket,path=%s,server=on,wait=off,id=hvc1" % w.path("hvc1"), "-device", "virtconsole,chardev=hvc1",
            "-serial", "unix:%s,server=on,wait=off" % w.path("ttyS0"), "-drive", "index=0,file=%s,cache=unsafe,if=virtio,discard=unmap,format=qcow2" % overlay,
            "-kernel", w.kernel, "-initrd", w.initrd, "-append", APPEND]
    p = w.start(line)
    try:
        with Socket(w.path("ttyS0"), p, w) as con:
            hvc = [Stream(w.path("hvc%d" % i), w.t) for i in range(2)]
            probe(con, w.t, "disk vda sectors=2048 ro=0 serial= first=base", NET, RNG, "share autopkgtest shared by the host")
            for i, h in enumerate(hvc):
                h.until("guest of hvc%d" % i)
            monitor = Stream(w.path("monitor"), w.t)
            monitor.until(r"\(qemu\) ")
            monitor.send("quit\n")
            need(p.wait(w.t) == 0, "exit status %s" % p.returncode)
    finally:
        p.kill()
        p.wait()


def syzkaller(w):
    """Its monitor is QMP on TCP; -hda with -snapshot; the guest can reach nothing but what is forwarded."""
    port, disk = free_port(), w.disk("wheezy")
    line = ["-m", "1024", "-smp", "2", "-chardev", "socket,id=SOCKSYZ,server=on,wait=off,host=localhost,port=%d" % port, "-mon", "chardev=SOCKSYZ,mode=control",
            "-display", "none", "-serial", "stdio", "-no-reboot", "-name", "VM-0", "-device", "virtio-rng-pci",
            "-machine", "virt,virtualization=on,gic-version=max", "-cpu", "max,sve128=on,pauth=off", "-accel", "tcg,thread=multi",
            "-device", "virtio-net-pci,netdev=net0", "-netdev", "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:%d-:22" % free_port(),
            "-hda", disk, "-snapshot", "-kernel", w.kernel, "-append", APPEND, "-initrd", w.initrd]
    with w.terminal(line) as con:
        probe(con, w.t, "disk vda sectors=2048 ro=0 serial= first=wheezy", NET, RNG, "el EL1")
        warned(con, ABSENT_EL2)
        con.send("dd if=/dev/zero of=/dev/vda bs=64k count=1 conv=fsync 2>/dev/null; echo wro''te\n")
        con.expect("wrote", w.t)
        with socket.create_connection(("localhost", port), w.t) as s:
            f = s.makefile("rw")
            f.readline()
            for request in ('{"execute":"qmp_capabilities"}', '{"execute":"human-monitor-command","arguments":{"command-line":"info registers"}}'):
                f.write(request + "\n")
                f.flush()
                answer = f.readline()
            need("PC=" in answer, "registers over QMP", answer)
        con.close()
    with open(disk, "rb") as f:
        need(f.read(6) == b"wheezy", "the disk was written to in spite of -snapshot")


# Of the next clients' lines some devices are refused (tests/unit/cli_lines_test.c has each whole line): here the rest of the line runs.

def no_device(w, *names):
    for name in names:
        refused(w, ["-machine", "virt", "-device", name], "-device %s: no device '%s' yet" % (name, name.split(",")[0]))


def mkosi(w):
    """A serial port on its multiplexer is ours: the test guest's shell is on one. Ctrl-A c goes from the console to the monitor to that."""
    disk = w.disk("mkosi")
    line = ["-machine", "type=virt", "-smp", "2", "-m", "1024M", "-object", "rng-random,filename=/dev/urandom,id=rng0", "-device",
            "virtio-rng-pci,rng=rng0,id=rng-device0", "-device", "virtio-balloon,free-page-reporting=on", "-no-user-config", "-nic", "user,model=virtio-net-pci",
            "-cpu", "max", "-accel", "tcg", "-nographic", "-nodefaults", "-chardev", "stdio,mux=on,id=console,signal=off", "-device",
            "virtio-serial-pci,id=mkosi-virtio-serial-pci", "-device", "virtconsole,chardev=console", "-mon", "console", "-blockdev",
            "driver=raw,node-name=mkosi,discard=unmap,file.driver=file,file.filename=%s,file.aio=io_uring,cache.direct=on,cache.no-flush=on" % disk,
            "-device", "virtio-blk-pci,drive=mkosi,bootindex=1", "-fw_cfg", "name=opt/io.systemd.credentials/a,string=b",
            "-kernel", w.kernel, "-initrd", w.initrd, "-append", APPEND, "-serial", "chardev:console"]
    with w.terminal(line) as con:
        con.expect(r"gnomon-guest: user space is up", w.t)
        con.send("\x01c")
        con.expect(r"\(qemu\)", w.t)
        con.send("\x01c\n")
        probe(con, w.t, "disk vda sectors=2048 ro=0 serial= first=mkosi", NET, RNG, "balloon [01]{5}1", r"cpus 2 memory 9\d\d", up=False)
        need("guest of hvc0" in con.output(), "the console's output", con.tail())
        power_off(con, w.t)
    no_device(w, "vhost-vsock-pci,guest-cid=7", "virtio-scsi-pci", "nvme", "vhost-user-fs-pci", "tpm-tis-device")
    refused(w, ["-smbios", "type=11,value=a"], "-smbios type=11,value=a: not implemented yet")


def runqemu(w):
    image = w.rootfs()
    line = ["-device", "virtio-net-pci,netdev=net0,mac=52:54:00:12:34:02", "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:%d-:22,tftp=%s" % (free_port(), w.dir),
            "-object", "rng-random,filename=/dev/urandom,id=rng0", "-device", "virtio-rng-pci,rng=rng0", "-drive", "id=disk0,file=%s,if=none,format=raw" % image,
            "-device", "virtio-blk-pci,drive=disk0", "-machine", "virt", "-cpu", "cortex-a57", "-smp", "4", "-m", "256", "-serial", "mon:stdio", "-serial", "null",
            "-nographic", "-kernel", w.kernel, "-initrd", w.initrd, "-append", "root=/dev/vda rw mem=256M ip=dhcp console=ttyAMA0 console=hvc0"]
    usb = ["-device", "qemu-xhci", "-device", "usb-tablet", "-device", "usb-kbd", "-device", "virtio-gpu-pci"]
    with w.terminal(line) as con:
        probe(con, w.t, "root built for the board", "net eth0 52:54:00:12:34:02 10.0.2.15", RNG, r"cpus 4 memory 2\d\d")
        need(not warnings(con.output()), "warnings", con.output())
        power_off(con, w.t)
    refused(w, line + usb, "-device qemu-xhci: no device 'qemu-xhci' yet")
    no_device(w, *usb[1::2])


def lima(w):
    disk, log = w.qcow2("lima", w.disk("basedisk")), w.path("serial.log")
    line = ["-m", "1024", "-cpu", "max", "-machine", "virt,accel=tcg", "-smp", "4,sockets=1,cores=4,threads=1", "-drive", "file=%s,if=virtio,discard=on" % disk,
            "-netdev", "user,id=net0,net=192.168.5.0/24,dhcpstart=192.168.5.15,hostfwd=tcp:127.0.0.1:%d-:22" % free_port(), "-device",
            "virtio-net-pci,netdev=net0,mac=52:55:55:11:22:33", "-device", "virtio-rng-pci", "-parallel", "none", "-chardev",
            "socket,id=char-serial,path=%s,server=on,wait=off,logfile=%s" % (w.path("serial"), log), "-serial", "chardev:char-serial", "-device",
            "virtio-serial-pci,id=virtio-serial0,max_ports=1", "-chardev", "socket,id=char-serial-virtio,path=%s,server=on,wait=off,logfile=%s" %
            (w.path("virtio"), w.path("virtio.log")), "-device", "virtconsole,chardev=char-serial-virtio,id=console0", "-virtfs",
            "local,mount_tag=mount0,path=%s,security_model=none" % w.path("share"), "-chardev", "socket,id=char-qmp,path=%s,server=on,wait=off" % w.path("qmp"),
            "-qmp", "chardev:char-qmp", "-name", "lima-default", "-pidfile", w.path("pid"), "-display", "none",
            "-kernel", w.kernel, "-initrd", w.initrd, "-append", APPEND]
    p = w.start(line)
    try:
        with Socket(w.path("serial"), p, w) as con:
            qmp, hvc = Qmp(w.path("qmp"), w.t), Stream(w.path("virtio"), w.t)
            con.send("\n")
            probe(con, w.t, "disk vda sectors=2048 ro=0 serial= first=basedisk", "net eth0 52:55:55:11:22:33 192.168.5.15", RNG, "share mount0 shared by the host",
                  r"cpus 4 memory 9\d\d", up=False)
            hvc.until("guest of hvc0")
            with open(w.path("pid")) as f:
                need(int(f.read()) == p.pid, "the pid file")
            with open(log) as f:
                need("probe: end" in f.read(), "the serial port's log")
            qmp.ok("quit")
            need(p.wait(w.t) == 0, "exit status %s" % p.returncode)
    finally:
        p.kill()
        p.wait()
    for probe_for in ("-accel", "-netdev", "-machine", "-cpu"):
        status, out, _ = w.run([probe_for, "help"])
        need(status == 0 and re.search({"-accel": "^tcg$", "-netdev": "^user$", "-machine": "^virt ", "-cpu": r"^\s*max\b"}[probe_for], out, re.M), probe_for + " help", out)
    no_device(w, "qemu-xhci,id=usb-bus", "vhost-user-fs-pci")


BARE = """
__attribute__((section(".text.start"), naked)) void _start(void) { __asm__("mov sp, #0x40000000\\n add sp, sp, #0x200000\\n b main"); }
void main(void)
{
    for (const char *p = "*** Booting Zephyr OS build ***\\n"; *p; p++)
        *(volatile unsigned *)0x09000000 = (unsigned char)*p;
    for (;;)
        __asm__("wfi");
}
"""


def zephyr(w):
    """A bare-metal ELF at the start of RAM; the runner ends it by the pid file. In place of its program one that prints as much."""
    with open(w.path("z.c"), "w") as f:
        f.write(BARE)
    w.tool(os.environ.get("AARCH64_CC", "aarch64-linux-gnu-gcc"), "-O1", "-ffreestanding", "-nostdlib", "-static", "-mgeneral-regs-only", "-Wl,-Ttext=0x40000000",
           "-Wl,-N", "-Wl,--build-id=none", "-Wl,-e,_start", "-o", w.path("zephyr.elf"), w.path("z.c"))
    line = ["-cpu", "cortex-a53", "-machine", "virt,secure=on,gic-version=3", "-global", "virtio-mmio.force-legacy=false", "-nographic", "-net", "none",
            "-pidfile", w.path("pid"), "-serial", "mon:stdio", "-kernel", w.path("zephyr.elf"), "-smp", "cpus=1"]
    with w.terminal(line) as con:
        con.expect(r"^\*\*\* Booting Zephyr OS build \*\*\*$", w.t)
        warned(con, r"-machine secure=on: .*EL1.*")
        with open(w.path("pid")) as f:
            os.kill(int(f.read()), signal.SIGTERM)
        ends(con, w.t)


def anyvm(w):
    disk, port = w.qcow2("vm", w.disk("anyvmdisk")), free_port()
    line = ["-chardev", "socket,id=serial0,host=127.0.0.1,port=%d,server=on,wait=off,logfile=%s" % (port, w.path("serial.log")), "-serial", "chardev:serial0",
            "-name", "vm", "-smp", "2", "-m", "1024", "-netdev", "user,id=net0,net=192.168.122.0/24,dhcpstart=192.168.122.50,ipv6=off,hostfwd=tcp:127.0.0.1:%d-:22" %
            free_port(), "-drive", "file=%s,format=qcow2,if=none,id=disk0,discard=unmap,detect-zeroes=unmap" % disk, "-device",
            "virtio-blk-pci,drive=disk0,bootindex=0", "-rtc", "base=utc,clock=host,driftfix=slew", "-snapshot", "-machine", "virt,accel=tcg,gic-version=3,usb=on",
            "-cpu", "cortex-a72", "-device", "virtio-net-pci,netdev=net0", "-display", "none", "-monitor", "unix:%s,server=on,wait=off" % w.path("monitor"),
            "-kernel", w.kernel, "-initrd", w.initrd, "-append", APPEND]
    p = w.start(line)
    try:
        monitor = Stream(w.path("monitor"), w.t)
        with socket.create_connection(("127.0.0.1", port), w.t) as s, Socket(None, p, w, s) as con:
            con.send("\n")
            probe(con, w.t, "disk vda sectors=2048 ro=0 serial= first=anyvmdisk", "net eth0 52:54:00:12:34:56 192.168.122.50", r"cpus 2 memory 9\d\d", up=False)
            monitor.until(r"\(qemu\) ")
            monitor.send("info usernet\n")
            need("192.168.122.50" in monitor.until(r"\(qemu\) $"), "info usernet")
            monitor.send("quit\n")
            need(p.wait(w.t) == 0, "exit status %s" % p.returncode)
    finally:
        p.kill()
        p.wait()
    no_device(w, "qemu-xhci", "virtio-gpu-pci")
    refused(w, ["-machine", "virt", "-cpu", "neoverse-n1"], "-cpu neoverse-n1: unknown CPU model 'neoverse-n1'")


def libguestfs(w):
    """Its disks are SCSI's by default, which is refused; with virtio-blk the rest runs."""
    disk, listener = w.disk("guestfs"), socket.socket(socket.AF_UNIX)
    listener.bind(w.path("daemon"))
    listener.listen(1)
    listener.settimeout(w.t)
    line = ["-global", "virtio-blk-pci.scsi=off", "-no-user-config", "-nodefaults", "-display", "none", "-machine", "virt,accel=tcg", "-cpu", "max", "-m", "1280",
            "-no-reboot", "-rtc", "driftfix=slew", "-kernel", w.kernel, "-initrd", w.initrd, "-object", "rng-random,filename=/dev/urandom,id=rng0", "-device",
            "virtio-rng-pci,rng=rng0", "-drive", "file=%s,cache=unsafe,format=raw,id=hd0,if=none,snapshot=on" % disk, "-device", "virtio-blk-pci,drive=hd0", "-device",
            "virtio-serial-pci", "-serial", "stdio", "-chardev", "socket,path=%s,id=channel0" % w.path("daemon"), "-device",
            "virtserialport,chardev=channel0,name=org.libguestfs.channel.0", "-netdev", "user,id=usernet,net=169.254.0.0/16", "-device", "virtio-net-pci,netdev=usernet",
            "-append", "panic=1 console=ttyAMA0 edd=off udevtimeout=6000 printk.time=1 cgroup_disable=memory quiet"]
    with w.terminal(line) as con:
        with listener.accept()[0] as channel:
            channel.settimeout(w.t)
            probe(con, w.t, "disk vda sectors=2048 ro=0 serial= first=guestfs", r"net eth0 52:54:00:12:34:56 169\.254\.\d+\.15", RNG, r"cpus 1 memory 1[12]\d\d",
                  r"port vport\w+ org\.libguestfs\.channel\.0")
            need(channel.makefile().readline() == "guest of org.libguestfs.channel.0\n", "what came through the channel")
            con.send("reboot -f\n")
            ends(con, w.t)
    listener.close()
    no_device(w, "virtio-scsi-pci", "scsi-hd,drive=hd0")


CLIENTS = [kunit, buildroot, openwrt, tuxlava, boot_utils, debvm, virtme_ng, vmtest, autopkgtest, syzkaller, mkosi, runqemu, lima, zephyr, anyvm, libguestfs]


def main():
    ap = options(__doc__, "clients")
    ap.add_argument("--only", help="comma-separated clients")
    args = ap.parse_args()
    only = args.only.split(",") if args.only else [c.__name__ for c in CLIENTS]
    w = Work(args)
    try:
        return Steps(args.name).run_each((c.__name__, lambda c=c: c(w)) for c in CLIENTS if c.__name__ in only)
    finally:
        if args.log:
            with open(args.log, "w") as f:
                f.write("".join(w.text))
        w.close()


if __name__ == "__main__":
    sys.exit(main())
