#!/usr/bin/env python3
# User networking: boots a guest that asks for an address, fetches a file by TFTP, and exchanges data by TCP in both directions,
# through virtio-net on PCI. The host's side of that is here.
"""usage: net.py [options] -- EMULATOR [OPTION...]

The emulator's command is given without kernel, initrd and network. Prints one line a step."""

import hashlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from boot import get_guest, kernel_path # noqa: E402
from steps import Steps, options        # noqa: E402


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve(listener, data):
    """One connection; it is sent all of it."""
    con, _ = listener.accept()
    with con:
        con.sendall(data)


# A forwarded port takes connections before the guest listens, and closes them then: tried again until the guest has it all.

def push(port, data, taken):
    while not taken.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                s.recv(1)
        except OSError:
            pass


def pull(port, got, want):
    while len(got) < want:
        got.clear()
        try:
            with socket.create_connection(("127.0.0.1", port)) as s:
                while part := s.recv(65536):
                    got += part
        except OSError:
            pass


def run(steps, args, top):
    script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "net.sh")
    initrd = get_guest("initramfs", "--modules", args.kernel + ":virtio_pci,virtio_net", "--add", script + ":/opt/tests/net.sh")
    data = random.Random(1).randbytes(3000001)
    with open(os.path.join(top, "file"), "wb") as f:
        f.write(data)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener, data), daemon=True).start()
    up, down = free_port(), free_port()
    command = args.emulator + [
        "-kernel", kernel_path(args.kernel), "-initrd", initrd, "-no-reboot",
        "-netdev", "user,id=n,tftp=%s,hostname=guest,domainname=example.org,dnssearch=one.example,dnssearch=two.example,"
        "hostfwd=tcp:127.0.0.1:%d-:7000,hostfwd=tcp:127.0.0.1:%d-10.0.2.15:7001" % (top, up, down),
        "-device", "virtio-net-pci,netdev=n,mac=52:54:00:aa:bb:cc,romfile=",
        "-append", "console=ttyAMA0 quiet gnomon.run=/bin/sh,/opt/tests/net.sh,%d" % listener.getsockname()[1]]
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    killer = threading.Timer(args.timeout, p.kill)
    killer.start()
    out, got, taken = [], bytearray(), threading.Event()
    try:
        for raw in p.stdout:
            line = raw.decode("utf-8", "replace").strip()
            out.append(line)
            if line == "net: listening":
                threading.Thread(target=push, args=(up, data, taken), daemon=True).start()
            elif line == "net: uploaded":
                taken.set()
                threading.Thread(target=pull, args=(down, got, len(data)), daemon=True).start()
        status = p.wait()
    finally:
        killer.cancel()
        if p.poll() is None:
            p.kill()
    if args.log:
        with open(args.log, "w") as f:
            f.write("\n".join(out) + "\n")
    steps.check("power off", status == 0, "status %s" % status)
    steps.check("in the guest: DHCP, ping, TFTP, TCP both ways", "net: fail=0" in out, "; ".join(x for x in out if x.startswith("net: ")))
    steps.check("from the guest through a forwarded port", hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), "%d bytes" % len(got))


def main():
    args = options(__doc__, "net").parse_args()
    with tempfile.TemporaryDirectory(prefix="gnomon-net-") as top:
        return Steps(args.name).checks(run, args, top)


if __name__ == "__main__":
    sys.exit(main())
