"""Processes with many span descriptors that sleep, so that each capture finds the same."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gdb_gospan.targets import snapshot as snapshotfile
from tools import processes, programs, shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gdb_gospan.analysis.session import Session
    from tools.processes import Running

#: What to ask the program for, by the descriptors that there are then: where structs are no longer read all at once, where
#: rows are not, and where several threads share them and pointers are not read by way of bytes.
SPANS = {20_000: 2_000, 40_000: 22_000, 150_000: 132_000}

#: What it makes besides: objects with a finalizer, so many to a span, and large objects with pointers.
FINALIZERS, IN_A_SPAN, LARGE = 3000, 9, 50


@contextlib.contextmanager
def at_rest(minor: str, descriptors: int) -> Iterator[Running]:
    """Run the program until it has made its heap and sleeps."""
    crowd = programs.build("crowd", minor)
    words = ("-spans", SPANS[descriptors], "-finalizers", FINALIZERS, "-large", LARGE)
    with processes.start(crowd, "-end", "sleep", *map(str, words)) as running:
        running.line()
        yield running


@contextlib.contextmanager
def standing_still(minor: str, descriptors: int) -> Iterator[Running]:
    """Do the same, and stop it by a signal: no thread of the runtime moves either."""
    with at_rest(minor, descriptors) as running, processes.stopped(running.pid):
        yield running


def recorded(running: Running, path: Path) -> Session:
    """Write a snapshot of it, and open that."""
    answer = shell.inside("snapshot", "--replace", "--rss", path, "--pid", running.pid)
    assert (answer.status, answer.stderr) == (0, "")
    return snapshotfile.open_session(str(path))
