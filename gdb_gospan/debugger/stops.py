"""The time since gdb stopped the process, which is long before a command runs if gdb attached."""

from __future__ import annotations

import time

import gdb

_attached: float | None = None
_stopped: float | None = None
_there = False
"""Whether the process has stopped for gdb since it is there: until then each thread that appears is found by attaching."""

_WITH_VALUE = frozenset(
    b"c core e exec d directory se s symbols x command ix init-command ex eval-command iex init-eval-command "
    b"eix early-init-command eiex early-init-eval-command i interpreter tty t b l cd D data-directory".split()
)
"""Options of gdb's of which the next word is the value."""


def listen() -> None:
    """Record the time of each stop from now on."""
    gdb.events.new_thread.connect(_new_thread)
    gdb.events.stop.connect(_stop)
    gdb.events.exited.connect(_gone)


def seconds() -> float | None:
    """Return how long the process has been stopped; None if no stop was seen, as before the plugin was loaded.

    When gdb attaches, the first thread is stopped when gdb tells of it; reading the symbols comes after that.
    """
    return None if _stopped is None else time.perf_counter() - _stopped


def attaches(words: list[bytes]) -> bool:
    """Whether gdb, started with these words, attaches to a process (gdb's manual, Choosing Files)."""
    files, rest = [], iter(words[1:])
    for word in rest:
        name = word.lstrip(b"-").split(b"=")[0]
        if not word.startswith(b"-"):
            files.append(word)
        elif name in (b"p", b"pid"):
            return True
        elif name == b"args":  # what follows are the program's own
            return False
        elif name in _WITH_VALUE and b"=" not in word:
            next(rest, None)
    return len(files) > 1 and files[1].isdigit()


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
