"""Run inside gdb: interrupt it at a moment that is counted, never timed, and watch what it imports.

SIGINT is raised in the process itself, as Ctrl-C does it.
"""

import _signal
import inspect
import os
import signal
import sys

PACKAGE = os.sep + "gdb_gospan" + os.sep


class Imports:
    """At each import of a module that is not there yet: notes it if Ctrl-C would break it off, and presses Ctrl-C.

    Parameters
    ----------
    press
        Which imports to press it at, counted from 0; None for none.
    """

    def __init__(self, press=None):
        self.count = 0
        self.press = press
        self.unguarded = []

    def find_spec(self, name, path=None, target=None):
        if _signal.SIGINT not in _signal.pthread_sigmask(_signal.SIG_BLOCK, ()):
            self.unguarded.append(name)
        here, self.count = self.count, self.count + 1
        if self.press is not None and here in self.press:
            signal.raise_signal(signal.SIGINT)

    def watch(self):
        sys.meta_path.insert(0, self)
        return self

    def end(self):
        sys.meta_path.remove(self)


class Calls:
    """Counts the functions of the package that are called, and presses Ctrl-C at one of them."""

    def __init__(self, press=None):
        self.count = 0
        self.press = press

    def __call__(self, frame, event, _argument):
        code = frame.f_code
        # What is raised in a generator that is thrown away, Python itself ignores.
        if event != "call" or PACKAGE not in code.co_filename or code.co_flags & inspect.CO_GENERATOR:
            return
        here, self.count = self.count, self.count + 1
        if here == self.press:
            signal.raise_signal(signal.SIGINT)

    def watch(self):
        sys.setprofile(self)
        return self

    def end(self):
        sys.setprofile(None)


def forget():
    """Have the next command begin with nothing."""
    target = sys.modules.get("gdb_gospan.debugger.target")
    if target is not None:
        target._forget_types(None)
