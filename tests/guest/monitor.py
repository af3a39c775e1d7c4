#!/usr/bin/env python3
# Talks to a machine's QMP and HMP monitors while a guest runs: states, events, reset, pause, memory, garbage, ends of a run.
"""usage: monitor.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, serial port and monitors. Exit status 0 if every step passed."""

import argparse
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, kernel_path # noqa: E402
from console import GuestError          # noqa: E402
from steps import Steps, options        # noqa: E402


class Stream:
    """A local socket of the machine, read with a deadline."""

    def __init__(self, path, timeout):
        self.timeout, self.data = timeout, b""
        end = time.monotonic() + timeout
        self.s = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.s.connect(path)
                return
            except OSError as e:
                if time.monotonic() > end:
                    raise GuestError("cannot connect to %s: %s" % (path, e))
                time.sleep(0.02)

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def more(self, end):
        if not select.select([self.s], [], [], max(0, end - time.monotonic()))[0]:
            return False
        data = self.s.recv(65536)
        if not data:
            raise EOFError
        self.data += data
        return True

    def until(self, pattern):
        """Everything up to and with PATTERN."""
        end = time.monotonic() + self.timeout
        while True:
            m = re.search(pattern, self.data.decode("utf-8", "replace"), re.S)
            if m:
                text = self.data.decode("utf-8", "replace")
                self.data = text[m.end():].encode()
                return text[:m.end()]
            if not self.more(end):
                raise GuestError("no '%s' within %g s" % (pattern, self.timeout), self.data.decode("utf-8", "replace")[-2000:])


class Qmp(Stream):
    def __init__(self, path, timeout, negotiate=True):
        super().__init__(path, timeout)
        self.events = []
        self.greeting = self.message()
        if negotiate:
            self.ok("qmp_capabilities")

    def message(self):
        return json.loads(self.until(r"^[^\n]*\n"))

    def reply(self):
        while True:
            m = self.message()
            if "event" not in m:
                return m
            self.events.append(m)

    def raw(self, text):
        self.send(text)
        return self.reply()

    def ok(self, name, **args):
        r = self.raw(json.dumps({"execute": name, "arguments": args}) + "\n")
        if "return" not in r:
            raise GuestError("%s failed: %r" % (name, r))
        return r["return"]

    def hmp(self, line):
        return self.ok("human-monitor-command", **{"command-line": line})

    def event(self, name):
        """The next event of that name, and forget those before it."""
        while True:
            while self.events:
                e = self.events.pop(0)
                if e["event"] == name:
                    return e.get("data")
            m = self.message()
            if "event" not in m:
                raise GuestError("a reply without a request: %r" % m)
            self.events.append(m)


def need(condition, what, *details):
    if not condition:
        raise GuestError(what, "\n".join(repr(d) for d in details))


def error(q, text, cls, pattern):
    r = q.raw(text)
    need("error" in r and r["error"]["class"] == cls and re.search(pattern, r["error"]["desc"]), "wrong answer to %r" % text[:60], r)
    return r


class Machine:
    def __init__(self, args, tmp, options, append="console=ttyAMA0"):
        self.tmp, self.timeout = tmp, args.timeout
        command = args.emulator + ["-serial", "unix:%s/serial,server=on,wait=off" % tmp, "-display", "none",
                                   "-kernel", args.kernel, "-initrd", args.initrd, "-append", append] + options
        self.p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def serial(self):
        return Stream(self.tmp + "/serial", self.timeout)

    def end(self, status):
        out, _ = self.p.communicate(timeout=self.timeout)
        need(self.p.returncode == status, "exit status %d, want %d" % (self.p.returncode, status), out)
        return out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        for name in os.listdir(self.tmp):
            os.unlink(os.path.join(self.tmp, name))


