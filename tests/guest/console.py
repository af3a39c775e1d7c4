# A guest's console on a pseudo-terminal: starts an emulator, waits for text, types. Owns the emulator's process and kills it
# at the end; must not know which emulator it is. Standard library only.
"""Drive an emulator's console from tests and benchmarks."""

import os
import pty
import re
import select
import signal
import termios
import time


class GuestError(Exception):
    """What went wrong, with the end of the console's output in `tail`."""

    def __init__(self, message, tail=""):
        super().__init__(message)
        self.tail = tail


class Console:
    """An emulator running `command` (a list) with a pseudo-terminal as its standard input and output."""

    def __init__(self, command, log=None, cwd=None):
        self.command, self.log = command, log
        self.buffer = ""            # output not yet matched by expect()
        self.everything = []
        self.status = None
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                if cwd:
                    os.chdir(cwd)
                os.execvp(command[0], command)
            except OSError as e:
                os.write(2, ("cannot run %s: %s\n" % (command[0], e.strerror)).encode())
            os._exit(127)
        attr = termios.tcgetattr(self.fd)
        attr[3] &= ~termios.ECHO
        termios.tcsetattr(self.fd, termios.TCSANOW, attr)

    def elapsed(self):
        """Seconds since the emulator was started."""
        return time.monotonic() - self.started

    def _read(self, timeout):
        """Reads what is there; False at the end of the output."""
        ready, _, _ = select.select([self.fd], [], [], max(0, timeout))
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:             # EIO: the other side is closed
            data = b""
        if not data:
            return False
        text = data.decode("utf-8", "replace").replace("\r", "")
        if self.log:
            self.log.write(text)
            self.log.flush()
        self.everything.append(text)
        self.buffer += text
        return True

    def tail(self, lines=15):
        return "\n".join("".join(self.everything)[-20000:].split("\n")[-lines:])

    def expect(self, pattern, timeout):
        """Waits until the output matches the regular expression and returns the match; drops what lies before its end."""
        end = time.monotonic() + timeout
        expr = re.compile(pattern, re.M)
        while True:
            m = expr.search(self.buffer)
            if m:
                self.buffer = self.buffer[m.end():]
                return m
            if "Kernel panic" in self.buffer and "---[ end Kernel panic" in self.buffer:
                raise GuestError("kernel panic while waiting for %r" % pattern, self.tail(40))
            left = end - time.monotonic()
            if left <= 0:
                raise GuestError("no %r within %g s" % (pattern, timeout), self.tail())
            if not self._read(min(left, 1.0)):
                if expr.search(self.buffer):
                    continue
                raise GuestError("the emulator ended (%s) while waiting for %r" % (self.wait(5), pattern), self.tail())

    def send(self, text):
        data = text.encode()
        # A UART has a small buffer and no flow control: type in pieces, as a fast typist would.
        while data:
            n = os.write(self.fd, data[:16])
            data = data[n:]
            if data:
                time.sleep(0.002)

    def wait(self, timeout):
        """Waits for the emulator to end and returns its exit status (negative: signal)."""
        end = time.monotonic() + timeout
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                break
            left = end - time.monotonic()
            if left <= 0:
                raise GuestError("the emulator did not end within %g s" % timeout, self.tail())
            if not self._read(min(left, 0.2)):
                time.sleep(0.01)
        while self.fd >= 0 and select.select([self.fd], [], [], 0)[0] and self._read(0):
            pass
        return self.status

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
            self.status = -9
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def output(self):
        return "".join(self.everything)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
