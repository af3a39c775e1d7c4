#!/usr/bin/env python3
# How a run begins and ends, and the console under load: reboot, power off, -no-reboot, Ctrl-A x, signals, where -serial goes,
# a fast paste, a flood of output, no standard input. A test of the machine's edges; boot.py tests the guest in between.
"""usage: life.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, initrd and serial port. Exit status 0 if every step passed. Prints one line
a step. --only NAME,... runs some."""

import hashlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, get_guest, kernel_path # noqa: E402
from console import Console, GuestError         # noqa: E402
from steps import Steps, options                # noqa: E402

UP = r"gnomon-guest: user space is up"


class Life:
    def __init__(self, args):
        self.t = args.timeout
        self.log = open(args.log, "w") if args.log else None
        self.base = args.emulator + ["-kernel", args.kernel, "-initrd", args.initrd]

    def command(self, append="", *more):
        return self.base + ["-append", "console=ttyAMA0 quiet " + append] + list(more)

    def console(self, append="", *more):
        return Console(self.command(append, *more), self.log)

    def plain(self, append, *more, **kw):
        """Without a terminal; returns (status, stdout)."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.run(self.command(append, *more), stdout=subprocess.PIPE, timeout=self.t, **kw)
        return p.returncode, p.stdout.decode("utf-8", "replace").replace("\r", "")

    def shell(self, con):
        con.expect(UP, self.t)
        con.expect(PROMPT, self.t)

    def ends(self, con, status=0):
        got = con.wait(self.t)
        if got != status:
            raise GuestError("exit status %s, not %s" % (got, status), con.tail())

    # ---- the steps ----

    def poweroff(self):
        with self.console("", "-nographic") as con:
            self.shell(con)
            con.send("poweroff\n")
            self.ends(con)

    def reboot(self):
        """Twice, then power off; user space comes up three times."""
        with self.console("", "-nographic") as con:
            self.shell(con)
            for _ in range(2):
                con.send("reboot\n")
                self.shell(con)
            con.send("echo x >/proc/sysrq-trigger; echo b >/proc/sysrq-trigger\n")
            self.shell(con)
            con.send("poweroff -f\n")
            self.ends(con)

    def no_reboot(self):
        with self.console("", "-nographic", "-no-reboot") as con:
            self.shell(con)
            con.send("reboot\n")
            self.ends(con)

    def ctrl_a_x(self):
        with self.console("", "-nographic") as con:
            self.shell(con)
            con.send("\x01x")
            self.ends(con)

    def sigterm(self):
        with self.console("", "-nographic") as con:
            self.shell(con)
            os.kill(con.pid, signal.SIGTERM)
            self.ends(con)

    def sigterm_busy(self):
        """While the guest computes and prints, and nobody reads the output."""
        r, w = os.pipe()
        p = subprocess.Popen(self.command("gnomon.run=yes", "-serial", "stdio", "-display", "none"), stdin=subprocess.DEVNULL, stdout=w)
        os.close(w)
        try:
            time.sleep(8)
            p.send_signal(signal.SIGTERM)
            p.wait(10)
        finally:
            p.kill()
            os.close(r)
        if p.returncode not in (0, 1):
            raise GuestError("exit status %s" % p.returncode)

    def reset_loop(self):
        """A guest that resets as soon as it is up, five times over."""
        with self.console("gnomon.run=reboot,-f", "-nographic") as con:
            for _ in range(5):
                con.expect(UP, self.t)
            con.send("\x01x")
            self.ends(con)

    def serial_file(self):
        with tempfile.NamedTemporaryFile() as f:
            status, out = self.plain("gnomon.run=true", "-serial", "file:" + f.name, "-display", "none")
            text = f.read().decode("utf-8", "replace")
            if status or out or "gnomon-guest: exit status 0" not in text:
                raise GuestError("status %s, output %r" % (status, out[-300:]), text[-1000:])

    def serial_null(self):
        status, out = self.plain("gnomon.run=true", "-serial", "null", "-display", "none")
        if status or out:
            raise GuestError("status %s, output %r" % (status, out[-300:]))

    def serial_pty(self):
        p = subprocess.Popen(self.command("", "-serial", "pty", "-display", "none"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            line = p.stdout.readline().decode()
            if not line.startswith("char device redirected to /dev/pts/") or not line.endswith(" (label serial0)\n"):
                raise GuestError("first line %r" % line)
            fd = os.open(line.split()[4], os.O_RDWR | os.O_NOCTTY)
            self.type_on(fd, lambda n: os.read(fd, n), lambda b: os.write(fd, b))
            os.close(fd)
            if p.wait(self.t):
                raise GuestError("exit status %s" % p.returncode)
        finally:
            p.kill()

    def type_on(self, fd, read, write):
        """Wait for the shell on a byte stream, type and power off."""
        seen, end, typed = b"", time.monotonic() + self.t, 0
        while time.monotonic() < end:
            if typed == 0 and b"shell ready" in seen and b"# " in seen:
                write(b"echo $((6*7)) it is\n")
                typed = 1
            if typed == 1 and b"\n42 it is" in seen.replace(b"\r", b""):
                write(b"poweroff -f\n")
                return
            if not select.select([fd], [], [], 1)[0]:
                continue
            data = read(4096)
            if not data:
                break
            seen += data
        raise GuestError("typing did not work", seen.decode("utf-8", "replace")[-1000:])

    def serial_unix(self):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "s")
            p = subprocess.Popen(self.command("", "-serial", "unix:%s,server=on,wait=off" % path, "-display", "none"),
                                 stdin=subprocess.DEVNULL)
            try:
                for n in range(50):
                    time.sleep(0.1)
                    if os.path.exists(path):
                        break
                first = socket.socket(socket.AF_UNIX)
                first.connect(path)
                first.close()               # a client that goes again
                time.sleep(0.2)
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(self.t)
                s.connect(path)
                self.type_on(s.fileno(), s.recv, s.sendall)
                if p.wait(self.t):
                    raise GuestError("exit status %s" % p.returncode)
            finally:
                p.kill()

    def paste(self):
        """64 KiB as fast as the terminal takes them."""
        text = "".join("%06d %s\n" % (i, "abcdefghijklmnopqrstuvwxyz0123456789"[i % 30:] * 2) for i in range(1100))[:65536]
        text = text[:text.rindex("\n") + 1]
        with self.console("", "-nographic") as con:
            self.shell(con)
            con.send("stty -echo; cat >/tmp/x; md5sum /tmp/x; stty echo\n")
            time.sleep(0.5)

            def feed():
                data = text.encode() + b"\x04"
                while data:
                    data = data[os.write(con.fd, data[:4096]):]
            threading.Thread(target=feed, daemon=True).start()
            con.expect(hashlib.md5(text.encode()).hexdigest(), self.t)
            con.expect(PROMPT, self.t)
            con.send("poweroff -f\n")
            self.ends(con)

    def flood(self):
        with self.console("", "-nographic") as con:
            self.shell(con)
            con.send("yes 0123456789 | head -20000; echo flood $((1+1))\n")
            con.expect(r"^flood 2", self.t)
            lines = con.output().count("\n0123456789")
            if lines != 20000:
                raise GuestError("%d lines of 20000" % lines)
            con.send("poweroff -f\n")
            self.ends(con)

    def no_stdin(self):
        """Standard input closed, and at its end."""
        for kw in ({"preexec_fn": lambda: os.close(0), "stdin": None}, {}):
            status, out = self.plain("gnomon.run=true", "-nographic", **kw)
            if status or "gnomon-guest: exit status 0" not in out:
                raise GuestError("status %s" % status, out[-1000:])


STEPS = ["poweroff", "reboot", "no_reboot", "ctrl_a_x", "sigterm", "sigterm_busy", "reset_loop", "serial_file", "serial_null",
         "serial_pty", "serial_unix", "paste", "flood", "no_stdin"]


def main():
    ap = options(__doc__, "life", 60)
    ap.add_argument("--initrd", help="path of an initramfs (default: the plain one of tools/get-guest)")
    ap.add_argument("--only", help="comma-separated steps")
    args = ap.parse_args()
    args.kernel = kernel_path(args.kernel)
    args.initrd = args.initrd or get_guest("initramfs")
    life = Life(args)
    return Steps(args.name).run_each((step, getattr(life, step)) for step in (args.only.split(",") if args.only else STEPS))


if __name__ == "__main__":
    sys.exit(main())