def protocol(q):
    """What clients send wrong, and what they must get for it."""
    need(q.greeting["QMP"]["version"]["qemu"]["major"] >= 7 and "capabilities" in q.greeting["QMP"], "greeting", q.greeting)
    error(q, '{"execute":"query-status"}', "CommandNotFound", "negotiation")
    error(q, '{"execute":"qmp_capabilities","arguments":{"enable":["x"]}}', "GenericError", "enable")
    need(q.raw('{"execute":"qmp_capabilities","id":[1,{"a":null}]}') == {"return": {}, "id": [1, {"a": None}]}, "id is not echoed")
    error(q, '{"execute":"qmp_capabilities"}', "CommandNotFound", "already")
    yield "greeting, negotiation, id"
    error(q, '{"execute":"nope","id":7}', "CommandNotFound", "nope")
    error(q, '{"execute":"query-status","foo":1}', "GenericError", "foo")
    error(q, '{"execute":"query-status","arguments":{"foo":1}}', "GenericError", "foo")
    error(q, '{"execute":"query-status","arguments":[]}', "GenericError", "object")
    error(q, '{"execute":3}', "GenericError", "string")
    error(q, '{}', "GenericError", "lacks")
    error(q, '[1,2]', "GenericError", "must be a JSON object")
    error(q, 'garbage\n', "GenericError", "JSON parse error")
    error(q, '{"execute":"human-monitor-command"}', "GenericError", "command-line")
    error(q, '{"execute":"human-monitor-command","arguments":{"command-line":1}}', "GenericError", "expected: string")
    error(q, '{"execute":"human-monitor-command","arguments":{"command-line":"","cpu-index":99}}', "GenericError", "cpu-index")
    yield "wrong requests"
    error(q, '{"a":"\x01\xff"}\n', "GenericError", "JSON parse error")
    error(q, '{"execute":"query-status\n', "GenericError", "JSON parse error")
    error(q, "[" * 300 + "\n", "GenericError", "nested")
    error(q, '"' + "x" * (1 << 20) + "yz\n", "GenericError", "too long")
    error(q, '}\n', "GenericError", "JSON parse error")
    error(q, '{"execute":"query-name"]', "GenericError", "JSON parse error")
    need("return" in q.raw("{'execute':'query-status'}"), "single quotes")
    q.send('{"execute":"query-name"}{"execute":"query-uuid"} {"execute":"query-kvm","id":1}')
    need([sorted(q.reply()["return"]) for _ in range(3)] == [["name"], ["UUID"], ["enabled", "present"]], "three requests in one write")
    for part in ('{"exe', 'cute":"que', 'ry-status"', '}'):
        q.send(part)
        time.sleep(0.01)
    need("running" in q.reply()["return"], "a request in pieces")
    yield "garbage, and requests in pieces"


def queries(q):
    need(q.ok("query-status") == {"status": "prelaunch", "running": False}, "-S")
    need(q.ok("query-name") == {"name": "test guest"}, "name")
    names = {c["name"] for c in q.ok("query-commands")}
    need({"quit", "stop", "qmp_capabilities", "query-block"} <= names, "query-commands", names)
    cpus = q.ok("query-cpus-fast")
    need(cpus[0]["cpu-index"] == 0 and cpus[0]["target"] == "aarch64" and cpus[0]["thread-id"] > 1, "cpus", cpus)
    labels = {c["label"]: c["filename"] for c in q.ok("query-chardev")}
    need(labels["serial0"].endswith("serial,server=on") and "unix:" in labels["serial0"], "chardevs", labels)
    need(isinstance(q.ok("query-block"), list) and q.ok("query-target") == {"arch": "aarch64"}, "block, target")
    yield "queries"


def run_states(q, serial):
    q.ok("cont")
    q.event("RESUME")
    serial.until(r"user space is up")
    serial.until(r"# ")
    q.ok("stop")
    q.event("STOP")
    need(q.ok("query-status") == {"status": "paused", "running": False}, "paused")
    # The shell must not answer, and its clock must not move.
    serial.send("cat /proc/uptime\n")
    time.sleep(1.5)
    need("." not in serial.data.decode(), "the guest runs while it is paused", serial.data)
    q.ok("cont")
    before = float(re.search(r"([\d.]+) [\d.]+\r?\n", serial.until(r"\n[\d.]+ [\d.]+\r?\n")).group(1))
    serial.until(r"# ")
    q.ok("stop")
    time.sleep(1.5)
    q.ok("cont")
    serial.send("cat /proc/uptime\n")
    after = float(re.search(r"([\d.]+) [\d.]+\r?\n", serial.until(r"\n[\d.]+ [\d.]+\r?\n")).group(1))
    need(after - before < 1.2, "the guest's clock went on while it was paused", before, after)
    yield "stop, cont; the guest's clock stands still"
    q.events.clear()
    q.ok("system_reset")
    need(q.event("RESET") == {"guest": False, "reason": "host-qmp-system-reset"}, "RESET event")
    serial.until(r"user space is up")
    serial.until(r"# ")
    yield "system_reset"
    q.ok("stop")
    q.ok("system_reset")
    q.event("RESET")
    need(q.ok("query-status")["status"] == "prelaunch", "a reset while paused", q.ok("query-status"))
    # The image's header says "ARMd" at offset 56; the pc is at its start.
    at = int(re.search(r"PC=([0-9a-f]+)", q.hmp("info registers")).group(1), 16) + 56
    for line, answer in (("xp /4c 0x%x" % at, "'A' 'R' 'M' 'd'"), ("xp /1xw $pc+56", "0x644d5241"), ("x /1dw 0x%x" % at, "1682788929"),
                         ("xp /2xh 0x%x" % at, "0x5241 0x644d"), ("xp /ob 0x%x" % at, "0101")):
        need(q.hmp(line) == "%016x: %s\r\n" % (at, answer), line, q.hmp(line))
    q.ok("cont")
    serial.until(r"user space is up")
    serial.until(r"# ")
    yield "memory; system_reset while paused"
    for _ in range(50):
        q.ok("stop")
        q.ok("cont")
    serial.send("echo alive $((6*7))\n")
    serial.until(r"alive 42")
    serial.until(r"# ")
    yield "50 times stop and cont"


