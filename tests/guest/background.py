#!/usr/bin/env python3
# A machine in the background, as services and test harnesses run one: -daemonize, -pidfile, -D, the console on named pipes, a second
# serial port on a socket whose server comes late, goes and comes again (reconnect=), and a log of all that port printed. One boot.
"""usage: background.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel and serial ports. Prints one line a step."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, kernel_path # noqa: E402
from devices import wait_for            # noqa: E402
from monitor import Qmp, Stream, need   # noqa: E402
from steps import Steps, options        # noqa: E402


class Pipes(Stream):
    """A Stream on PATH.in and PATH.out."""

    def __init__(self, path, timeout):
        self.timeout, self.data = timeout, b""
        self.out, self.s = os.open(path + ".in", os.O_WRONLY), os.open(path + ".out", os.O_RDONLY)

    def send(self, data):
        os.write(self.out, data.encode())

    def more(self, end):
        if not select.select([self.s], [], [], max(0, end - time.monotonic()))[0]:
            return False
        self.data += os.read(self.s, 65536)
        return True


def gone(pid):
    """Has the process ended? (Whoever took it over may not have waited for it yet.)"""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def listen(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(1)
    return s


def accept(s, timeout):
    s.settimeout(timeout)
    c = s.accept()[0]
    c.settimeout(timeout)
    return c


def line_of(c):
    data = b""
    while not data.endswith(b"\n"):
        part = c.recv(1)
        need(part, "the connection ended after %r" % data)
        data += part
    return data.decode().replace("\r", "")


def refusals(args, tmp):
    """What is wrong is said by the process that was started, and no machine is left."""
    for more, text in ((["-kernel", "/nowhere"], "gnomon: cannot open kernel /nowhere: No such file or directory\n"),
                       (["-kernel", args.kernel, "-serial", "pipe:/nowhere"], "gnomon: cannot open the pipe /nowhere: No such file or directory\n"),
                       (["-kernel", args.kernel, "-serial", "stdio"], "gnomon: -daemonize: the terminal cannot be used (-nographic, -serial stdio)\n")):
        p = subprocess.run(args.emulator + ["-display", "none", "-daemonize", "-pidfile", tmp + "/no"] + more, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=args.timeout)
        need((p.returncode, p.stdout) == (1, text), "-daemonize %s: status %d" % (more[-1], p.returncode), p.stdout)
        need(not os.path.exists(tmp + "/no"), "a pid file of a machine that there is not")
    yield "what cannot be started in the background says why"


def steps(args, tmp):
    args.kernel, args.initrd = kernel_path(args.kernel), get_guest("initramfs")
    yield from refusals(args, tmp)
    for name in ("con.in", "con.out"):
        os.mkfifo(os.path.join(tmp, name))
    command = args.emulator + ["-nodefaults", "-display", "none", "-daemonize", "-pidfile", tmp + "/pid", "-D", tmp + "/log", "-d", "guest_errors",
                               "-serial", "pipe:%s/con" % tmp, "-chardev", "socket,id=port,path=%s/port,reconnect=1,logfile=%s/port.log" % (tmp, tmp),
                               "-serial", "chardev:port", "-qmp", "unix:%s/qmp,server=on,wait=off" % tmp,
                               "-kernel", args.kernel, "-initrd", args.initrd, "-append", "console=ttyAMA0 quiet"]
    p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=args.timeout)
    with open(tmp + "/pid") as f:
        args.pid = pid = int(f.read())
    need((p.returncode, p.stdout) == (0, "") and not gone(pid), "-daemonize: status %d" % p.returncode, p.stdout)
    need({os.readlink("/proc/%d/fd/%d" % (pid, fd)) for fd in range(3)} == {"/dev/null"} and os.getsid(pid) != os.getsid(0), "it has our terminal or session")
    qmp = Qmp(tmp + "/qmp", args.timeout)
    need(qmp.ok("query-status")["running"], "it does not run")
    yield "-daemonize, -pidfile: it is there when the command returns"

    con = Pipes(tmp + "/con", args.timeout)
    con.until(r"shell ready.*# ")
    con.send("stty -echo; PS1=; echo re''ady\n")
    con.until(r"ready\r?\n")
    yield "-serial pipe: output and input"

    con.send("exec 3<>/dev/ttyAMA1; stty raw -echo <&3; echo nobody >&3; echo do''ne\n")      # a port that is not open takes nothing
    con.until(r"done\r?\n")
    for n in (1, 2):
        with listen(tmp + "/port") as server, accept(server, args.timeout) as c:
            con.send("read x <&3; echo \"$x %d\" >&3; echo do''ne\n" % n)
            c.sendall(b"answer\n")
            line = line_of(c)
            need(line == "answer %d\n" % n, "connection %d" % n, line)
            con.until(r"done\r?\n")
        os.unlink(tmp + "/port")
    con.send("echo gone >&3; echo do''ne\n")
    con.until(r"done\r?\n")
    yield "reconnect=: to a server that comes late, and again after it went"
    with open(tmp + "/port.log") as f:
        text = f.read()
    need(text == "nobody\nanswer 1\nanswer 2\ngone\n", "logfile=", text)
    yield "logfile= has all output, connected or not"

    # A command that the flash does not have.
    con.send("busybox devmem 0x4000000 32 0x330033; echo do''ne\n")
    con.until(r"done\r?\n")
    wait_for("a line in -D's file", args.timeout, lambda: os.path.getsize(tmp + "/log"))
    with open(tmp + "/log") as f:
        text = f.read()
    need(text == "flash: there is no command 0x33\n", "-D", text)
    yield "-D: the log is in its file"

    con.send("poweroff -f\n")
    wait_for("the end", args.timeout, lambda: gone(pid))
    need(not os.path.exists(tmp + "/pid"), "the pid file is left")
    yield "power off; the pid file is gone"


def main():
    args = options(__doc__, "background").parse_args()
    args.pid = 0
    try:
        with tempfile.TemporaryDirectory(prefix="gnomon-bg") as tmp:
            return Steps(args.name).run(steps(args, tmp))
    finally:
        if args.pid and not gone(args.pid):
            os.kill(args.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
