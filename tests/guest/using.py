#!/usr/bin/env python3
# Runs what docs/using.md tells people to type. Takes every command from the page (a comment before a block names it: `run` starts a
# machine, `guest` is typed in it, `host` goes into a second shell); what must come of it is here. A block without a check fails.
"""usage: using.py [options] -- EMULATOR

Of the emulator only the directory is used: the page calls it by name. Prints one line a block. --disk: the blocks that need
`tools/get-guest disk` instead of the others."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import PROMPT, TOP, get_guest # noqa: E402
from console import Console, GuestError # noqa: E402
from net import free_port               # noqa: E402
from steps import Steps, options        # noqa: E402

DISK = ("debian",)
PORTS = ("8080", "1234", "2222")                 # of the page; here others, which are free


def blocks(path):
    """{(kind, name): commands}, and the names in the page's order."""
    with open(path) as f:
        text = f.read()
    found = re.findall(r"^<!-- (run|guest|host): (\w+) -->\n```sh\n(.*?)^```$", text, re.M | re.S)
    if len(found) != len(re.findall(r"^```\w", text, re.M)) or len({f[:2] for f in found}) != len(found):
        raise GuestError("%s: a block without a name of its own before it" % os.path.basename(path))
    for port in PORTS:
        free = str(free_port())
        found = [(kind, name, code.replace(port, free)) for kind, name, code in found]
    return {(kind, name): code for kind, name, code in found}, [name for kind, name, _ in found if kind == "run" and name != "setup"]


class Page:
    def __init__(self, args, top, log):
        self.t, self.top, self.log = args.timeout, top, log
        self.code, self.names = blocks(os.path.join(TOP, "docs", "using.md"))
        # The page's directory is the source tree; here it is one of links, so that what it writes goes nowhere else.
        os.mkdir(os.path.join(top, "build"))
        os.symlink(os.path.realpath(args.emulator[0]), os.path.join(top, "build", "gnomon-system-aarch64"))
        os.symlink(os.path.join(TOP, "tools"), os.path.join(top, "tools"))

    def shell(self, kind, name):
        return ["/bin/sh", "-c", "set -e; cd '%s'\n%s\n%s" % (self.top, self.code["run", "setup"], self.code[kind, name])]

    def console(self, name):
        return Console(self.shell("run", name), self.log)

    def guest(self, con, name):
        con.expect(PROMPT, self.t)
        if ("guest", name) in self.code:
            for line in self.code["guest", name].strip().split("\n"):
                con.send(line + " && echo do''ne\n")
                con.expect(r"^done\n", self.t)
                con.expect(PROMPT, self.t)

    def host(self, name):
        p = subprocess.run(self.shell("host", name), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           timeout=self.t)
        need(p.returncode == 0, "the second shell's exit status is %d" % p.returncode, p.stdout)
        return p.stdout

    def file(self, name):
        with open(os.path.join(self.top, name)) as f:
            return f.read()

    def off(self, con, how="poweroff\n"):
        con.send(how)
        status = con.wait(self.t)
        need(status == 0, "exit status %d" % status, con.tail())


def need(condition, what, tail=""):
    if not condition:
        raise GuestError(what, tail)


# One function a block: what must come of it.

def kernel(page):
    os.makedirs(os.path.join(page.top, "arch/arm64/boot"))
    os.symlink(get_guest("kernel", "bookworm"), os.path.join(page.top, "arch/arm64/boot/Image"))
    with page.console("kernel") as con:
        page.guest(con, "kernel")
        con.send("\x01h")
        con.expect(r"C-a x", page.t)
        con.send("\x01c")
        con.expect(r"\(qemu\) ", page.t)
        con.send("\x01c\n")
        con.expect(PROMPT, page.t)
        page.off(con, "\x01x")


def settings(page):
    with page.console("settings") as con:
        page.guest(con, "settings")
        con.send("nproc\n")
        con.expect(r"^4\n", page.t)
        page.off(con)
    need(isinstance(json.loads(page.file("stats.json")), dict), "stats.json")