def human(q):
    need(q.hmp("info status") == "VM status: running\r\n", "info status")
    need(re.search(r"PC=[0-9a-f]{16}", q.hmp("info registers")), "info registers", q.hmp("info registers"))
    need("0000000009000000-0000000009000fff" in q.hmp("info mtree"), "info mtree")
    need("gpa: " in q.hmp("gva2gpa $pc"), "gva2gpa")
    need(re.search(r"kernel:rw", q.hmp("info mem")) and re.search(r"\n[0-9a-f]{16}-", q.hmp("info tlb")), "info mem, info tlb")
    need("tlbi_va" in q.hmp("info paging") and "pl011" in q.hmp("info qtree") and "user.0" in q.hmp("info network"), "info")
    need("serial0: filename=unix:" in q.hmp("info chardev") and "Protocol" in q.hmp("info usernet"), "info chardev, usernet")
    need("CPU #0" in q.hmp("info cpus") and "gnomon" in q.hmp("info version"), "info cpus, version")
    yield "info"
    need(len(q.hmp("x /4i $pc").split("\n")) == 5, "x /i", q.hmp("x /4i $pc"))
    need("Cannot access memory" in q.hmp("x /4x 0x123456789abc000") and "Cannot access memory" in q.hmp("xp /x 0x60000000"), "no memory there")
    need(q.hmp("p 2*(3+4)") == "0xe\r\n" and q.hmp("p /d -1") == "-1\r\n" and q.hmp("p/c 65") == "'A'\r\n", "print")
    for line in ("p", "p (", "p 1/0", "p $nope", "p " + "(" * 500, "x /zz 1", "xp", "cpu 7", "nope", "info nope", "help nope", "hostfwd_add",
                 "hostfwd_add x y", "hostfwd_add nope tcp::1-:1", "hostfwd_remove tcp::1", "log nope", "\x01\xff", "x /999999999c 0"):
        q.hmp(line)
    need(q.hmp("hostfwd_add tcp:127.0.0.1:0-:22") == "", "hostfwd_add")
    m = re.search(r"TCP\[HOST_FORWARD\]\s+\d+\s+127.0.0.1\s+(\d+)", q.hmp("info usernet"))
    need(m and "removed" in q.hmp("hostfwd_remove tcp:127.0.0.1:%s" % m.group(1)), "hostfwd_remove", q.hmp("info usernet"))
    need("HOST_FORWARD" not in q.hmp("info usernet"), "hostfwd_remove")
    yield "memory, expressions, forwarding"


def human_session(path, timeout):
    h = Stream(path, timeout)
    h.until(r"monitor - type 'help'.*\(qemu\) ")
    h.send("info stasus\b\b\btus\r")
    need("VM status: running" in h.until(r"running\r\n\(qemu\) "), "backspace")
    h.send("nonsense\x03info name\n")
    need("test guest" in h.until(r"test guest\r\n\(qemu\) "), "^C")
    h.send("\x1b[A\r")
    h.until(r"test guest\r\n\(qemu\) ")
    h.send("us\x01info \x05ernet\x15info status\r\n")
    h.until(r"VM status: running\r\n\(qemu\) \r\n\(qemu\) ")
    h.send("help\n")
    h.until(r"system_powerdown.*\(qemu\) ")
    h.send("\x1b[\x1b\x1b[9;9~\x00\xff\x04\n")
    h.until(r"\(qemu\) ")
    yield "a human monitor's session"


