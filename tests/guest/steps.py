# What the tests of whole guests have in common: their options, the line that is printed for each step, and what a failure looks like.
# Owns no process; must not know what is tested. Standard library only.
"""Options and steps of the tests in this directory."""

import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from console import GuestError  # noqa: E402

# What a step that fails raises; anything else is a mistake in the test.
FAILURES = (GuestError, EOFError, OSError, ValueError, KeyError, subprocess.SubprocessError)


def options(doc, name, timeout=120):
    """The parser of a test that is called as tests/run calls it; more options may be added."""
    ap = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--kernel", default="bookworm", help="bookworm, trixie, or a path")
    ap.add_argument("--timeout", type=float, default=timeout, help="seconds for each wait")
    ap.add_argument("--log", help="write the consoles' output there")
    ap.add_argument("--name", default=name, help="prefix of the printed lines")
    ap.add_argument("emulator", nargs="+")
    return ap


class Steps:
    """Prints a line for each step and knows how many failed."""

    def __init__(self, name):
        self.name, self.failed = name, 0

    def ok(self, what):
        print("%s: ok: %s" % (self.name, what), flush=True)

    def fail(self, what, tail=""):
        self.failed += 1
        print("%s: FAILED: %s" % (self.name, what))
        print("".join("    | %s\n" % line for line in tail.split("\n")) if tail else "", end="", flush=True)

    def check(self, what, ok, detail=""):
        if ok:
            self.ok(what)
        else:
            self.fail(what + (": " + detail if detail else ""))

    def caught(self, error, what=""):
        """A step raised one of FAILURES."""
        kind = "" if isinstance(error, GuestError) else type(error).__name__ + ": "
        self.fail((what + ": " if what else "") + kind + str(error), getattr(error, "tail", "") or str(getattr(error, "stdout", "") or ""))

    def status(self):
        """Of the process."""
        return 1 if self.failed else 0

    def run(self, generator):
        """Steps that build on each other: GENERATOR yields the name of each that passed, and ends at the first that fails."""
        try:
            for step in generator:
                self.ok(step)
        except FAILURES as e:
            self.caught(e)
        return self.status()

    def checks(self, function, *args):
        """FUNCTION calls check(), and may end early by raising."""
        try:
            function(self, *args)
        except FAILURES as e:
            self.caught(e)
        return self.status()

    def run_each(self, functions):
        """Independent steps, as pairs of a name and a function that raises when it fails."""
        for name, function in functions:
            start = time.monotonic()
            try:
                function()
                self.ok("%s (%.1f s)" % (name, time.monotonic() - start))
            except FAILURES as e:
                self.caught(e, name)
        return self.status()
