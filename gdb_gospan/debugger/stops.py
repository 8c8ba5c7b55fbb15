"""When gdb has stopped the process: long before go-spans is asked, where gdb attaches."""

from __future__ import annotations

import time

import gdb

_attached: float | None = None
_stopped: float | None = None
_there = False
"""Whether the process has stopped for gdb since it is there: until then each thread that appears is found by attaching."""


def listen() -> None:
    """Take the time of each stop from now on."""
    gdb.events.new_thread.connect(_new_thread)
    gdb.events.stop.connect(_stop)
    gdb.events.exited.connect(_gone)


def seconds() -> float | None:
    """Return for how long the process has stood still; None where gdb has not told of a stop, as before the plugin was loaded.

    When gdb attaches, the first thread is stopped when gdb tells of it; reading the symbols comes after that.
    """
    return None if _stopped is None else time.perf_counter() - _stopped


def attaches(words: list[bytes]) -> bool:
    """Whether this command line of gdb's attaches to a process (gdb's manual, Choosing Files)."""
    names = (word.split(b"=")[0].lstrip(b"-") for word in words if word.startswith(b"-"))
    return any(name in (b"p", b"pid") for name in names)


def _new_thread(_event: object) -> None:
    global _attached  # noqa: PLW0603  # one gdb, one process
    if not _there and _attached is None:
        _attached = time.perf_counter()


def _stop(_event: object) -> None:
    global _attached, _stopped, _there  # noqa: PLW0603  # likewise
    own = gdb.selected_inferior().was_attached and not _there
    _stopped = _attached if own and _attached is not None else time.perf_counter()
    _attached, _there = None, True


def _gone(_event: object) -> None:
    global _attached, _stopped, _there  # likewise
    _attached, _stopped, _there = None, None, False