def power_key(args, tmp, sockets):
    """What system_powerdown makes of Linux's gpio-keys: key 116 down, key 116 up, each followed by a report."""
    keys = argparse.Namespace(**dict(vars(args), initrd=get_guest("initramfs", "--modules", args.suite + ":gpio_keys,evdev")))
    with Machine(keys, tmp, sockets) as m:
        q, serial = Qmp(tmp + "/qmp", args.timeout), m.serial()
        serial.until(r"# ")
        for times in (1, 2):
            serial.send("exec 3</dev/input/event0 && echo op''en; "
                        "dd bs=24 count=4 <&3 2>/dev/null | hexdump -v -e '12/2 \"%04x \" \"\\n\"' | cut -c41-; echo re''ad\n")
            serial.until(r"\nopen\r\n")
            q.ok("system_powerdown")
            q.event("POWERDOWN")
            got = serial.until(r"\nread\r\n").replace("\r", "")
            need("0001 0074 0001 0000\n0000 0000 0000 0000\n0001 0074 0000 0000\n0000 0000 0000 0000\n" in got,
                 "the power key's events", got)
        serial.send("poweroff\n")
        m.end(0)
        yield "the power key is pressed and let go"


def steps(args, tmp):
    args.suite, args.kernel, args.initrd = args.kernel, kernel_path(args.kernel), args.initrd or get_guest("initramfs")
    sockets = ["-qmp", "unix:%s/qmp,server=on,wait=off" % tmp, "-chardev", "socket,id=m,path=%s/hmp,server=on,wait=off" % tmp,
               "-mon", "chardev=m", "-chardev", "socket,id=q,path=%s/qmp2,server=on,wait=off" % tmp,
               "-mon", "chardev=q,mode=control,pretty=on"]
    with Machine(args, tmp, sockets + ["-S", "-name", "test guest"]) as m:
        serial = m.serial()
        q = Qmp(tmp + "/qmp", args.timeout, negotiate=False)
        yield from protocol(q)
        yield from queries(q)
        yield from run_states(q, serial)
        yield from human(q)
        yield from human_session(tmp + "/hmp", args.timeout)
        # One that comes again finds a fresh session; two hear the same event.
        q.s.close()
        q = Qmp(tmp + "/qmp", args.timeout)
        pretty = Stream(tmp + "/qmp2", args.timeout)
        pretty.until(r"\n}\r\n")
        pretty.send('{"execute":"qmp_capabilities"}')
        pretty.until(r'"return": {}\r?\n}')
        q.ok("stop")
        pretty.until(r'"event": "STOP"\r?\n}')
        q.ok("cont")
        yield "two monitors, and one that came again"
        # A client that does not read must not hold up the machine.
        deaf = Stream(tmp + "/hmp", args.timeout)
        deaf.s.setblocking(False)
        try:
            for _ in range(3000):
                deaf.send("info mem\n")
        except BlockingIOError:
            pass
        serial.send("echo still $((40+2))\n")
        serial.until(r"still 42")
        yield "a client that does not read"
        q.ok("quit")
        need(q.event("SHUTDOWN") == {"guest": False, "reason": "host-qmp-quit"}, "SHUTDOWN event")
        m.end(0)
        yield "quit"
    with Machine(args, tmp, sockets + ["-no-shutdown", "-no-reboot"]) as m:
        q, serial = Qmp(tmp + "/qmp", args.timeout), m.serial()
        q.ok("set-action", shutdown="pause")
        serial.until(r"# ")
        serial.send("poweroff\n")
        need(q.event("SHUTDOWN") == {"guest": True, "reason": "guest-shutdown"}, "SHUTDOWN event")
        q.event("STOP")
        need(q.ok("query-status")["status"] == "shutdown", "state after -no-shutdown")
        need("reset" in q.raw('{"execute":"cont"}')["error"]["desc"].lower(), "cont after a power-off")
        q.ok("set-action", reboot="reset")
        q.ok("system_reset")
        q.event("RESET")
        q.ok("cont")
        serial.until(r"user space is up")
        serial.until(r"# ")
        yield "-no-shutdown"
        q.ok("set-action", reboot="shutdown", shutdown="poweroff")
        serial.send("reboot\n")
        need(q.event("SHUTDOWN") == {"guest": True, "reason": "guest-reset"}, "SHUTDOWN event at a reboot")
        m.end(0)
        yield "-no-reboot"
    with Machine(args, tmp, sockets + ["-S"]) as m:
        q = Qmp(tmp + "/qmp", args.timeout)
        m.p.terminate()
        need(q.event("SHUTDOWN") == {"guest": False, "reason": "host-signal"}, "SHUTDOWN event of a signal")
        m.end(0)
        yield "a signal, while paused"
    yield from power_key(args, tmp, sockets)


def main():
    ap = options(__doc__, "monitor", 60)
    ap.add_argument("--initrd")
    args = ap.parse_args()
    with tempfile.TemporaryDirectory(prefix="gnomon-mon") as tmp:
        return Steps(args.name).run(steps(args, tmp))


if __name__ == "__main__":
    sys.exit(main())