def share(page):
    with page.console("share") as con:
        page.guest(con, "share")
        page.off(con)
    need(re.match(r"6\.1\.", page.file("from-the-guest")), "what the guest wrote", page.file("from-the-guest"))


def forward(page):
    with page.console("forward") as con:
        page.guest(con, "forward")
        out = page.host("forward")
        need(out.startswith("root:"), "what was fetched", out)
        page.off(con)


def overlay(page):
    disk = os.path.join(page.top, "disk.img")
    with open(disk, "wb") as f:
        f.truncate(16 << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", disk], check=True)
    with open(disk, "rb") as f:
        before = f.read()
    with page.console("overlay") as con:
        page.guest(con, "overlay")
        page.off(con)
    with open(disk, "rb") as f:
        need(f.read() == before, "the disk has changed")
    raw = os.path.join(page.top, "merged.img")
    subprocess.run(["qemu-img", "convert", "-O", "raw", os.path.join(page.top, "overlay.qcow2"), raw], check=True)
    p = subprocess.run(["debugfs", "-R", "cat /file", raw], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    need(p.stdout == b"changed\n", "the overlay's file", str(p.stdout))


def gdb(page):
    # The listening socket is there before the machine says anything: it is what is waited for.
    port = int(re.search(r"-gdb tcp:127.0.0.1:(\d+)", page.code["run", "gdb"]).group(1))
    with page.console("gdb") as con:
        while not listening(port):
            need(con._read(0.1), "the machine ended", con.tail())
            need(con.elapsed() < page.t, "nothing listens for gdb", con.tail())
        out = page.host("gdb")
        need("=> 0x40" in out and re.search(r"^\* 1 +Thread", out, re.M), "gdb's output", out)
        page.guest(con, "gdb")
        page.off(con)


def listening(port):
    with open("/proc/net/tcp") as f:
        return any(l.split()[1].endswith(":%04X" % port) and l.split()[3] == "0A" for l in f.read().split("\n")[1:] if l)


def ci(page):
    with page.console("ci") as con:
        status = con.wait(page.t)
        need(status == 0, "exit status %d" % status, con.tail())
    need("aarch64 GNU/Linux" in page.file("boot.log"), "boot.log", page.file("boot.log")[-500:])


def monitor(page):
    with page.console("monitor") as con:
        page.guest(con, "monitor")
        out = page.host("monitor")
        need("this is" in out and '"status": "running"' in out and 'quit {"return": {}}' in out, "the client's output", out)
        status = con.wait(page.t)
        need(status == 0, "exit status %d" % status, con.tail())


def debian(page):
    with page.console("debian") as con:
        con.expect(r"^gnomon login: ", page.t)
        con.send("root\n")
        con.expect(r"root@gnomon:~# ", page.t)
        con.send("/lib/systemd/systemd-networkd-wait-online && systemctl is-system-running --wait && echo boot''ed\n")
        con.expect(r"^booted\n", page.t)
        out = page.host("debian")
        need("Linux gnomon 6.1." in out and "aarch64" in out, "ssh's output", out)
        page.off(con)


def check(page, name):
    need(name in globals(), "nothing checks this block")
    globals()[name](page)


def main():
    ap = options(__doc__, "using")
    ap.add_argument("--disk", action="store_true")
    ap.add_argument("--only", action="append", help="a block's name")
    args = ap.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"     # mke2fs, debugfs
    log = open(args.log, "w") if args.log else None
    top = tempfile.mkdtemp(prefix="gnomon-using-")
    try:
        page = Page(args, top, log)
        names = args.only or [n for n in page.names if (n in DISK) == args.disk]
        return Steps(args.name).run_each((name, lambda name=name: check(page, name)) for name in names)
    finally:
        shutil.rmtree(top)


if __name__ == "__main__":
    sys.exit(main())
